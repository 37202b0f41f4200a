from __future__ import annotations

import pytest

from deeprestore_lab.teaching.exercises.imports import imported


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("import torch", {"torch"}),
        ("import torch.nn as nn, numpy", {"torch.nn", "numpy"}),
        ("from scipy.fft import dctn, idctn", {"scipy.fft"}),
        ("def f(x):\n    import math\n    return math.pi", {"math"}),
        ("%matplotlib inline\n!ls\nimport json", {"json"}),
        ("import json\nif True:\n    !ls\nfor i in (1,):\n    %time i", {"json"}),
        ("import json\nt = ('%d'\n     % 3)", {"json"}),
        ("try:\n    import missing\nexcept ImportError:\n    missing = None", set()),
        ("from . import beside", set()),
        ("not python at all (", set()),
        ("text = 'import torch'", set()),
    ],
)
def test_modules_of_a_cell(text, modules):
    assert imported([text]) == modules


def test_a_cell_that_is_no_python_does_not_hide_the_others():
    assert imported(["import torch", "def (", "import numpy"]) == {"torch", "numpy"}
