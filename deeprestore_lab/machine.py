"""What the machine at hand does fast, and where numbers lie."""

from __future__ import annotations

import os
import platform
from itertools import chain

import torch
from torch import nn

from deeprestore_lab.checks import describe

# What ONEDNN_MAX_CPU_ISA may hold the kernels to that compute in bfloat16, oldest first. Other names are slower ones.
_ISAS = "AVX512_CORE_BF16 AVX512_CORE_FP16 AVX512_CORE_AMX AVX512_CORE_AMX_FP16 AVX10_1_512 AVX10_1_512_AMX".split()
_ISAS += "AVX10_1_512_AMX_FP16 AVX10_2 AVX10_2_512 AVX10_2_512_AMX_2 ALL DEFAULT".split()


def has_bfloat16(device: torch.device | str = "cpu") -> bool:
    """Whether bfloat16 is computed by the machine itself on `device`, and so is faster than float32.

    On a CPU of Intel's or AMD's kind that takes AVX512-BF16 or AMX, and neither ONEDNN_MAX_CPU_ISA nor
    ATEN_CPU_CAPABILITY may hold torch to less; on another CPU torch's own answer counts. One with AVX2 alone imitates
    it: a 3 x 3 convolution takes twenty times as long as in float32. On CUDA it takes compute capability 8.0. False
    on other devices.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_available() and torch.cuda.get_device_capability(device) >= (8, 0)
    if kind != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    limits = [os.environ.get(f"{library}_MAX_CPU_ISA", "ALL").upper() for library in ("ONEDNN", "DNNL")]
    if any(limit not in _ISAS for limit in limits) or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    return any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile"))


def fast_precision(device: torch.device | str = "cpu") -> str:
    """What `training.fit` should compute in to be fast on `device`: "bf16-mixed" where that is, else "32-true"."""
    return "bf16-mixed" if has_bfloat16(device) else "32-true"


def fast_autocast(device: torch.device | str = "cpu", *, enabled: bool | None = None) -> torch.autocast:
    """Within it layers compute in bfloat16 where `has_bfloat16(device)`, else in float32; `enabled` forces one."""
    wanted = has_bfloat16(device) if enabled is None else enabled
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=wanted)


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

    A module without parameters and buffers is at home everywhere.
    """
    held = chain(other.parameters(), other.buffers()) if isinstance(other, nn.Module) else iter([other])
    home = next(held, None)
    if home is not None and home.device != x.device:
        raise ValueError(
            f"{names[0]} is on the device {str(x.device)!r} and {names[1]} on {str(home.device)!r}: "
            f"bring both to one device, by .to({str(home.device)!r}) or .to({str(x.device)!r})"
        )
    return x
