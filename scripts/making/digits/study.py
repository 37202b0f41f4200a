"""How digits are restored with an auto-encoder, and with what needs none: tasks, methods, settings. Needs MNIST.

`Study` keeps every model, choice and score in a file. Settings are chosen on validation digits, with seed 0.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache

import torch

from deeprestore_lab import data, images, minimise
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.generators import MENDED, NAIVE, restore_over_latent, train_bounded
from deeprestore_lab.measures.discrepancies import nearest
from deeprestore_lab.measures.metrics import psnr, ssim
from deeprestore_lab.networks import BoundedAutoEncoder, digit_classifier
from deeprestore_lab.operators import Identity, LinearOperator, Mask
from deeprestore_lab.parametrisations import ImageAndLatent, Pixels
from deeprestore_lab.priors import AutoEncoderPrior, TotalVariation
from deeprestore_lab.training import cosine, fit, step_generator
from scripts.making.digits.measures import split
from scripts.making.resumable import Part, Parts

KINDS = {"naive": NAIVE, "mended": MENDED}
TASKS = ("noise 0.3", "noise 0.5", "half", "centre", "stripes", "random 75 %")
MASKED_NOISE, LATENT = 0.1, 10
TEMPERATURES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
GRIDS: dict[str, tuple[float, ...]] = {
    "total variation": tuple(float(w) for w in torch.logspace(-2.5, 0.5, 16)),
    "PCA": (10, 20, 40, 80, 160, 320),
    "nearest digits": (1, 2, 3, 5, 10, 20, 50),
    "denoising auto-encoder": (10, 64, 256),
} | {f"{kind}, {search}": TEMPERATURES for kind in KINDS for search in ("image", "image and code")}
STARTS = ("E(y)", "drawn start", "best of six")
METHODS = (*GRIDS, *(f"{kind}, {start}" for kind in KINDS for start in STARTS))


@dataclass(frozen=True)
class Settings:
    """How much is measured; all that a part depends on."""

    digits: int = 500
    choosing: int = 200
    seeds: tuple[int, ...] = (0, 1, 2)
    training: int = 3000  # steps of the auto-encoders
    denoising: int = 2000  # and of those that denoise
    steps: int = 200  # of a search
    learnt: int = 50_000


class Study:
    """The models and measurements of one choice of settings, each part kept in a file."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.parts = Parts("latent_restoration", asdict(settings) | {"mended": asdict(MENDED), "grids": GRIDS})
        learnt, validation = split()
        self.learnt, self.validation = learnt[: settings.learnt], validation[: settings.choosing]
        found = data.mnist("test", limit=settings.digits)
        self.test, self.labels, self.classifier = found.images, found.labels, digit_classifier()
        middle = self.learnt.mean(0, keepdim=True)
        rows = (self.learnt - middle).flatten(1)
        values, vectors = torch.linalg.eigh((rows.T @ rows).double() / len(rows))  # from small to large
        most = int(max(GRIDS["PCA"]))
        self.middle = middle
        self.axes, self.variance = vectors.flip(1)[:, :most].float(), values.flip(0)[:most].float().clamp_min(1e-6)
        self.model = cache(self._model)

    def _model(self, kind: str, seed: int) -> BoundedAutoEncoder:
        def make(key: str) -> Part:
            model = train_bounded(
                self.learnt,
                latent=LATENT,
                matching=KINDS[kind],
                steps=self.settings.training,
                seed=seed,
                checkpoint=self.parts.checkpoint(key),
                progress=False,
            )
            return {}, model.state_dict()

        return self._loaded(self.parts.get(f"model {kind} {seed}", make)[1], BoundedAutoEncoder(latent=LATENT))

    def denoiser(self, task: str, latent: int, seed: int) -> BoundedAutoEncoder:
        """An auto-encoder trained to give the digit for its measurement y, which is all that it sees."""

        def make(key: str) -> Part:
            model = BoundedAutoEncoder(latent=latent, seed=seed).initialise(self.learnt[:1000])

            def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
                draw = step_generator(seed, step)
                x = self.learnt[torch.randint(len(self.learnt), (256,), generator=draw)]
                return measured(x, task, noise=10_000_000 + 100_000 * seed + step, mask=seed)[2], x

            fit(
                model,
                batch,
                steps=self.settings.denoising,
                lr=cosine(2e-3, self.settings.denoising, warmup=min(50, self.settings.denoising - 1)),
                checkpoint=self.parts.checkpoint(key),
                progress=False,
            )
            return {}, model.state_dict()

        weights = self.parts.get(f"denoiser {task} {latent} {seed}", make)[1]
        return self._loaded(weights, BoundedAutoEncoder(latent=latent))

    def restored(
        self, method: str, task: str, x: torch.Tensor, *, seed: int, setting: float, noise: int
    ) -> torch.Tensor:
        """The digits `x`, measured with the seed `noise` and restored, `(N, 1, 28, 28)` in [0, 1]."""
        A, sigma, y = measured(x, task, noise=noise, mask=seed)
        energy = GaussianLikelihood(A, y, sigma=sigma)
        search = {"solver": "adam", "steps": self.settings.steps, "snapshots": False, "progress": False}
        if method == "total variation":
            prior = setting * TotalVariation().calibrated(sigma)
            found = minimise(energy + prior, y, tolerance=1e-3, snapshots=False, progress=False).x
        elif method == "PCA":
            found = self._by_components(A, sigma, y, int(setting))
        elif method == "nearest digits":
            places = nearest(y.flatten(1), A(self.learnt).flatten(1), k=int(setting))[1]
            found = self.learnt[places].mean(1)
        elif method == "denoising auto-encoder":
            found = self.denoiser(task, int(setting), seed)(y)
        else:
            kind, way = method.split(", ")
            model = self.model(kind, seed)
            if way == "image":
                prior = AutoEncoderPrior(model, temperature=setting)
                found = minimise(energy + prior, Pixels(y, bounds=(0, 1)), lr=0.03, **search).x
            else:
                starts = {"best of six": 5, "drawn start": 1}.get(way, 0)
                codes = self.codes(kind, energy, y, seed=seed, starts=starts)
                if way == "image and code":
                    g = ImageAndLatent(model.decode, codes.x, codes.codes, temperature=setting)
                    found = minimise(energy, g, lr=0.02, **search).x
                elif way == "drawn start":
                    found = codes.trace.x.chunk(2)[1]
                else:
                    found = codes.x
        return found.clamp(0, 1)

    def codes(self, kind: str, energy: GaussianLikelihood, y: torch.Tensor, *, seed: int, starts: int):
        """The search over the code from E(y), and from as many draws besides, each digit from its own."""
        model, draw = self.model(kind, seed), torch.Generator().manual_seed(seed)
        return restore_over_latent(
            model.decode,
            energy,
            guess=model.encode(y.clamp(0, 1)),
            starts=torch.rand(starts, len(y), LATENT, generator=draw),
            steps=self.settings.steps,
            progress=False,
        )

    def chosen(self, method: str, task: str) -> dict:
        """The setting with the highest mean PSNR on validation digits, and what each reached."""
        if method not in GRIDS:
            return {"setting": 0.0, "tried": []}

        def make(key: str) -> Part:
            tried = []
            for setting in GRIDS[method]:
                found = self.restored(method, task, self.validation, seed=0, setting=setting, noise=500_000)
                tried.append(float(psnr(found, self.validation).mean()))
            best = max(range(len(tried)), key=tried.__getitem__)
            return {"setting": GRIDS[method][best], "tried": tried}, {}

        return self.parts.get(f"chosen {method} {task}", make)[0]

    def scores(self, method: str, task: str, seed: int) -> dict[str, torch.Tensor]:
        """PSNR, SSIM and whether the classifier names it right, `(N,)` each, on the test digits."""

        def make(key: str) -> Part:
            setting = self.chosen(method, task)["setting"]
            found = self.restored(method, task, self.test, seed=seed, setting=setting, noise=1000 * seed)
            right = (self.classifier(found).argmax(1) == self.labels).float()
            return {}, {"psnr": psnr(found, self.test), "ssim": ssim(found, self.test), "accuracy": right}

        found = self.parts.get(f"scores {method} {task} {seed}", make)[1]
        print(task, method, seed, {name: round(float(v.mean()), 3) for name, v in found.items()}, flush=True)
        return found

    def _by_components(self, A: LinearOperator, sigma: float, y: torch.Tensor, count: int) -> torch.Tensor:
        """The mean of the posterior under a normal law of the digits in their first principal components."""
        axes, known = self.axes[:, :count], A(torch.ones_like(y[:1])).flatten()
        system = (axes.T * known) @ axes / sigma**2 + torch.diag(1 / self.variance[:count])
        right = ((y - A(self.middle)).flatten(1) * known) @ axes / sigma**2
        return self.middle + (torch.linalg.solve(system, right.T).T @ axes.T).reshape(y.shape)

    @staticmethod
    def _loaded(weights: dict[str, torch.Tensor], model: BoundedAutoEncoder) -> BoundedAutoEncoder:
        model.load_state_dict(weights)
        return model.requires_grad_(False).eval()


def measured(x: torch.Tensor, task: str, *, noise: int, mask: int) -> tuple[LinearOperator, float, torch.Tensor]:
    """A, sigma and y = A (x + n); `noise` and `mask` are seeds."""
    if task.startswith("noise"):
        A, sigma = Identity(), float(task.split()[1])
    else:
        known = torch.ones(1, 1, 28, 28)
        if task == "half":
            known[..., 14:] = 0
        elif task == "centre":
            known = images.hole_mask(x, size=14)
        elif task == "stripes":
            known = known * (torch.arange(28) // 3 % 2).float()[:, None]
        else:
            known = images.random_mask(x, keep=0.25, seed=mask)
        A, sigma = Mask(known), MASKED_NOISE
    draw = torch.Generator().manual_seed(noise)
    return A, sigma, A(x + sigma * torch.randn(x.shape, generator=draw))
