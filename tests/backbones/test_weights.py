"""Where weights come from: tiers in their order, what is missing said, damaged files refused."""

import hashlib

import pytest
import safetensors.torch
import torch

from deeprestore_lab import backbones, data
from deeprestore_lab.backbones import loading
from deeprestore_lab.backbones.weights import LAYOUTS, WEIGHTS


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch, tmp_path):
    """No local folder, no torchvision cache, no permission to download, and nothing loaded before."""
    for name in ("DEEPRESTORE_DATA", "DEEPRESTORE_DOWNLOAD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    loading._loaded.cache_clear()
    yield
    loading._loaded.cache_clear()


def local_vgg16(monkeypatch, tmp_path, *, change=None) -> None:
    """A local folder with weights shaped like VGG16's up to relu3_3, with their sum."""
    generator = torch.Generator().manual_seed(0)
    tensors = {
        stage.prefix + name: torch.randn(value.shape, generator=generator)
        for stage in LAYOUTS["vgg16"]()[:16]
        for name, value in stage.module.state_dict().items()
    }
    if change:
        change(tensors)
    file = tmp_path / "data" / "weights" / WEIGHTS["vgg16"]["local"].file
    file.parent.mkdir(parents=True)
    safetensors.torch.save_file(tensors, file)
    total = hashlib.sha256(file.read_bytes()).hexdigest()
    (tmp_path / "data" / "SHA256SUMS").write_text(f"{total}  weights/{file.name}\n")
    monkeypatch.setenv("DEEPRESTORE_DATA", str(tmp_path / "data"))


def test_missing_weights_say_how_to_get_them():
    with pytest.raises(
        data.DataError, match=r"put vgg16_.*DEEPRESTORE_DATA names; the network tier: `.*data fetch vgg16`"
    ):
        backbones.load("vgg16")
    with pytest.raises(data.DataError, match="local tier has it up to pool3 only"):
        backbones.representation("vgg16", "relu4_1")
    with pytest.raises(data.DataError, match="local weights of vgg16 are not at hand"):
        backbones.load("vgg16", "local")


def test_the_local_folder_comes_first_and_is_named(monkeypatch, tmp_path, capsys):
    local_vgg16(monkeypatch, tmp_path)
    network = backbones.first_at_hand(("vgg16", "vgg_mini"), layers=["relu3_3"])
    assert network.name == "vgg16" and network.layers[-1] == "pool3"
    assert backbones.load("vgg16") is network
    assert capsys.readouterr().out == "network: vgg16, local weights (Caffe's, to pool3)\n"


def test_the_normalisation_of_local_weights_is_caffes(monkeypatch, tmp_path):
    """RGB in 0..255 less the mean colour: an image of that colour is zero everywhere."""
    local_vgg16(monkeypatch, tmp_path)
    network = backbones.load("vgg16")
    mean = torch.tensor([123.68, 116.779, 103.939]).reshape(1, 3, 1, 1) / 255
    x = mean.expand(1, 3, 8, 8).contiguous()
    first = network.module[0]
    expected = first.bias.reshape(1, -1, 1, 1).expand(1, 64, 8, 8)
    torch.testing.assert_close(network.features(x, ["conv1_1"])["conv1_1"], expected, atol=1e-3, rtol=0)
    brighter = network.features(x + 1 / 255, ["conv1_1"])["conv1_1"][0, :, 4, 4]
    torch.testing.assert_close(brighter, first.bias + first.weight.sum((1, 2, 3)), atol=1e-3, rtol=1e-3)


def test_the_first_network_at_hand_is_the_embedded_one_without_others():
    assert backbones.first_at_hand(("vgg16", "vgg_mini"), layers=["relu3_3"]).name == "vgg_mini"
    with pytest.raises(data.DataError, match="vgg16: .*; alexnet: "):
        backbones.first_at_hand(("vgg16", "alexnet"), layers=["pool5"])


def test_a_file_that_was_changed_is_refused(monkeypatch, tmp_path):
    local_vgg16(monkeypatch, tmp_path)
    file = tmp_path / "data" / "weights" / WEIGHTS["vgg16"]["local"].file
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(bytes(raw))
    with pytest.raises(data.DataError, match="damaged or another file"):
        backbones.load("vgg16")


@pytest.mark.parametrize("left", [0, 5, 1000, -1])
def test_a_file_that_was_cut_off_is_refused_where_no_sum_is_known_too(monkeypatch, tmp_path, left):
    local_vgg16(monkeypatch, tmp_path)
    (tmp_path / "data" / "SHA256SUMS").unlink()
    file = tmp_path / "data" / "weights" / WEIGHTS["vgg16"]["local"].file
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(data.DataError, match=f"{file.name} is damaged or no file of weights .*get it again"):
        backbones.load("vgg16")


@pytest.mark.parametrize("content", [b"no checkpoint", {"a": 3}, [torch.zeros(1)]])
def test_a_checkpoint_that_holds_no_tensors_is_refused(monkeypatch, tmp_path, content):
    """With the right sum: it was damaged, or another thing, before the sum was taken."""
    file = tmp_path / "made.pth"
    file.write_bytes(content) if isinstance(content, bytes) else torch.save(content, file)
    monkeypatch.setattr(data, "fetch", lambda name: file)
    monkeypatch.setattr(data.downloads, "fetched", lambda name: True)
    with pytest.raises(data.DataError, match="made.pth is (damaged or )?no file of weights.*get it again"):
        backbones.load("alexnet", "torchvision")


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda t: t.pop("features.5.bias"), "the file has nothing"),
        (lambda t: t.update({"features.5.bias": torch.zeros(7)}), r"the file has a tensor \(7,\)"),
        (lambda t: t["features.5.bias"].fill_(float("nan")), "not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused(monkeypatch, tmp_path, change, got):
    local_vgg16(monkeypatch, tmp_path, change=change)
    with pytest.raises(data.DataError, match=f"do not fit vgg16 conv2_1: features.5.bias.*{got}"):
        backbones.load("vgg16")


def test_an_allowed_download_is_tried_and_its_failure_told(monkeypatch):
    def nothing(*_, **__):
        raise OSError("no network here")

    monkeypatch.setattr(torch.hub, "download_url_to_file", nothing)
    with pytest.raises(data.DataError, match="'alexnet' could not be downloaded"):
        backbones.load("alexnet", allow_download=True)


def test_torchvisions_weights_are_read_from_its_cache(monkeypatch, tmp_path):
    """SqueezeNet's checkpoint as torchvision stores it, with the start of its sum in its name."""
    import torchvision

    state = torchvision.models.squeezenet1_1().state_dict()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(state, folder / "made.pth")
    start = hashlib.sha256((folder / "made.pth").read_bytes()).hexdigest()[:8]
    (folder / "made.pth").rename(folder / f"squeezenet1_1-{start}.pth")
    kind = data.downloads._WEIGHTS["squeezenet"][0]
    monkeypatch.setitem(data.downloads._WEIGHTS, "squeezenet", (kind, f"squeezenet1_1-{start}.pth"))
    network = backbones.load("squeezenet1_1")
    assert network.weights == "torchvision weights (torchvision's)"
    assert torch.equal(network.module.get_submodule("fire2").squeeze.weight, state["features.3.squeeze.weight"])
