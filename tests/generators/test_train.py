"""The shared training: what a step sees, repeatable runs, and the auto-encoder and the decoder it is used on."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deeprestore_lab.generators import AutoEncoder, Decoder, train


class Recorder(nn.Module):
    """Keeps what it is given; its loss pulls one parameter to zero."""

    noise = 3

    def __init__(self) -> None:
        super().__init__()
        self.theta, self.seen = nn.Parameter(torch.tensor(1.0)), []

    def losses(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        self.seen.append((x.clone(), noise.clone()))
        return self.theta.square().expand(len(x))


def levels_of(count: int = 6) -> torch.Tensor:
    return (torch.arange(count) / 255)[:, None, None, None].expand(count, 1, 2, 2).contiguous()


def test_each_step_sees_images_of_the_set_and_normal_numbers():
    model = Recorder()
    train(model, levels_of(), steps=50, batch=40, progress=False)
    x, noise = (torch.cat(parts) for parts in zip(*model.seen, strict=True))
    assert x.shape == (2000, 1, 2, 2) and noise.shape == (2000, 3)
    assert set((x * 255).round().flatten().tolist()) == {0, 1, 2, 3, 4, 5}
    assert abs(float(noise.mean())) < 0.05 and float(noise.std()) == pytest.approx(1, abs=0.05)
    assert not torch.equal(model.seen[0][1], model.seen[1][1])


def test_dequantised_images_are_spread_anew_each_time_within_their_cells():
    model = Recorder()
    train(model, levels_of(1) + 7 / 255, steps=20, batch=20, levels=256, progress=False)
    x = torch.cat([x for x, _ in model.seen]) * 256
    assert bool((x.floor() == 7).all())
    assert float((x - 7).mean()) == pytest.approx(0.5, abs=0.03) and len(x.unique()) > 1000


def test_seeds_repeat_a_run_and_differ():
    runs = []
    for seed in (0, 0, 1):
        model = Recorder()
        train(model, levels_of(), steps=3, seed=seed, progress=False)
        runs.append(torch.cat([x.flatten() for x, _ in model.seen]))
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


def test_held_out_images_are_evaluated_with_one_draw():
    model = Recorder()
    history = train(model, levels_of(), steps=4, every=2, held_out=levels_of(3), levels=256, progress=False)
    assert history.evaluated == [0, 2, 4]
    held = [(x, noise) for x, noise in model.seen if len(x) == 3]
    assert len(held) == 3 and all(torch.equal(held[0][0], x) and torch.equal(held[0][1], e) for x, e in held)


def test_the_auto_encoders_loss_is_the_squared_error_and_falls():
    images = torch.rand(60, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    model = AutoEncoder(latent=3, widths=(32,), shape=(1, 4, 4)).initialise(images)
    losses = model.losses(images, torch.zeros(60, 0))
    torch.testing.assert_close(losses, ((model(images) - images) ** 2).sum((1, 2, 3)))
    history = train(model, images, steps=150, lr=5e-3, progress=False)
    assert history.loss[-1] < 0.8 * history.loss[0]


def test_samples_of_given_codes_stay_near_them():
    model = AutoEncoder(latent=2, widths=(8,), shape=(1, 2, 2))
    codes = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    torch.testing.assert_close(model.sample(4, codes=codes), model.decode(codes[:1]).expand(4, 1, 2, 2).detach())
    assert torch.equal(model.sample(4, seed=2), model.sample(4, seed=2))
    assert not torch.equal(model.sample(4, seed=2), model.sample(4, seed=3))


def test_the_decoder_starts_at_the_mean_image_and_has_the_auto_encoders_size():
    images = torch.rand(500, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    decoder = Decoder(latent=3, widths=(16, 8), shape=(1, 4, 4)).initialise(images)
    torch.testing.assert_close(decoder(torch.zeros(1, 3))[0], images.mean(0), atol=1e-5, rtol=0)
    same = AutoEncoder(latent=3, widths=(16, 8), shape=(1, 4, 4)).decoder
    assert [p.shape for p in decoder.parameters()] == [p.shape for p in same.parameters()]
    with pytest.raises(ValueError, match="images must have the shape"):
        decoder.initialise(torch.rand(3, 1, 4, 5))


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="batch"):
        train(Recorder(), levels_of(), steps=1, batch=0)
    with pytest.raises(ValueError, match="images"):
        train(Recorder(), torch.rand(5, 2), steps=1, levels=256)
