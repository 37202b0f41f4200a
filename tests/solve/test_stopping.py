"""The windowed variance against NumPy over windows kept whole, and the published rule in a plain loop."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Identity
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.solve import WindowedVariance
from refusals import refused


def walk(steps: int, *shape: int, seed: int = 0, scale: float = 0.1) -> torch.Tensor:
    """Images `(steps, N, C, H, W)` that wander, each less or more than before by a factor drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    size = scale * torch.rand(steps, *[1] * len(shape), generator=generator)
    return (size * torch.randn(steps, *shape, generator=generator, dtype=torch.float64)).cumsum(0)


def feed(rule: WindowedVariance, images: torch.Tensor) -> int:
    """Show the rule one image after another until it stops the run; the number of images it saw."""
    for step, x in enumerate(images):
        if rule(step, x):
            return step + 1
    return len(images)


def variances(images: np.ndarray, window: int) -> np.ndarray:
    """NumPy's variance over each window of `(T, ...)`, summed over the values of an image."""
    ends = range(window, len(images) + 1)
    return np.array([images[end - window : end].var(axis=0).sum() for end in ends])


def published(images: np.ndarray, window: int, patience: int) -> tuple[int, bool, int]:
    """Algorithm 1 of Wang et al. for one image: the step chosen, whether patience ran out, the images seen."""
    queue: list[np.ndarray] = []
    best, lowest, waited = -1, np.inf, 0
    for step, x in enumerate(images):
        queue.append(x)
        if len(queue) > window:
            queue.pop(0)
        if len(queue) < window:
            continue
        mean = sum(queue) / window
        variance = sum(((x - mean) ** 2).sum() for x in queue) / window
        if variance < lowest:
            best, lowest, waited = step, variance, 0
        else:
            waited += 1
        if waited >= patience:
            return best, True, step + 1
    return best, False, len(images)


@pytest.mark.parametrize("window", [2, 7, 30])
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_equals_numpys_variance_over_each_window(window, offset):
    images = offset + walk(60, 2, 3, 4, 5)
    rule = WindowedVariance(window=window, patience=1000)
    assert feed(rule, images) == 60
    expected = np.stack([variances(images[:, n].numpy(), window) for n in range(2)], axis=1)
    assert rule.variances.dtype == torch.float64
    np.testing.assert_allclose(rule.variances, expected, rtol=1e-10, atol=1e-12)


def test_variances_of_float32_images_are_kept_to_the_digits_of_float64():
    images = (100 + walk(40, 1, 1, 4, 4, scale=1e-3)).float()
    rule = WindowedVariance(window=10)
    feed(rule, images)
    np.testing.assert_allclose(rule.variances[:, 0], variances(images.double().numpy(), 10), rtol=1e-8)


@given(
    seed=st.integers(0, 2**32),
    window=st.integers(2, 12),
    patience=st.integers(1, 12),
    steps=st.integers(1, 50),
    n=st.integers(1, 3),
)
def test_chooses_and_stops_as_the_published_rule_for_each_image(seed, window, patience, steps, n):
    images = walk(steps, n, 1, 2, 2, seed=seed)
    alone = [published(images[:, i].numpy(), window, patience) for i in range(n)]
    rule = WindowedVariance(window=window, patience=patience)
    assert feed(rule, images) == max(seen for _, _, seen in alone)
    assert rule.step.tolist() == [step for step, _, _ in alone]
    assert rule.decided.tolist() == [decided for _, decided, _ in alone]
    for i, (step, _, _) in enumerate(alone):
        assert torch.equal(rule.x[i], images[step, i])  # -1, the last of the run, where it was too short


def test_images_of_a_batch_decide_at_different_steps():
    """The first wanders less and less until step 20, the second until step 40; then both wander more and more."""
    sizes = [torch.cat([torch.linspace(1, 0.1, turn), torch.linspace(0.2, 2, 80 - turn)]) for turn in (20, 40)]
    signs = torch.tensor([1.0, -1.0]).repeat(40)
    images = torch.stack([size * signs for size in sizes], 1)[:, :, None, None, None].double()
    rule, early = WindowedVariance(window=4, patience=10), WindowedVariance(window=4, patience=10)
    seen, alone = feed(rule, images), feed(early, images[:, :1])
    assert alone < seen < 80 and rule.decided.all()
    assert rule.step[0] == early.step[0] and torch.equal(rule.x[0], early.x[0]), "what was decided has changed"
    assert abs(rule.step[0] - 20) <= 4 and abs(rule.step[1] - 40) <= 4
    assert alone == early.step[0] + 10 + 1 and seen == rule.step[1] + 10 + 1


@pytest.mark.parametrize("patience", [1, 3, 9])
def test_waits_for_its_patience_and_no_longer(patience):
    growing = torch.arange(40.0, dtype=torch.float64).square()[:, None, None, None, None]  # the first window is least
    rule = WindowedVariance(window=5, patience=patience)
    assert feed(rule, growing) == 5 + patience and rule.step.tolist() == [4]


