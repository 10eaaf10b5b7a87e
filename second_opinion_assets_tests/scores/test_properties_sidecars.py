"""Properties of sidecars: whatever is in them, the join gives what the plain reading gives.

Feature tables of many shapes belong in `test_properties_tables.py`.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, note, reject, settings
from hypothesis import strategies as st

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import JoinOptions, parse_options
from second_opinion_assets.join.join import JoinResult, materialize
from second_opinion_assets.join.manifest import TableSpec
from second_opinion_assets.join.provenance import Invocation
from second_opinion_assets.scores import Sidecar, read, read_sidecars
from second_opinion_assets.scores.payload import Status
from second_opinion_assets.scores.uniform import UniformReader
from second_opinion_assets.storage import content, files
from second_opinion_assets.tables import forms
from second_opinion_assets_tests import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from second_opinion_assets.scores.scorers import Scorer

EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "60"))
thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="PROPERTY_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
INVOCATION = Invocation(Path(__file__), (), {})

Value = Any
"""A JSON text, or a list of values, or an `Object`."""


class Object(list[tuple[str, Value]]):
    """A JSON object to write: its members in order, names maybe repeated."""


class Knobs(NamedTuple):
    """Sizes that decide where blocks of rows end, and whether native code reads them."""

    chunk_bytes: int
    learning_rows: int
    native: bool = False


class Case(NamedTuple):
    """Sidecars, the lines of a feature table, and how to join them."""

    files: list[plain.ScoreFile]
    features: list[bytes]
    options: plain.Options
    knobs: Knobs


# What rows are made of: mostly usual, now and then odd.

KEY_FIELDS = ["clip_id", "Clip_ID", "video_id", "name", "file_name", "path", "clip", "content_id"]
SCORE_FIELDS = ["score", "mos", "Score", "predicted_mos", "quality", "vmaf", "MOS", "q"]
RUNTIMES = ["runtime_ms", "runtime_total_ms", "elapsed_ms", "Runtime_MS"]
EXTRA_FIELDS = ["note", "we'ird", 'quo"ted', "é", "", "summary2", "frame", "Summary", "other_0"]
COMPETITORS = ["DOVER-Mobile", "Q-Align", "a"]
NUMBERS = ["0", "1", "-3.25", "0.1", "1e2", "1E-7", "-0", "-0.0", "12345678901234567890123", "64.5"]
ODD = [
    "null", "true", "false", '"5.5"', '" 7 "', '"1e2"', '"n/a"', '"nan"', '"1_0"', '""', "NaN",
    "-Infinity", "1e400", '"1e400"', "[]", "{}", "[1]", '{"score": 3}', "120", '"+5"', '".5"',
]  # fmt: skip
STATUSES = ['"ok"', '"OK"', '" Pass "', '"success"', '""', "null", '"failed"', "true", "0", "{}"]
KEY_STYLES = {
    "clip_id": ['"c{}"', '"0{}"', "{}", "{}.0", '" c{} "', '"é{}"', '"\\u0063{}"'],
    "path": ['"d/c{}.mp4"', '"C:\\\\v\\\\c{}.mp4"', '"c{}.mp4"', '"./d/e/c{}.mp4"'],
}

numbers = st.one_of(
    st.sampled_from(NUMBERS),
    st.integers().map(str),
    st.floats(-1e300, 1e300).map(repr),
)
odd_values = st.sampled_from(ODD)


def rarely(draw: st.DrawFn, one_in: int) -> bool:
    """Return True for about one draw in so many."""
    return draw(st.integers(1, one_in)) == one_in


@st.composite
def key_texts(draw: st.DrawFn, key_field: str, number: int) -> str:
    """Draw a key of a clip as JSON text."""
    pathlike = any(part in key_field.lower() for part in ("path", "file", "name"))
    styles = KEY_STYLES["path" if pathlike else "clip_id"]
    style = draw(st.sampled_from(styles)) if rarely(draw, 6) else styles[0]
    return style.format(number)


class Template(NamedTuple):
    """What the rows of one sidecar have in common: a field name and a place for each value."""

    key: tuple[str, str]
    score: tuple[str, str]
    competitor: tuple[str, str]
    runtime: tuple[str, str]
    status: tuple[str, str]
    extras: list[tuple[str, str]]
    name: str


def templates(key_field: str, *, labelled: bool) -> st.SearchStrategy[Template]:
    """Draw what the rows of a sidecar have in common."""
    upper = st.sampled_from(["top", "top", "top", "summary"])
    anywhere = st.sampled_from(["top", "top", "summary", "frames"])
    maybe = st.sampled_from(["top", "top", "summary", "none"])
    return st.builds(
        Template,
        key=st.tuples(st.just(key_field), upper),
        score=st.tuples(st.sampled_from(SCORE_FIELDS), anywhere),
        competitor=st.tuples(
            st.sampled_from(["competitor", "competitor", "Competitor"]),
            maybe if labelled else upper,
        ),
        runtime=st.tuples(
            st.sampled_from(RUNTIMES), st.sampled_from(["top", "none", "summary", "frames"])
        ),
        status=st.tuples(st.sampled_from(["status", "status", "Status"]), maybe),
        extras=st.lists(
            st.tuples(st.sampled_from(EXTRA_FIELDS), st.sampled_from(["top", "summary", "frames"])),
            max_size=2,
        ),
        name=st.sampled_from(COMPETITORS),
    )


@st.composite
def rows_like(draw: st.DrawFn, template: Template, number: int) -> Object:
    """Draw a usual row of a sidecar."""
    parts: dict[str, Object] = {"top": Object(), "summary": Object()}
    frame_fields = [
        name
        for name, place in (template.score, template.runtime, *template.extras)
        if place == "frames"
    ]
    members = [
        (template.key, key_texts(template.key[0], number)),
        (template.score, numbers),
        (template.competitor, st.just(json.dumps(template.name))),
        (template.runtime, numbers),
        (template.status, st.sampled_from(STATUSES[:1])),
        *((extra, numbers | odd_values) for extra in template.extras),
    ]
    for (name, place), values in members:
        if place in parts:
            parts[place].append((name, draw(values)))
    row = parts["top"]
    if parts["summary"]:
        row.append(("summary", parts["summary"]))
    if frame_fields:
        frames = draw(st.integers(1, 3))
        row.append(
            (
                "frames",
                [Object((name, draw(numbers)) for name in frame_fields) for _ in range(frames)],
            )
        )
    return row


def objects_in(value: Value) -> Iterator[Object]:
    """Yield an object and the objects within it."""
    if isinstance(value, Object):
        yield value
    for part in value if isinstance(value, list) else ():
        yield from objects_in(part[1] if isinstance(part, tuple) else part)


def mutate(draw: st.DrawFn, row: Object) -> None:
    """Change one thing about a row."""
    place = draw(st.sampled_from(list(objects_in(row))))
    kind = draw(st.sampled_from(["odd", "odd", "null", "drop", "case", "add", "add", "twice"]))
    if kind == "add" or not place:
        pool = [*KEY_FIELDS[:2], *SCORE_FIELDS, *RUNTIMES, *EXTRA_FIELDS, "status", "competitor"]
        name = draw(st.sampled_from([*pool, "summary", "frames", "status", "q"]))
        values = {
            "status": st.sampled_from(STATUSES),
            "competitor": st.sampled_from(['"DOVER-Mobile"', '"a"', "null", '" Q-Align "']),
        }.get(name, numbers | odd_values)
        place.insert(draw(st.integers(0, len(place))), (name, draw(values)))
        return
    position = draw(st.integers(0, len(place) - 1))
    name, value = place[position]
    if kind == "odd":
        place[position] = (name, draw(odd_values | st.sampled_from(STATUSES)))
    elif kind == "null":
        place[position] = (name, "null")
    elif kind == "drop":
        del place[position]
    elif kind == "case":
        place[position] = (draw(st.sampled_from([name.upper(), name.title()])), value)
    else:
        place.append((name, value if draw(st.booleans()) else draw(numbers)))


def written(value: Value, gap: str) -> str:
    """Return a value as JSON text."""
    if isinstance(value, Object):
        members = (f"{json.dumps(name)}:{gap}{written(part, gap)}" for name, part in value)
        return "{" + f",{gap}".join(members) + "}"
    if isinstance(value, list):
        return "[" + f",{gap}".join(written(part, gap) for part in value) + "]"
    return str(value)


BROKEN_ROWS = ["{", "[]", "5", "null", '{"a": 1,}', '{"a": "\\q"}', '{"score": 01}', '"x"', "{} {}"]


@st.composite
def score_files(draw: st.DrawFn, key_field: str, number: int, *, careless: bool) -> plain.ScoreFile:
    """Draw a sidecar; a careless one may be broken as a file."""
    label = draw(st.sampled_from([None, None, "DOVER-Mobile", "Lab el"]))
    template = draw(templates(key_field, labelled=label is not None))
    gap = draw(st.sampled_from(["", " "]))
    rows: list[str] = []
    calm = draw(st.booleans())
    for clip in range(draw(st.integers(0 if careless else 1, 7))):
        row = draw(rows_like(template, clip + number))
        while not calm and rarely(draw, 6):
            mutate(draw, row)
        rows.append(written(row, gap))
    if rarely(draw, 12):
        first = len(rows)
        rows += [written(draw(rows_like(template, 50)), gap).replace("50", str(100 + clip))
                 for clip in range(first, 230)]  # fmt: skip
    if rows and rarely(draw, 6):
        rows.insert(draw(st.integers(0, len(rows))), draw(st.sampled_from(rows)))
    if careless and rarely(draw, 4):
        rows.insert(draw(st.integers(0, len(rows))), draw(st.sampled_from(BROKEN_ROWS)))
    form = draw(st.sampled_from(["lines", "lines", "lines", "list", "rows", "results", "one"]))
    name = f"scores{number}.{'jsonl' if form == 'lines' else 'json'}"
    text = draw(file_texts(form, rows, careless=careless))
    return plain.ScoreFile(text.encode(), form == "lines", name, label)


@st.composite
def file_texts(draw: st.DrawFn, form: str, rows: list[str], *, careless: bool) -> str:
    """Draw how rows stand in a file."""
    if form == "one":
        return rows[0] if rows else "[]"
    if form != "lines":
        listed = "[" + draw(st.sampled_from([",", ",\n", " , "])).join(rows) + "]"
        return listed if form == "list" else f'{{"model": "x", "{form}":{listed}, "n": 3}}'
    ends = ["\n", "\n", "\n", "\r\n", " \n", "\n\n", "\n \n", *(["", " "] if careless else [])]
    end = draw(st.sampled_from(ends))
    if len(rows) > 20 or not rarely(draw, 3):
        return end.join(rows) + draw(st.sampled_from(["", end]))
    return "".join(row + draw(st.sampled_from(ends)) for row in rows)


@st.composite
def feature_lines(draw: st.DrawFn, key_field: str) -> list[bytes]:
    """Draw the lines of a feature table with a key column and one other."""
    rows = []
    for clip in range(draw(st.integers(1, 8))):
        key = draw(key_texts(key_field, clip))
        if clip and rarely(draw, 8):
            key = draw(st.sampled_from(["null", '""', '" "', "true", "1", '"c0"']))
        row = Object([(key_field, key), ("psnr", draw(numbers))])
        if clip and rarely(draw, 10):
            del row[0]
        rows.append(written(row, " ").encode())
    return rows


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw sidecars, features and options."""
    careless = rarely(draw, 4)
    key_field = draw(st.sampled_from(KEY_FIELDS))
    count = draw(st.sampled_from([1, 1, 2, 3]))
    sidecars = [draw(score_files(key_field, 3 * n, careless=careless)) for n in range(count)]
    unusual = key_field == "clip"
    options = plain.Options(
        missing_policy=draw(st.sampled_from(["mark", "mark", "mark", "drop", "fail"])),
        key_column=key_field if unusual else None,
        score_key_field=key_field if unusual or rarely(draw, 6) else None,
        score_field=draw(st.sampled_from([None, None, "q", "mos"])),
        key_normalize=draw(st.sampled_from(["auto", "auto", "raw", "basename", "stem"])),
    )
    features = draw(feature_lines(key_field))
    chunk_bytes = draw(st.sampled_from([64, 300, 4 << 20]))
    knobs = Knobs(chunk_bytes, draw(st.sampled_from([1, 3, 200])), draw(st.booleans()))
    return Case(sidecars, features, options, knobs)


