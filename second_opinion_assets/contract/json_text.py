"""JSON as bytes: what is done to a document without changing the text of its values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from second_opinion_assets.contract.errors import CutShortError, JoinError

_SHOWN_CHARACTERS = 60
WHITESPACE = b" \t\r\n"
_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_STRING_TOKEN = re.compile(_STRING, re.DOTALL)
_STRUCTURE = re.compile(_STRING + rb"|[{}\[\],]", re.DOTALL)
_NON_FINITE = re.compile(_STRING + rb"|-?\bInfinity\b|\bNaN\b", re.DOTALL)
_C_CONSTANT = re.compile(
    _STRING
    + rb"|(?<![\w.])([-+]?)"
    + rb"(?:(nan)(?:\(\w*\))?|(inf)(?:inity)?|1\.#(?:(inf)|ind|[qs]nan)\w*)(?!\w)",
    re.DOTALL | re.IGNORECASE,
)
_OPENING, _CLOSING, _LINE_FEED = b"{}\n"
_LONG_LINE_BYTES = 512
_BEGUN = re.compile(r"\s*(t(ru?)?|f(a(ls?)?)?|n(ul?)?|-|[.eE][+-]?)?\s*")
"""What may be left of a value where a text ends in it."""
_NOT_PLAIN = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')
_WHOLE_NUMBER = re.compile(r"(-?[0-9]+)\.0+")
_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raw_elements = msgspec.json.Decoder(list[msgspec.Raw])


def decode(text: bytes, where: str) -> Any:  # noqa: ANN401 (any JSON value)
    """Return the value of a JSON text; bare NaN and Infinity are read as floats.

    Raises:
        JoinError: the text is not JSON, named by `where`.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # What msgspec refuses (NaN, huge numbers), the slower reader may know.
    except RecursionError:
        msg = f"{where}: nested too deeply to be read"
        raise JoinError(msg) from None
    try:
        return json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        msg = f"{where}: {_problem(error, text)}"
        raise (CutShortError if _is_cut(error) else JoinError)(msg) from None


def _problem(error: Exception, text: bytes) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 text (byte {error.start})"
    if isinstance(error, json.JSONDecodeError):
        line = f"line {error.lineno}, " if b"\n" in text.strip() else ""
        return f"not JSON: {error.msg} ({line}column {error.colno})"
    return f"not JSON: {error}"


def _is_cut(error: Exception) -> bool:
    """Return whether what is wrong with a JSON text is that it ends too soon."""
    if isinstance(error, UnicodeDecodeError):
        return error.reason == "unexpected end of data"
    if not isinstance(error, json.JSONDecodeError):
        return False
    ends_in_text = error.msg.startswith("Unterminated string")
    return ends_in_text or _BEGUN.fullmatch(error.doc, error.pos) is not None