def test_a_fall_that_lasts_is_never_stopped():
    settling = 0.9 ** torch.arange(300.0, dtype=torch.float64)[:, None, None, None, None]
    rule = WindowedVariance(window=5, patience=1)
    assert feed(rule, settling[:150]) == 150 and rule.step.tolist() == [149] and not rule.decided.any()


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3])
def test_images_that_never_change_stop_after_one_window_and_the_patience(value):
    rule = WindowedVariance(window=10, patience=5)
    assert feed(rule, torch.full((40, 1, 3, 8, 8), value)) == 15
    assert rule.step.tolist() == [9] and rule.variances.abs().max() == 0


def test_a_run_shorter_than_a_window_chooses_nothing_and_keeps_the_last():
    images = walk(6, 2, 1, 3, 3)
    rule = WindowedVariance(window=7, patience=1)
    assert rule.variances.shape == (0, 0) and rule.x is rule.step is rule.decided is None
    feed(rule, images)
    assert rule.step.tolist() == [-1, -1] and not rule.decided.any() and rule.variances.shape == (0, 0)
    assert torch.equal(rule.x, images[-1])


def test_the_sums_do_not_drift_in_a_long_run():
    generator = torch.Generator().manual_seed(0)
    steps, window = 5_000, 50
    images = torch.rand(steps, 1, 1, 3, 3, generator=generator)
    images[:100] *= 1000  # large values at first, of which nothing may stay
    rule = WindowedVariance(window=window, patience=10**9)
    feed(rule, images)
    last = images[-window:].double().numpy().var(axis=0).sum()
    np.testing.assert_allclose(rule.variances[-1, 0], last, rtol=1e-10)


def test_is_not_moved_by_what_becomes_of_an_image_afterwards():
    images = walk(30, 1, 1, 2, 2)
    rule, other = WindowedVariance(window=5), WindowedVariance(window=5)
    buffer = torch.empty_like(images[0])
    for step, x in enumerate(images):
        rule(step, buffer.copy_(x))
        other(step, x)
    buffer.zero_()
    assert torch.equal(rule.variances, other.variances) and torch.equal(rule.x, other.x)


def test_stops_a_run_of_minimise():
    y = torch.rand(2, 1, 4, 4, dtype=torch.float64)
    rule, seen = WindowedVariance(window=5, patience=7), []

    def callback(step: int, x: torch.Tensor) -> bool:
        seen.append(x)
        return rule(step, x)

    energy, g = GaussianLikelihood(Identity(), y, sigma=0.1), Pixels(torch.zeros_like(y))
    trace = minimise(energy, g, solver="adam", lr=lambda step: 1e-3 * (1 + step), steps=500, tolerance=0.0,
                     callback=callback)  # fmt: skip
    assert trace.stopped_by == ["callback"] * 2 and len(trace.energy) == len(seen) < 501
    for i in range(2):
        expected = variances(torch.stack(seen)[:, i].numpy(), 5)
        np.testing.assert_allclose(rule.variances[:, i], expected, rtol=1e-8)
        assert torch.equal(rule.x[i], seen[rule.step[i]][i])


def test_a_second_run_is_refused():
    rule = WindowedVariance(window=3)
    feed(rule, walk(5, 1, 1, 2, 2))
    with pytest.raises(ValueError, match="step 0 came after step 4; each WindowedVariance serves one run"):
        rule(0, torch.zeros(1, 1, 2, 2))


def test_a_run_whose_start_was_not_seen_is_refused(tmp_path):
    y = torch.rand(1, 1, 4, 4)

    def run(rule: WindowedVariance, steps: int):
        energy, g = GaussianLikelihood(Identity(), y, sigma=0.1), Pixels(torch.zeros_like(y))
        options = {"solver": "adam", "tolerance": 0.0, "checkpoint": tmp_path / "run"}
        return minimise(energy, g, steps=steps, callback=rule, **options)

    rule = WindowedVariance(window=3, patience=50)
    run(rule, 6)
    run(rule, 12)
    assert len(rule.variances) == 13 - 2
    with pytest.raises(ValueError, match="the first step seen is 13, but a WindowedVariance must see"):
        run(WindowedVariance(window=3), 20)


test_bad_arguments_are_named = refused(
    (lambda: WindowedVariance(window=1), "window must be a whole number of at least 2, got 1"),
    (lambda: WindowedVariance(window=2.5), "window"),
    (lambda: WindowedVariance(patience=0), "patience must be a whole number of at least 1, got 0"),
    (lambda: WindowedVariance()(0, torch.zeros(3, 4, 4)), "x must be a float tensor"),
    (lambda: [f := WindowedVariance(), f(0, torch.zeros(1, 1, 4, 4)), f(1, torch.zeros(1, 1, 4, 5))], "from .*to"),
)
