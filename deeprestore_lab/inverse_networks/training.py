"""The four ways to train an inverse network, which differ in what each module is given and where a loss is taken."""

from collections.abc import Callable
from pathlib import Path

import torch

from deeprestore_lab.core.checks import check_choice, check_seed, check_whole, describe
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.inverse_networks.blocks import IMAGE
from deeprestore_lab.inverse_networks.criteria import Comparison, comparison
from deeprestore_lab.inverse_networks.network import InverseNetwork, check_inverse
from deeprestore_lab.training import Patches, fit
from deeprestore_lab.training.history import History

TRAININGS = ("alone", "in turn", "together", "end to end")
Batch = dict[str, torch.Tensor]


@torch.no_grad()
def maps_of(inverse: InverseNetwork, x: torch.Tensor) -> Batch:
    """The image and the true maps of every layer of the inverse network, from one pass of the backbone.

    Raises `ValueError` for what is no inverse network and no batch of colour images.
    """
    return {IMAGE: x, **check_inverse(inverse).backbone.features(x, inverse.layers)}


def map_batches(
    inverse: InverseNetwork, patches: Patches, *, count: int, seed: int = 0, kept: int = 0
) -> Callable[[int], Batch]:
    """A function of the step that draws `count` patches with their maps, for `train`.

    The backbone runs once a batch, without a graph. With `kept` above 0 there are so many different batches, each
    computed once: for steps beyond them the backbone does not run at all. Raises `ValueError` for what is no inverse
    network, what are no patches, and a count, seed or number of kept batches that is none. Taught in chapter
    17_inverse_networks.
    """
    check_inverse(inverse)
    if not isinstance(patches, Patches):
        raise ValueError(f"patches must be `training.Patches`, got {describe(patches)}")
    check_whole(count, name="count", least=1), check_whole(kept, name="kept", least=0)
    seed = check_seed(seed)
    known: dict[int, Batch] = {}

    def draw(step: int) -> Batch:
        number = step % kept if kept else step
        if number in known:
            return known[number]
        batch = maps_of(inverse, patches.draw(count, seed=1_000_003 * seed + number))
        if kept:
            known[number] = batch
        return batch

    return draw


def errors(
    inverse: InverseNetwork, maps: Batch, *, training: str, criterion: str | Comparison = "l2"
) -> dict[str, torch.Tensor]:
    r"""The loss at the output of each module that has one under a training, by target, each a scalar.

        "alone"       m_k is given the true map of layer k:            every module has a loss, no gradient between them
        "together"    m_k is given what m_{k+1} gave:                  every module has a loss, gradients go through all
        "end to end"  as "together", with a loss on the image alone

    Maps are compared in units of their root mean square, the image in units of 1/4, by "l2" (mean square) or "l1" (mean
    absolute value). End to end `criterion` may also be a function of two image batches in [0, 1], what is given back
    (not clipped) and the truth, that gives a scalar, such as a perceptual loss. Raises `ValueError` for other names,
    for a function with another training or that gives no scalar, and where maps are missing or are not those of the
    images. Taught in chapter 17_inverse_networks.
    """
    check_inverse(inverse)
    check_choice(training, ("alone", "together", "end to end"), name="training")
    compare = comparison(criterion, training)
    true, sizes = _true(inverse, maps)
    found, own = {}, true[inverse.layer]
    for place, block in enumerate(inverse.blocks):
        own = inverse.step(place, true[block.layer] if training == "alone" else own, sizes)
        if training != "end to end" or block.target == IMAGE:
            found[block.target] = compare(own, true[block.target])
    return found


def train(
    inverse: InverseNetwork,
    draw: Callable[[int], Batch],
    *,
    training: str,
    steps: int,
    lr: float | Callable[[int], float] = 2e-3,
    criterion: str | Comparison = "l2",
    held_out: Batch | None = None,
    every: int = 100,
    checkpoint: str | Path | None = None,
    label: str = "inverse network",
    progress: bool | None = None,
) -> list[History]:
    r"""Train the modules in one of the four ways, each module for `steps` steps of AdamW without decay.

    `training`: one of `errors`, whose sum over modules is minimised, or "in turn": the deepest module first, then each
    on what the ones before it give, which no longer change; `steps` for each, so K times as many in all. Modules
    "alone" share no parameter and no gradient, so minimising the sum trains each by itself.

    `draw(step)` gives maps as `map_batches` makes them. The units of the layers are set from `draw(0)` if they were not
    yet. `held_out` are maps that are not trained on: the network ends with the weights that were best there. The other
    settings are those of `training.fit`; with "in turn" a checkpoint gets a number for each module. Gives a history for
    each run of `fit`. Raises `ValueError` as `fit` does. Taught in chapter 17_inverse_networks.
    """
    check_inverse(inverse), check_choice(training, TRAININGS, name="training")
    if not callable(draw):
        raise ValueError(f"draw must be a function of the step, got {describe(draw)}")
    compare = comparison(criterion, training)
    if bool((inverse.scales == 1).all()):
        inverse.calibrate(draw(0))
    settings = {"steps": steps, "lr": lr, "every": every, "progress": progress}

    if training != "in turn":

        def loss(maps: Batch) -> torch.Tensor:
            return sum(errors(inverse, maps, training=training, criterion=criterion).values())

        run = fit(inverse, draw, objective=loss, held_out=held_out, checkpoint=checkpoint, label=label, **settings)
        return [run]
    histories = []
    for place in range(len(inverse.blocks)):

        def own_loss(maps: Batch, place: int = place) -> torch.Tensor:
            return _error_of(inverse, maps, place, compare)

        file = None if checkpoint is None else f"{checkpoint}-{place}"
        run = fit(
            inverse.steps[place],
            draw,
            objective=own_loss,
            held_out=held_out,
            checkpoint=file,
            label=f"{label}, module {place + 1} of {len(inverse.blocks)}",
            **settings,
        )
        histories.append(run)
    return histories


def _true(inverse: InverseNetwork, maps: Batch) -> tuple[Batch, dict[str, tuple[int, int]]]:
    """The maps in the units of the modules, and their sides, which must be those that the images give."""
    inverse.check_maps(maps, IMAGE)
    check_together(maps[inverse.layer], inverse, names=("the maps", "the inverse network"))
    own = {name: tuple(maps[name].shape[2:]) for name in (IMAGE, *inverse.layers)}
    if own != (wanted := inverse.sizes(maps[inverse.layer], own[IMAGE])):
        raise ValueError(f"maps must be those of the images, with sides {wanted}, got {own}")
    return inverse.scaled(maps), own


def _error_of(inverse: InverseNetwork, maps: Batch, place: int, compare: Comparison) -> torch.Tensor:
    """The loss of one module on what those before it give, which get no gradient."""
    true, sizes = _true(inverse, maps)
    own = true[inverse.layer]
    with torch.no_grad():
        for earlier in range(place):
            own = inverse.step(earlier, own, sizes)
    return compare(inverse.step(place, own, sizes), true[inverse.blocks[place].target])
