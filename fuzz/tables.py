"""Feature tables of every form: joined, they keep their values and gain what is to be appended.

The scores are always the same; what they may be belongs in `scores.py`. CSV is judged by Python's
own reader, parquet by pyarrow's.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from fuzz.judging import Case, Finding, Targets, as_parquet, folder
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import parse_options
from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.scores.sidecar import Sidecar
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests import plain
from second_opinion_assets_tests.knobs import Knobs, block_sizes
from second_opinion_assets_tests.plain.join import key_column_of
from second_opinion_assets_tests.plain.values import Members, has_twins
from second_opinion_assets_tests.readings import agrees
from second_opinion_assets_tests.workspace import INVOCATION

SCORES = plain.ScoreFile(
    b'{"clip_id": "c0", "score": 1.5, "runtime_ms": 2}\n'
    b'{"clip_id": "a", "score": "n/a"}\n'
    b'{"clip_id": "b", "frames": [{"score": 1}, {"score": 2}]}\n',
    form="lines",
    written="dover.jsonl",
    label="DOVER",
)
OURS = list(plain.appended("second_opinion", "DOVER", "missing"))
KNOBS = (Knobs(4 << 20, 200), Knobs(64, 1))
OPTIONS = (
    plain.Options(),
    plain.Options(missing_policy="drop"),
    plain.Options(overwrite=True),
    plain.Options(key_column="clip_id", key_normalize="stem"),
)
LOSSLESS = (".jsonl", ".json")
"""Outputs that can hold every value that an input may have."""


class Question(NamedTuple):
    """A feature table, how it is joined, and what the output is."""

    text: bytes
    options: plain.Options
    out: str
    knobs: Knobs

    @classmethod
    def of(cls, data: bytes, outs: Sequence[str]) -> Question:
        """Return the question that an input asks."""
        case = Case(data)
        knobs, options = case.choose(KNOBS), case.choose(OPTIONS)
        return cls(case.content, options, case.choose(outs), knobs)


def joined(asked: Question, suffix: str) -> bytes | JoinError:
    """Return the joined table, or why there is none."""
    with folder() as place:
        features, scores = place / f"features{suffix}", place / SCORES.written
        features.write_bytes(asked.text)
        scores.write_bytes(SCORES.text)
        spec = TableSpec(
            id="t",
            features=Location(features),
            scores=(Sidecar(Location(scores), SCORES.written, SCORES.written, SCORES.label),),
            out=Location(place / f"out{asked.out}"),
            audit_json=None,
            options=parse_options({**vars(asked.options), "allow_empty": True}, "fuzz"),
        )
        try:
            with block_sizes(asked.knobs):
                materialize(spec, INVOCATION)
        except JoinError as error:
            if Path(spec.out).exists():
                msg = f"refused, and there is an output: {error}"
                raise Finding(msg) from None
            return error
        return Path(spec.out).read_bytes()


def plainly(rows: list[Any] | None, options: plain.Options) -> list[plain.Row] | None:
    """Return the rows that the plain reading makes; None where it refuses to."""
    if rows is None or has_twins(rows):
        raise plain.Unclear(rows)
    try:
        if not all(isinstance(row, dict) for row in rows):
            return None
        return plain.plain_join(rows, [SCORES], options)
    except plain.Refused:
        return None


def of_json(read: Callable[[bytes], list[Any] | None], suffix: str, data: bytes) -> None:
    """Hold the join of a JSON table against the plain reading, value by value."""
    asked = Question.of(data, (*LOSSLESS, ".csv", ".parquet"))
    found = joined(asked, suffix)
    try:
        rows = read(asked.text)
        if rows and key_column(rows, asked.options) != key_column(rows[:1], asked.options):
            return  # how many rows are looked at for it is the blocks' choice
        expected = plainly(rows, asked.options)
    except plain.Unclear:
        return
    except plain.Refused:
        expected = None
    if isinstance(found, JoinError):
        if expected is not None and asked.out in LOSSLESS:
            msg = f"refused, where the plain reading finds {expected}: {found}"
            raise Finding(msg)
        return
    if expected is None:
        msg = f"joined, where the plain reading refuses: {found!r}"
        raise Finding(msg)
    if asked.out in LOSSLESS:
        out = plain.loads(found) if asked.out == ".json" else plain.loads_lines(found)
        hold(out["rows"] if isinstance(out, dict) else out, expected)
    if suffix == asked.out == ".jsonl" and asked.options == plain.Options():
        keeps_bytes(asked.text, found)


def key_column(rows: list[Any], options: plain.Options) -> str | None:
    """Return the key column that some rows tell of, or None."""
    objects = [row for row in rows if isinstance(row, dict)]
    try:
        return key_column_of(objects, options.key_column)
    except plain.Refused:
        return None


def hold(rows: list[plain.Row], expected: list[plain.Row]) -> None:
    """Raise a finding if rows are not those expected; bare NaN and infinity have become null."""
    if [list(row) for row in rows] != [list(row) for row in expected]:
        msg = f"the plain reading finds {expected}, the join {rows}"
        raise Finding(msg)
    for row, wanted in zip(rows, expected, strict=True):
        for name, value in row.items():
            if name in OURS and not agrees(value, wanted[name]):
                msg = f"{name} is {value}, in the plain reading {wanted[name]}: {row}"
                raise Finding(msg)
            if name not in OURS and value != finite(wanted[name]):
                msg = f"{name} was {wanted[name]}, and is {value}"
                raise Finding(msg)


def finite(value: Any) -> Any:  # noqa: ANN401 (JSON values)
    """Return a value in which bare NaN and infinity are null."""
    if isinstance(value, list):
        return list(map(finite, value))
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    bare = isinstance(value, plain.Number) and value.text.lstrip("-") in ("NaN", "Infinity")
    return None if bare else value


def keeps_bytes(text: bytes, out: bytes) -> None:
    """Raise a finding if a line of the output does not begin as its input line does."""
    if b"NaN" in text or b"Infinity" in text:
        return
    given = [line for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    for line, joined_line in zip(given, out.split(b"\n"), strict=False):
        if not joined_line.startswith(line.rstrip(b" \t\r").removesuffix(b"}")):
            msg = f"{line!r} has become {joined_line!r}"
            raise Finding(msg)


def lines(text: bytes) -> list[Any]:
    """Return the rows of JSON lines."""
    return plain.loads_lines(text, Members)


def document(text: bytes) -> list[Any] | None:
    """Return the rows of a JSON document; None where there are none."""
    found = plain.loads(text.removeprefix(b"\xef\xbb\xbf"), Members)
    rows = found.get("rows") if isinstance(found, dict) else found
    if has_twins(found) or not isinstance(rows, list):
        return None
    return rows


def of_csv(data: bytes) -> None:
    """Hold the join of a CSV table against Python's own reading of input and output."""
    asked = Question.of(data, (".csv", ".jsonl", ".tsv"))
    suffix = ".csv"
    found = joined(asked, suffix)
    if isinstance(found, JoinError):
        return
    text = asked.text.decode().removeprefix("\ufeff")
    told = [table for mark in ",;\t" if (table := cells_of(text, mark))]
    if asked.out == ".jsonl":
        rows = [list(map(as_text, row.values())) for row in plain.loads_lines(found)]
        kept = [row[: -len(OURS)] for row in rows]
        if asked.options.overwrite or kept in [within(kept, table[1:]) for table in told]:
            return
    else:
        mark = "\t" if asked.out == ".tsv" else None
        outs = [
            table
            for m in (mark or ",;\t")
            if (table := cells_of(found.decode().removeprefix("\ufeff"), m))
        ]
        kept_tables = [[row[: -len(OURS)] for row in table] for table in outs]
        if asked.options.overwrite or any(
            kept == within(kept, table) for kept in kept_tables for table in told
        ):
            return
    msg = f"{text!r} has become {found!r}"
    raise Finding(msg)


