"""What the machine does fast, with others pretended, and where numbers lie, with `meta` for the other device."""

import platform
from pathlib import Path

import pytest
import torch
from torch import nn

from deeprestore_lab import backbones, minimise
from deeprestore_lab.core.machine import (
    check_device,
    check_together,
    fast_autocast,
    fast_precision,
    has_avx512,
    has_bfloat16,
)
from deeprestore_lab.energies import (
    GaussianLikelihood,
    LaplaceLikelihood,
    PoissonLikelihood,
    RepresentationError,
    weighted_terms,
)
from deeprestore_lab.generators import GLO, shipped
from deeprestore_lab.generators.shipped_models import KINDS
from deeprestore_lab.networks import (
    SRCNN,
    Hourglass,
    StyleDecoder,
    adain_decoder,
    denoiser,
    digit_classifier,
    latent_autoencoder,
    style_net,
    super_resolver,
)
from deeprestore_lab.operators import Blur, Downsample, Identity, Mask
from deeprestore_lab.parametrisations import CoordinateNetwork, DeepImagePrior, Dictionary, Latent, Network, PlainMLP
from deeprestore_lab.priors import TotalVariation

ROOT = Path(__file__).parents[2]
MODERN = {"machine": "x86_64", "kernels": True, "isa": "AVX512", "avx512_bf16": True, "amx_tile": False}


@pytest.fixture
def machine(monkeypatch):
    """Pretends a machine and its environment."""

    def pretend(environment: dict | None = None, **changes: object) -> None:
        own = MODERN | changes
        for library in ("ONEDNN", "DNNL"):
            monkeypatch.delenv(f"{library}_MAX_CPU_ISA", raising=False)
        for name, value in (environment or {}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(platform, "machine", lambda: own["machine"])
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: own["kernels"], raising=False)
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: own["isa"])
        for name in ("avx512_bf16", "amx_tile"):
            monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda name=name: own[name], raising=False)

    return pretend


@pytest.mark.parametrize(
    ("environment", "changes", "expected"),
    [
        ({}, {}, True),
        ({}, {"avx512_bf16": False, "amx_tile": True}, True),
        ({}, {"avx512_bf16": False}, False),  # AVX512 alone: torch says yes, and converts
        ({}, {"kernels": False, "isa": "AVX2", "avx512_bf16": False}, False),
        ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, {}, False),  # torch's own answer does not look at it
        ({"ONEDNN_MAX_CPU_ISA": "avx2_vnni_2"}, {}, False),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, {}, False),
        ({"DNNL_MAX_CPU_ISA": "AVX2"}, {}, False),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, {}, True),
        ({"ONEDNN_MAX_CPU_ISA": "avx512_core_amx"}, {}, True),
        ({}, {"isa": "AVX2"}, False),  # what ATEN_CPU_CAPABILITY=avx2 makes of it
        ({}, {"machine": "aarch64", "isa": "DEFAULT", "avx512_bf16": False}, True),
        ({}, {"machine": "aarch64", "isa": "DEFAULT", "kernels": False}, False),
    ],
)
def test_bfloat16_counts_where_the_processor_computes_it(machine, environment, changes, expected):
    machine(environment, **changes)
    assert has_bfloat16() is expected
    assert fast_precision() == ("bf16-mixed" if expected else "32-true")
    with fast_autocast():
        assert nn.Linear(2, 2)(torch.zeros(1, 2)).dtype == (torch.bfloat16 if expected else torch.float32)
    with fast_autocast(enabled=not expected):
        assert nn.Linear(2, 2)(torch.zeros(1, 2)).dtype == (torch.float32 if expected else torch.bfloat16)


@pytest.mark.parametrize(
    ("environment", "isa", "expected"),
    [
        ({}, "AVX512", True),
        ({}, "AVX2", False),
        ({}, "DEFAULT", False),
        ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, "AVX512", False),
    ]
    + [({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, "AVX512", True), ({"ONEDNN_MAX_CPU_ISA": "nothing"}, "AVX512", True)],
)
def test_wide_vectors_count_where_torch_may_use_them(machine, environment, isa, expected):
    machine(environment, isa=isa)
    assert has_avx512() is expected


