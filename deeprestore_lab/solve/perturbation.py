"""How every evaluation of a problem is perturbed at random: pixels rolled, views drawn, noise on a network's input."""

from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_level, check_whole, describe
from deeprestore_lab.operators import RandomView
from deeprestore_lab.parametrisations.base import Parametrisation


@dataclass(frozen=True)
class Perturbation:
    """What every evaluation draws from `generator`, the same for the whole batch; false where it draws nothing."""

    jitter: int = 0
    views: RandomView | None = None
    input_noise: float = 0.0
    generator: torch.Generator | None = None

    def __bool__(self) -> bool:
        return bool(self.jitter or self.views is not None or self.input_noise)

    def image(self, parametrisation: Parametrisation) -> torch.Tensor:
        """The image batch, with noise on the parametrisation's input where that is asked for."""
        if self.input_noise:
            return parametrisation.perturbed(self.input_noise, generator=self.generator)
        return parametrisation()

    def seen(self, x: torch.Tensor) -> torch.Tensor:
        """What the energy sees of the images `x`: rolled, then through a view."""
        if self.jitter:
            where = {"generator": self.generator, "device": self.generator.device}
            x = rolled(x, torch.randint(-self.jitter, self.jitter + 1, (2,), **where))
        return x if self.views is None else self.views.draw(self.generator)(x)


UNPERTURBED = Perturbation()


def perturbation(
    parametrisation: Parametrisation,
    *,
    jitter: int,
    views: RandomView | None,
    input_noise: float,
    seed: int | None,
) -> Perturbation:
    """The perturbation that `minimise` is asked for. Raises `ValueError` for arguments that do not fit."""
    if views is not None and not isinstance(views, RandomView):
        raise ValueError(f"views must be a law of operators (operators.RandomView) or None, got {describe(views)}")
    jitter = check_whole(jitter, name="jitter (in pixels)", least=0)
    input_noise = float(check_level(input_noise, name="input_noise", single=True, zero=True))
    if input_noise and not callable(getattr(parametrisation, "perturbed", None)):
        raise ValueError(
            f"input_noise is for parametrisations with a fixed input (a deep image prior); "
            f"{type(parametrisation).__name__} has none"
        )
    if not Perturbation(jitter, views, input_noise):
        return UNPERTURBED
    drawn = int(torch.randint(2**62, (1,))) if seed is None else seed
    theta = next(parametrisation.parameters(), torch.empty(0))  # numbers drawn elsewhere, then copied, take five times
    return Perturbation(jitter, views, input_noise, torch.Generator(theta.device).manual_seed(drawn))


def rolled(x: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """`torch.roll` of images `(N, C, H, W)` by `shift` `(2,)` pixels, down and to the right.

    Away from the CPU the shift is never read back: that would wait until everything asked of the device is done.

    >>> rolled(torch.arange(3.0).reshape(1, 1, 1, 3), torch.tensor([0, 1])).flatten().tolist()
    [2.0, 0.0, 1.0]
    """
    if shift.device.type == "cpu":
        return torch.roll(x, shift.tolist(), dims=(-2, -1))
    return gathered(x, shift)


def gathered(x: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """The same by indices: row i of the result is row i - shift of the images."""
    height, width = x.shape[-2:]
    rows = (torch.arange(height, device=x.device) - shift[0]) % height
    columns = (torch.arange(width, device=x.device) - shift[1]) % width
    return x.index_select(-2, rows).index_select(-1, columns)
