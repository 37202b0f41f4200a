"""Training a bounded auto-encoder: it learns, does not collapse, repeats itself, and goes on from a checkpoint."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.generators.bounded_training import train_bounded
from deeprestore_lab.generators.code_matching import Matching
from deeprestore_lab.images.digit_images import digits


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return digits()[0]


def test_training_beats_principal_components_and_keeps_the_codes_apart(images):
    model = train_bounded(images, latent=6, steps=400, batch=128, progress=False)
    rows = images.flatten(1)
    centred = rows - rows.mean(0)
    basis = torch.linalg.svd(centred, full_matrices=False).Vh[:6]
    by_components = (centred - centred @ basis.T @ basis).square().mean()
    assert (model(images) - images).square().mean() < 0.9 * by_components
    assert (model.encode(images).std(0) > 0.1).all()
    assert not model.training and not any(parameter.requires_grad for parameter in model.parameters())


def test_a_matched_training_leaves_codes_nearer_to_the_uniform_law(images):
    from deeprestore_lab.measures.discrepancies import random_directions, sliced_wasserstein

    generator = torch.Generator().manual_seed(0)
    u, directions = torch.rand(2000, 4, generator=generator), random_directions(4, 100, generator=generator)
    gaps = []
    for matching in (Matching(), Matching(sliced_wasserstein=1.0)):
        model = train_bounded(images, latent=4, matching=matching, steps=300, batch=128, progress=False)
        gaps.append(float(sliced_wasserstein(model.encode(images), u, directions=directions)))
    assert gaps[1] < gaps[0] / 3


def test_a_run_that_was_cut_goes_on_bit_for_bit(images, tmp_path):
    matching = Matching(sliced_wasserstein=0.1, neighbour=0.1, candidates=3)
    settings = {"latent": 3, "matching": matching, "batch": 32, "progress": False, "seed": 2}
    whole = train_bounded(images, steps=60, **settings)
    again = train_bounded(images, steps=60, **settings)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    path = tmp_path / "run.pt"

    class CutError(Exception):
        pass

    drawn = []
    from deeprestore_lab.generators import bounded_training
    from deeprestore_lab.generators.code_matching import MatchedTraining
    from deeprestore_lab.solve.saved_run import SavedRun

    class Interrupted(MatchedTraining):
        def draw(self, step):
            if step == 50 and step not in drawn:
                drawn.append(step)
                raise CutError
            drawn.append(step)
            return super().draw(step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounded_training, "MatchedTraining", Interrupted)
        patch.setattr(SavedRun, "save_if_due", lambda file, state: file.save(state()))
        with pytest.raises(CutError):
            train_bounded(images, steps=60, checkpoint=path, **settings)
        assert path.exists()
        before = len(drawn)
        resumed = train_bounded(images, steps=60, checkpoint=path, **settings)
    assert drawn[before:] == [0, *range(50, 60)]  # the first batch is compared; it went on, and did not begin anew
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_images_that_are_none_are_refused():
    with pytest.raises(ValueError, match="images must be"):
        train_bounded(torch.rand(10, 28, 28), steps=1)