def members(text: bytes, where: str) -> dict[str, bytes]:
    """Return the members of a JSON object with the text of their values.

    Raises:
        JoinError: the text is not JSON, or not an object.
    """
    try:
        return {name: bytes(raw) for name, raw in _raw_members.decode(text).items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = decode(text, where)
    if not isinstance(value, dict):
        msg = f"{where}: a row is {shown(value)}, expected an object"
        raise JoinError(msg)
    return dict(_split_member(part) for part in children(text))


def member_list(text: bytes) -> list[tuple[str, bytes]]:
    """Return all members of an object, those of one name too; valid JSON given."""
    return [_split_member(part) for part in children(text)]


def elements(text: bytes, where: str) -> list[bytes]:
    """Return the text of each element of a JSON list, valid or with bare NaN and Infinity.

    Raises:
        JoinError: the text is not JSON.
    """
    try:
        return [bytes(raw) for raw in _raw_elements.decode(text)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decode(text, where)
    return [part.strip(WHITESPACE) for part in children(text)]


def plain_line_ends(text: bytes) -> NDArray[np.int64] | None:
    """Return where each line ends if each starts and ends with an object's braces, else None.

    A row that spans lines would break before a comma or a bracket, never between a closing and an
    opening brace, so the ends of lines tell; how many objects a line holds they do not.
    """
    if not (text.startswith(b"{") and text.endswith(b"}\n")):
        return None
    ends = _line_ends(text)
    characters = np.frombuffer(text, np.uint8)
    closed = (characters[ends - 1] == _CLOSING).all()
    return ends if closed and (characters[ends[:-1] + 1] == _OPENING).all() else None


def _line_ends(text: bytes) -> NDArray[np.int64]:
    """Return the positions of all line feeds."""
    end = text.find(b"\n")
    if end < _LONG_LINE_BYTES:
        return np.flatnonzero(np.frombuffer(text, np.uint8) == _LINE_FEED)
    ends = []
    while end >= 0:  # of few long lines this takes half the time
        ends.append(end)
        end = text.find(b"\n", end + 1)
    return np.array(ends)


def is_utf8(text: bytes) -> bool:
    """Return whether bytes are text; the fast decoder does not look at what it passes over."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_blank(line: bytes) -> bool:
    """Return whether a line holds nothing but JSON's white space."""
    return not line.strip(WHITESPACE)


def whole_characters(text: str, where: str) -> str:
    """Return a text that can be written anywhere.

    Raises:
        JoinError: JSON's escapes made half a surrogate pair, which no file can hold as text.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        msg = f"{where}: {shown(text)} has half a surrogate pair, which is no character"
        raise JoinError(msg) from None
    return text


def has_plain_names(names: Iterable[str]) -> bool:
    """Return whether the fast decoder takes all of these as names of fields."""
    return not any(_NOT_PLAIN.search(name) for name in names)


def children(text: bytes) -> Iterator[bytes]:
    """Yield the text of each element of a list or member of an object, valid JSON given."""
    depth = 0
    start = 0
    for token in _STRUCTURE.finditer(text):
        mark = token.group()
        if mark in (b"{", b"["):
            depth += 1
            if depth == 1:
                start = token.end()
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                if text[start : token.start()].strip():
                    yield text[start : token.start()]
                return
        elif mark == b"," and depth == 1:
            yield text[start : token.start()]
            start = token.end()


def repeated_member(text: bytes, names: Iterable[str]) -> str | None:
    """Return which of some members an object has more than once; None if it has none of them so."""
    found = [_split_member(part)[0] for part in children(text)]
    return next((name for name in names if found.count(name) > 1), None)


def _split_member(text: bytes) -> tuple[str, bytes]:
    name = _STRING_TOKEN.search(text)
    if name is None:
        raise AssertionError(text)  # children() of a valid object always has a name
    value = text[name.end() :].lstrip(WHITESPACE).removeprefix(b":")
    return json.loads(name.group()), value.strip(WHITESPACE)


def without_members(text: bytes, names: frozenset[str]) -> bytes:
    """Return an object's text without the members of these names; the others keep their bytes."""
    parts = list(children(text))
    kept = [part for part in parts if _split_member(part)[0] not in names]
    start = text[: text.index(b"{") + 1]
    if not kept:
        return start + parts[0][: parts[0].index(b'"')] + b"}"
    return start + b",".join(kept) + b"}"


def null_non_finite(text: bytes) -> tuple[bytes, int]:
    """Put null in the place of each bare NaN and Infinity; return the text and their number."""
    count = 0

    def replace(token: re.Match[bytes]) -> bytes:
        nonlocal count
        if token.group().startswith(b'"'):
            return token.group()
        count += 1
        return b"null"

    return _NON_FINITE.sub(replace, text), count


def without_c_constants(text: bytes) -> bytes:
    """Write what C prints for NaN and infinity (`-nan(ind)`, `inf`) as Python writes it in JSON."""

    def replace(token: re.Match[bytes]) -> bytes:
        if token.group().startswith(b'"'):
            return token.group()
        if token[3] or token[4]:
            return b"-Infinity" if token[1] == b"-" else b"Infinity"
        return b"NaN"

    return _C_CONSTANT.sub(replace, text)


def scalar_text(raw: bytes, where: str) -> str | None:
    """Return the own text of a JSON value that serves as a key; None for null.

    A string's text is the string; a number's is what stands in the file (`0.10`, `1e5`), but for
    the zeros of a whole number.

    Raises:
        JoinError: the value is an object or a list.
    """
    if raw == b"null":
        return None
    if raw.startswith(b'"'):
        return whole_characters(decode(raw, where), where)
    if raw.startswith((b"{", b"[")):
        kind = "an object" if raw.startswith(b"{") else "a list"
        msg = f"{where}: the key is {kind}, expected text or a number"
        raise JoinError(msg)
    return number_text(raw.decode())


def number_text(text: str) -> str:
    """Return the text of a number; that of a whole one has no point (`12.0` is `12`).

    Identifiers become floats beside a null in pandas, and are the same identifiers still.
    """
    found = _WHOLE_NUMBER.fullmatch(text)
    return found[1] if found else text


def shown(value: object) -> str:
    """Return a value for a message: short, on one line, unmistakable."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace").decode()
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def type_name(text: bytes) -> str:
    """Return the JSON type of a value's text."""
    types = {b'"': "string", b"{": "object", b"[": "array", b"t": "boolean", b"f": "boolean"}
    return types.get(text[:1], "null" if text == b"null" else "number")
