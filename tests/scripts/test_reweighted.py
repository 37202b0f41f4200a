"""Draws reweighted, resampled and judged, against weights whose draws are known."""

from __future__ import annotations

import pytest
import torch

from scripts.making.reweighted import SHOWN, judged

X = torch.arange(40).float().view(-1, 1, 1, 1) / 255  # each draw says which one it is


def test_every_weight_of_every_rule_is_judged_and_only_what_was_asked_for_is_shown():
    logs = torch.where(torch.arange(40) < 10, 0.0, -1e3)
    found, pictures = judged(
        X,
        {"few": [logs], "all": [torch.zeros(40), torch.zeros(40)]},
        lambda x: {"largest": float(255 * x.max())},
        weights={"few": (0.0, 1.0), "all": (0.5,), "of another kind": (1.0,)},
        kept=40,
        seed=3,
        shown=("few",),
    )
    assert list(found) == ["few | 0", "few | 1", "all | 0.5"]
    assert [own["ess"] for own in found.values()] == pytest.approx([40, 10, 40])
    assert [round(own["largest"]) for own in found.values()] == [39, 9, 39]
    assert list(pictures) == ["few 0", "few 1"]
    everything, some = (rows.flatten().tolist() for rows in pictures.values())
    assert len(everything) == len(set(everything)) == SHOWN  # each draw once, and in random order
    assert everything != sorted(everything)
    assert max(some) < 10 and max(some.count(each) for each in some) <= 4
