import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from deeprestore_lab.course.figures import wipe

TEXTS = {"alt": "A ramp", "see": "What changed."}


def pictures(figure):
    found = re.findall(r"data:image/png;base64,([^\"]+)", figure.html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) / 255 for data in found]


def ramp():
    return torch.linspace(0.2, 0.8, 24).reshape(1, 1, 4, 6).expand(1, 3, 4, 6).clone()


def test_it_holds_both_pictures_and_their_differences():
    before, after = ramp(), ramp()
    after[0, 0, 1, 2] += 0.1
    after[0, 1, 3, 4] -= 0.05
    under, over, signed, size = pictures(wipe(before, after, format="png", gain=2, **TEXTS))
    for shown, x in ((under, before), (over, after), (signed, 0.5 + after - before)):
        assert np.abs(shown - x[0].permute(1, 2, 0).numpy()).max() < 0.003
    assert size[1, 2] == pytest.approx(0.2 / 3, abs=0.003) and size[3, 4] == pytest.approx(0.1 / 3, abs=0.003)
    assert np.count_nonzero(size) == 2


def test_its_handle_is_a_named_range_and_the_scores_are_given():
    figure = wipe(ramp() + 0.1, ramp(), reference=ramp(), labels=("noisy", "clean"), **TEXTS)
    assert len(re.findall(r'<input type="range"[^>]*aria-label="A ramp: from left to right"', figure.html)) == 1
    words = re.sub(r"<br>", " ", figure.html)
    words = " ".join(re.sub(r"<[^>]+>", " ", words).split())
    assert "noisy 20.0 dB clean exact" in words and "What changed." in words
    assert figure.html.count("alt=") == 4


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match="images of one shape"):
        wipe(ramp(), ramp()[..., 1:], **TEXTS)
    with pytest.raises(ValueError, match="gain"):
        wipe(ramp(), ramp(), gain=0, **TEXTS)
