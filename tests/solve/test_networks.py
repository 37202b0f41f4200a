"""What minimise adds for networks: running averages, images of perturbed inputs, and both through a checkpoint."""

import os
import signal

import pytest
import torch
from torch import nn

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.networks import FourierFeatures, grid
from deeprestore_lab.networks.hourglass import Widths
from deeprestore_lab.operators import Identity
from deeprestore_lab.parametrisations import DeepImagePrior, Network, Parametrisation
from deeprestore_lab.priors import TotalVariation
from deeprestore_lab.solve.trace import Trace

Y = torch.rand(2, 1, 10, 11, generator=torch.Generator().manual_seed(0))
NOISE = {"input_noise": 0.1, "seed": 3}
BOTH = {**NOISE, "average": 0.9}


def prior() -> DeepImagePrior:
    return DeepImagePrior(Y.shape, widths=Widths((4, 4), (4, 4), (2, 0)), input_channels=3, seed=[1, 2])


def data() -> GaussianLikelihood:
    return GaussianLikelihood(Identity(), Y, sigma=0.1)


class KilledError(Exception):
    """Stands for a process that dies."""


def run(path=None, *, killed_at: int | None = None, steps: int = 20, g: Parametrisation | None = None, **options):
    def callback(step: int, x: torch.Tensor) -> None:
        if step == killed_at:
            raise KilledError

    return minimise(data() + torch.tensor([0.5, 4.0]) * TotalVariation(), prior() if g is None else g, steps=steps,
                    reference=Y, checkpoint=path, callback=callback, progress=False, **options)  # fmt: skip


@pytest.mark.parametrize("beta", [0.5, 0.99])
@pytest.mark.parametrize("noise", [{}, NOISE])
def test_the_average_is_the_recursion_over_the_images_of_the_run(beta, noise):
    seen: list[torch.Tensor] = []
    trace = minimise(data(), prior(), steps=15, average=beta, reference=Y,
                     callback=lambda step, x: seen.append(x), **noise)  # fmt: skip
    average = seen[0].double()
    for step, x in enumerate(seen):
        average = beta * average + (1 - beta) * x if step else average
        torch.testing.assert_close(trace.average_psnr[step], psnr(average.float(), Y), rtol=1e-4, atol=0)
    torch.testing.assert_close(trace.average, average.float(), rtol=0, atol=1e-6)
    assert len(seen) == 16 and trace.average_psnr.shape == trace.psnr.shape == (16, 2)


def test_asking_for_an_average_does_not_change_the_run():
    with_one, without = run(**BOTH), run(**NOISE)
    assert torch.equal(with_one.x, without.x) and torch.equal(with_one.energy, without.energy)
    assert without.average is None and without.average_psnr is None


def test_an_average_needs_no_reference_and_starts_at_the_start():
    trace = minimise(data(), Y, solver="adam", steps=0, average=0.9)
    assert torch.equal(trace.average, Y) and trace.average_psnr is None


def test_the_average_of_an_image_that_has_stopped_stays():
    weights = torch.tensor([0.1, 20.0])
    seen: list[torch.Tensor] = []
    trace = minimise(data() + weights * TotalVariation(smoothing=0.2), Y, solver="lbfgs", tolerance=1e-3, average=0.8,
                     callback=lambda step, x: seen.append(x))  # fmt: skip
    assert trace.steps.min() < trace.steps.max()
    for i, last in enumerate(trace.steps.tolist()):
        average = seen[0][i].double()
        for x in seen[1 : last + 1]:
            average = 0.8 * average + 0.2 * x[i]
        torch.testing.assert_close(trace.average[i], average.float(), rtol=0, atol=1e-6)


def test_the_average_is_a_tensor_of_its_own():
    trace = minimise(data(), Y, solver="adam", steps=0, average=0.9)
    trace.average.zero_()
    assert trace.x.abs().sum() > 0 and Y.abs().sum() > 0


