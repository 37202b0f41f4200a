"""When to stop a deep image prior without knowing the truth: the windowed moving variance of the iterates."""

import torch

from deeprestore_lab.core.checks import check_images, check_whole


class WindowedVariance:
    r"""A callback of `minimise` that stops once the iterates wander more than they did before.

    v_t = 1/W sum_w ||x_{t-w} - m_t||^2 over the last W iterates, m_t their mean; a sum over the values of an image.
    While the network still learns the picture v falls; once it fits the noise, iterates differ by noise and v rises.
    The run stops when v has not fallen below its minimum for `patience` steps; `x` is the iterate at the minimum.

    After the run `step` `(N,)` and `x` `(N, C, H, W)` say what was chosen, per image of the batch (the run goes on
    until each has been decided; a step of -1 means that the run was shorter than a window, and `x` is then the last
    iterate), `decided` `(N,)` whether its patience ran out, and `variances` `(T, N)` holds v from step W - 1 on.
    Before the run the first three are None. Each object serves one run.

    Raises `ValueError` for a window below 2, a patience below 1, images whose shape changes, a first step other than 0
    (a run taken up from a checkpoint, whose start this object has not seen), or a step that is not after the one
    before (a second run).
    Source: Wang et al. (2021), "Early stopping for deep image prior", algorithm 1, W = 100 and P = 1000. As in their
    code the iterate chosen is the last of the best window. Differs from it in running sums instead of a pass over the
    window. Taught in chapter 11_deep_image_prior.
    """

    def __init__(self, *, window: int = 100, patience: int = 1000) -> None:
        self.window = check_whole(window, name="window", least=2)
        self.patience = check_whole(patience, name="patience", least=1)
        self._ring: list[torch.Tensor] = []
        self._rows: list[torch.Tensor] = []
        self._last: int | None = None
        self.step: torch.Tensor | None = None
        self.x: torch.Tensor | None = None
        self.decided: torch.Tensor | None = None

    @property
    def variances(self) -> torch.Tensor:
        """v at the steps W - 1, W, ..., `(T, N)`."""
        return torch.stack(self._rows) if self._rows else torch.empty(0, 0, dtype=torch.float64)

    def __call__(self, step: int, x: torch.Tensor) -> bool:
        x = check_images(x).detach()
        if self.x is None:
            if step != 0:
                raise ValueError(
                    f"the first step seen is {step}, but a WindowedVariance must see a run from step 0 on; to take one "
                    "up from a checkpoint, give the object that saw its start, or start anew"
                )
            self._start(x)
        if x.shape != self.x.shape:
            raise ValueError(f"the images changed their shape from {tuple(self.x.shape)} to {tuple(x.shape)}")
        if self._last is not None and step <= self._last:
            raise ValueError(f"step {step} came after step {self._last}; each WindowedVariance serves one run")
        self._last = step
        self._ring.append(x.clone())
        if len(self._ring) < self.window:
            self.x = x.clone()
            return False
        if len(self._rows) % self.window == 0:
            self._sum_anew()
        else:
            self._add(x, 1)
        v = self._squares / self.window - (self._sum / self.window).square().flatten(1).sum(1)
        v = v.clamp_min(0)
        self._rows.append(v.cpu())
        self._add(self._ring.pop(0), -1)
        better = (v < self._lowest) & ~self.decided
        self._lowest = torch.where(better, v, self._lowest)
        self.step = torch.where(better, step, self.step)
        self.x = torch.where(better[:, None, None, None], x, self.x)
        self.decided |= step - self.step >= self.patience
        return bool(self.decided.all())

    def _start(self, x: torch.Tensor) -> None:
        self.x = x.clone()
        self.step = torch.full(x.shape[:1], -1, device=x.device)
        self._lowest = torch.full_like(self.step, torch.inf, dtype=torch.float64)
        self.decided = torch.zeros_like(self.step, dtype=torch.bool)

    def _sum_anew(self) -> None:
        """The sums from scratch, once a window, about the newest iterate: rounding neither adds up nor cancels."""
        self._origin = self._ring[-1].double()
        self._sum = torch.zeros_like(self._origin)
        self._squares = self._sum.new_zeros(self._sum.shape[0])
        for x in self._ring:
            self._add(x, 1)

    def _add(self, x: torch.Tensor, sign: int) -> None:
        x = x.double() - self._origin
        self._sum += sign * x
        self._squares += sign * x.square().flatten(1).sum(1)
