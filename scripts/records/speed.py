"""What `make bench` measured last, each row with its machine: the page on speed shows it.

Run `make bench` first, or `python -m benchmarks.run WORDS` for some of the benchmarks. Rows that were not measured
again stay as the record has them.
"""

from __future__ import annotations

import json
from pathlib import Path

from deeprestore_lab.core.artifacts import ArtifactError, load_record, save_record
from scripts import ROOT
from scripts.making.resumable import rounded

RESULTS = ROOT / "benchmarks" / "results"
RECORD = "speed"


def last_rows(folder: Path) -> dict[str, dict]:
    """The last row of each name and peer in the files of a folder, with the machine it was measured on."""
    found = {}
    for file in sorted(folder.glob("bench-*.json")):  # names begin with the time
        content = json.loads(file.read_text(encoding="utf-8"))
        for row in content["rows"]:
            if row["ours_s"] is not None:
                found[key_of(row)] = row | {"machine": content["machine"]}
    return found


def key_of(row: dict) -> str:
    """What a row is called in the record: several peers may do the same."""
    return f"{row['name']} | {row['peer']}"


def main() -> None:
    """Write the record. Raises `FileNotFoundError` where nothing was measured."""
    new = last_rows(RESULTS)
    if not new:
        raise FileNotFoundError(f"nothing was measured in {RESULTS}: run make bench first")
    try:
        old = {key_of(row): row for row in load_record(RECORD)["rows"].values()}
    except ArtifactError:
        old = {}
    rows = old | new
    met = [row["met"] for row in rows.values() if row["met"] is not None]
    save_record(
        RECORD,
        rounded({"rows": {name: rows[name] for name in sorted(rows)}}),
        command=f"make bench && make records NAME={RECORD}",
        data="none",
        licence="numbers only",
        seeds=[0],
        metric=f"{sum(met)} of {len(met)} goals met",
    )


if __name__ == "__main__":
    main()
