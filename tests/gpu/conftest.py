"""The device that is compared with the CPU: the GPU, or what DEEPRESTORE_TEST_DEVICE names."""

from __future__ import annotations

import os

import pytest
import torch

WANTED = os.environ.get("DEEPRESTORE_TEST_DEVICE", "cuda")
THERE = torch.device(WANTED).type != "cuda" or torch.cuda.is_available()
ABSENT = "there is no CUDA GPU that torch can use here"


@pytest.fixture
def device() -> torch.device:
    """Where the other result comes from."""
    if not THERE:
        pytest.skip(ABSENT)
    return torch.device(WANTED)


@pytest.fixture(autouse=True)
def _products_in_full_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensor cores would round what goes into convolutions to 11 bits."""
    if THERE and WANTED.startswith("cuda"):
        monkeypatch.setattr(torch.backends.cudnn.conv, "fp32_precision", "ieee")
        monkeypatch.setattr(torch.backends.cuda.matmul, "fp32_precision", "ieee")


def pytest_terminal_summary(terminalreporter) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if ABSENT in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"{ABSENT}: {len(skipped)} tests that compare it with the CPU were skipped.")
