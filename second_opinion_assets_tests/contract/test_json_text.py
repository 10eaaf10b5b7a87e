"""JSON as bytes: the text of a value stays what it is."""

from __future__ import annotations

import math

import pytest

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError


def test_decode_reads_bare_nan_and_infinity() -> None:
    """Bare NaN and Infinity, which Python's own writer leaves, are read as floats."""
    nan, *infinite = json_text.decode(b"[NaN, Infinity, -Infinity, 1e999]", "here")
    assert math.isnan(nan)
    assert infinite == [math.inf, -math.inf, math.inf]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(b"", r"^here: not JSON: .*\(column 1\)$", id="empty"),
        pytest.param(b'{"a": }', r"^here: not JSON: .*\(column 7\)$", id="no-value"),
        pytest.param(b"[1,\n x]", r"^here: not JSON: .*\(line 2, column 2\)$", id="line"),
        pytest.param(b'"\xff"', r"^here: not UTF-8 text \(byte 1\)$", id="not-utf8"),
        pytest.param(b"[" * 20_000 + b"]" * 20_000, r"^here: nested too deeply", id="deep"),
        pytest.param('{"a": 1}'.encode("utf-16"), r"^here: not UTF-8 text", id="utf-16"),
    ],
)
def test_decode_refuses(text: bytes, message: str) -> None:
    """What is not JSON is refused in one line with the place."""
    with pytest.raises(JoinError, match=message):
        json_text.decode(text, "here")


@pytest.mark.parametrize(
    ("text", "members"),
    [
        (b"{}", {}),
        (b'{"a": 1.50, "b" : [1, {"c":2}]}', {"a": b"1.50", "b": b'[1, {"c":2}]'}),
        (b' { "a":"x,}\\"" } ', {"a": b'"x,}\\""'}),
        (b'{"a\\u005fb": 1}', {"a_b": b"1"}),
        (b'{"a": NaN, "b": [1, NaN]}', {"a": b"NaN", "b": b"[1, NaN]"}),
        (b'{"a": "NaN", "b": -Infinity}', {"a": b'"NaN"', "b": b"-Infinity"}),
        (b'{"a": 1, "a": 2}', {"a": b"2"}),
        (b'{"\\ud800": 1, "b": 2}', {"\ud800": b"1", "b": b"2"}),
        (b'{"a": "\\ud800", "b": 2}', {"a": b'"\\ud800"', "b": b"2"}),
    ],
)
def test_members(text: bytes, members: dict[str, bytes]) -> None:
    """An object's members keep the text of their values."""
    assert json_text.members(text, "here") == members


@pytest.mark.parametrize("text", [b"[]", b"5", b'"a"', b"null"])
def test_members_of_what_is_no_object(text: bytes) -> None:
    """What is not an object has no members."""
    with pytest.raises(JoinError, match=r"^here: .*, expected an object$"):
        json_text.members(text, "here")


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        (b"[]", []),
        (b" [ ] ", []),
        (b'[1.50, {"a": [1, 2]}, "x]"]', [b"1.50", b'{"a": [1, 2]}', b'"x]"']),
        (b'[NaN, {"a": NaN} ]', [b"NaN", b'{"a": NaN}']),
    ],
)
def test_elements(text: bytes, elements: list[bytes]) -> None:
    """A list's elements keep their text."""
    assert json_text.elements(text, "here") == elements


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (b'{"a": 1, "x": 2, "b": 3.50}', b'{"a": 1, "b": 3.50}'),
        (b'{"x":{"x":1},"a":{"x":1}}', b'{"a":{"x":1}}'),
        (b'{"a": "\\"x\\": 1", "\\u0078": 2}', b'{"a": "\\"x\\": 1"}'),
        (b'{"x": 1}', b"{}"),
        (b'{"x": 1, "x": 2, "a": 3}', b'{ "a": 3}'),
    ],
)
def test_without_members(text: bytes, rest: bytes) -> None:
    """Members are taken out of the top level alone, and the others keep their bytes."""
    assert json_text.without_members(text, frozenset({"x"})) == rest


@pytest.mark.parametrize(
    ("text", "strict", "count"),
    [
        (b'{"a": NaN, "b": -Infinity, "c": Infinity}', b'{"a": null, "b": null, "c": null}', 3),
        (b'{"NaN": "NaN", "b": "\\"NaN"}', b'{"NaN": "NaN", "b": "\\"NaN"}', 0),
        (b"[[NaN,1],NaN]", b"[[null,1],null]", 2),
    ],
)
def test_null_non_finite(text: bytes, strict: bytes, count: int) -> None:
    """Bare NaN and Infinity become null and are counted; texts stay."""
    assert json_text.null_non_finite(text) == (strict, count)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'"0123"', "0123"),
        (b"123", "123"),
        (b"0.10", "0.10"),
        (b"1e5", "1e5"),
        (b"12345678901234567890123", "12345678901234567890123"),
        (b'"caf\\u00e9"', "café"),
        (b'""', ""),
        (b"true", "true"),
        (b"null", None),
    ],
)
def test_scalar_text(raw: bytes, text: str | None) -> None:
    """A key is the value's own text."""
    assert json_text.scalar_text(raw, "here") == text


@pytest.mark.parametrize(("raw", "found"), [(b"[1]", "a list"), (b"{}", "an object")])
def test_scalar_text_of_what_is_no_scalar(raw: bytes, found: str) -> None:
    """A list or an object is no key."""
    with pytest.raises(JoinError, match=rf"^here: the key is {found}, expected text or a number$"):
        json_text.scalar_text(raw, "here")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("a\nb", '"a\\nb"'),
        ("é", '"é"'),
        ({"a": 1}, "an object"),
        ([1], "a list"),
        ("x" * 100, '"' + "x" * 58 + "…"),
    ],
)
def test_shown(value: object, text: str) -> None:
    """A value in a message is as JSON writes it, short and on one line."""
    assert json_text.shown(value) == text