# Both readings of a case.


def options_of(case: Case) -> JoinOptions:
    """Return the options as the package takes them."""
    return parse_options(vars(case.options), "test")


def write_sidecars(case: Case, folder: Path) -> tuple[Sidecar, ...]:
    """Write the sidecars of a case."""
    for file in case.files:
        (folder / file.written).write_bytes(file.text)
    return tuple(
        Sidecar(folder / file.written, file.written, file.written, file.label)
        for file in case.files
    )


@contextmanager
def block_sizes(knobs: Knobs) -> Iterator[None]:
    """Let blocks of rows end where the knobs say, and nothing wait for the disk."""
    with (
        patch.object(files, "CHUNK_BYTES", knobs.chunk_bytes),
        patch.object(content, "HEAD_BYTES", knobs.chunk_bytes),
        patch.object(read, "LEARNING_ROWS", knobs.learning_rows),
        patch.object(read, "LARGE_SIDECAR_BYTES", 0 if knobs.native else sys.maxsize),
        patch.object(forms, "LARGE_FILE_BYTES", 0 if knobs.native else sys.maxsize),
        patch.object(os, "fsync"),
    ):
        yield


def join(case: Case, folder: Path) -> tuple[JoinResult, list[bytes]]:
    """Join a case by the package; return its result and the lines of its output."""
    features = folder / "features.jsonl"
    features.write_bytes(b"".join(line + b"\n" for line in case.features))
    spec = TableSpec(
        id="t",
        features=features,
        scores=write_sidecars(case, folder),
        out=folder / "out.jsonl",
        audit_json=None,
        options=options_of(case),
    )
    with block_sizes(case.knobs):
        result = materialize(spec, INVOCATION)
    return result, spec.out.read_bytes().split(b"\n")[:-1]


