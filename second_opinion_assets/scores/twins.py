"""Members of one name in one object of a row: which of them a reader takes is chance.

A row that has such twins among what is looked for is refused. That there are none is seen, as a
rule, by counting: each reader of JSON keeps one of them, so a text has more members than its value.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import msgspec
import numpy as np

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import (
    ALL_KEY_NAMES,
    ALL_SCORE_NAMES,
    RUNTIME_NAMES,
    SCORER_FIELD,
)
from second_opinion_assets.contract.json_text import WHITESPACE
from second_opinion_assets.scores.payload import Payload, find_value, score_path
from second_opinion_assets.scores.rules import RowRules

_USUAL = (*ALL_KEY_NAMES, *ALL_SCORE_NAMES, *RUNTIME_NAMES, SCORER_FIELD, "summary", "frames")
_LONG_BYTES = 10_000
_COLON, _QUOTE, _SPACE = b':" '
_ESCAPED = b"\\u00"  # a quote or a colon may be, which is one in the value and none in the text


class _Members(list[tuple[str, Any]]):
    """The members of an object, those of one name too."""


def refuse_twins(text: bytes, payload: Payload, rules: RowRules, where: str) -> None:
    """Refuse a row in which two members of an object that is looked at have one name.

    Args:
        text: the row, valid JSON.
        payload: what it was decoded to.
        rules: what is looked for.
        where: its place, for the error message.

    Raises:
        JoinError: there are such members, and their name is one that is looked for.
    """
    if _ESCAPED not in text and _members_of(payload) == count_members(text):
        return
    try:
        row = json.loads(text, object_pairs_hook=_Members, parse_int=str, parse_float=str)
    except RecursionError:
        msg = f"{where}: nested too deeply to be read"
        raise JoinError(msg) from None
    names = _looked_for(rules._replace(stem=None))
    by_itself = score_path(payload, rules) and find_value(payload, RUNTIME_NAMES)
    for place in _places(row, rules, with_frames=not by_itself):
        counts = Counter(name for name, _ in place)
        twin = next((n for n, count in counts.items() if count > 1 and n.lower() in names), None)
        if twin is not None:
            msg = (
                f"{where}: two members are called {twin!r}, so which counts is not certain; "
                "write the row with one"
            )
            raise JoinError(msg)


def count_members(text: bytes) -> int:
    """Return how many members the objects of a JSON text have; more if strings hold `":`."""
    if len(text) >= _LONG_BYTES:  # which takes an eighth of the time
        characters = np.frombuffer(text, np.uint8)
        before = characters[np.flatnonzero(characters == _COLON) - 1]
        if not (before <= _SPACE).any():
            return int(np.count_nonzero(before == _QUOTE))
    return text.translate(None, WHITESPACE).count(b'":')


def _members_of(payload: Payload) -> int | None:
    """Return how many members a value has, counted like those of a text."""
    try:
        return count_members(msgspec.json.encode(payload))
    except (OverflowError, UnicodeEncodeError, RecursionError):  # huge numbers, half characters
        return None


@cache
def _looked_for(rules: RowRules) -> frozenset[str]:
    """Return the names that are looked for in rows, in lower case."""
    asked = (rules.score_field, rules.key_field, rules.status_field, rules.frame_score)
    paths = [name.lower().split(".") for name in (*asked, rules.frames_field) if name]
    parts = (
        ".".join(path[start:end])
        for path in paths
        for end in range(len(path) + 1)
        for start in range(end)
    )
    return frozenset((*_USUAL, *parts))


def _places(row: _Members, rules: RowRules, *, with_frames: bool) -> Iterator[_Members]:
    """Yield the objects of a row that are looked at."""
    inner = [("", row), *(member for member in row if member[0] == "summary")]
    if with_frames:
        lists = (value for name, value in row if name == "frames" and type(value) is list)
        inner += [("", frame) for frames in lists for frame in frames]
    for _, place in inner:
        if isinstance(place, _Members):
            yield from _nested(place) if not rules.are_plain else [place]


def _nested(place: _Members) -> Iterable[_Members]:
    """Yield an object and those in it, which a path may lead to."""
    yield place
    for _, value in place:
        if isinstance(value, _Members):
            yield from _nested(value)
