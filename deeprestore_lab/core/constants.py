"""Tensors that are given once and follow what they meet: to its precision, and to its device once."""

import torch


class Constants:
    """`tensors` in the precision and on the device of whatever is computed with them.

    What lies elsewhere is brought to a device once in each precision, and kept there: to bring a tensor to a GPU waits
    for it, and cannot be recorded as a CUDA graph.

    >>> (half,) = Constants(torch.tensor(0.5)).like(torch.ones(1, dtype=torch.float64))
    >>> half.dtype
    torch.float64
    """

    def __init__(self, *tensors: torch.Tensor) -> None:
        self.tensors = tensors
        self._there: dict[tuple[torch.dtype, torch.device], tuple[torch.Tensor, ...]] = {}

    def like(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The tensors, each as its own `.to(x)` would give it."""
        if self.tensors[0].device == x.device:
            if len(self.tensors) == 1:  # without a loop, which a small step would notice
                return (self.tensors[0].to(x.dtype),)
            return tuple(tensor.to(x.dtype) for tensor in self.tensors)
        key = (x.dtype, x.device)
        if key not in self._there:
            with torch.inference_mode(False):  # what is kept must stay usable where gradients are taken
                self._there[key] = tuple(tensor.to(x) for tensor in self.tensors)
        return self._there[key]
