"""The shapes that a JSON document of many rows comes in, each as the texts of its rows.

A list of rows; an object with `rows` or `results`; a list of pairs of name and score; an object
that maps names to scores or to rows; a table of pandas. What is special of certain scorers' files
belongs to `payloads` and `vbench`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import DoubtError, JoinError
from second_opinion_assets.contract.fields import (
    ALL_KEY_NAMES,
    ALL_SCORE_NAMES,
    MEDIA_SUFFIXES,
    RUNTIME_NAMES,
    is_label,
    tells_of_prediction,
)
from second_opinion_assets.scores.measures import MEASURES, refuse_measures
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.scores.twins import count_members
from second_opinion_assets.storage.location import Location

ROW_LIST_NAMES = ("rows", "results")
NAME_FIELD = "name of the member"
"""Stands for a key's field where the key is the name under which a row or score stands."""
_OTHER_MEMBERS = (
    *("competitor", "status", "summary", "frames", "global", "pooled_metrics"),
    *("rows", "results", "schema", "data", "columns", "index"),
)
_NO_CLIPS = frozenset((*ALL_KEY_NAMES, *ALL_SCORE_NAMES, *RUNTIME_NAMES, *_OTHER_MEMBERS))
_PAIR = 2
_NUMBER = re.compile(rb'"?\s*[-+]?(?:[0-9]|\.[0-9])[^"]*"?|NaN|-?Infinity')
_NO_NUMBER = re.compile(rb'null|"\s*(?:[-+]?nan|[-+]?inf|n/?a|none|null|-)?\s*"', re.IGNORECASE)
_REMEDY = 'write it with to_json(path, orient="records")'


class Document(NamedTuple):
    """The rows of a document.

    Attributes:
        rows: the text of each.
        name: how the list of them is reached.
        members: of a document that is the one row itself.
        key_field: what holds the keys, where that is certain.
    """

    rows: list[bytes]
    name: str = ""
    members: dict[str, bytes] | None = None
    key_field: str | None = None


def read_document(text: bytes, path: Location, asked: ReadRequest) -> Document:
    """Return the rows of a document.

    Raises:
        JoinError: it is no JSON.
        DoubtError: it is a table of columns, or has no clips.
    """
    if text.lstrip().startswith(b"["):
        return _listed(text, "", path)
    members = json_text.members(text, str(path))
    _refuse_two_lists(text, members, path)
    for name in ROW_LIST_NAMES:
        if members.get(name, b"").startswith(b"["):
            return _listed(members[name], f".{name}", path)
        if members.get(name, b"").startswith(b"{"):
            found = _mapped(members[name], f".{name}", asked)
            if found:
                return found
    if members.get("schema", b"").startswith(b"{") and members.get("data", b"").startswith(b"["):
        return _listed(members["data"], ".data", path)
    _refuse_columns(members, path, asked)
    return _mapped(text, "", asked) or Document([text], members=members)


def _refuse_two_lists(text: bytes, members: dict[str, bytes], path: Location) -> None:
    """Raise a JoinError for a document with two lists of one name, of which one would be read."""
    if count_members(text) == len(members) + sum(map(count_members, members.values())):
        return
    lists = (name for name, raw in members.items() if raw.startswith(b"["))
    if twin := json_text.repeated_member(text, (*ROW_LIST_NAMES, *lists)):
        msg = f"{path}: two members are called {twin!r}, so which counts is not certain; write one"
        raise JoinError(msg)


def _listed(text: bytes, name: str, path: Location) -> Document:
    """Return the rows of a list, of objects or of pairs."""
    elements = json_text.elements(text, str(path))
    pairs = _pairs(elements)
    if pairs is None:
        return Document(elements, name)
    return Document(pairs, name, key_field=NAME_FIELD)


def _mapped(text: bytes, name: str, asked: ReadRequest) -> Document | None:
    """Return the rows of an object that maps clips to scores or rows; None for another."""
    members = json_text.members(text, "")
    if not members:
        return None
    if _maps_scores(members, asked):
        to_row = _scored
    elif _maps_rows(members, asked):
        to_row = _named
    else:
        return None
    pairs = json_text.member_list(text)  # those of one name too, which are refused later
    rows = [to_row(json.dumps(clip).encode(), raw) for clip, raw in pairs]
    return Document(rows, f"{name}.*", key_field=NAME_FIELD)