def plain_rows(case: Case) -> list[plain.Row] | None:
    """Join a case by the plain reading; None where it is to be refused."""
    features = [plain.loads(line) for line in case.features]
    try:
        return plain.plain_join(features, case.files, case.options)
    except plain.Refused as refused:
        note(f"plain reading refuses: {refused}")
        return None


def clear_rows(case: Case) -> list[plain.Row] | None:
    """Join a case by the plain reading; turn down what the contract leaves open."""
    try:
        return plain_rows(case)
    except plain.Unclear:
        reject()


def agrees(found: Any, expected: Any) -> bool:
    """Say whether a value of the output is the one expected, a mean to the last digit but one."""
    if isinstance(expected, float):
        close = 2 * math.ulp(expected)
        return isinstance(found, plain.Number) and abs(found.value - expected) <= close
    if isinstance(expected, int) and not isinstance(expected, bool):
        return bool(found == plain.Number(str(expected)))
    return bool(found == expected)


def show(case: Case) -> None:
    """Put a case into the report of a failure."""
    for file in case.files:
        note(f"{file.written} label={file.label}: {file.text!r}")
    note(f"features: {case.features}")


@given(cases())
@thorough
def test_the_join_gives_what_the_plain_reading_gives(case: Case) -> None:
    """Any sidecars are joined, or refused, as the plain reading of the contract says."""
    assert_agrees(case)


