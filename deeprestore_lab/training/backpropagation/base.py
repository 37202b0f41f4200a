"""What a layer has to know for the recursion: its output, the product u J, and the gradients of its parameters."""

from abc import ABC, abstractmethod

import torch

from deeprestore_lab.core.checks import check_images


class Layer(ABC):
    r"""A function h of an image batch, `(N, C, H, W) -> (N, C', H', W')`, with its Jacobian J = dh/dx.

    J is never stored: a layer multiplies a row vector u, shaped like its output, with it. `parameters` maps names to
    tensors, none for most layers. A layer keeps no state between the calls: what `pull` needs of the input it is given.
    Taught in chapter 05_learning_filters.
    """

    @property
    def parameters(self) -> dict[str, torch.Tensor]:
        """The tensors that are learned, by name."""
        return {}

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """h(x). Raises `ValueError` for what is no image batch, or does not fit the layer."""
        return self.forward(check_images(x))

    @abstractmethod
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """h(x), unchecked."""

    @abstractmethod
    def pull(self, u: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """u J at the input `x`, shaped like `x`; `u` is shaped like h(x)."""

    def gradients(self, u: torch.Tensor, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """u dh/dparameter at the input `x`, for each of `parameters`, summed over the batch."""
        return {}

    @abstractmethod
    def products(self, x: torch.Tensor) -> int:
        """Multiply-adds of h(x), which are also those of u J: the entries of J that are not zero by construction.

        What meets a padded zero counts: the usual code multiplies it too. Comparisons and copies of h count one for
        each output they reach, as the multiplication in u J does.
        """


def window_counts(
    size: tuple[int, int],
    window: tuple[int, int],
    *,
    stride: tuple[int, int],
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int]:
    """How many windows fit into `size` = (H, W), down and across; `ValueError` where none does."""
    counts = []
    for n, k, s, p, d in zip(size, window, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        if room < 0:
            raise ValueError(
                f"a window of {window} with dilation {dilation} does not fit {size} with padding {padding}"
            )
        counts.append(room // s + 1)
    return counts[0], counts[1]
