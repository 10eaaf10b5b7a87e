"""Properties of CSV feature tables: every input cell keeps its bytes, whatever it holds."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import given, note
from hypothesis import strategies as st

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import parse_options
from second_opinion_assets.join.join import JoinResult, materialize
from second_opinion_assets.join.manifest_sidecars import parse_sidecar
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.knobs import Knobs, block_sizes
from second_opinion_assets_tests.strategies import damaged, thorough
from second_opinion_assets_tests.table_strategies import CsvText, csv_tables
from second_opinion_assets_tests.workspace import INVOCATION

SCORES = (
    '{"clip_id": "c0", "score": 1.5, "runtime_ms": 2}\n'
    '{"clip_id": "c1", "score": "n/a"}\n'
    '{"clip_id": 3, "frames": [{"score": 1}, {"score": 2}]}\n'
    '{"clip_id": "\\u00e9", "score": -7e-8}\n'
)
OURS = [
    f"second_opinion_dover_{name}" for name in ("score", "status", "runtime_ms", "frames", "source")
]
GAINED = {
    "c0": ["1.5", "ok", "2.0", "0", "a,b;c.jsonl"],
    "c1": ["", "bad", "", "0", "a,b;c.jsonl"],
    "3": ["1.5", "ok", "", "2", "a,b;c.jsonl"],
    "é": ["-7e-8", "ok", "", "0", "a,b;c.jsonl"],
}
MISSING = ["", "missing", "", "0", ""]
tables = csv_tables(OURS)
knobs = st.builds(Knobs, st.sampled_from([16, 64, 200, 4 << 20]), st.just(200))


def join(text: bytes, folder: Path, out: str, sizes: Knobs, **options: object) -> JoinResult:
    """Join a CSV table with the scores of this module."""
    (folder / "features.csv").write_bytes(text)
    (folder / "a,b;c.jsonl").write_text(SCORES)
    spec = TableSpec(
        id="t",
        features=Location(folder / "features.csv"),
        scores=(parse_sidecar("DOVER=a,b;c.jsonl", Location(folder)),),
        out=Location(folder / out),
        audit_json=None,
        options=parse_options({**options, "allow_empty": True}, "test"),
    )
    with block_sizes(sizes):
        return materialize(spec, INVOCATION)


def gained(table: CsvText) -> list[list[str]]:
    """Return what each line of a table is to gain, the header's first."""
    key = table.values[0].index("clip_id")
    return [OURS, *(GAINED.get(row[key], MISSING) for row in table.values[1:])]


def written(cells: list[str], delimiter: str) -> str:
    """Return appended cells as they are to be written."""
    return delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in cells)


@given(tables, knobs, st.sampled_from(["mark", "drop"]))
@thorough
def test_a_csv_line_keeps_its_bytes(table: CsvText, sizes: Knobs, policy: str) -> None:
    """Each line is its input's own bytes, then five cells a scorer; csv reads it as that."""
    note(f"features: {table.text!r}")
    kept = [n for n, name in enumerate(table.values[0]) if name not in OURS]
    new = gained(table)
    stays = [policy == "mark" or cells is not MISSING for cells in new]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        join(table.text, folder, "out.csv", sizes, missing_policy=policy, overwrite=True)
        out = (folder / "out.csv").read_bytes()
    lines = [
        table.delimiter.join([*(line[n] for n in kept), written(cells, table.delimiter)])
        for line, cells in zip(table.lines, new, strict=True)
    ]
    after = [e + b for e, b in zip(table.ends, table.between[1:], strict=True)]
    expected = table.between[0] + "".join(
        line + end for line, end, stay in zip(lines, after, stays, strict=True) if stay
    )
    assert out.decode() == expected
    reader = csv.reader(io.StringIO(out.decode(), newline=""), delimiter=table.delimiter)
    rows = [row for row in reader if len(row) > 1]
    wanted = [
        [*(row[n] for n in kept), *cells]
        for row, cells, stay in zip(table.values, new, stays, strict=True)
        if stay
    ]
    assert rows == wanted


@given(tables, knobs, st.sampled_from(["out.jsonl", "out.json", "out.parquet", "out.tsv"]))
@thorough
def test_cells_are_text_in_every_form(table: CsvText, sizes: Knobs, out: str) -> None:
    """Any other form has the cells as text, null for an empty one, and the same scores."""
    note(f"features: {table.text!r}")
    with tempfile.TemporaryDirectory() as name:
        join(table.text, Path(name), out, sizes, overwrite=True)
        path = Path(name, out)
        if out == "out.tsv":
            with path.open(newline="") as file:
                names, *lines = filled(csv.reader(file, delimiter="\t"))
            rows = [dict(zip(names, line, strict=True)) for line in lines]
        elif out == "out.parquet":
            rows = pq.read_table(path).to_pylist()
        else:
            text = path.read_text()
            rows = (
                json.loads(text)["rows"]
                if out == "out.json"
                else list(map(json.loads, text.splitlines()))
            )
    kept = [name for name in table.values[0] if name not in OURS]
    for row, values, cells in zip(rows, table.values[1:], gained(table)[1:], strict=True):
        given_cells = dict(zip(table.values[0], values, strict=True))
        empty = "" if out == "out.tsv" else None
        assert list(row) == [*kept, *OURS]
        assert {name: row[name] for name in kept} == {
            name: given_cells[name] or empty for name in kept
        }
        assert row[OURS[1]] == cells[1]
        assert row[OURS[0]] in {None, "", cells[0], float(cells[0] or "nan")}


@given(tables, knobs)
@thorough
def test_a_join_again_gives_the_same_bytes(table: CsvText, sizes: Knobs) -> None:
    """A joined table that is joined again, its columns replaced, is the same table."""
    note(f"features: {table.text!r}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        join(table.text, folder, "out.csv", sizes, overwrite=True)
        once = (folder / "out.csv").read_bytes()
        join(once, folder, "out.csv", sizes, overwrite=True)
        assert (folder / "out.csv").read_bytes() == once


@given(st.data(), knobs)
@thorough
def test_a_damaged_table_is_refused_or_keeps_its_lines(data: st.DataObject, sizes: Knobs) -> None:
    """Changed bytes are refused and nothing is written, or csv reads the same cells as before."""
    original = data.draw(tables)
    text = data.draw(damaged(original.text))
    note(f"features: {text!r}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "out.csv").write_text("as it was")
        try:
            join(text, folder, "out.csv", sizes)
        except JoinError:
            assert (folder / "out.csv").read_text() == "as it was"
            assert not list(folder.glob(".*.tmp"))
            return
        out = (folder / "out.csv").read_bytes()
    header = out.decode().split(OURS[0])[0]
    delimiter = header[-1]
    before, after = (
        csv.reader(io.StringIO(each.decode(), newline=""), delimiter=delimiter)
        for each in (text, out)
    )
    kept = (row[:-5] for row in after)
    assert filled(kept) == filled(before)


def filled(rows: Iterable[list[str]]) -> list[list[str]]:
    """Return the rows that are no blank lines."""
    return [row for row in rows if len(row) > 1 or "".join(row).strip()]


def test_the_strategy_draws_what_it_says() -> None:
    """The tables that are drawn read, by csv, as what they are said to hold."""

    @given(tables)
    def read(table: CsvText) -> None:
        text = io.StringIO(table.text.decode(), newline="")
        rows = list(csv.reader(text, delimiter=table.delimiter))
        assert [row for row in rows if row and row != [" "]] == table.values

    read()