def assert_agrees(case: Case) -> None:
    """Hold the join of a case against the plain reading."""
    show(case)
    expected = clear_rows(case)
    with tempfile.TemporaryDirectory() as folder:
        if expected is None:
            with pytest.raises(JoinError, match=r"."):
                join(case, Path(folder))
            return
        result, lines = join(case, Path(folder))
    rows = [plain.loads(line) for line in lines]
    assert [list(row) for row in rows] == [list(row) for row in expected]
    for row, wanted in zip(rows, expected, strict=True):
        differing = {name for name in row if not agrees(row[name], wanted[name])}
        assert not differing, (row, wanted)
    assert result.tally.input_rows == len(case.features)
    assert result.tally.output_rows == len(expected)


@given(cases())
@thorough
def test_tallies_are_of_the_statuses(case: Case) -> None:
    """Matched, missing and bad rows of the audit count the statuses of the plain reading."""
    marked = case._replace(
        options=plain.Options(**{**vars(case.options), "missing_policy": "mark"})
    )
    show(marked)
    expected = clear_rows(marked)
    if expected is None:
        reject()
    with tempfile.TemporaryDirectory() as folder:
        result, _ = join(marked, Path(folder))
    for scorer in result.tally.scorers.values():
        statuses = Counter(row[f"{scorer.column_prefix}_status"] for row in expected)
        counted = {
            "ok": scorer.matched_rows,
            "missing": scorer.missing_rows,
            "bad": scorer.bad_rows,
        }
        assert counted == {name: statuses[name] for name in counted}