def test_on_cuda_the_compute_capability_decides(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for capability, expected in (((7, 5), False), ((8, 0), True), ((9, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, own=capability: own)
        assert has_bfloat16("cuda") is expected and has_bfloat16(torch.device("cuda:0")) is expected
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not has_bfloat16("cuda") and not has_bfloat16("meta")


def test_autocast_is_asked_for_through_one_function_alone():
    files = [*(ROOT / "deeprestore_lab").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    found = {name for name, text in texts.items() if "torch.autocast(" in text or '="bf16-mixed"' in text}
    assert found == {"machine.py"}, "float32 may be faster: take fast_autocast or fast_precision"


def test_a_device_is_checked_by_name():
    assert check_device(None) is None and check_device("meta") == torch.device("meta")
    for wrong in ("gpu", "cuda:x", 3.5):
        with pytest.raises(ValueError, match="device must be like 'cpu'"):
            check_device(wrong)


def test_a_mismatch_names_both_places():
    x = torch.zeros(1, 2)
    assert check_together(x, nn.Linear(2, 2)) is x and check_together(x, nn.ReLU()) is x
    with pytest.raises(ValueError, match="x is on the device 'cpu' and the network on 'meta'"):
        check_together(x, nn.Linear(2, 2, device="meta"))
    with pytest.raises(ValueError, match="y is on the device 'meta' and the mask on 'cpu'.*'cpu'.*'meta'"):
        check_together(x.to("meta"), x, names=("y", "the mask"))
    with pytest.raises(ValueError, match=r"x is float64 and the network computes in float32.*\.to\(torch.float32\)"):
        check_together(x.double(), nn.Linear(2, 2))
    with torch.autocast("cpu", torch.bfloat16):  # which converts by itself
        assert check_together(x.bfloat16(), nn.Linear(2, 2)).dtype == torch.bfloat16


MODELS = {
    "digit_classifier": (digit_classifier, (1, 1, 28, 28)),
    "denoiser": (lambda: denoiser("gaussian"), (1, 3, 16, 16)),
    "latent_autoencoder": (lambda: latent_autoencoder("mended"), (1, 1, 28, 28)),
    "its decoder": (lambda: latent_autoencoder("mended").decode, (1, 10)),
    "super_resolver": (lambda: super_resolver("pixel"), (1, 3, 8, 8)),
    "srcnn": (SRCNN, (1, 3, 8, 8)),
    "style_net": (style_net, (1, 3, 16, 16)),
    "adain_decoder": (adain_decoder, (1, 32, 8, 8)),
    "style decoder": (StyleDecoder, (1, 32, 8, 8)),
    "hourglass": (lambda: Hourglass(2, 3), (1, 2, 32, 32)),
    "VAE": (lambda: shipped("VAE"), (1, 1, 28, 28)),
    "IMLE": (lambda: shipped("IMLE"), (1, 10)),
    "GLO": (lambda: shipped("GLO").decode, (1, 10)),
    "flow": (lambda: shipped("flow"), (1, 1, 28, 28)),
    "its inverse": (lambda: shipped("flow").inverse, (1, 16, 7, 7)),
    "auto-encoder": (lambda: shipped("auto-encoder"), (1, 1, 28, 28)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_and_an_image_on_two_devices_are_named(name):
    make, shape = MODELS[name]
    call = make()
    model = getattr(call, "__self__", call)
    with pytest.raises(ValueError, match="on the device 'meta' and the .* on 'cpu'"):
        call(torch.zeros(shape, device="meta"))
    with pytest.raises(ValueError, match="on the device 'cpu' and the .* on 'meta'"):
        getattr(model.to("meta"), getattr(call, "__name__", "__call__"))(torch.zeros(shape))


def test_every_kind_of_generator_is_among_them():
    assert set(KINDS) - {"GLANN"} <= set(MODELS), "a GLANN takes no images and no codes, it samples where it is"


def test_a_glo_lies_where_its_images_do():
    model = GLO(torch.empty(20, 1, 8, 8, device="meta"), latent=4, widths=(16,), start="random")
    assert all(p.is_meta for p in model.parameters()) and model(torch.arange(3)).is_meta


def test_a_backbone_follows_the_image():
    phi = backbones.representation("vgg_mini", "relu2_2", weights="random")
    assert phi(torch.zeros(1, 3, 32, 32, device="meta")).device.type == "meta"
    assert phi(torch.zeros(1, 3, 32, 32)).device.type == "cpu"


def plain() -> nn.Module:
    return nn.Conv2d(1, 1, 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda **options: DeepImagePrior((2, 1, 33, 33), preset="tiny", seed=[1, 2], **options),
        lambda **options: PlainMLP((1, 1, 4, 4), hidden=8, **options),
        lambda **options: CoordinateNetwork((1, 3, 4, 4), hidden=8, features=4, **options),
        lambda **options: CoordinateNetwork((1, 3, 4, 4), hidden=8, features=0, **options),
        lambda **options: Network(plain, torch.zeros(1, 1, 4, 4), shape=(1, 1, 4, 4), **options),
        lambda **options: Dictionary((1, 1, 8, 16), weight=0.1, **options),
        lambda **options: Dictionary(torch.zeros(1, 1, 8, 16), weight=0.1, transform="dct_frame", **options),
    ],
)
def test_what_is_made_from_a_shape_takes_a_device(make):
    g, here = make(device="meta"), make()
    assert g().device.type == "meta" and g().shape == here().shape and here().device.type == "cpu"
    assert all(tensor.is_meta for tensor in (*g.parameters(), *g.buffers()))
    assert torch.equal(make(device="cpu").theta, here.theta)
    with pytest.raises(ValueError, match="device must be like"):
        make(device="gpu")


Y = torch.full((1, 3, 33, 33), 0.5)


@pytest.mark.parametrize(
    ("energy", "held"),
    [
        (GaussianLikelihood(Identity(), Y, sigma=0.1), "y"),
        (GaussianLikelihood(Mask(torch.ones(1, 1, 33, 33)), Y, sigma=0.1) + TotalVariation(), "y"),
        (2 * LaplaceLikelihood(Blur(torch.ones(3, 3) / 9), Y, scale=0.1), "y"),
        (PoissonLikelihood(Downsample(3), Y[..., :11, :11], peak=10) + TotalVariation(), "y"),
        (RepresentationError(Identity(), Y, normaliser="values"), "target"),
    ],
)
def test_data_and_a_parametrisation_on_two_devices_are_named(energy, held):
    term = weighted_terms(energy)[0][1]
    setattr(term, held, getattr(term, held).to("meta"))  # afterwards: the checks of values need values
    for g in (Y, DeepImagePrior(tuple(Y.shape), preset="tiny")):
        with pytest.raises(ValueError, match="on the device 'cpu' and the (measurement y|target) on 'meta'"):
            minimise(energy, g, steps=1)


def test_a_decoder_and_codes_on_two_devices_are_named():
    decode = latent_autoencoder("naive").to("meta").decode
    with pytest.raises(ValueError, match="u is on the device 'cpu' and the decoder on 'meta'"):
        Latent(decode, torch.full((1, 10), 0.5))()
