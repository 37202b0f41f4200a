"""The cells of the record generator_grid: sizes that can be compared, and a small cell from end to end."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

from deeprestore_lab import generators


@pytest.fixture
def cells():
    return import_module("scripts.making.digits.cells")


def test_what_draws_samples_has_a_comparable_size(cells):
    images = torch.rand(30, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for size, widths in cells.WIDTHS.items():
        glo = generators.GLO(images, widths=widths, start="random")
        models = [generators.AutoEncoder(widths=widths), generators.VariationalAutoEncoder(widths=widths)]
        models += [glo, generators.GLANN(glo), generators.IMLE(widths=widths)]
        models += [generators.digit_flow(width=cells.FLOWS[size])]
        sizes = [cells.drawing(model) for model in models]
        assert max(sizes) < 2 * min(sizes), size
    by_hand = 10 * 256 + 256 + 256 * 512 + 512 + 512 * 784 + 784
    assert cells.drawing(generators.IMLE(widths=(512, 256))) == by_hand


@pytest.mark.slow
def test_every_kind_is_trained_and_measured(cells, monkeypatch):
    """On random images in place of MNIST: the numbers mean nothing, but they must all be there and be finite."""
    images = torch.rand(300, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(cells, "split", lambda: (images[:200], images[200:]))
    own = cells.Judge(cells.digit_classifier(), images[:200], images[200:])
    monkeypatch.setattr(cells, "judge", lambda: own)
    for name, value in {"STEPS": 51, "FLOW_STEPS": 21, "BATCH": 4, "FLOW_BATCH": 4, "POOL": 50, "DRAWN": 40}.items():
        monkeypatch.setattr(cells, name, value)
    found = []
    for kind in cells.TRAINED:
        found += cells.cell({"kind": kind, "size": "small", "images": 100, "seed": 0})["cells"]
    assert [cell["kind"] for cell in found] == ["auto-encoder", "VAE", "GLO", "GLANN", "IMLE", "flow"]
    numbers = [value for cell in found for value in cell.values() if isinstance(value, float)]
    assert torch.tensor(numbers).isfinite().all()
    assert {cell["kind"] for cell in found if "bits" in cell} == {"VAE", "flow"}
    assert {cell["kind"] for cell in found if "reconstruction" in cell} == {"auto-encoder", "VAE"}


def test_bits_of_a_flow_are_those_of_its_density(cells):
    """The identity in place of a network: a standard normal, whose density at dequantised black is known."""
    flow = generators.Flow([generators.LeakyReLU(1.0)], shape=(1, 28, 28))
    x = torch.zeros(40, 1, 28, 28)
    noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) / 256
    nats = -(noise.square().mean() / 2 + 0.5 * torch.log(torch.tensor(2 * torch.pi)))
    assert cells.bits(flow, x) == pytest.approx(8 - float(nats) / 0.693147, abs=1e-4)
