"""A function recorded once on a GPU and played again: for steps whose many small kernels wait for Python."""

from collections.abc import Callable, Sequence

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.core.machine import recording

WARM_UPS = 3  # runs before the recording: libraries choose their kernels and allocate in the first ones


def check_capture(capture: bool, device: torch.device) -> bool:
    """Return `capture` as a bool, else raise `ValueError` for a device that has no graphs to record."""
    if capture and device.type != "cuda":
        raise ValueError(f"capture=True records a CUDA graph and needs a CUDA GPU; the numbers are on {str(device)!r}")
    return bool(capture)


class Captured:
    """`function(*inputs)` as a CUDA graph.

    What the function does on the GPU is recorded: kernels with their addresses. What Python does in it (numbers it
    draws, branches it takes, values it reads) happens while recording and never again, and reading a value of the GPU
    is refused. Random numbers of `generators` on the GPU are drawn anew each time, as they would be without a graph.

    A call copies its inputs to where the recording read them, plays it, and returns the tensors that were made while
    recording, filled anew: the next call overwrites them. Inputs that are no tensors, such as None, are those of the
    recording. Raises `ValueError` for inputs of other shapes or others of these, and where the function does what
    cannot be recorded.
    """

    def __init__(self, function: Callable, inputs: Sequence, *, generators: Sequence[torch.Generator] = ()) -> None:
        self.inputs = [x.detach().clone() if isinstance(x, torch.Tensor) else x for x in inputs]
        device = next(x.device for x in self.inputs if isinstance(x, torch.Tensor))
        states = [generator.get_state() for generator in generators]
        aside = torch.cuda.Stream(device)
        aside.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(aside), recording():
            for _ in range(WARM_UPS):
                function(*self.inputs)
        torch.cuda.current_stream(device).wait_stream(aside)
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
        self.graph = torch.cuda.CUDAGraph()
        for generator in generators:
            self.graph.register_generator_state(generator)
        try:
            with recording(), torch.cuda.graph(self.graph):
                self.outputs = function(*self.inputs)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"this cannot be recorded as a CUDA graph: {reason}. Does it read a value of the GPU? Use capture=False"
            ) from error

    def __call__(self, *inputs):
        refill(self.inputs, inputs)
        self.graph.replay()
        return self.outputs


def refill(held: Sequence, given: Sequence) -> None:
    """Copy the tensors of `given` into those of `held`. Raises `ValueError` where any of them is of another kind."""
    for new, own in zip(given, held, strict=True):
        if isinstance(own, torch.Tensor) and isinstance(new, torch.Tensor):
            fits = new.shape == own.shape and new.dtype == own.dtype
        else:
            fits = new is own or (type(new) is type(own) and new == own)
        if not fits:
            raise ValueError(f"a recording takes {describe(own)} here, as it was made with; got {describe(new)}")
    pairs = [pair for pair in zip(held, given, strict=True) if isinstance(pair[0], torch.Tensor)]
    torch._foreach_copy_([own for own, _ in pairs], [new for _, new in pairs])
