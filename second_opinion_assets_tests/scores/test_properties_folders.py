"""Properties of folders with broken files, and of files with a field for each scorer."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests.strategies import thorough
from second_opinion_assets_tests.workspace import Workspace

Row = dict[str, Any]
numbers = st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(0, 100))


def _log(score: float) -> str:
    frames = [{"frameNum": 0, "metrics": {"vmaf": score}}]
    return json.dumps({"frames": frames, "pooled_metrics": {"vmaf": {"mean": score}}}, indent=1)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=5), st.booleans())
@thorough
def test_what_is_cut_off_a_log_costs_its_clip_alone(
    cuts: list[float | None],
    pattern: bool,  # noqa: FBT001 (drawn)
) -> None:
    """A log that lacks anything of its end makes its clip bad; each whole one is read."""
    with tempfile.TemporaryDirectory() as folder:
        work = Workspace(Path(folder))
        work.write_lines("features.jsonl", [{"clip_id": f"c{n}"} for n in range(len(cuts))])
        expected = []
        for number, cut in enumerate(cuts):
            whole = _log(number + 0.5)
            text = whole if cut is None else whole[: int(cut * len(whole))]
            work.write(f"logs/c{number}.json", text)
            expected.append((number + 0.5, "ok") if text == whole else (None, "bad"))
        given = "VMAF=logs/*.json" if pattern else "VMAF=logs"
        if all(status == "bad" for _, status in expected):
            with pytest.raises(JoinError, match=r"^[^\n]+\Z"):
                work.join(scores=[given])
            return
        work.join(scores=[given])
        got = [
            (r["second_opinion_vmaf_score"], r["second_opinion_vmaf_status"]) for r in work.rows()
        ]
        assert got == expected


def _written(rows: list[Row], form: str) -> bytes:
    if form == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    if form == "json":
        return json.dumps({"rows": rows}).encode()
    if form == "parquet":
        sink = io.BytesIO()
        schema = pa.schema([("clip_id", pa.string()), *((n, pa.float64()) for n in "xyz")])
        pq.write_table(pa.Table.from_pylist(rows, schema), sink)
        return sink.getvalue()
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@given(
    st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=6),
    st.sampled_from(["jsonl", "json", "csv", "parquet"]),
)
@thorough
def test_each_scorer_of_a_file_has_its_field_alone(
    table: list[tuple[float | None, ...]], form: str
) -> None:
    """Whatever a file's fields hold, each scorer has the numbers of its own, and no others."""
    rows = [{"clip_id": f"c{n}", **dict(zip("xyz", of, strict=True))} for n, of in enumerate(table)]
    with tempfile.TemporaryDirectory() as folder:
        work = Workspace(Path(folder))
        work.write_lines("features.jsonl", [{"clip_id": row["clip_id"]} for row in rows])
        work.write(f"iqa.{form}", _written(rows, form))
        fields = {"X": "x", "Y": "y", "Z": "z"}
        work.join(scores=[{"path": f"iqa.{form}", "scorers": fields}])
        for row, joined in zip(rows, work.rows(), strict=True):
            for name in "xyz":
                start = f"second_opinion_{name}_"
                status = "bad" if row[name] is None else "ok"
                assert (joined[f"{start}score"], joined[f"{start}status"]) == (row[name], status)
