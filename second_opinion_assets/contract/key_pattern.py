r"""The regular expression of `key_pattern`: written as Python's, matched by RE2 in linear time.

No pattern and no key can keep a join for long. What RE2 reads otherwise than Python (`\w`, `\d`,
`\s`, `$`, `[[:`) is written anew here; what it cannot do is refused. How keys are reduced further
does not belong here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_ESCAPE = r"\\(?:u.{4}|U.{8}|x..|N\{[^}]*\}|[0-7]{3}|0[0-7]?|.)"
_OUTSIDE = re.compile(
    rf"{_ESCAPE}|\[\^?\]?|\(\?P<\w+>|\(\?[a-z-]*:|\(\?|\(|\{{,(?=[0-9]*\}})|.", re.DOTALL
)
_INSIDE = re.compile(rf"\\[0-7]{{1,3}}|{_ESCAPE}|.", re.DOTALL)
_OPENS_GROUP = re.compile(r"\(|\(\?P<\w+>")
_REPEATS = ("*", "+", "{", "{,")
_GROUP = "(?P<key>"
_LINE_END = r"(?:\n?\z)"  # a line feed at the very end is passed over
_WORD = r"\p{L}\p{N}_"
_SPACE = r"\t-\r\x1c-\x20\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_NO_SPACE = (
    r"\x00-\x08\x0e-\x1b\x21-\x84\x86-\x9f\xa1-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}"
    r"\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff}"
)
_CLASSES = {
    "d": r"\p{Nd}",
    "D": r"\P{Nd}",
    "w": f"[{_WORD}]",
    "W": f"[^{_WORD}]",
    "s": f"[{_SPACE}]",
    "S": f"[^{_SPACE}]",
    "Z": r"\z",
    "A": r"\A",
}
_PARTS_OF_CLASSES = {"d": r"\p{Nd}", "D": r"\P{Nd}", "w": _WORD, "s": _SPACE, "S": _NO_SPACE}
_CONTROLS = "afnrtv"
_UNKNOWN = (
    r"look-ahead, look-behind, references to groups, possessive repeats, \b, \W within brackets "
    "and flags other than i and s are not known"
)


class KeyPattern:
    """A key pattern, compiled.

    Args:
        pattern: regular expression with one group, in Python's syntax.

    Raises:
        ValueError: it is no regular expression, has not exactly one group, or takes more than
            linear time.
    """

    def __init__(self, pattern: str) -> None:
        try:
            compiled = re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            msg = f"key_pattern is {pattern!r}, which is no regular expression: {error}"
            raise ValueError(msg) from None
        if compiled.groups != 1:
            msg = (
                f"key_pattern is {pattern!r} with {compiled.groups} groups, expected exactly one, "
                "(…) around the part that names the clip; (?:…) is no group"
            )
            raise ValueError(msg)
        try:
            self._re2 = _in_re2(pattern, by_lines=bool(compiled.flags & re.MULTILINE))
            pc.extract_regex(pa.array([""]), self._re2)
        except (_NotKnownError, pa.ArrowInvalid) as error:
            problem = str(error).removeprefix("Invalid regular expression: ")
            msg = f"key_pattern is {pattern!r}: {problem}; {_UNKNOWN}"
            raise ValueError(msg) from None

    def picked(self, keys: pa.Array) -> pa.Array:
        """Return what the group found in each of an array of texts, else the text itself."""
        found = pc.struct_field(pc.extract_regex(keys, self._re2), [0])
        if pc.any(pc.equal(found, "")).as_py():  # maybe of a group that took no part
            took_part = pa.array(self.spans(keys)[:, 0] >= 0)
            found = pc.if_else(took_part, found, pa.scalar(None, found.type))
        return pc.coalesce(found, keys)

    def spans(self, keys: pa.Array) -> NDArray[np.int64]:
        """Return where the group begins and ends in each text, in characters; -1 for nowhere."""
        found = pc.struct_field(pc.extract_regex_span(keys, self._re2), [0])
        spans = np.full((len(keys), 2), -1, np.int64)
        there = found.is_valid().to_numpy(zero_copy_only=False)
        flat = found.drop_null().flatten().to_numpy().reshape(-1, 2)  # a start, and a length
        spans[there] = np.stack((flat[:, 0], flat.sum(axis=1)), axis=1)
        wide = pc.not_equal(pc.binary_length(keys), pc.utf8_length(keys))
        for row in np.flatnonzero(wide.to_numpy(zero_copy_only=False) & there).tolist():
            text = keys[row].as_py().encode()
            spans[row] = [len(text[:end].decode()) for end in spans[row]]
        return spans


class _NotKnownError(Exception):
    """A part of a pattern that RE2 would read otherwise than Python."""


@lru_cache(maxsize=64)
def compile_key_pattern(pattern: str) -> KeyPattern:
    """Return a key pattern, compiled; the error is that of `KeyPattern`."""
    return KeyPattern(pattern)


class _Piece(NamedTuple):
    """The least part of a pattern, and whether it stands within brackets."""

    text: str
    within: bool


def _in_re2(pattern: str, *, by_lines: bool) -> str:
    """Return a pattern of Python's in the words of RE2, its group named `key`.

    Raises:
        _NotKnownError: RE2 has no words for a part of it.
    """
    pieces = list(_pieces(pattern))
    _refuse_what_differs(pieces, by_lines=by_lines)
    return "".join(
        _part_of_class(text) if within else _part(text, by_lines=by_lines)
        for text, within in pieces
    )


def _pieces(pattern: str) -> Iterator[_Piece]:
    within = False
    position = 0
    while found := (_INSIDE if within else _OUTSIDE).match(pattern, position):
        yield _Piece(found.group(), within)
        position = found.end()
        within = found.group() != "]" if within else found.group().startswith("[")


def _refuse_what_differs(pieces: list[_Piece], *, by_lines: bool) -> None:
    """Refuse what RE2 takes, and finds something else by: empty repeats, and `$` before the end."""
    texts = ["" if within else text for text, within in pieces] + [""]
    ends: dict[int, int] = {}
    opened: list[int] = []
    for place, text in enumerate(texts):
        if text.startswith("("):
            opened.append(place)
        elif text == ")" and opened:
            ends[opened.pop()] = place
    group = next(place for place, text in enumerate(texts) if _OPENS_GROUP.fullmatch(text))
    body = "".join(text for text, _ in pieces[group + 1 : ends[group]])
    around = [end for start, end in ends.items() if start <= group and end >= ends[group]]
    if any(texts[end + 1] in _REPEATS for end in around) and re.search(rf"\A(?:{body})\Z", ""):
        problem = "the group is repeated, and may be empty"
        raise _NotKnownError(problem)
    for place, text in enumerate(texts):
        if text == "$" and not by_lines:
            is_last = place + 1 == len(pieces) or texts[place + 1] in (")", "|")
            if place < ends[group] or not is_last:
                problem = "$ stands before the end of the group or of the pattern"
                raise _NotKnownError(problem)


def _part(piece: str, *, by_lines: bool) -> str:
    """Return a piece that stands outside of brackets."""
    if piece.startswith("\\"):
        if piece in {r"\b", r"\B"}:
            raise _NotKnownError(piece)
        return _CLASSES.get(piece[1]) or _character(piece)
    if piece.startswith("["):
        return piece.replace("]", r"\]")
    if _OPENS_GROUP.fullmatch(piece):
        return _GROUP
    if piece.startswith("(?") and piece.endswith(":") and "m" in piece:
        raise _NotKnownError(piece)
    if piece == "$" and not by_lines:
        return _LINE_END
    return piece.replace("{,", "{0,")


def _part_of_class(piece: str) -> str:
    """Return a piece that stands within brackets."""
    if piece == r"\W":
        raise _NotKnownError(piece)
    if piece == r"\b":
        return r"\x08"
    if piece.startswith("\\"):
        return _PARTS_OF_CLASSES.get(piece[1]) or _character(piece, within=True)
    return r"\[" if piece == "[" else piece


def _character(piece: str, *, within: bool = False) -> str:
    """Return an escape that stands for one character; one that refers to a group as it is."""
    start, digits = piece[1], piece[2:]
    if start in _CONTROLS:
        return piece
    if start in "uUx":
        return _hex(int(digits, 16))
    if start == "N":
        return _hex(ord(unicodedata.lookup(digits[1:-1])))
    if start == "0" or (start in "1234567" and (within or digits)):
        return _hex(int(piece[1:], 8))
    return piece if start.isdigit() else _hex(ord(start))


def _hex(code: int) -> str:
    return rf"\x{{{code:x}}}"
