"""The record generator_grid: every cell is there, sizes compare, and bits are only where there is a density."""

from __future__ import annotations

from deeprestore_lab import artifacts

RECORD = artifacts.load_record("generator_grid")
CELLS = RECORD["cells"]


def test_every_cell_is_there():
    found = {(c["kind"], c["parameters"], c["images"], c["seed"]) for c in CELLS}
    kinds = {"auto-encoder", "VAE", "GLO", "GLANN", "IMLE", "flow"}
    assert {c["kind"] for c in CELLS} == kinds and len(found) == len(CELLS) == 6 * 9 * 2
    assert {(c["size"], c["images"], c["seed"]) for c in CELLS} == {
        (size, images, seed)
        for size in ("small", "middle", "large")
        for images in (500, 5000, 50000)
        for seed in (0, 1)
    }


def test_bits_are_only_where_there_is_a_density_and_the_exact_ones_are_fewer():
    assert {c["kind"] for c in CELLS if "bits" in c} == {"VAE", "flow"}
    for size in {(c["images"]) for c in CELLS}:
        vae, flow = (min(c["bits"] for c in CELLS if c["kind"] == k and c["images"] == size) for k in ("VAE", "flow"))
        assert flow < vae < 8


def test_few_digits_are_kept_rather_than_learnt():
    """Samples of what learnt from 500 digits lie nearer to these than to as many others."""
    for c in CELLS:
        if c["images"] == 500 and c["kind"] in ("GLO", "IMLE"):
            assert c["nearest_training"] < c["nearest_held_out"]