def _pairs(elements: list[bytes]) -> list[bytes] | None:
    """Return the rows of a list of pairs; None where some element is none."""
    rows = []
    for element in elements:
        parts = json_text.elements(element, "") if element.startswith(b"[") else []
        if len(parts) != _PAIR or not parts[0].startswith(b'"') or not _may_be_score(parts[1]):
            return None
        rows.append(_scored(*parts))
    return rows if any(map(_NUMBER.search, rows)) else None


def _scored(name: bytes, value: bytes) -> bytes:
    return b'{"%s": %s, "score": %s}' % (NAME_FIELD.encode(), name, value)


def _named(name: bytes, value: bytes) -> bytes:
    own = value.lstrip()[1:].lstrip() if value.startswith(b"{") else b"}"
    comma = b"" if own.startswith(b"}") else b", "
    return b'{"%s": %s%s%s' % (NAME_FIELD.encode(), name, comma, own)


def _may_be_score(text: bytes) -> bool:
    return bool(_NUMBER.fullmatch(text) or _NO_NUMBER.fullmatch(text))


def _maps_scores(members: dict[str, bytes], asked: ReadRequest) -> bool:
    """Return whether these members are clips with a score each, and not the fields of one row."""
    values = members.values()
    if all(map(_is_file, members)):
        return not any(value.startswith(b"{") for value in values)  # "failed" is a bad score
    if asked.stem_is_key or any(_is_field(name, asked) for name in members):
        return False
    return all(map(_may_be_score, values)) and any(map(_NUMBER.fullmatch, values))


def _maps_rows(members: dict[str, bytes], asked: ReadRequest) -> bool:
    """Return whether these members are clips with a row each, and not the fields of one row."""
    rows = [value for value in members.values() if value != b"null"]
    if not rows or not all(value.startswith(b"{") for value in rows):
        return False
    if all(map(_is_file, members)):
        return True
    if asked.stem_is_key or any(name.lower() in _NO_CLIPS for name in members):
        return False
    return all(any(_is_score(name, asked) for name in _names(row)) for row in rows)


def _is_file(name: str) -> bool:
    return name.rpartition(".")[2].lower() in MEDIA_SUFFIXES and "." in name


def _is_field(name: str, asked: ReadRequest) -> bool:
    """Return whether a member is named like a field of a row."""
    known = name.lower() in _NO_CLIPS or name.lower() in MEASURES or is_label(name)
    return known or tells_of_prediction(name) or _is_score(name, asked)


def _is_score(name: str, asked: ReadRequest) -> bool:
    wanted = asked.rules.score_field
    first = wanted and wanted.lower().partition(".")[0]
    return name.lower() in ALL_SCORE_NAMES or name.lower() in (first, (wanted or "").lower())


def _names(row: bytes) -> list[str]:
    return list(json_text.members(row, ""))


def _refuse_columns(members: dict[str, bytes], path: Location, asked: ReadRequest) -> None:
    """Raise a DoubtError for a table that is not written row by row, or has no clips."""
    if members.get("columns", b"").startswith(b"[") and members.get("data", b"").startswith(b"["):
        msg = f'{path}: is a table split by pandas (orient="split"); {_REMEDY}'
        raise DoubtError(msg)
    rows = [raw for raw in members.values() if raw.startswith(b"{")]
    if not rows or len(rows) < len(members):
        return
    inner = [_names(row) for row in rows]
    fields = {name.lower() for names in inner for name in names}
    refuse_measures(fields, path)
    if _counts(members) and fields & {*ALL_KEY_NAMES}:
        msg = f"{path}: is a table by numbers of rows, as pandas writes it; {_REMEDY}"
        raise DoubtError(msg)
    numbered = all(map(_counts, inner)) and any(inner)
    nested = "." in (asked.rules.score_field or "")  # a score of one clip, as asked for
    scores = not (nested or asked.stem_is_key) and any(_is_score(name, asked) for name in members)
    clips = any(map(_is_file, fields)) and not any(map(_is_file, members))
    scalars = not any(value[:1] in b"{[" for row in rows for _, value in json_text.member_list(row))
    if scalars and (numbered or scores or clips) and not all(map(_is_file, members)):
        msg = f"{path}: is a table column by column, as pandas writes it; {_REMEDY}"
        raise DoubtError(msg)


def _counts(names: Iterable[str]) -> bool:
    """Return whether names are the numbers of rows, from 0."""
    listed = list(names)
    return bool(listed) and listed == list(map(str, range(len(listed))))
