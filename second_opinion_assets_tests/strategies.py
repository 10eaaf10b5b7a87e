"""JSON sidecars and feature tables as hypothesis draws them: mostly usual, now and then odd.

Sidecars of columns belong in `table_strategies.py`, whole joins in `cases.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st

from second_opinion_assets_tests import plain

EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "60"))
thorough = settings(max_examples=EXAMPLES)

Value = Any
"""A JSON text, or a list of values, or an `Object`."""


class Object(list[tuple[str, Value]]):
    """A JSON object to write: its members in order, names maybe repeated."""


KEY_FIELDS = ["clip_id", "Clip_ID", "video_id", "name", "file_name", "path", "clip", "content_id"]
SCORE_FIELDS = ["score", "mos", "Score", "predicted_mos", "quality", "vmaf", "MOS", "q"]
RUNTIMES = ["runtime_ms", "runtime_total_ms", "elapsed_ms", "Runtime_MS"]
EXTRA_FIELDS = [
    *("note", "we'ird", 'quo"ted', "é", "", "summary2", "frame", "Summary", "other_0"),
    *("deep", "deep.q", "deep.score"),
]
NESTS = [("deep",), ("deep", "er"), ("deep.er",)]
KEY_PATTERNS = [r"c(\d+)", r"(c\d+)", r"([^/\\]+)\.mp4", r"0*(\d+)", r"(x)?c"]
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
    """What the rows of one sidecar have in common: a field name and a place for each value.

    The place `deep` is within the objects that the names of `nest` lead to.
    """

    key: tuple[str, str]
    score: tuple[str, str]
    competitor: tuple[str, str]
    runtime: tuple[str, str]
    status: tuple[str, str]
    extras: list[tuple[str, str]]
    name: str
    nest: tuple[str, ...]


def templates(key_field: str, *, labelled: bool, nested: bool) -> st.SearchStrategy[Template]:
    """Draw what the rows of a sidecar have in common."""
    deep = ["deep"] * 4 if nested else []
    upper = st.sampled_from(["top", "top", "top", "summary"])
    anywhere = st.sampled_from(["top", "top", "summary", "frames", *deep])
    maybe = st.sampled_from(["top", "top", "summary", "none"])
    return st.builds(
        Template,
        key=st.tuples(st.just(key_field), st.sampled_from(["top", *deep]) if nested else upper),
        score=st.tuples(st.sampled_from(SCORE_FIELDS), anywhere),
        competitor=st.tuples(
            st.sampled_from(["competitor", "competitor", "Competitor"]),
            maybe if labelled else upper,
        ),
        runtime=st.tuples(
            st.sampled_from(RUNTIMES), st.sampled_from(["top", "none", "summary", "frames"])
        ),
        status=st.tuples(
            st.sampled_from(["status", "status", "Status"]),
            st.sampled_from(["top", "deep"]) if nested else maybe,
        ),
        extras=st.lists(
            st.tuples(st.sampled_from(EXTRA_FIELDS), st.sampled_from(["top", "summary", "frames"])),
            max_size=2,
        ),
        name=st.sampled_from(COMPETITORS),
        nest=st.sampled_from(NESTS),
    )


@st.composite
def rules_for(draw: st.DrawFn, template: Template) -> plain.Rules:
    """Draw what is asked for of one sidecar: what is nested, or now and then anything."""
    asked: dict[str, str] = {}
    for rule in ("key", "score", "status"):
        name, place = getattr(template, rule)
        if place == "deep":
            asked[f"{rule}_field"] = ".".join([*template.nest, name])
        elif rarely(draw, 12):
            asked[f"{rule}_field"] = name
    if rarely(draw, 12):
        asked["key_pattern"] = draw(st.sampled_from(KEY_PATTERNS))
    return plain.Rules(**asked)


@st.composite
def rows_like(draw: st.DrawFn, template: Template, number: int) -> Object:
    """Draw a usual row of a sidecar."""
    parts: dict[str, Object] = {"top": Object(), "summary": Object(), "deep": Object()}
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
    if nested := parts["deep"]:
        for name in template.nest[:0:-1]:
            nested = Object([(name, nested)])
        row.append((template.nest[0], nested))
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
    nested = rarely(draw, 4)
    template = draw(templates(key_field, labelled=label is not None, nested=nested))
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
    text = draw(file_texts(form, rows, careless=careless)).encode()
    rules = draw(rules_for(template)) if nested or rarely(draw, 6) else plain.Rules()
    return plain.ScoreFile(text, "lines" if form == "lines" else "document", name, label, rules)


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
