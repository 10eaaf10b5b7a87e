"""Properties of feature tables: whatever they hold, no input value is changed or lost.

What sidecars may hold belongs in `test_properties_sidecars.py`.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import parse_options
from second_opinion_assets.join.join import JoinResult, materialize
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.scores.sidecar import Sidecar
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests import plain
from second_opinion_assets_tests.knobs import Knobs, block_sizes
from second_opinion_assets_tests.readings import agrees
from second_opinion_assets_tests.strategies import damaged, rarely, thorough
from second_opinion_assets_tests.workspace import INVOCATION

SCORES = (
    plain.ScoreFile(
        b'{"clip_id": "c0", "score": 1.5, "runtime_ms": 2}\n'
        b'{"clip_id": "c1", "score": "n/a"}\n'
        b'{"clip_id": "3", "frames": [{"score": 1}, {"score": 2}]}\n'
        b'{"clip_id": "\\u00e9", "score": -7}\n',
        form="lines",
        written="dover.jsonl",
        label="DOVER",
    ),
    plain.ScoreFile(
        b'[{"clip_id": "c0", "mos": 3}]', form="document", written="a.json", label="A-1"
    ),
)
OURS = [
    name for file in SCORES for name in plain.appended("second_opinion", str(file.label), "missing")
]

gaps = st.sampled_from(["", "", "", " ", "\t", " \r ", "   "])
number_texts = st.one_of(
    st.sampled_from(
        ["0", "-0", "1e5", "0.10", "1E-7", "12345678901234567890", "-1.5e+300", "1e400"]
    ),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
characters = st.characters(exclude_categories=["Cs"])
texts = st.text(characters, max_size=5) | st.sampled_from(
    ["NaN", "-Infinity", "}", "{", '"', "\\", "},\n{", "\u2028", "\x7f", *OURS[:2], "\U0001f600"]
)


@st.composite
def string_texts(draw: st.DrawFn, values: st.SearchStrategy[str] = texts) -> str:
    """Draw a string as JSON text: plain, in ASCII, or escaped throughout."""
    value = draw(values)
    if rarely(draw, 4):
        units = value.encode("utf-16-be")
        pairs = zip(units[::2], units[1::2], strict=True)
        return '"' + "".join(f"\\u{high:02x}{low:02X}" for high, low in pairs) + '"'
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    return text.replace("/", "\\/") if draw(st.booleans()) else text


@st.composite
def listed(draw: st.DrawFn, parts: list[str], brackets: str) -> str:
    """Draw parts between brackets with any space around them."""
    inner = ",".join(draw(gaps) + part + draw(gaps) for part in parts) or draw(gaps)
    return brackets[0] + inner + brackets[1]


@st.composite
def member_texts(draw: st.DrawFn, names: st.SearchStrategy[str], value: str) -> str:
    """Draw a member of an object as JSON text."""
    return draw(string_texts(names)) + draw(gaps) + ":" + draw(gaps) + value


@st.composite
def container_texts(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    """Draw a list or an object as JSON text."""
    inside = draw(st.lists(values, max_size=3))
    if draw(st.booleans()):
        return draw(listed(inside, "[]"))
    return draw(listed([draw(member_texts(texts, value)) for value in inside], "{}"))


value_texts = st.recursive(
    st.one_of(st.sampled_from(["null", "true", "false"]), number_texts, string_texts()),
    container_texts,
    max_leaves=5,
)
names = st.sampled_from(["psnr", "Clip_ID", "name", "é", "", "a b", "score", 'a"b', "rows"]) | texts
key_values = st.sampled_from(
    ['"c0"', '"c0"', '"c1"', "3", "null", '""', '" c0 "', '"\\u00e9"', '"é"', "true", "1e5", '"x"']
)


plain_keys = ['"c0"', '"c1"', "3", "null", '"x"']


@st.composite
def object_texts(draw: st.DrawFn, *, first: bool = False) -> str:
    """Draw a row of a feature table as JSON text; the first one has the key column."""
    parts = draw(st.lists(st.builds(lambda value: value, value_texts), max_size=4))
    members = [draw(member_texts(names.filter(lambda n: n not in OURS), part)) for part in parts]
    for _ in range(draw(st.sampled_from([1] if first else [0, 1, 1, 1]))):
        member = draw(member_texts(st.just("clip_id"), draw(key_values)))
        members.insert(draw(st.integers(0, len(members))), member)
    return draw(listed(members, "{}"))


@st.composite
def jsonl_texts(draw: st.DrawFn) -> bytes:
    """Draw a JSONL feature table, of plain lines or of any."""
    rows = [draw(object_texts(first=not n)) for n in range(draw(st.integers(1, 6)))]
    if draw(st.booleans()):
        return "".join(row.replace("\r", "") + "\n" for row in rows).encode()
    ends = st.sampled_from(["\n", "\n", "\r\n", " \n", "\t\r\n", "\n\n", "\n \n"])
    text = "".join(draw(gaps) + row + draw(ends) for row in rows)
    if draw(st.booleans()):
        text = text.rstrip()
    return text.encode()


block_knobs = st.builds(Knobs, st.sampled_from([16, 64, 200, 4 << 20]), st.just(200))


class Done(NamedTuple):
    """What a join of a features file gave."""

    result: JoinResult
    out: bytes


def join(
    text: bytes, knobs: Knobs, options: plain.Options, folder: Path, form: str = "jsonl"
) -> Done:
    """Join a features file with the scores of this module."""
    features = folder / f"features.{form}"
    features.write_bytes(text)
    return join_file(features, folder / "out.jsonl", knobs, options)


def join_file(features: Path, out: Path, knobs: Knobs, options: plain.Options) -> Done:
    """Join a features file that is there already, to a file of any form."""
    folder = out.parent
    for file in SCORES:
        (folder / file.written).write_bytes(file.text)
    spec = TableSpec(
        id="t",
        features=Location(features),
        scores=tuple(
            Sidecar(Location(folder / f.written), f.written, f.written, f.label) for f in SCORES
        ),
        out=Location(out),
        audit_json=None,
        options=parse_options({**vars(options), "allow_empty": True}, "test"),
    )
    with block_sizes(knobs):
        result = materialize(spec, INVOCATION)
    return Done(result, out.read_bytes())


def lines_of(text: bytes) -> list[bytes]:
    """Return the lines of a JSONL file that hold a row."""
    return [line for line in text.split(b"\n") if line.strip()]


def pairs(text: bytes) -> list[tuple[str, Any]]:
    """Return the members of a JSON object in order, numbers as they are written."""
    members: list[tuple[str, Any]] = plain.loads(text, pairs=list)
    return members


def assert_only_appended(line: bytes, out: bytes, wanted: plain.Row) -> None:
    """Hold one output line against its input line and the columns to be appended."""
    body = line.rstrip(b" \t\r")[:-1]
    end = line[len(body) :]
    assert out.startswith(body)
    assert out.endswith(end)
    assert json.loads(out) is not None
    given, found = pairs(line), pairs(out)
    assert found[: len(given)] == given
    gained = found[len(given) :]
    assert [name for name, _ in gained] == OURS_IN_ORDER
    assert all(agrees(value, wanted[name]) for name, value in gained)


OURS_IN_ORDER = [
    name
    for label in sorted((str(file.label) for file in SCORES), key=plain.slug)
    for name in plain.appended("second_opinion", label, "missing")
]


@given(jsonl_texts(), block_knobs, st.sampled_from(["mark", "drop"]))
@thorough
def test_a_jsonl_row_keeps_its_bytes(text: bytes, knobs: Knobs, policy: str) -> None:
    """Each output line is valid JSON: its input line's own bytes, then five fields a scorer."""
    note(f"features: {text!r}")
    rows = [plain.loads(line) for line in lines_of(text)]
    wanted = plain.plain_join(rows, SCORES, plain.Options())
    kept = [
        (line, row)
        for line, row in zip(lines_of(text), wanted, strict=True)
        if policy == "mark" or "missing" not in (row[OURS[1]], row[OURS[6]])
    ]
    with tempfile.TemporaryDirectory() as folder:
        done = join(text, knobs, plain.Options(missing_policy=policy), Path(folder))
    assert done.out.endswith(b"\n") or not kept
    found = done.out.split(b"\n")[:-1]
    assert len(found) == len(kept) == done.result.tally.output_rows
    for (line, row), out in zip(kept, found, strict=True):
        assert_only_appended(line, out, row)