def as_text(value: Any) -> Any:  # noqa: ANN401 (JSON values)
    """Return a cell as CSV has it."""
    return "" if value is None else value


def cells_of(text: str, delimiter: str) -> list[list[str]]:
    """Return the rows of a CSV text that are not blank; none if it is not CSV.

    White space around a column's name does not count.
    """
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return []
    filled = [row for row in rows if len(row) > 1 or "".join(row).strip()]
    return [[name.strip() for name in row] for row in filled[:1]] + filled[1:]


def within(kept: list[list[str]], rows: list[list[str]]) -> list[list[str]]:
    """Return those of some rows that were kept, in their order."""
    left = iter(rows)
    return [row for row in kept if any(row == other for other in left)]


def of_parquet(data: bytes) -> None:
    """Hold the join of a parquet table against what pyarrow reads of input and output."""
    asked = Question.of(data, (".parquet", ".jsonl"))
    asked = asked._replace(text=as_parquet(asked.text))
    found = joined(asked, ".parquet")
    try:
        given = read_parquet(asked.text)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return  # what is damaged and not needed is copied as it is
    if isinstance(found, JoinError):
        return
    if asked.out == ".parquet":
        out = read_parquet(found)
        kept = [name for name in given.column_names if name not in OURS]
        if out.column_names[: len(kept)] != kept or out.column_names[len(kept) :] != OURS:
            msg = f"the columns {given.column_names} have become {out.column_names}"
            raise Finding(msg)
        same = all(map(alike, out.select(range(len(kept))).columns, given.select(kept).columns))
        if asked.options.missing_policy == "mark" and not same:
            msg = f"{given} has become {out}"
            raise Finding(msg)
        ours = out.select(OURS).to_pylist()
    else:
        ours = [{name: row[name] for name in OURS} for row in map(json.loads, found.splitlines())]
    try:
        expected = plainly(given.to_pylist(), asked.options)
    except (plain.Unclear, ValueError, OverflowError, pa.ArrowException):
        return
    if expected is not None and ours != [{name: row[name] for name in OURS} for row in expected]:
        msg = f"the plain reading finds {expected}, the join {ours}"
        raise Finding(msg)


def read_parquet(text: bytes) -> pa.Table:
    """Return what pyarrow reads.

    Not by `read_table`: it reads datasets, by threads that outlive a damaged file that it gave up,
    and end the process, or hang it, as it ends.
    """
    return pq.ParquetFile(io.BytesIO(text), page_checksum_verification=True).read()


def alike(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    """Return whether two columns have the same values; NaN is itself here."""
    return bool(one.equals(other)) or str(one.combine_chunks()) == str(other.combine_chunks())


TARGETS: Targets = {
    "tables_jsonl": partial(of_json, lines, ".jsonl"),
    "tables_json": partial(of_json, document, ".json"),
    "tables_csv": of_csv,
    "tables_parquet": of_parquet,
}
