"""What does not fit an inverse network is refused by name: a map of other pictures above all."""

import pytest
import torch

from deeprestore_lab import backbones
from deeprestore_lab import inverse_networks as inverses
from deeprestore_lab.inverse_networks import training
from deeprestore_lab.training import Patches
from refusals import refused_by_name

NETWORK = backbones.load("vgg_mini", "random", seed=0)
INVERSE = inverses.InverseNetwork(NETWORK, "relu2_2")
X = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
F = NETWORK.at("relu2_2")(X).detach()
MAPS = inverses.maps_of(INVERSE, X)
PATCHES = Patches([torch.rand(1, 3, 20, 20)], size=16)
NAN = float("nan")


def losses(maps, **settings):
    return training.errors(INVERSE, maps, **({"training": "alone"} | settings))


def by_image(x, reference):
    return (x - reference).square().flatten(1).mean(1)


REFUSED = {
    "a map of smaller pictures": (lambda: INVERSE(F, (64, 64)), r"images of \(64, 64\) have maps"),
    "the true map of another layer": (lambda: INVERSE.chain(F.repeat(1, 1, 2, 2), (16, 16)), "have maps of"),
    "one side": (lambda: INVERSE(F, -16), "size"),
    "a size as text": (lambda: INVERSE(F, "16"), "size"),
    "half pixels": (lambda: INVERSE(F, (16.5, 16)), "size"),
    "another precision": (lambda: INVERSE(F.double(), (16, 16)), "precision"),
    "a start of other sides": (
        lambda: inverses.warm_start("relu1_2", torch.rand(1, 16, 16, 16), size=(300, 3)),
        "have maps of",
    ),
    "no network to score": (lambda: inverses.scores(NETWORK, X), "InverseNetwork"),
    "errors of lists": (lambda: inverses.relative_error([1.0], [1.0]), "one shape"),
    "others as text": (lambda: inverses.normalised_errors(X, X, others="all"), "others"),
    "a seed as text": (lambda: inverses.paired_interval([1.0, 2.0], seed="0"), "seed"),
    "no draws": (lambda: inverses.paired_interval([1.0, 2.0], draws=0), "draws"),
    "gains of NaN": (lambda: inverses.paired_interval([1.0, NAN]), "finite"),
    "gains as text": (lambda: inverses.paired_interval("ab"), "gains"),
    "no backbone": (lambda: inverses.blocks(3, "relu1_2"), "Backbone"),
    "a negative width": (lambda: inverses.InverseNetwork(NETWORK, "relu2_2", width=-1.0), "width"),
    "a start by text": (lambda: inverses.InverseNetwork(NETWORK, "relu2_2", seed="0"), "seed"),
    "no maps": (lambda: INVERSE.calibrate({}), "relu2_2"),
    "the maps without the image": (lambda: training.errors(INVERSE, {"relu2_2": F}, training="alone"), "image"),
    "images as patches": (lambda: inverses.map_batches(INVERSE, X, count=2), "Patches"),
    "a score cut off": (
        lambda: inverses.backward_picture(NETWORK, "relu2_2", X, score=lambda f: f.detach().sum()),
        "autograd",
    ),
    "a score as text": (lambda: inverses.backward_picture(NETWORK, "relu2_2", X, score="sum"), "score"),
    "no network to send back through": (lambda: inverses.backward_picture(3, "relu2_2", X), "Backbone"),
    "one cut as text": (lambda: inverses.blocks(NETWORK, "pool2", cuts="pool1"), "cuts must be a list"),
    "a cut by number": (lambda: inverses.blocks(NETWORK, "pool2", cuts=3), "cuts must be a list"),
    "a module in another precision": (lambda: INVERSE.steps[0](F.double()), "precision"),
    "maps of no inverse network": (lambda: inverses.maps_of(NETWORK, X), "InverseNetwork"),
    "batches of no inverse network": (lambda: inverses.map_batches(NETWORK, PATCHES, count=2), "InverseNetwork"),
    "batches of none": (lambda: inverses.map_batches(INVERSE, PATCHES, count=0), "count"),
    "batches of half a seed": (lambda: inverses.map_batches(INVERSE, PATCHES, count=2, seed=0.5), "seed"),
    "errors of no inverse network": (lambda: training.errors(NETWORK, MAPS, training="alone"), "InverseNetwork"),
    "maps of lists": (lambda: losses({name: f.tolist() for name, f in MAPS.items()}), "float tensor"),
    "maps in another precision": (lambda: losses({name: f.double() for name, f in MAPS.items()}), "precision"),
    "a grey image": (lambda: losses(MAPS | {"image": X[:, :1]}), "3 channels"),
    "one image for two maps": (lambda: losses(MAPS | {"image": X[:1]}), "the same images"),
    "larger maps than the image's": (lambda: losses(MAPS | {"image": X[..., :8]}), "maps must be those of the images"),
    "a map of another layer": (lambda: losses(MAPS | {"pool1": MAPS["relu1_2"]}), "maps must be those of the images"),
    "a criterion for each image": (lambda: losses(MAPS, training="end to end", criterion=by_image), "one number"),
    "a criterion of nothing": (lambda: losses(MAPS, training="end to end", criterion=lambda a, b: None), "one number"),
    "batches that are no function": (
        lambda: inverses.train(INVERSE, MAPS, training="alone", steps=1, progress=False),
        "function of the step",
    ),
    "no network to train": (
        lambda: inverses.train(NETWORK, lambda step: MAPS, training="alone", steps=1, progress=False),
        "InverseNetwork",
    ),
    "held-out pictures in place of maps": (
        lambda: inverses.train(INVERSE, lambda s: MAPS, training="in turn", held_out=X, steps=1, progress=False),
        "maps must hold",
    ),
    "a reference of zeros": (lambda: inverses.relative_error(F, 0 * F), "zero everywhere"),
    "gains of no seed": (lambda: inverses.paired_interval(torch.zeros(3, 0)), "gains"),
    "a layer that divides by zero": (
        lambda: inverses.turning_point(torch.nn.LocalResponseNorm(5, alpha=-1.0)),
        "at least 0",
    ),
    "a scale of lists": (lambda: inverses.best_scale([1.0], [1.0]), "one shape"),
}


test_it_is_refused_by_name = refused_by_name(REFUSED)


def test_inference_mode_has_no_backward_picture():
    with torch.inference_mode(), pytest.raises(ValueError, match="inference_mode"):
        inverses.backward_picture(NETWORK, "relu2_2", X)


def test_the_layout_of_a_map_in_memory_changes_nothing():
    torch.testing.assert_close(INVERSE(F.contiguous(memory_format=torch.channels_last), (16, 16)), INVERSE(F, (16, 16)))
