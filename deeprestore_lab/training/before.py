"""What a training step may change before the weights do, kept so that a step that failed leaves no trace in a file."""

from __future__ import annotations

import torch
from torch import nn


class Before:
    """What a step may change before the weights do, as it was: random states, and buffers such as running means.

    Only buffers that the first step changed are copied at the others; the first copies all. (Versions of tensors would
    not do: normalisation writes its running means without counting them up.)
    """

    def __init__(self, network: nn.Module, device: torch.device, last: Before | None) -> None:
        self.network, self.under_way, self.random = network, True, random_state(device)
        own = dict(network.named_buffers())
        self.changing = None if last is None else last.changing
        names = own if self.changing is None else self.changing
        self.buffers = {name: own[name].detach().clone() for name in names if name in own}

    def done(self) -> None:
        """The step has gone well."""
        self.under_way = False
        if self.changing is None:
            now = dict(self.network.named_buffers())
            same = {name for name, b in self.buffers.items() if name in now and torch.equal(now[name], b)}
            self.changing = set(self.buffers) - same


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """The state of torch's global generator, and of that of an accelerator where the network is on one."""
    state = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        state[device.type] = torch.get_device_module(device).get_rng_state()
    return state


def set_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put back what `random_state` gave, as far as this device knows it."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type in state and device.type != "cpu":
        torch.get_device_module(device).set_rng_state(state[device.type].cpu())


def same_tensors(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Whether all tensors of `a` are in `b` and equal."""
    return all(name in b and torch.equal(tensor.cpu(), b[name].cpu()) for name, tensor in a.items())
