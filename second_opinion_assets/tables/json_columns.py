"""The values of some columns of rows that are JSON objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.matching.keys import KEY_TYPE
from second_opinion_assets.storage.limits import refuse_fields
from second_opinion_assets.tables.pieces import TEXT, pieces
from second_opinion_assets.tables.table import ColumnBlock

_NULL = b"null"
_QUOTE, _LINE_FEED = b'"\n'


class RowReader:
    """Reads the values of some columns of many rows at once, or of one.

    Args:
        keys: the columns whose values are taken as the texts of keys.
        names: the other columns.
    """

    def __init__(self, keys: Sequence[str], names: Sequence[str]) -> None:
        self._keys = keys
        self._names = names
        self._decoders = _decoders(keys, names)

    def read_lines(self, text: bytes, rows: int, where: str) -> ColumnBlock | None:
        """Return the columns of lines of JSON objects; None if they must be read one by one."""
        while self._decoders:
            try:
                found = self._decoders[0].decode_lines(text)
                return self._columns(found, where) if len(found) == rows else None
            except msgspec.ValidationError:
                self._decoders.pop(0)  # a number among the keys, from now on
            except (msgspec.DecodeError, UnicodeError, RecursionError, JoinError):
                return None  # a reading row by row names its line
        return None

    def read(self, members: dict[str, bytes], where: str) -> tuple[list[str | None], list[Any]]:
        """Return the keys and other values of one row."""
        return (
            [json_text.scalar_text(members.get(name, b"null"), where) for name in self._keys],
            [json_text.decode(members.get(name, b"null"), where) for name in self._names],
        )

    def block(self, rows: list[tuple[list[str | None], list[Any]]]) -> ColumnBlock:
        """Return rows that were read one by one as columns."""
        return ColumnBlock(
            len(rows),
            [pa.array([keys[n] for keys, _ in rows], KEY_TYPE) for n in range(len(self._keys))],
            [tuple(values[n] for _, values in rows) for n in range(len(self._names))],
        )

    def _columns(self, rows: list[Any], where: str) -> ColumnBlock:
        keys = [list(map(attrgetter(f"key_{n}"), rows)) for n in range(len(self._keys))]
        if len(self._decoders) == 1:  # as they stand in the file
            keys = [
                [key and json_text.scalar_text(bytes(key), where) for key in column]
                for column in keys
            ]
        values: list[Sequence[Any]] = [
            list(map(attrgetter(f"column_{n}"), rows)) for n in range(len(self._names))
        ]
        return ColumnBlock(len(rows), [pa.array(column, KEY_TYPE) for column in keys], values)


def _decoders(keys: Sequence[str], names: Sequence[str]) -> list[msgspec.json.Decoder[Any]]:
    """Return what decodes rows: with keys as text, and failing that as any value's text."""
    wanted = [*keys, *names]
    if not json_text.has_plain_names(wanted) or len(set(wanted)) < len(wanted):
        return []

    def members(kind: Any, role: str, columns: Sequence[str]) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 (a type)
        for number, name in enumerate(columns):
            yield f"{role}_{number}", kind, msgspec.field(name=name, default=None)

    return [
        msgspec.json.Decoder(
            msgspec.defstruct(
                "Row", [*members(kind, "key", keys), *members(Any, "column", names)], gc=False
            )
        )
        for kind in (str | None, msgspec.Raw)
    ]


def strict_row(line: bytes, where: str) -> tuple[bytes, dict[str, bytes], int]:
    """Return a line as strict JSON, its members, and how many NaN and Infinity became null."""
    if not json_text.is_utf8(line):
        msg = f"{where}: not UTF-8 text"
        raise JoinError(msg)
    row, count = line, 0
    if b"NaN" in line or b"Infinity" in line:
        json_text.decode(line, where)
        row, count = json_text.null_non_finite(line)
    members = json_text.members(row, where)
    refuse_fields(len(members), where)
    return row, members, count


def texts_of_values(values: Sequence[bytes | msgspec.Raw]) -> pa.Array:
    """Return what values say as text, given as JSON: strings themselves, of null nothing.

    Raises:
        JoinError: a string that no file can hold as text.
    """
    text = b"\n".join((*values, b""))
    if b"\\" in text:
        return pa.array(list(map(_text_of_value, text.split(b"\n")[:-1])), TEXT)
    characters = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(characters == _LINE_FEED)
    starts = np.concatenate((np.zeros(min(1, len(ends)), np.int64), ends[:-1] + 1))
    is_string = characters[starts] == _QUOTE
    is_null = characters[starts] == _NULL[0]
    found = pieces(text, starts + is_string, np.where(is_null, starts, ends - is_string))
    validity = pa.py_buffer(np.packbits(~is_null, bitorder="little"))
    return pa.Array.from_buffers(TEXT, len(found), [validity, *found.buffers()[1:]])


def _text_of_value(value: bytes) -> bytes | None:
    if value.startswith(b'"'):
        return json_text.whole_characters(json_text.decode(value, "a value"), "a value").encode()
    return None if value == _NULL else value
