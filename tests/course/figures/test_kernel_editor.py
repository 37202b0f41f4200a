import base64
import html
import io
import json
import re

import numpy as np
import torch
from PIL import Image

from deeprestore_lab.course.figures import kernel_editor
from refusals import refused

TEXTS = {"alt": "A ramp", "see": "What answers."}
SIDEWAYS = torch.tensor([[-1.0, 0.0, 1.0]] * 3)
KERNELS = {"edge": SIDEWAYS, "mean": torch.full((3, 3), 1 / 9)}


def ramp():
    return torch.linspace(0.2, 0.8, 6).expand(1, 1, 4, 6).clone()


def test_it_shows_the_first_response_before_any_script_runs():
    found = re.findall(r"data:image/png;base64,([^\"]+)", kernel_editor(ramp(), KERNELS, gain=0.25, **TEXTS).html)
    given, answer = (np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) / 255 for data in found)
    assert np.abs(given - ramp()[0, 0].numpy()).max() < 0.003
    step = 0.6 / 5  # inside three rows times two steps; at the repeated border one step
    expected = 0.5 + 0.25 * 3 * step * np.array([1, 2, 2, 2, 2, 1])
    assert np.abs(answer - expected).max() < 0.003


def test_every_number_has_a_name_and_every_start_its_values():
    text = kernel_editor(ramp(), KERNELS, **TEXTS).html
    names = re.findall(r'aria-label="(weight in row \d, column \d)"', text)
    assert len(set(names)) == 9 and 'value="-1"' in text
    assert re.findall(r'data-kernel="(\w+)"', text) == ["edge", "mean"]
    settings = json.loads(html.unescape(re.search(r'data-settings="([^"]+)"', text)[1]))
    assert settings["kernels"]["edge"] == SIDEWAYS.flatten().tolist() and settings["side"] == 3
    assert text.count("alt=") == 2 and "What answers." in text and text.count("<script>") == 1


test_wrong_input_is_named = refused(
    (ramp().expand(1, 3, 4, 6), KERNELS, "x must have 1 channels"),
    (ramp().expand(2, 1, 4, 6), KERNELS, "x must be one picture"),
    (ramp(), {}, "kernels must map names"),
    (ramp(), {"even": torch.ones(2, 2)}, "one odd k up to 7"),
    (ramp(), {"edge": SIDEWAYS, "other": torch.ones(5, 5)}, "one odd k up to 7"),
    (ramp(), {"flat": torch.ones(9)}, "one odd k up to 7"),
    by=lambda x, kernels: kernel_editor(x, kernels, **TEXTS),
)
