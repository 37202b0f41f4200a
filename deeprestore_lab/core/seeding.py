"""Random numbers of one seed, whatever draws them, with torch's global generator left alone."""

from collections.abc import Callable

import torch
from torch.overrides import TorchFunctionMode

from deeprestore_lab.core.checks import check_seed

# Functions and methods of torch, and of torch.nn.init, that take a generator. A test compares them with torch's own.
DRAWING = frozenset(
    "bernoulli bernoulli_ binomial cauchy_ exponential_ geometric_ log_normal_ multinomial normal normal_ poisson rand "
    "randint randn random_ randperm uniform_ kaiming_normal_ kaiming_uniform_ orthogonal_ sparse_ trunc_normal_ "
    "xavier_normal_ xavier_uniform_".split()
)
LIKE = {"rand_like": torch.Tensor.uniform_, "randn_like": torch.Tensor.normal_}
# Those that draw from the global generator alone.
WITHOUT = frozenset(
    "alpha_dropout alpha_dropout_ dropout dropout1d dropout2d dropout3d dropout_ feature_alpha_dropout "
    "feature_alpha_dropout_ feature_dropout feature_dropout_ fractional_max_pool2d fractional_max_pool3d "
    "gumbel_softmax native_dropout randint_like rrelu rrelu_".split()
)


class seeded(TorchFunctionMode):  # noqa: N801, it reads as a function does
    r"""Within it whatever draws random numbers by torch's functions draws them from a generator of `seed`.

    The numbers are those that the same calls give after `torch.manual_seed(seed)`, bit for bit on one kind of device,
    but the global generator is not touched, and several threads may do so at once. `drew` says whether anything was
    drawn. Dropout and its like (`WITHOUT`) take no generator and are refused; what draws inside of other functions, as
    the dropout of attention and of recurrent layers does, is not seen. Raises `ValueError` for those that are refused
    and for a seed that is no whole number from 0 to 2^64 - 1.

    >>> with seeded(3):
    ...     layer = torch.nn.Linear(2, 1)
    >>> with seeded(3):
    ...     again = torch.nn.Linear(2, 1)
    >>> bool((layer.weight == again.weight).all())
    True
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed, self.drew = check_seed(seed), False
        self._generators: dict[torch.device, torch.Generator] = {}

    def __torch_function__(self, func: Callable, types, args=(), kwargs: dict | None = None):
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if name in DRAWING and kwargs.get("generator") is None:
            kwargs = {**kwargs, "generator": self._generator(args, kwargs)}
        elif name in LIKE:
            empty = torch.empty_like(*args, **{key: value for key, value in kwargs.items() if key != "generator"})
            generator = kwargs.get("generator")
            return LIKE[name](empty, generator=self._generator((empty,), {}) if generator is None else generator)
        elif name in WITHOUT and kwargs.get("training", kwargs.get("train", True)):
            raise ValueError(
                f"{name} draws random numbers and takes no generator; leave it out, or put it in eval mode"
            )
        return func(*args, **kwargs)

    def _generator(self, args: tuple, kwargs: dict) -> torch.Generator | None:
        """The generator of this seed on the device where the numbers are drawn."""
        self.drew = True
        tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)]
        wanted = kwargs.get("device")
        if tensors:
            device = tensors[0].device
        else:
            device = torch.device(torch.get_default_device() if wanted is None else wanted)
        if device.type == "cuda" and device.index is None:  # one generator, however the device is written
            device = torch.device("cuda", torch.cuda.current_device())
        if device.type == "meta":  # has shapes and no numbers
            return None
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self.seed)
        return self._generators[device]
