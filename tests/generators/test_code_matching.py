"""The loss of a matched auto-encoder against the same sums by hand, and what its neighbour term picks."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import mse_loss

from deeprestore_lab.core import machine
from deeprestore_lab.generators.code_matching import BANK, MatchedTraining, Matching
from deeprestore_lab.measures import discrepancies
from deeprestore_lab.networks.bounded_autoencoder import BoundedAutoEncoder

SHAPE = (1, 6, 6)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(40, *SHAPE, generator=torch.Generator().manual_seed(0))


def training(images: torch.Tensor, matching: Matching, *, mixed: bool | None = False, seed: int = 0) -> MatchedTraining:
    model = BoundedAutoEncoder(latent=3, widths=(16,), shape=SHAPE, seed=1).initialise(images)
    return MatchedTraining(model, images, matching=matching, batch=8, seed=seed, mixed=mixed)


def test_naive_training_is_the_mean_square_of_the_reconstruction(images):
    objective = training(images, Matching())
    batch = objective.draw(5)
    torch.testing.assert_close(objective(batch), (objective.model(batch.x) - batch.x).square().mean())


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        (
            "sliced_wasserstein",
            lambda c, b: 3 * ((c @ b.directions).sort(0)[0] - (b.u @ b.directions).sort(0)[0]).square().mean(),
        ),
        ("energy_distance", lambda c, b: discrepancies.energy_distance(c, b.u)),
        ("moments", lambda c, b: discrepancies.moment_mismatch(c)),
        (
            "maximum_mean_discrepancy",
            lambda c, b: discrepancies.maximum_mean_discrepancy(c, b.u, bandwidths=[0.5**0.5 / n for n in (4, 2, 1)]),
        ),
    ],
)
def test_terms_on_the_codes_are_added_with_their_weights(images, name, by_hand):
    objective = training(images, Matching(**{name: 0.7}))
    batch = objective.draw(3)
    codes = objective.model.encode(batch.x)
    expected = mse_loss(objective.model.decode(codes), batch.x) + 0.7 * by_hand(codes, batch)
    torch.testing.assert_close(objective(batch), expected)


def test_cycle_and_noise_are_added_as_written(images):
    objective = training(images, Matching(cycle=0.3, noise=0.4))
    batch = objective.draw(3)
    model = objective.model
    seen = (model.encode(batch.x) + 0.4 * batch.noise).clamp(0, 1)
    cycle = mse_loss(model.encode(model.decode(batch.u)), batch.u)
    torch.testing.assert_close(objective(batch), mse_loss(model.decode(seen), batch.x) + 0.3 * cycle)


@pytest.mark.parametrize("candidates", [1, 5, 40])
def test_the_neighbour_is_the_nearest_image_among_the_nearest_codes(images, candidates):
    objective = training(images, Matching(neighbour=1.0, candidates=candidates))
    batch = objective.draw(0)
    model = objective.model
    codes, decoded = model.encode(images), model.decode(batch.u)
    total = 0.0
    for u, picture in zip(batch.u, decoded, strict=True):
        near = (codes - u).square().sum(1).argsort()[:candidates]
        total += min(float((images[place] - picture).detach().square().mean()) for place in near)
    expected = mse_loss(model(batch.x), batch.x) + total / len(decoded)
    torch.testing.assert_close(objective(batch), expected)


def test_with_the_whole_bank_it_is_the_reverse_chamfer_distance(images):
    objective = training(images, Matching(neighbour=1.0, candidates=BANK))
    batch = objective.draw(0)
    decoded = objective.model.decode(batch.u).flatten(1)
    expected = mse_loss(objective.model(batch.x), batch.x)
    expected = expected + discrepancies.reverse_chamfer(decoded, images.flatten(1)) / decoded.shape[1]
    torch.testing.assert_close(objective(batch), expected)


def test_a_bank_is_kept_until_the_next_one_is_due(images):
    objective = training(images, Matching(neighbour=1.0))
    assert objective.draw(0).bank is not None and objective.draw(40).bank is not None
    assert objective.draw(39).bank is None
    objective(objective.draw(0))
    codes = objective.codes.clone()
    with torch.no_grad():
        objective.model.encoder[-1].bias.add_(1.0)
    objective(objective.draw(1))
    torch.testing.assert_close(objective.codes, codes, rtol=0, atol=0)
    due = objective.draw(40)
    objective(due)
    torch.testing.assert_close(objective.codes, objective.model.encode(images[due.bank]))
    assert not torch.equal(objective.codes, codes)


def test_batches_depend_on_the_seed_and_the_step_alone(images):
    one, again, other = (training(images, Matching(neighbour=1.0), seed=seed) for seed in (4, 4, 5))
    for step in (0, 7):
        for mine, same in zip(one.draw(step), again.draw(step), strict=True):
            assert (mine is None and same is None) or torch.equal(mine, same)
    assert not torch.equal(one.draw(7).x, other.draw(7).x)
    assert not torch.equal(one.draw(7).u, one.draw(8).u)


def test_bfloat16_changes_a_loss_by_rounding_only(images):
    matching = Matching(sliced_wasserstein=0.1, cycle=0.1, neighbour=0.1, candidates=4)
    exact, rounded = (training(images, matching, mixed=mixed) for mixed in (False, True))
    batch = exact.draw(0)
    assert float(rounded(batch).detach()) == pytest.approx(float(exact(batch).detach()), rel=0.03)
    assert rounded(batch).dtype == torch.float32


@pytest.mark.parametrize("fast", [True, False])
def test_without_a_choice_the_machine_decides(images, monkeypatch, fast):
    monkeypatch.setattr(machine, "has_bfloat16", lambda device="cpu": fast)
    matching = Matching(sliced_wasserstein=0.1, neighbour=0.1, candidates=4)
    own, asked = (training(images, matching, mixed=mixed) for mixed in (None, fast))
    batch = own.draw(0)
    assert torch.equal(own(batch), asked(batch))


@pytest.mark.parametrize("candidates", [7, BANK])
def test_the_neighbour_is_the_nearest_in_exact_numbers_where_layers_compute_in_few_digits(candidates):
    """Pictures that differ by a hundredth: bfloat16 sees the same distance to most of them."""
    noise = torch.randn(40, *SHAPE, generator=torch.Generator().manual_seed(2))
    pictures = (0.5 + 0.01 * noise).clamp(0, 1)
    objective = training(pictures, Matching(neighbour=1.0, candidates=candidates), mixed=True)
    batch = objective.draw(0)
    wanted = (0.5 + 0.01 * noise.flip(0)[:8] + 0.003).clamp(0, 1)
    with torch.autocast("cpu", torch.bfloat16):  # as a training in mixed precision would have it
        found = objective._neighbours(wanted, batch)
    codes = torch.cdist(batch.u.double(), objective.codes.double())
    among = codes.argsort(1)[:, : min(candidates, 40)]
    bank = pictures[objective.places].double()
    for picture, near, chosen in zip(wanted.double(), among, found, strict=True):
        distances = (bank[near] - picture).flatten(1).norm(dim=1)
        assert torch.equal(chosen.double(), bank[near[distances.argmin()]])


@pytest.mark.parametrize("settings", [{"cycle": -1.0}, {"candidates": 0}, {"candidates": BANK + 1}, {"noise": "much"}])
def test_settings_that_do_not_fit_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Matching(**settings)


def test_images_of_another_shape_are_refused(images):
    with pytest.raises(ValueError, match="shape"):
        MatchedTraining(BoundedAutoEncoder(), images, batch=8, seed=0)
