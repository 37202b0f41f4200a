"""What runs in the confined process: a notebook's cells, one after the other, by a kernel that it starts."""

import json
import os
import sys
from pathlib import Path

RESULT = ".executed.json"  # beside the notebook, written by the process
STARTUP = 180  # seconds for a kernel, on a busy machine


def main() -> None:
    """Run the notebook that stands on standard input, and write what its cells gave into this folder."""
    sys.modules.setdefault("rfc3987_syntax", None)  # a grammar of addresses for jsonschema: seconds, and no use here
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    asked = json.load(sys.stdin)
    nb = nbformat.from_dict(asked["notebook"])
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[3])  # the library that grades, for the kernel
    at = [0, ""]

    def note(cell, cell_index):
        at[:] = cell_index + 1, cell.source.strip().split("\n")[0]

    client = NotebookClient(
        nb,
        timeout=asked["timeout"],
        startup_timeout=STARTUP,
        kernel_name=nb.metadata.kernelspec.name,
        allow_errors=True,
        raise_on_iopub_timeout=True,
        on_cell_execute=note,
    )
    try:
        client.execute()
        cells = nb.cells
        said = {"outputs": [c.get("outputs", []) for c in cells], "counts": [c.get("execution_count") for c in cells]}
    except (CellTimeoutError, DeadKernelError) as error:
        said = {"stopped": at, "slow": isinstance(error, CellTimeoutError)}
    said["cpu"] = sum(os.times()[:4])  # the kernel's too: it has ended, and was waited for
    Path(RESULT).write_text(json.dumps(said), encoding="utf-8")
