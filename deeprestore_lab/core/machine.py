"""What the machine at hand does fast, and where numbers lie."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain

import torch
from torch import nn

from deeprestore_lab.core.checks import describe

_NARROW = frozenset("SSE41 AVX AVX2 AVX2_VNNI AVX2_VNNI_2".split())  # what ONEDNN_MAX_CPU_ISA may hold kernels to
_NO_BFLOAT16 = _NARROW | {"AVX512_CORE", "AVX512_CORE_VNNI"}
_recording: ContextVar[bool] = ContextVar("recording", default=False)


def has_avx512() -> bool:
    """Whether torch computes with vectors of 512 bits on this CPU.

    ATEN_CPU_CAPABILITY and ONEDNN_MAX_CPU_ISA can hold it to less; a larger machine then behaves like a small one.
    """
    return torch.backends.cpu.get_cpu_capability() == "AVX512" and not _held_to(_NARROW)


def has_bfloat16(device: torch.device | str = "cpu") -> bool:
    """Whether bfloat16 is computed by the machine itself on `device`, and so is faster than float32.

    On a CPU of Intel's or AMD's kind that takes AVX512-BF16 or AMX, and neither ONEDNN_MAX_CPU_ISA nor
    ATEN_CPU_CAPABILITY may hold torch to less (torch's own answer looks at neither); on another CPU torch's answer
    counts. One with AVX2 alone imitates it: a linear layer takes 3.6 times as long as in float32, a 3 x 3 convolution
    of 32 channels 14 times. On CUDA it takes compute capability 8.0. False on other devices.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_available() and torch.cuda.get_device_capability(device) >= (8, 0)
    if kind != "cpu" or not (torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return False
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    if not has_avx512() or _held_to(_NO_BFLOAT16):
        return False
    return any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile"))


def _held_to(isas: frozenset[str]) -> bool:
    """Whether the environment holds oneDNN's kernels to one of these; it has two names for that."""
    return any(os.environ.get(f"{library}_MAX_CPU_ISA", "").upper() in isas for library in ("ONEDNN", "DNNL"))


def fast_precision(device: torch.device | str = "cpu") -> str:
    """What `training.fit` should compute in to be fast on `device`: "bf16-mixed" where that is, else "32-true"."""
    return "bf16-mixed" if has_bfloat16(device) else "32-true"


def fast_autocast(
    device: torch.device | str = "cpu", *, enabled: bool | None = None, cache: bool = True
) -> torch.autocast:
    """Within it layers compute in bfloat16 where `has_bfloat16(device)`, else in float32; `enabled` forces one.

    `cache` keeps converted weights to the end of the block; a recording must not lean on what was kept before it.
    """
    wanted = has_bfloat16(device) if enabled is None else enabled
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=wanted, cache_enabled=cache)


@contextmanager
def recording() -> Iterator[None]:
    """Within it, what is computed on a GPU is recorded to be played again: many small kernels cost no time of Python.

    The convolutions' library tries its kernels out first and keeps the fastest.
    """
    tries, token = torch.backends.cudnn.benchmark, _recording.set(True)
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = tries
        _recording.reset(token)


def is_recording() -> bool:
    """Whether `recording` is around this."""
    return _recording.get()


def check_device(device: torch.device | str | None) -> torch.device | None:
    """Return `device` as torch's, None as it is, else raise `ValueError` where torch knows no such device."""
    if device is None:
        return None
    try:
        return torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must be like 'cpu', 'cuda' or 'cuda:0', got {describe(device)}") from error


def check_together(
    x: torch.Tensor, other: torch.Tensor | nn.Module, *, names: tuple[str, str] = ("x", "the network")
) -> torch.Tensor:
    """Return `x` if it lies on the device of `other`, a tensor or module, else raise `ValueError` saying where each is.

    A module must have the precision of `x` too, but within autocast, which converts. Without parameters and buffers it
    is at home everywhere.
    """
    held = chain(other.parameters(), other.buffers()) if isinstance(other, nn.Module) else iter([other])
    home = next(held, None)
    if home is not None and home.device != x.device:
        raise ValueError(
            f"{names[0]} is on the device {str(x.device)!r} and {names[1]} on {str(home.device)!r}: "
            f"bring both to one device, by .to({str(home.device)!r}) or .to({str(x.device)!r})"
        )
    both = isinstance(other, nn.Module) and home is not None and home.is_floating_point() and x.is_floating_point()
    if both and home.dtype != x.dtype and not torch.is_autocast_enabled(x.device.type):
        kinds = [str(kind).removeprefix("torch.") for kind in (x.dtype, home.dtype)]
        raise ValueError(
            f"{names[0]} is {kinds[0]} and {names[1]} computes in {kinds[1]}: "
            f"bring both to one precision, by .to(torch.{kinds[1]}) or .to(torch.{kinds[0]})"
        )
    return x
