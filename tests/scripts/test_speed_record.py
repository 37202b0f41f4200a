"""The record of speed keeps the last measurement of each row, whichever benchmark wrote it."""

from __future__ import annotations

import json

from scripts.records.speed import last_rows


def test_rows_that_differ_in_the_peer_alone_are_both_kept_and_the_last_one_counts(tmp_path):
    def write(time, *rows):
        content = {"machine": {"time": time}, "rows": rows}
        (tmp_path / f"bench-{time}.json").write_text(json.dumps(content))

    row = {"name": "TV", "peer": "one", "ours_s": 1.0}
    write("20260102", row | {"ours_s": 2.0})
    write("20260101", row, row | {"peer": "two"}, row | {"peer": "absent", "ours_s": None})
    found = last_rows(tmp_path)
    assert [(own["peer"], own["ours_s"], own["machine"]["time"]) for own in found.values()] == [
        ("one", 2.0, "20260102"),
        ("two", 1.0, "20260101"),
    ]