def scorers_of(case: Case, folder: Path) -> list[Scorer] | str:
    """Read the sidecars of a case; the error's first words where they are refused."""
    try:
        with block_sizes(case.knobs):
            return read_sidecars(write_sidecars(case, folder), options_of(case))[0]
    except JoinError:
        return "refused"


def columns_of(scorer: Scorer) -> dict[str, Any]:
    """Return all that a scorer holds, by key: rows may have come in another order."""
    rows = {
        key: (repr(scorer.row(number)), scorer.raw_keys[number], scorer.where(number))
        for key, number in zip(scorer.keys, scorer.rows_by_key, strict=False)
        if number != scorer.rows
    }
    return {
        "competitor": scorer.competitor,
        "rows": rows,
        "duplicates": scorer.duplicates,
        "key_fields": scorer.key_fields,
        "bad": sorted(number for number in scorer.reasons) == bad_numbers(scorer),
    }


def bad_numbers(scorer: Scorer) -> list[int]:
    """Return the numbers of the bad rows."""
    return [number for number, status in enumerate(scorer.status) if status == Status.bad]


@given(cases())
@thorough
def test_reading_quickly_changes_nothing(case: Case) -> None:
    """Sidecars give the same scorers with the uniform reader and without it."""
    show(case)
    with tempfile.TemporaryDirectory() as folder:
        quick = scorers_of(case, Path(folder))
        with patch.object(UniformReader, "read", lambda _self, _block: None):
            slow = scorers_of(case, Path(folder))
    if isinstance(quick, str) or isinstance(slow, str):
        assert quick == slow
        return
    assert list(map(columns_of, quick)) == list(map(columns_of, slow))


frame_numbers = st.sampled_from(["1.7e308", "1e308", "-1.7e308", "5e-324", "0", "-1", "1e16", "1"])


