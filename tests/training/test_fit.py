"""The training loop, on problems whose answer is known: least squares, where every number has a closed form."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.nn.functional import l1_loss

from deeprestore_lab.training import History, cosine, fit, stairs
from refusals import refused

TRUE = torch.tensor([[2.0, -1.0, 0.5]])


def batch(step: int, *, count: int = 16, noise: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(count, 3, generator=generator)
    return x, x @ TRUE.T + noise * torch.randn(count, 1, generator=generator)


def linear(seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(3, 1, bias=False)


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(p, q) for p, q in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_it_finds_the_solution_of_least_squares():
    network = linear()
    history = fit(network, batch, steps=400, lr=cosine(0.1, 400), progress=False)
    torch.testing.assert_close(network.weight, TRUE, atol=1e-3, rtol=0)
    assert len(history.loss) == 400 and history.best_step == 400 and not history.stopped_early


def test_one_step_of_descent_with_decay_is_the_formula():
    network, (x, y) = linear(), batch(0)
    before = network.weight.detach().clone()
    fit(network, batch, steps=1, optimiser="sgd", lr=0.1, weight_decay=0.3, progress=False)
    gradient = 2 * (x @ before.T - y).T @ x / len(x) + 0.3 * before
    torch.testing.assert_close(network.weight.detach(), before - 0.1 * gradient)


def test_the_first_step_of_adamw_moves_by_lr_and_decays_by_the_product():
    network = linear()
    before = network.weight.detach().clone()
    fit(network, batch, steps=1, lr=0.1, weight_decay=0.5, progress=False)
    moved = network.weight.detach() - before * (1 - 0.1 * 0.5)
    torch.testing.assert_close(moved.abs(), torch.full_like(moved, 0.1), atol=1e-5, rtol=0)


def test_the_network_ends_with_the_weights_that_were_best_on_held_out_data():
    rates = [0.1] * 40 + [30.0] * 20  # it learns, then it is thrown away
    network, held_out = linear(), batch(10**6, count=40)
    history = fit(
        network, batch, steps=60, lr=lambda step: rates[min(step, 59)], held_out=held_out, every=10, progress=False
    )
    assert history.evaluated == [0, 10, 20, 30, 40, 50, 60]
    assert history.best_step == history.evaluated[history.held_out.index(min(history.held_out))] < 60
    with torch.no_grad():
        loss = (network(held_out[0]) - held_out[1]).square().mean()
    assert float(loss) == pytest.approx(history.best, rel=1e-5)


def test_patience_ends_a_run_that_no_longer_improves():
    history = fit(
        linear(), batch, steps=1000, lr=3.0, held_out=batch(7), every=5, patience=3, progress=False
    )  # far too large a step: nothing improves for long
    assert history.stopped_early and len(history.held_out) - 1 - history.held_out.index(history.best) == 3
    assert len(history.loss) == history.evaluated[-1] < 1000


def test_the_held_out_loss_is_the_mean_over_images_for_any_number_of_them():
    x, y = batch(3, count=19)  # not a multiple of the chunk
    network = linear()
    with torch.no_grad():
        expected = float((network(x) - y).square().mean())
    history = fit(network, batch, steps=0, held_out=(x, y), progress=False)
    assert history.held_out == [pytest.approx(expected, rel=1e-6)]


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("stop_at", [1, 13, 20])
def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path, monkeypatch, stop_at):
    monkeypatch.setattr("deeprestore_lab.solve.saved_run.EVERY_SECONDS", -1.0)  # save before every step
    arguments = {"steps": 30, "lr": cosine(0.05, 30), "held_out": batch(9), "every": 4, "progress": False}
    whole, resumed = linear(), linear()
    reference = fit(whole, batch, **arguments)

    def interrupting(step):
        if step == stop_at:
            raise StoppedError
        return batch(step)

    file = tmp_path / "run"
    with pytest.raises(StoppedError):
        fit(resumed, interrupting, checkpoint=file, **arguments)
    fresh = linear()
    history = fit(fresh, batch, checkpoint=file, **arguments)
    assert same_weights(fresh, whole)
    assert history.loss == reference.loss and history.held_out == reference.held_out
    again = linear()
    assert fit(again, batch, checkpoint=file, **arguments).loss == reference.loss  # a finished run is only read
    assert same_weights(again, whole)


class Shaky(nn.Module):
    """A network that draws random numbers and keeps running means while it trains."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def shaky() -> Shaky:
    torch.manual_seed(5)
    return Shaky()


