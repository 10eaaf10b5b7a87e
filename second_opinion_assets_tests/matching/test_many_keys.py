"""Keys so many that they are numbered and found part by part."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from second_opinion_assets.contract.options import KeyNormalize
from second_opinion_assets.matching import match
from second_opinion_assets.matching.finer_keys import FinerColumn, finer_columns
from second_opinion_assets.matching.keys import KEY_TYPE, KeyColumn
from second_opinion_assets_tests.workspace import Workspace

COLUMNS = [
    ["a.mp4", "", "b", "a.mp4", "é/c", "zzzzzzzzzz"],
    [],
    ["b", "new", "a long name of a clip", "", "zzzzzzzzz", "b"],
]
FEATURES = [{"clip_id": key} for key in ("b", "a", None, "unknown", "b", "", "éa", "ba")]
SCORES = [{"clip_id": key, "score": n} for n, key in enumerate(("ba", "a", "b", "éa", "more"))]


def test_many_keys_are_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal keys have one number, whichever columns they are in, and each number its text."""
    monkeypatch.setattr(match, "MANY_KEYS", 0)
    columns = [pa.array(["cut off", *texts], KEY_TYPE)[1:] for texts in COLUMNS]
    numbering = match.number_keys(columns)
    found = [numbering.keys.take(pa.array(numbers)).to_pylist() for numbers in numbering.numbers]
    assert found == COLUMNS
    assert numbering.keys.to_pylist() == list(dict.fromkeys(numbering.keys.to_pylist()))


@pytest.mark.parametrize("many", [0, 1 << 20], ids=["many", "few"])
@pytest.mark.parametrize("table", ["f.jsonl", "f.parquet"])
def test_many_keys_are_found(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, table: str, many: int
) -> None:
    """Each row gets the score of its own key, however many keys there are."""
    monkeypatch.setattr(match, "MANY_KEYS", many)
    work.write_lines("f.jsonl", FEATURES)
    work.write_table("f.parquet", pa.Table.from_pylist(FEATURES))
    work.write_lines("s.jsonl", SCORES)
    work.join(features=table, scores=["S=s.jsonl"])
    scores = [row["second_opinion_s_score"] for row in work.rows()]
    assert scores == [2, 1, None, None, 2, None, 3, 0]


@pytest.mark.parametrize(
    ("codes", "others", "finer"),
    [
        ([0, -1, -1], [0, 1, 2], []),
        ([0, 0, -1], [0, -1, 1], []),
        ([0, 0, 1], [0, 0, 1], []),
        ([1, 0, 1], [0, 1, 2], [FinerColumn("path", "b", ("x", "z"))]),
    ],
    ids=["no-key", "no-other", "alike", "finer"],
)
def test_rows_with_one_key_are_told_apart(
    codes: list[int], others: list[int], finer: list[FinerColumn]
) -> None:
    """Only rows that have both a key and another one are told apart by it."""
    columns = {
        "clip_id": KeyColumn(pa.array(["a", "b"], KEY_TYPE), np.array(codes, np.int32)),
        "path": KeyColumn(pa.array(["x", "y", "z"], KEY_TYPE), np.array(others, np.int32)),
    }
    assert finer_columns("clip_id", columns, KeyNormalize.auto) == finer
