"""The image as the output of a network: theta holds its weights, a row per image."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from deeprestore_lab.core.checks import check_seed, check_whole, describe
from deeprestore_lab.core.machine import check_device
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.parametrisations.base import Parametrisation


class Network(Parametrisation):
    r"""x_n = f(z_n; theta_n): one network per image, all of the same architecture, each with its own weights.

    `make()` gives the module f; it is called once for each different seed, and what it draws by torch's functions comes
    from a generator of that seed (`seeding.seeded`). Its initial weights become a row of `theta` `(N, P)`. So each
    image is searched for by itself, and alone it goes the way it goes in a batch. f maps the fixed input z_n,
    `(1, ...)`, to `(1, C, H, W)`. `inputs(seed)` gives z; or it is one tensor, the same for all images. `seed` is one
    number for all images or one for each (several runs of one problem). What was made is moved to `device`, where one
    is given: a seed has the same start everywhere.

    The module must draw no random numbers and hold no state but its parameters (normalisation that keeps running
    averages is refused); buffers that stay as they are may stand in it, the same for every seed.

    `perturbed` adds noise to z, by one draw for the whole batch. Adam is what `minimise` picks, and it takes all its
    steps: the energy of a network jumps, and when to stop is a choice that makes the prior.

    Raises `ValueError` for arguments that do not fit. Taught in chapter 11_deep_image_prior.
    """

    default_solver = "adam"

    def __init__(
        self,
        make: Callable[[], nn.Module],
        inputs: torch.Tensor | Callable[[int], torch.Tensor],
        *,
        shape: tuple[int, int, int, int],
        seed: int | Sequence[int] = 0,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        device = check_device(device)
        self.shape = check_shape(shape)
        self.seeds = check_seeds(seed, images=self.shape[0])
        rows, zs, buffers = {}, {}, []
        for own in dict.fromkeys(self.seeds):
            with seeded(own):
                module = _check_module(make())
            rows[own] = nn.utils.parameters_to_vector(module.parameters()).detach()
            zs[own] = _check_input(inputs(own) if callable(inputs) else inputs)
            buffers.append([b.clone() for b in module.buffers()])
        kind = type(module).__name__
        if not all(_same(own, buffers[0]) for own in buffers):
            raise ValueError(f"the buffers of {kind} differ between seeds; put random numbers into its parameters or z")
        self.register_buffer("z", torch.cat([zs[own] for own in self.seeds]))
        self.theta = nn.Parameter(torch.stack([rows[own] for own in self.seeds]))
        self._shapes = [p.shape for p in module.parameters()]
        self._template = [module.requires_grad_(False)]  # in a list: its parameters are not this module's
        self._places = _places(module)
        with torch.no_grad(), seeded(0) as draws:
            out = tuple(self.forward().shape)
        if draws.drew:
            raise ValueError(f"{kind} draws random numbers; a network here must give the same image each time")
        if not _same(list(module.buffers()), buffers[0]):
            raise ValueError(f"{kind} keeps running averages or other state; a network here may hold parameters only")
        if out != self.shape:
            raise ValueError(f"the network gives images of shape {out}, expected {self.shape}")
        if device is not None:
            self.to(device)

    @property
    def parameter_count(self) -> int:
        """P, the number of weights of one network."""
        return self.theta.shape[1]

    def forward(self) -> torch.Tensor:
        return self._images(self.z)

    def constants(self) -> dict[str, torch.Tensor]:
        """The buffers of f."""
        return {f"buffer {name}": b for name, b in self._template[0].named_buffers()}

    def perturbed(self, sigma: float, *, generator: torch.Generator | None = None) -> torch.Tensor:
        """The images for the inputs z + sigma * n, n standard normal, the same n for every image.

        n is drawn where `generator` is, or on the device of z without one.
        """
        z = self.z
        device = z.device if generator is None else generator.device
        n = torch.randn(z[:1].shape, generator=generator, dtype=z.dtype, device=device).to(z.device)
        return self._images(z + sigma * n)

    def _images(self, z: torch.Tensor) -> torch.Tensor:
        # Matrix products round by where in memory their numbers lie: each image has its own, as it would have alone.
        rows = zip(z.split(1), self.theta.unbind(0), strict=True)
        images = [self._image(own.clone(), theta.clone()) for own, theta in rows]
        for x in images:
            if x.requires_grad:
                x.register_hook(torch.clone)
        return torch.cat(images)

    def _image(self, z: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
        """f(z; theta), the weights put where the template looks for them (`functional_call` searches each time)."""
        pieces = theta.split([shape.numel() for shape in self._shapes])
        held = [holders[0][0][holders[0][1]] for holders in self._places]
        try:
            for holders, piece, shape in zip(self._places, pieces, self._shapes, strict=True):
                weights = piece.view(shape)
                for parameters, name in holders:
                    parameters[name] = weights
            return self._template[0](z)
        finally:
            for holders, own in zip(self._places, held, strict=True):
                for parameters, name in holders:
                    parameters[name] = own

    def _apply(self, fn, recurse: bool = True):
        self._template[0]._apply(fn)  # moves the buffers of the template (frequencies) along
        return super()._apply(fn, recurse)


def check_shape(shape: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Return `shape` as four whole numbers above 0, (N, C, H, W), else raise `ValueError`."""
    if not isinstance(shape, tuple | list) or len(shape) != 4:
        raise ValueError(f"shape must be that of an image batch, (N, C, H, W), got {describe(shape)}")
    return tuple(check_whole(n, name="a side of shape", least=1) for n in shape)


def check_seeds(seed: int | Sequence[int], *, images: int) -> list[int]:
    """One seed for each image; `ValueError` for as many as there are not."""
    if not isinstance(seed, Sequence) or isinstance(seed, str):
        return [check_seed(seed)] * images
    if len(seed) != images:
        raise ValueError(f"{len(seed)} seeds were given for {images} images; give one number, or one for each image")
    return [check_seed(own) for own in seed]


def _places(module: nn.Module) -> list[list[tuple[dict, str]]]:
    """For each parameter, in order, the dictionaries of the parts that hold it, with its name there."""
    found: dict[int, list[tuple[dict, str]]] = {id(p): [] for p in module.parameters()}
    for part in module.modules():
        for name, p in part._parameters.items():
            if p is not None:
                found[id(p)].append((part._parameters, name))
    return list(found.values())


def input_seed(seed: int) -> int:
    """The seed of a network's input: not that of its weights, whose numbers would come again in it."""
    return (seed + 0x5EED) % 2**64


def _check_module(module: nn.Module) -> nn.Module:
    if not isinstance(module, nn.Module) or next(module.parameters(), None) is None:
        raise ValueError(f"make must give a module with parameters, got {type(module).__name__}")
    return module


def _check_input(z: torch.Tensor) -> torch.Tensor:
    if not isinstance(z, torch.Tensor) or z.ndim < 2 or z.shape[0] != 1 or not z.is_floating_point():
        raise ValueError(f"an input z must be a float tensor (1, ...), got {describe(z)}")
    return z


def _same(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return len(a) == len(b) and all(map(torch.equal, a, b))
