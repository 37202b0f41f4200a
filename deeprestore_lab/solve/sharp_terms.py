"""Which terms of a problem have kinks, and which are infinite where pixels may go."""

from deeprestore_lab.solve.problem import Problem


def kinked_names(problem: Problem) -> list[str]:
    """The names of the terms, and the penalty, whose gradient does not exist everywhere."""
    names = [name for name, (_, term) in zip(problem.names, problem.terms, strict=True) if not term.smooth]
    if problem.has_penalty and not problem.parametrisation.smooth_penalty:
        names.append("penalty")
    return names


def sort_terms(problem: Problem) -> tuple[list[int], tuple | str | None]:
    """The places of the smooth terms, and the one with a kink: (weight, term), "penalty", or None."""
    smooth = [i for i, (_, term) in enumerate(problem.terms) if term.smooth]
    kinked = [problem.terms[i] for i in range(len(problem.terms)) if i not in smooth]
    if problem.has_penalty and not problem.parametrisation.smooth_penalty:
        return smooth, "penalty" if not kinked else kinked[0]
    return smooth, kinked[0] if kinked else None


def open_walls(problem: Problem) -> list[str]:
    """The names of the terms that are infinite below zero, where pixels may go there: gradient steps get stuck."""
    if not problem.on_pixels or (problem.bounds is not None and problem.bounds[0] >= 0):
        return []
    return [term.name for _, term in problem.terms if term.nonnegative]
