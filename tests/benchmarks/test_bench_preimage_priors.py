from importlib import import_module


def test_rows_have_both_layers_of_both_kinds():
    rows = import_module("benchmarks.bench_preimage_priors").run(size=32, steps=4, large=32, repeats=1)
    assert [row["name"].split(",")[0] for row in rows] == 2 * [
        "pre-image from the inverse network",
        "Gauss-Newton from noise",
    ] + 2 * ["gradient that keeps masks"]
    assert all(row["ours_s"] > 0 and row["peer_s"] > 0 for row in rows)
    kept = [float(row["note"].split("kept ")[1].split(" and")[0]) for row in rows[4:]]
    assert all(0 < own for own in kept)