@given(
    st.lists(frame_numbers, min_size=1, max_size=4),
    st.lists(frame_numbers, max_size=4),
    st.booleans(),
)
@thorough
def test_frames_of_any_size_are_averaged(
    scores: list[str],
    runtimes: list[str],
    scalar: bool,  # noqa: FBT001 (drawn)
) -> None:
    """Frame scores and runtimes at the ends of float64 are read as the contract says."""
    frames = [Object([("score", score)]) for score in scores]
    for frame, runtime in zip(frames, runtimes, strict=False):
        frame.append(("runtime_ms", runtime))
    row = Object([("clip_id", '"c0"'), ("frames", frames), *([("mos", "3")] if scalar else [])])
    text = written(row, "").encode()
    case = Case(
        [plain.ScoreFile(text, lines=True, written="s.jsonl", label="a")],
        [b'{"clip_id": "c0"}'],
        plain.Options(),
        Knobs(4 << 20, 200),
    )
    assert_agrees(case)


FILLERS = [
    b"", b"\xff", b"\n", b"\\", b'"', b"}", b"{", b",", b"\x00", b"\xc3", b"\\ud800", b"\r",
    b"\xef\xbb\xbf", b"1", b"[" * 5000,
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, text: bytes) -> bytes:
    """Draw a text with a few bytes changed, left out or put in."""
    for _ in range(draw(st.integers(1, 2))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 1, 5])))
        filler = st.sampled_from(FILLERS)
        text = text[:start] + draw(filler) + text[end:]
    return text


@given(st.data())
@thorough
def test_a_damaged_sidecar_is_never_half_read(data: st.DataObject) -> None:
    """A sidecar with changed bytes is joined or refused as the plain reading says."""
    case = data.draw(cases())
    number = data.draw(st.integers(0, len(case.files) - 1))
    file = case.files[number]
    text = data.draw(damaged(file.text))
    files_then = [*case.files]
    files_then[number] = plain.ScoreFile(text, file.lines, file.written, file.label)
    case = case._replace(files=files_then)
    show(case)
    try:
        readable = plain_rows(case) is not None
    except plain.Unclear:
        readable = None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.jsonl")
        out.write_text("as it was")
        try:
            join(case, Path(folder))
        except JoinError:
            assert not readable
            assert out.read_text() == "as it was"
            assert not list(Path(folder).glob(".*.tmp"))
        else:
            assert readable is not False


breaks = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", "\n \n", "", " "])


@given(st.lists(st.tuples(st.integers(0, 9), breaks, st.booleans()), min_size=1, max_size=8))
@thorough
def test_a_line_holds_one_row(parts: list[tuple[int, str, bool]]) -> None:
    """Two rows on one line, or one row over two lines, are refused as the plain reading says."""
    text = "".join(
        f'{{"clip_id": "c{clip}",{newline * chr(10)} "score": {clip}}}{end}'
        for clip, end, newline in [(0, "\n", False), *parts]
    )
    file = plain.ScoreFile(text.encode(), lines=True, written="s.jsonl", label="a")
    for native in (False, True):
        knobs = Knobs(4 << 20, 1, native)
        assert_agrees(Case([file], [b'{"clip_id": "c0"}'], plain.Options(), knobs))


@given(st.integers(0, 3), st.integers(0, 3), st.sampled_from(['"x\udcff"', '"\udcc3"']))
@thorough
def test_score_bytes_that_are_no_text_are_refused(before: int, after: int, wrong: str) -> None:
    """A sidecar with bytes that are not UTF-8 is refused whichever row has them."""
    notes = ['"x"'] * before + [wrong] + ['"x"'] * after
    rows = (f'{{"clip_id": "c{n}", "score": 1, "note": {text}}}\n' for n, text in enumerate(notes))
    text = "".join(rows).encode(errors="surrogateescape")
    file = plain.ScoreFile(text, lines=True, written="s.jsonl", label="a")
    for native in (False, True):
        knobs = Knobs(64, 1, native)
        assert_agrees(Case([file], [b'{"clip_id": "c0"}'], plain.Options(), knobs))