def interrupt(step: int):
    os.kill(os.getpid(), signal.SIGINT)  # what Ctrl-C sends
    return batch(step)


def breaks(step: int):
    raise StoppedError


def broken(step: int):
    x, y = batch(step)
    return x, y * torch.nan


@pytest.mark.parametrize(
    ("happens", "error"), [(interrupt, KeyboardInterrupt), (breaks, StoppedError), (broken, ValueError)]
)
def test_whatever_ends_a_run_it_can_be_taken_up_bit_for_bit(tmp_path, happens, error):
    arguments = {"steps": 24, "lr": cosine(0.05, 24), "held_out": batch(9), "every": 5, "progress": False}
    whole = shaky()
    reference = fit(whole, batch, **arguments)
    after = torch.rand(1)

    file, usual = tmp_path / "run", signal.getsignal(signal.SIGINT)
    with pytest.raises(error):
        fit(shaky(), lambda step: (happens if step == 13 else batch)(step), checkpoint=file, **arguments)
    assert file.exists() and signal.getsignal(signal.SIGINT) is usual
    resumed = shaky()
    torch.manual_seed(99)  # another process would have other numbers here
    history = fit(resumed, batch, checkpoint=file, **arguments)
    assert history.loss == reference.loss and history.held_out == reference.held_out
    assert same_weights(resumed, whole)
    assert torch.equal(torch.rand(1), after)


def test_a_second_interrupt_does_not_wait(tmp_path):
    def impatient(step: int):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second one waited")

    with pytest.raises(KeyboardInterrupt):
        fit(linear(), lambda step: (impatient if step == 3 else batch)(step), steps=9, checkpoint=tmp_path / "run",
            progress=False)  # fmt: skip
    network, whole = linear(), linear()
    fit(network, batch, steps=9, checkpoint=tmp_path / "run", progress=False)
    fit(whole, batch, steps=9, progress=False)
    assert same_weights(network, whole)


def test_taking_a_run_up_leaves_the_global_generator_alone_where_nothing_is_drawn(tmp_path):
    fit(linear(), batch, steps=2, checkpoint=tmp_path / "run", progress=False)
    network = linear()
    torch.manual_seed(4)
    expected = torch.rand(1)
    torch.manual_seed(4)
    fit(network, batch, steps=4, checkpoint=tmp_path / "run", progress=False)
    assert torch.equal(torch.rand(1), expected)


