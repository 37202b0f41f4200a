"""The page of a class's grading: one file, without scripts and without anything from elsewhere."""

from collections.abc import Mapping, Sequence
from html import escape

from deeprestore_lab.teaching.exercises.class_table import BLANK, OTHER, RIGHT, SILENT, Row, counted
from deeprestore_lab.teaching.exercises.source import Source

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --right: #2a7d4f; --wrong: #b3541e; --none: #777; }
body { font: 16px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 2.2rem }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .6rem; text-align: left; vertical-align: top }
thead th { vertical-align: bottom } td.n { text-align: right } tr.none td { background: var(--soft) }
.right { color: var(--right) } .wrong { color: var(--wrong) } .none { color: var(--none) }
@media (prefers-color-scheme: dark) { :root { --right: #6fcf97; --wrong: #f2a56b; --none: #aaa } }
.bar { display: inline-block; height: .7rem; background: currentColor; vertical-align: baseline; border-radius: 2px }
small { color: var(--none) } td small { display: block; max-width: 15rem } .file { overflow-wrap: anywhere }
td.file { min-width: 16rem }
"""


def page_text(
    rows: Sequence[Row], source: Source, *, unsorted: Mapping[str, str], beside: Sequence[str], feedback: str
) -> str:
    """The page in HTML. `feedback` is where the feedback lies, as seen from the page, with `{}` for a student."""
    graded = [row for row in rows if row.score is not None]
    most = sum(task.points for task in source.tasks)
    scores = sorted(row.score for row in graded)
    middle = f", half of them have {scores[len(scores) // 2]:g} of {most:g} points or more" if scores else ""
    states: dict[str, int] = {}
    for row in rows:
        states[row.state] = states.get(row.state, 0) + 1
    summary = ", ".join(f"{count} {state}" for state, count in sorted(states.items(), key=lambda pair: -pair[1]))
    parts = [f"<h1>{escape(source.name)}: a class of {len(rows)}</h1>", f"<p>{escape(summary)}{middle}.</p>"]
    parts += [_problems(rows, unsorted), "<h2>What went wrong, task by task</h2>"]
    parts += [_task(source, task, counts) for task, counts in counted(rows, source).items()]
    parts += ["<h2>Marks</h2>", _marks(rows, source, feedback)]
    if beside:
        items = "".join(f"<li>{escape(each)}</li>" for each in beside)
        parts.append(f"<h2>Files that are no notebooks</h2><p>They were left where they are.</p><ul>{items}</ul>")
    head = (
        f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{escape(source.name)}</title>"
    )
    head += f"<style>{STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _problems(rows: Sequence[Row], unsorted: Mapping[str, str]) -> str:
    """What only a person can settle: files that are nobody's, and students without a mark, each with the reason."""
    lines = [f"<li><b class='file'>{escape(place)}</b>: {escape(why)}</li>" for place, why in unsorted.items()]
    for row in rows:
        if row.score is None and row.state != "nothing handed in":
            who = f"{row.student} {row.name}".strip()
            lines.append(f"<li><b>{escape(who)}</b>, {escape(row.state)}: {escape(row.why)}</li>")
    return f"<h2>To be settled</h2><ul>{''.join(lines)}</ul>" if lines else ""


def _task(source: Source, name: str, counts: Mapping[str, int]) -> str:
    title = next(task.title for task in source.tasks if task.name == name)
    total = max(1, sum(counts.values()))
    order = sorted(counts, key=lambda kind: (kind != RIGHT, kind in (BLANK, SILENT), kind == OTHER, -counts[kind]))
    lines = []
    for kind in order:
        bar = f"<span class='bar' style='width:{12 * counts[kind] / total:.2f}rem'></span>"
        words = escape(kind if kind in (RIGHT, BLANK, OTHER, SILENT) else f"your answer {kind}")
        lines.append(f"<tr class='{_class(kind)}'><td class='n'>{counts[kind]}</td><td>{bar}</td><td>{words}</td></tr>")
    rows = "".join(lines) or "<tr><td>nothing was graded</td></tr>"
    return f"<h3>{escape(title)} <small>{escape(name)}</small></h3><table>{rows}</table>"


def _class(kind: str) -> str:
    return "right" if kind == RIGHT else "none" if kind in (BLANK, SILENT) else "wrong"


def _marks(rows: Sequence[Row], source: Source, feedback: str) -> str:
    tasks = [task.name for task in source.tasks]
    head = "".join(f"<th>{escape(each)}</th>" for each in ("ID", "name", "state", "points", *tasks, "note"))
    lines = []
    for row in rows:
        score = "" if row.score is None else f"{row.score:g}"
        where = escape(feedback.format(row.student))
        has_feedback = row.file or row.why
        who = f"<a href='{where}'>{escape(row.student)}</a>" if has_feedback else escape(row.student)
        cells = f"<td>{who}</td><td>{escape(row.name)}</td><td>{escape(row.state)}</td><td class='n'>{score}</td>"
        for task in tasks:
            kind = row.found.get(task, "")
            mark = f"{row.marks[task]:g}" if row.score is not None and task in row.marks else ""
            said = f"<small>{escape(kind)}</small>" if kind and kind != RIGHT else ""
            cells += f"<td class='{_class(kind) if kind else ''}'>{mark}{said}</td>"
        note = " ".join(filter(None, [row.note, row.file and f"({row.file})"]))
        css = " class='none'" if row.score is None else ""
        lines.append(f"<tr{css}>{cells}<td class='file'>{escape(note)}</td></tr>")
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
