"""Columns of a table, read by themselves: what a plain reading gives, in every format."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.open import open_table
from second_opinion_assets_tests.workspace import Workspace

STATUS = "second_opinion_dover_status"
SCORE = "second_opinion_dover_score"
OUTS = ["out.jsonl", "out.ndjson", "out.json", "out.parquet", "out.pq", "out.csv", "out.tsv"]


def read(path: Path, key: str, names: list[str]) -> list[list[Any]]:
    """Return whole columns of a table, the key's first."""
    columns: list[list[Any]] = [[] for _ in [key, *names]]
    with Input(Location(path)) as file:
        for block in open_table(file).read_columns([key], names):
            found = [block.keys[0].to_pylist(), *block.others]
            for column, values in zip(columns, found, strict=True):
                column.extend(values)
        assert file.digest.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    return columns


@pytest.mark.parametrize("out", OUTS)
def test_columns(work: Workspace, out: str) -> None:
    """Keys and appended columns come back as they were written, with the file's digest."""
    work.join(out=out)
    assert read(work.folder / out, "clip_id", [STATUS, SCORE]) == [
        ["a", "b"],
        ["ok", "missing"],
        ["72.5" if out.endswith("sv") else 72.5, None],
    ]


@pytest.mark.parametrize("out", ["out.jsonl", "out.json", "out.csv"])
def test_keys_that_are_numbers(work: Workspace, out: str) -> None:
    """A key that is a number is its own text, as in the join."""
    work.write(
        "features.jsonl", '{"clip_id": "a"}\n{"clip_id": 1e5}\n{"clip_id": 0.10}\n{"x": 1}\n'
    )
    work.join(out=out)
    assert read(work.folder / out, "clip_id", []) == [["a", "1e5", "0.10", None]]


@pytest.mark.parametrize("out", ["out.jsonl", "out.json", "out.csv"])
def test_a_key_with_an_odd_name(work: Workspace, out: str) -> None:
    """A key column whose name needs escapes is read too."""
    work.write("features.jsonl", '{"a\\"b": "a"}\n{"a\\"b": 7}\n')
    work.join(out=out, key_column='a"b')
    assert read(work.folder / out, 'a"b', [STATUS]) == [["a", "7"], ["ok", "missing"]]


def test_a_list_without_an_object_around_it(work: Workspace) -> None:
    """A document that is a list is read as one with rows is."""
    work.write("features.json", '[{"clip_id": "a"}, {"clip_id": "b"}]')
    work.join(features="features.json", out="out.json")
    assert read(work.folder / "out.json", "clip_id", [STATUS]) == [["a", "b"], ["ok", "missing"]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl", b'{"k": 1}\n[1]\n', "t.jsonl:2: a row is a list, expected an object"),
        ("t.jsonl", b'{"k": 1}\n{"k"', "t.jsonl:2: not JSON"),
        ("t.json", b'{"k": 1}', "t.json: no list named rows in the object"),
        ("t.json", b'{"rows": [{"k": 1}, 2]}', r"t.json::\$.rows\[1\]: a row is 2"),
        ("t.parquet", b"PAR1", "t.parquet: not a parquet file, or cut short: "),
        ("t.csv", b"k,status\n1,ok\n2\n", "t.csv:3: 1 cell in a row, expected 2"),
        ("t.csv", b"k,x\n1,2\n", "t.csv: the table has no column status"),
        ("t.txt", b"k\n1\n", "t.txt: the feature table ends in .txt"),
    ],
)
def test_what_is_no_table(work: Workspace, name: str, content: bytes, message: str) -> None:
    """A file that is not of its form is one line that names the row."""
    with pytest.raises(JoinError, match=message):
        read(work.write(name, content), "k", ["status"])


def test_a_parquet_table_without_the_column(work: Workspace) -> None:
    """Columns that a parquet table lacks are named."""
    work.join(out="out.parquet")
    with pytest.raises(JoinError, match=r"the table has no column nr, vr$"):
        read(work.folder / "out.parquet", "vr", ["nr"])


def test_columns_by_block(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table longer than a block is read block by block."""
    monkeypatch.setattr("second_opinion_assets.tables.parquet.BATCH_ROWS", 10)
    monkeypatch.setattr("second_opinion_assets.tables.texts.BLOCK_BYTES", 1000)
    work.write_lines("features.jsonl", ({"clip_id": str(n)} for n in range(95)))
    for out in ("out.jsonl", "out.parquet", "out.csv"):
        work.join(out=out)
        assert read(work.folder / out, "clip_id", []) == [[str(n) for n in range(95)]]