MARKED = re.compile("\0([^\0]*)\0")
non_finite_texts = st.sampled_from(["NaN", "Infinity", "-Infinity"]).map("\0{}\0".format)


@given(st.data(), block_knobs, st.sampled_from(["jsonl", "json"]))
@thorough
def test_bare_non_finite_numbers_become_null(data: st.DataObject, knobs: Knobs, form: str) -> None:
    """Bare NaN and Infinity, wherever in a row, become null and are counted; the rest stays."""
    values = st.recursive(non_finite_texts | value_texts, container_texts, max_leaves=4)
    marked = [
        data.draw(
            listed(
                [
                    f'"clip_id":{data.draw(st.sampled_from(plain_keys))}',
                    *(
                        data.draw(member_texts(names.filter(lambda n: n not in OURS), value))
                        for value in data.draw(st.lists(values, max_size=3))
                    ),
                ],
                "{}",
            )
        ).replace("\r", " ")
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    text = "".join(MARKED.sub(r"\1", row) + "\n" for row in marked).encode()
    rows = [MARKED.sub("null", row).encode() for row in marked]
    if form == "json":
        text = b"[" + text.rstrip().replace(b"\n", b",\n") + b"]"
    note(f"features: {text!r}")
    with tempfile.TemporaryDirectory() as folder:
        done = join(text, knobs, plain.Options(), Path(folder), form)
    wanted = plain.plain_join([plain.loads(row) for row in rows], SCORES, plain.Options())
    assert done.result.tally.non_finite_values == sum(len(MARKED.findall(row)) for row in marked)
    for row, out, want in zip(rows, lines_of(done.out), wanted, strict=True):
        assert_only_appended(row.strip() if form == "json" else row, out, want)


KIB = 1 << 10
LONG_VALUES = {
    "text": '"' + "é" * (50 * KIB) + '"',
    "escapes": '"' + "\\u00e9" * (20 * KIB) + '"',
    "list": "[" + "1.50, " * (20 * KIB) + "1e5]",
    "objects": "[" + '{"a":{}},' * (10 * KIB) + "{}]",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["plain", "carriage-return"])
@pytest.mark.parametrize("value", LONG_VALUES.values(), ids=LONG_VALUES)
def test_a_line_of_many_reads_keeps_its_bytes(tmp_path: Path, value: str, end: str) -> None:
    """A line that is longer than several reads keeps every byte, and so do its neighbours."""
    lines = ['{"clip_id":"c0"', f'{{"clip_id":"c1","x":{value}', '{"clip_id":"c0","y":0.10']
    text = "".join(f"{line}}}{end}" for line in lines).encode()
    out = join(text, Knobs(40 * KIB, 200), plain.Options(), tmp_path).out
    found = out.split(b"\n")
    assert found.pop() == b""
    for line, row in zip(lines, found, strict=True):
        assert row.startswith(line.encode() + b',"')
        assert row.endswith(b"}" + end.encode()[:-1])
    assert [json.loads(row)[OURS[1]] for row in found] == ["ok", "bad", "ok"]


@given(jsonl_texts(), block_knobs, st.sampled_from(["list", "object"]), st.booleans())
@thorough
def test_a_json_document_keeps_its_values(
    text: bytes,
    knobs: Knobs,
    form: str,
    spread: bool,  # noqa: FBT001 (drawn)
) -> None:
    """Rows of a JSON document keep every member and number text, and so do its other keys."""
    rows = [line.replace(b"\r", b" ") for line in lines_of(text)]
    listed_rows = b"[" + (b" ,\n" if spread else b",").join(rows) + b" ]"
    document = listed_rows
    if form == "object":
        document = b'{"a": 1e5, "\\u0062":[ 0.10 ], "rows" :' + listed_rows + b', "z": {"n":-0}}\n'
    note(f"features: {document!r}")
    wanted = plain.plain_join([plain.loads(row) for row in rows], SCORES, plain.Options())
    with tempfile.TemporaryDirectory() as folder:
        features = Path(folder, "features.json")
        features.write_bytes(document)
        out = join_file(features, Path(folder, "out.json"), knobs, plain.Options()).out
        lines = join_file(features, Path(folder, "out.jsonl"), knobs, plain.Options()).out
    found = plain.loads(out, pairs=list)
    if form == "object":
        others = plain.loads(document, pairs=list)
        assert [pair for pair in found if pair[0] != "rows"] == [
            pair for pair in others if pair[0] != "rows"
        ]
        assert [name for name, _ in found] == [name for name, _ in others]
    found_rows = dict(found)["rows"] if form == "object" else found
    assert found_rows == [pairs(line) for line in lines_of(lines)]
    for row, line, want in zip(rows, lines_of(lines), wanted, strict=True):
        assert_only_appended(row.strip(), line, want)


# One table in every form.

scalars: dict[str, tuple[st.SearchStrategy[Any], pa.DataType]] = {
    "int": (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    "float": (st.floats(allow_nan=False, allow_infinity=False), pa.float64()),
    "text": (st.text(characters, max_size=4), pa.string()),
    "flag": (st.booleans(), pa.bool_()),
}


@st.composite
def typed_columns(draw: st.DrawFn) -> tuple[st.SearchStrategy[Any], pa.DataType]:
    """Draw a type: that of JSON values and its Arrow type."""
    values, kind = scalars[draw(st.sampled_from(sorted(scalars)))]
    shape = draw(st.sampled_from(["scalar", "scalar", "list", "struct"]))
    if shape == "list":
        values, kind = st.lists(values, max_size=2), pa.list_(kind)
    elif shape == "struct":
        fields = [pa.field("a", kind), pa.field("é", pa.string())]
        values = st.fixed_dictionaries({"a": values, "é": st.none() | scalars["text"][0]})
        kind = pa.struct(fields)
    return (st.none() | values if draw(st.booleans()) else values), kind


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Draw a table with a key column and columns of one type each."""
    columns = {"clip_id": (st.sampled_from(["c0", "c1", "3", "é", None, "x"]), pa.string())}
    for name in draw(st.lists(st.sampled_from(["psnr", "ssim", "é", "a b", ""]), unique=True)):
        columns[name] = draw(typed_columns())
    rows = draw(st.integers(1, 6))
    return pa.table(
        [
            pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), kind)
            for values, kind in columns.values()
        ],
        names=list(columns),
    )


def write_table(table: pa.Table, form: str, folder: Path, group_rows: int) -> Path:
    """Write a table as a feature table of some form."""
    rows = table.to_pylist()
    path = folder / f"features_{form}.{form.removesuffix('_list').removesuffix('_object')}"
    if form == "parquet":
        pq.write_table(table, path, row_group_size=group_rows)
    elif form == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(rows if form == "json_list" else {"rows": rows}))
    return path


def read_table(path: Path) -> list[dict[str, Any]]:
    """Return the rows of an output of some form."""
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    elif path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    else:
        document = json.loads(path.read_bytes())
        rows = document["rows"] if isinstance(document, dict) else document
    return rows


FORMS = ["jsonl", "json_list", "json_object", "parquet"]


@given(tables(), st.sampled_from(FORMS), st.sampled_from(["jsonl", "json", "parquet"]), block_knobs,
       st.sampled_from(["mark", "drop"]))  # fmt: skip
@thorough
def test_every_form_gives_the_same_rows(
    table: pa.Table, form: str, out_form: str, knobs: Knobs, policy: str
) -> None:
    """Any form of input to any form of output gives the same values in the same order."""
    given_rows = table.to_pylist()
    note(f"{form} to {out_form}: {given_rows}")
    options = plain.Options(missing_policy=policy)
    with tempfile.TemporaryDirectory() as folder:
        features = write_table(table, form, Path(folder), max(1, knobs.chunk_bytes // 64))
        out = Path(folder, f"out.{out_form}")
        join_file(features, out, knobs, options)
        found = read_table(out)
    expected = plain.plain_join(given_rows, SCORES, options)
    assert [list(row) for row in found] == [list(row) for row in expected]
    assert found == expected


# Columns that are there already.


@st.composite
def joined_objects(draw: st.DrawFn, *, first: bool) -> list[tuple[bool, str]]:
    """Draw the members of a row, some of them of the names to append (False: to be replaced)."""
    members = [(True, draw(member_texts(st.just("clip_id"), draw(key_values))))] if first else []
    for _ in range(draw(st.integers(0, 4))):
        ours = draw(st.booleans())
        named = st.sampled_from(OURS) if ours else names.filter(lambda name: name not in OURS)
        member = (not ours, draw(member_texts(named, draw(value_texts))))
        members.insert(draw(st.integers(0, len(members))), member)
    return members


@given(st.data(), st.booleans(), block_knobs)
@thorough
def test_overwrite_replaces_second_opinions_alone(
    data: st.DataObject,
    quick: bool,  # noqa: FBT001 (drawn)
    knobs: Knobs,
) -> None:
    """Columns to append that exist are replaced; all other members keep their bytes and order."""
    rows = [data.draw(joined_objects(first=not n)) for n in range(data.draw(st.integers(1, 4)))]
    texts_of_rows = [data.draw(listed([text for _, text in row], "{}")) for row in rows]
    end = "\n" if quick else " \r\n"
    text = "".join(row + end for row in texts_of_rows).encode()
    note(f"features: {text!r}")
    exist = any(not kept for row in rows for kept, _ in row)
    wanted = plain.plain_join(
        [plain.loads(row) for row in texts_of_rows], SCORES, plain.Options(overwrite=True)
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.jsonl")
        if exist:
            out.write_text("as it was")
            with pytest.raises(JoinError, match="overwrite"):
                join(text, knobs, plain.Options(), Path(folder))
            assert out.read_text() == "as it was"
        once = join(text, knobs, plain.Options(overwrite=True), Path(folder)).out
        twice = join(once, knobs, plain.Options(overwrite=True), Path(folder)).out
    assert once == twice
    for row, source, want, line in zip(rows, texts_of_rows, wanted, lines_of(once), strict=True):
        kept = [member.encode() for stays, member in row if stays]
        pattern = rb"\{\s*" + rb"\s*,\s*".join(map(re.escape, kept))
        assert re.match(pattern, line), (source, line)
        found = pairs(line)
        assert found[: len(kept)] == [
            pair for member in kept for pair in pairs(b"{" + member + b"}")
        ]
        assert [name for name, _ in found[len(kept) :]] == OURS_IN_ORDER
        assert all(agrees(value, want[name]) for name, value in found[len(kept) :])


# Tables that are not what they should be.


@given(st.data())
@thorough
def test_a_damaged_feature_table_is_never_half_read(data: st.DataObject) -> None:
    """Changed bytes are refused, the target untouched, exactly if a line is no JSON object."""
    original = data.draw(jsonl_texts())
    text = data.draw(damaged(original))
    note(f"features: {text!r}")
    first_is_whole = original.split(b"\n")[0] == text.split(b"\n")[0]
    knobs = data.draw(block_knobs) if first_is_whole else Knobs(4 << 20, 200)
    out_form = data.draw(st.sampled_from(["jsonl", "json", "parquet"]))
    try:
        rows = plain.loads_lines(text)
        readable: bool | None = all(isinstance(row, dict) for row in rows)
        if readable:
            plain.plain_join(rows, SCORES, plain.Options())
    except plain.Refused:
        readable = False
    except plain.Unclear:
        readable = None
    with tempfile.TemporaryDirectory() as folder:
        features, out = Path(folder, "features.jsonl"), Path(folder, f"out.{out_form}")
        features.write_bytes(text)
        out.write_text("as it was")
        refusal = refusal_of(features, out, knobs)
        if refusal:
            assert out.read_text() == "as it was"
            assert not list(Path(folder).glob(".*.tmp"))
            assert not readable or "parquet type" in refusal
        else:
            assert readable is not False
            if out_form != "parquet":
                read_table(out)


def refusal_of(features: Path, out: Path, knobs: Knobs) -> str:
    """Return why a features file is refused; empty if it is joined."""
    try:
        join_file(features, out, knobs, plain.Options())
    except JoinError as error:
        return str(error)
    return ""


@given(st.integers(0, 3), st.integers(0, 6), st.sampled_from(["[]", "{}", "[1]", '{"a": 1}']))
@thorough
def test_a_key_that_is_no_text_is_named_by_its_line(before: int, after: int, key: str) -> None:
    """An error about one row names that row's own line."""
    lines = [*['{"clip_id": "c0"}'] * before, f'{{"clip_id": {key}}}', *['{"clip_id": 1}'] * after]
    text = "".join(line + "\n" for line in lines).encode()
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.raises(JoinError, match=rf"features\.jsonl:{before + 1}: "),
    ):
        join(text, Knobs(4 << 20, 200), plain.Options(), Path(folder))


@given(st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80"]), st.sampled_from(["top", "row", "key"]))
@thorough
def test_bytes_that_are_no_text_are_refused(wrong: bytes, place: str) -> None:
    """A JSON document with bytes that are not UTF-8 is refused wherever they stand."""
    fill = {name: wrong if name == place else b"x" for name in ("top", "row", "key")}
    text = b'{"a": "%b", "rows": [{"clip_id": "%b", "b": "%b"}]}'
    document = text % (fill["top"], fill["key"], fill["row"])
    with tempfile.TemporaryDirectory() as folder:
        features = Path(folder, "features.json")
        features.write_bytes(document)
        with pytest.raises(JoinError, match="UTF-8"):
            join_file(
                features,
                Path(folder, "out.json"),
                Knobs(4 << 20, 200),
                plain.Options(),
            )


@given(st.integers(0, 3), st.sampled_from(["jsonl", "json", "parquet"]))
@thorough
def test_a_late_refusal_leaves_nothing_behind(before: int, out_form: str) -> None:
    """A row refused after others were written leaves the target and its folder as they were."""
    lines = [*[b'{"clip_id": null}\n'] * before, b'{"clip_id": []}\n']
    with tempfile.TemporaryDirectory() as folder:
        features, out = Path(folder, "features.jsonl"), Path(folder, f"out.{out_form}")
        features.write_bytes(b"".join(lines))
        out.write_text("as it was")
        with pytest.raises(JoinError, match="the key is a list"):
            join_file(features, out, Knobs(16, 200), plain.Options())
        assert out.read_text() == "as it was"
        assert not list(Path(folder).glob(".*.tmp"))