SCRIPT = """
import time, torch
import deeprestore_lab.solve.saved_run as saved_run
saved_run.EVERY_SECONDS = -1.0
from test_fit import batch, linear
from deeprestore_lab.training import fit

def draw(step):
    if step == 20:
        print("there", flush=True)
        time.sleep(60)
    return batch(step)

fit(linear(), draw, steps=40, lr=0.05, checkpoint={file!r}, progress=False)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_a_killed_process_is_taken_up_by_the_next(tmp_path):
    file, paths = tmp_path / "run", [str(Path(__file__).parent), *filter(None, sys.path)]
    killed = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(file=str(file))],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout.readline().strip() == "there"
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    asked, taken_up, whole = [], linear(), linear()

    def noted(step):
        asked.append(step)
        return batch(step)

    fit(taken_up, noted, steps=40, lr=0.05, checkpoint=file, progress=False)  # the next process is this one
    assert asked[:2] == [0, 20]  # the first batch, to compare, and on it goes
    fit(whole, batch, steps=40, lr=0.05, progress=False)
    assert same_weights(taken_up, whole)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    file = tmp_path / "run"
    fit(linear(), batch, steps=3, checkpoint=file, progress=False)
    with pytest.raises(ValueError, match="weights at the start differs"):
        fit(linear(seed=1), batch, steps=3, checkpoint=file, progress=False)
    with pytest.raises(ValueError, match="lr differs"):
        fit(linear(), batch, steps=3, lr=0.5, checkpoint=file, progress=False)
    with pytest.raises(ValueError, match=r"loss differs \(there 'mse_loss', here 'l1_loss'\)"):
        fit(linear(), batch, steps=3, loss=l1_loss, checkpoint=file, progress=False)
    with pytest.raises(ValueError, match="the first batch of `draw` differs"):
        fit(linear(), lambda step: (batch(step)[0], -5 * batch(step)[1]), steps=3, checkpoint=file, progress=False)
    with pytest.raises(ValueError, match="held_out differs"):
        fit(linear(), batch, steps=3, held_out=batch(9), checkpoint=file, progress=False)
    file.write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match="not a checkpoint that can be read"):
        fit(linear(), batch, steps=3, checkpoint=file, progress=False)


def test_other_settings_of_the_same_weights_are_refused(tmp_path):
    def made(share: float) -> nn.Module:
        network = shaky()
        network.layers[3].p = share
        return network

    fit(made(0.4), batch, steps=3, checkpoint=tmp_path / "run", progress=False)
    with pytest.raises(ValueError, match="a setting of the network differs"):
        fit(made(0.1), batch, steps=3, checkpoint=tmp_path / "run", progress=False)


def test_step_sizes_are_compared_at_the_steps_taken(tmp_path):
    settings = {"checkpoint": tmp_path / "run", "progress": False}
    fit(linear(), batch, steps=9, lr=stairs(0.05, 24), **settings)
    with pytest.raises(ValueError, match="lr at step 8 differs"):
        fit(linear(), batch, steps=9, lr=stairs(0.05, 27), **settings)


def test_a_run_in_parts_is_judged_as_one_in_one_go(tmp_path):
    """The last evaluation of a part lies off the grid of `every`: a longer run makes none there."""
    settings = {"lr": 1e-12, "held_out": batch(9), "every": 5, "patience": 3, "progress": False}
    whole = fit(linear(), batch, steps=40, **settings)
    for steps in (6, 7, 40):
        parts = fit(linear(), batch, steps=steps, checkpoint=tmp_path / "run", **settings)
        assert parts.evaluated[-1] == min(steps, 15)
    assert whole.stopped_early and parts.stopped_early
    assert parts.evaluated == whole.evaluated == [0, 5, 10, 15] and parts.held_out == whole.held_out


def test_a_loss_that_is_not_finite_stops_the_run_with_its_step():
    with pytest.raises(ValueError, match=r"the loss at step \d+ is (inf|nan); a smaller lr"):
        fit(linear(), batch, steps=500, optimiser="sgd", lr=1e3, progress=False)


def test_a_held_out_loss_that_is_not_finite_stops_the_run_too():
    x, y = batch(1)
    with pytest.raises(ValueError, match="the held-out loss at step 0 is nan"):
        fit(linear(), batch, steps=5, held_out=(x, y * float("nan")), progress=False)


def test_half_precision_trains_and_leaves_float32_weights():
    network = linear()
    fit(network, batch, steps=300, lr=cosine(0.1, 300), precision="bf16-mixed", progress=False)
    assert network.weight.dtype == torch.float32
    torch.testing.assert_close(network.weight, TRUE, atol=0.05, rtol=0)


def test_fits_leave_the_global_generator_alone():
    torch.manual_seed(4)
    expected = torch.rand(1)
    network = linear()
    torch.manual_seed(4)
    fit(network, batch, steps=2, progress=False)
    assert torch.equal(torch.rand(1), expected)


test_wrong_arguments_are_named = refused(
    ({"optimiser": "adam"}, "optimiser must be one of 'adamw', 'sgd'; got 'adam'"),
    ({"precision": "8"}, "precision must be one of"),
    ({"lr": -1.0}, "lr must be a finite number above 0"),
    ({"patience": 2}, "patience needs held_out"),
    ({"steps": 2.5}, "steps must be a whole number"),
    ({"held_out": (torch.zeros(2, 3), torch.zeros(3, 1))}, "held_out must be a pair"),
    ({"checkpoint": "/does/not/exist/run"}, "checkpoint must be a file in a folder that exists"),
    by=lambda arguments: fit(linear(), batch, **({"steps": 2, "progress": False} | arguments)),
)


def test_without_fabric_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(ImportError, match=r"deeprestore_lab\[training\]"):
        fit(linear(), batch, steps=1)


def test_seconds_grow_over_evaluations():
    start = time.perf_counter()
    history = fit(linear(), batch, steps=20, held_out=batch(1), every=5, progress=False)
    assert isinstance(history, History) and history.seconds == sorted(history.seconds)
    assert history.seconds[-1] <= time.perf_counter() - start


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_gpu_finds_what_a_cpu_finds(precision):
    network = linear()
    fit(network, batch, steps=400, lr=cosine(0.1, 400), accelerator="gpu", precision=precision, progress=False)
    assert network.weight.is_cuda
    torch.testing.assert_close(network.weight.cpu(), TRUE, atol=1e-3 if precision == "32-true" else 0.05, rtol=0)


class Three(NamedTuple):
    """What an objective of its own may look at: three tensors, and no pair of input and target."""

    a: torch.Tensor
    b: torch.Tensor
    weight: torch.Tensor


def three(step: int, count: int = 16) -> Three:
    inputs, targets = batch(step, count=count)
    return Three(inputs, targets, torch.full((count, 1), 2.0))


def test_an_objective_of_any_batch_is_minimised_as_a_loss_of_pairs_is():
    """Twice the squared error with half the step of plain gradient descent: the same weights."""
    pairs, own = linear(), linear()
    expected = fit(pairs, batch, steps=9, lr=0.1, optimiser="sgd", held_out=batch(7, count=21), progress=False)

    def objective(given: Three) -> torch.Tensor:
        return (given.weight * (own(given.a) - given.b).square()).mean()

    history = fit(
        own, three, steps=9, lr=0.05, optimiser="sgd", objective=objective, held_out=three(7, count=21), progress=False
    )
    torch.testing.assert_close(own.weight, pairs.weight, rtol=1e-5, atol=1e-6)
    assert history.loss == pytest.approx([2 * value for value in expected.loss], rel=1e-4)
    assert history.held_out == pytest.approx([2 * value for value in expected.held_out], rel=1e-4)


def test_what_is_held_out_has_one_length():
    inputs, targets = batch(1)
    with pytest.raises(ValueError, match=r"one non-zero length, got lengths \[16, 15\]"):
        fit(linear(), batch, steps=1, objective=lambda pair: pair[0].sum(), held_out=(inputs[:16], targets[:15]))


def test_an_objective_in_double_precision_is_given_doubles_and_leaves_none_alone():
    """One step of descent by hand, to fifteen digits; the batch is a nested one in single precision."""
    network, (x, y) = linear(), batch(0)
    start = network.weight.detach().double()

    def objective(given: dict) -> torch.Tensor:
        (inputs, targets), nothing = given["pair"], given["nothing"]
        assert nothing is None and inputs.dtype == torch.float64 and given["rows"].dtype == torch.int64
        return (network(inputs) - targets).square().mean()

    given = {"pair": batch(0), "nothing": None, "rows": torch.arange(16)}
    fit(network, lambda step: given, steps=1, optimiser="sgd", lr=0.1, objective=objective, held_out=given,
        precision="64-true", progress=False)  # fmt: skip
    gradient = 2 * (x.double() @ start.T - y.double()).T @ x.double() / len(x)
    torch.testing.assert_close(network.weight.detach(), start - 0.1 * gradient, rtol=1e-14, atol=1e-14)