def test_with_input_noise_the_images_are_those_of_the_perturbed_evaluations():
    g, steps = prior(), 6
    images: list[torch.Tensor] = []
    trace = minimise(data() + TotalVariation(), g, steps=steps, reference=Y,
                     callback=lambda step, x: images.append(x), **NOISE)  # fmt: skip
    generator = torch.Generator().manual_seed(NOISE["seed"])
    draws = [torch.randn(1, 3, 10, 11, generator=generator) for _ in range(steps + 1)]  # one for each evaluation
    with torch.no_grad():
        expected = g._images(g.z + NOISE["input_noise"] * draws[-1])
        assert torch.equal(trace.x, expected) and not torch.equal(trace.x, g())
        start = prior()
        assert torch.equal(trace.snapshots[0], start._images(start.z + NOISE["input_noise"] * draws[0]))
    assert torch.equal(trace.snapshots[steps], trace.x)
    for step, x in enumerate(images):
        for name, value in (data() + TotalVariation()).terms(x).items():
            torch.testing.assert_close(trace.terms[name][step], value, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(trace.psnr[step], psnr(x, Y))


def test_input_noise_costs_no_second_pass():
    calls = []

    class Counted(DeepImagePrior):
        def _images(self, z: torch.Tensor) -> torch.Tensor:
            calls.append(1)
            return super()._images(z)

    g = Counted(Y.shape, widths=Widths((4,), (4,), (2,)), input_channels=3)
    made = len(calls)
    minimise(data(), g, steps=10, reference=Y, **BOTH)
    assert len(calls) - made == 11 + 1  # each step and the start, and one look at the shape


def test_without_input_noise_the_image_is_that_of_the_weights():
    g = prior()
    trace = run(g=g)
    assert torch.equal(trace.x, g().detach())


def test_the_seed_decides_the_noise_on_the_input_and_the_start_does_not_move_with_it():
    first, again, other = run(**NOISE), run(**NOISE), run(input_noise=0.1, seed=4)
    assert torch.equal(first.x, again.x) and not torch.equal(first.x, other.x)
    torch.manual_seed(1)
    unseeded = [run(input_noise=0.1).x for _ in range(2)]
    torch.manual_seed(1)
    assert torch.equal(run(input_noise=0.1).x, unseeded[0]) and not torch.equal(*unseeded)


def test_a_network_takes_all_its_steps():
    trace = run(steps=70, tolerance=10.0)
    assert trace.solver == "adam" and trace.steps.tolist() == [70, 70] and trace.stopped_by == ["steps"] * 2


def assert_same(a: Trace, b: Trace) -> None:
    assert torch.equal(a.x, b.x) and torch.equal(a.energy, b.energy) and torch.equal(a.psnr, b.psnr)
    assert (a.average is None) == (b.average is None)
    if a.average is not None:
        assert torch.equal(a.average, b.average) and torch.equal(a.average_psnr, b.average_psnr)
    assert list(a.snapshots) == list(b.snapshots)
    assert all(torch.equal(a.snapshots[step], b.snapshots[step]) for step in a.snapshots)


@pytest.mark.parametrize("options", [{}, NOISE, {"average": 0.9}, BOTH])
@pytest.mark.parametrize("killed_at", [0, 7, 19])
def test_a_run_taken_up_again_equals_one_that_was_not_killed(options, killed_at, tmp_path):
    with pytest.raises(KilledError):
        run(tmp_path / "run", killed_at=killed_at, **options)
    g, whole = prior(), prior()
    assert_same(run(g=whole, **options), run(tmp_path / "run", g=g, **options))
    assert torch.equal(g.theta, whole.theta)


def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    def interrupt(step: int, x: torch.Tensor) -> None:
        if step == 6:
            os.kill(os.getpid(), signal.SIGINT)

    energy = data() + torch.tensor([0.5, 4.0]) * TotalVariation()
    with pytest.raises(KeyboardInterrupt):
        minimise(energy, prior(), steps=20, reference=Y, checkpoint=tmp_path / "run", callback=interrupt, **BOTH)
    assert_same(run(**BOTH), run(tmp_path / "run", **BOTH))


def test_a_finished_run_is_taken_further_or_shown_again(tmp_path):
    whole = run(**BOTH)
    run(tmp_path / "run", steps=8, **BOTH)
    assert_same(whole, run(tmp_path / "run", **BOTH))
    assert_same(whole, run(tmp_path / "run", **BOTH))


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (BOTH, {**BOTH, "average": 0.8}, r"average differs \(there 0.9, here 0.8\)"),
        (BOTH, NOISE, r"average differs \(there 0.9, here 0.0\)"),
        (NOISE, BOTH, r"average differs \(there 0.0, here 0.9\)"),
        (BOTH, {**BOTH, "input_noise": 0.2}, "input_noise differs"),
        (BOTH, {**BOTH, "seed": 4}, "seed differs"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(first, then, message, tmp_path):
    run(tmp_path / "run", steps=2, **first)
    with pytest.raises(ValueError, match=message):
        run(tmp_path / "run", **then)


def test_a_checkpoint_of_other_weights_is_refused(tmp_path):
    run(tmp_path / "run", steps=2)
    other = DeepImagePrior(Y.shape, widths=Widths((4, 4), (4, 4), (2, 0)), input_channels=3, seed=[1, 3])
    with pytest.raises(ValueError, match="the start .* differs"):
        run(tmp_path / "run", g=other)


def waves(frequency: float) -> Network:
    """At first its images are the same for every frequency: their last weights are zero."""

    def make() -> nn.Module:
        last = nn.Linear(6, 1)
        nn.init.zeros_(last.weight)
        return nn.Sequential(
            FourierFeatures(torch.full((3, 2), frequency)), last, nn.Flatten(), nn.Unflatten(1, (1, 10, 11))
        )

    return Network(make, grid(10, 11)[None], shape=Y.shape)


def test_a_checkpoint_of_a_module_with_other_buffers_is_refused(tmp_path):
    assert torch.equal(waves(1.0)(), waves(2.0)())
    run(tmp_path / "run", steps=2, g=waves(1.0))
    with pytest.raises(ValueError, match="the start .* differs"):
        run(tmp_path / "run", g=waves(2.0))
    whole, resumed = run(g=waves(1.0)), run(tmp_path / "run", g=waves(1.0))
    assert torch.equal(whole.x, resumed.x)


@pytest.mark.parametrize("average", [1, 1.0, -0.1, 2, True, "0.9", None, float("nan"), torch.tensor(0.5)])
def test_an_average_that_is_none_is_refused(average):
    with pytest.raises(ValueError, match="average must be a number of at least 0 and below 1"):
        minimise(data(), Y, average=average)


def test_input_noise_needs_adam_and_a_seed_for_a_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="only Adam bears that"):
        minimise(data(), prior(), solver="lbfgs", input_noise=0.1)
    with pytest.raises(ValueError, match="needs a seed"):
        minimise(data(), prior(), input_noise=0.1, checkpoint=tmp_path / "run")
