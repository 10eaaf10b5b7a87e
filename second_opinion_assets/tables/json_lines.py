"""Feature tables of JSON objects by line: rows keep their own bytes.

A document's rows are read in the same way, once they stand on lines (`json_document`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.limits import refuse_fields
from second_opinion_assets.tables.convert import schema_of_blocks, table_of_rows
from second_opinion_assets.tables.json_columns import RowReader, strict_row
from second_opinion_assets.tables.table import (
    LINE_END,
    Column,
    ColumnBlock,
    JsonRows,
    columns_exist,
)
from second_opinion_assets.tables.texts import Texts, checksum, read_again

SAMPLE_ROWS = 1000
_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]")
_EMPTY = re.compile(rb"^\{\s*\}$", re.MULTILINE)


class _Lines(NamedTuple):
    """A text that was read once.

    Attributes:
        start, length: where it is.
        line: number of its first line.
        rows: how many rows it has.
        braces: position of each row's last brace; None where rows need a closer look.
        checksum: what its bytes come to, where a change might not show otherwise.
    """

    start: int
    length: int
    line: int
    rows: int
    braces: NDArray[np.int32] | None
    checksum: int | None


class JsonLines:
    """A feature table of JSON objects; a `FeatureTable`.

    Args:
        texts: its rows.
        prefix: what the names of the columns to append will start with; None for no such columns.
    """

    def __init__(self, texts: Texts, prefix: str | None) -> None:
        self.non_finite_values = 0
        self.path = texts.path
        self._texts = texts
        self._prefix = prefix
        self._with_prefix: dict[str, str] = {}
        self._replaced: frozenset[str] = frozenset()
        self._first: Iterator[tuple[int, bytes]] | None = texts.first_reading()
        self._blank_lines, self._head = _first_filled(self._first)
        self._read: list[_Lines] = []
        self._sampled = self._sample()

    @property
    def columns(self) -> list[Column]:
        return [Column(*item) for item in self._sampled.items() if item[0] not in self._replaced]

    knows_all_columns = False

    def read_columns(self, keys: Sequence[str], names: Sequence[str] = ()) -> Iterator[ColumnBlock]:
        reader = RowReader(keys, names)
        self._refuse_repeated_keys(keys)
        line = 1 + (self._blank_lines if self._first is not None else 0)
        for start, text in self._all_texts():
            ended = text if text.endswith(b"\n") else text + b"\n"
            ends = json_text.plain_line_ends(ended)
            block = None if ends is None else self._quick(ended, len(ends), reader, line)
            braces = None if ends is None or block is None else (ends - 1).astype(np.int32)
            if block is None:
                block = self._careful_columns(ended, reader, line)
            self._read.append(
                _Lines(start, len(text), line, block.rows, braces, checksum(self._texts, text))
            )
            line += ended.count(b"\n")
            yield block

    def append(self, names: Sequence[str], *, overwrite: bool) -> None:
        exist = {name: where for name, where in self._with_prefix.items() if name in set(names)}
        if exist and not overwrite:
            first = next(iter(exist.values()))
            raise columns_exist(first, [name for name, where in exist.items() if where == first])
        self._replaced = frozenset(exist)

    def blocks(self) -> Iterator[JsonBlock]:
        for lines, text in zip(self._read, read_again(self._texts, self._read), strict=True):
            if lines.rows:
                yield JsonBlock(self, lines, text)

    def arrow_schema(self) -> pa.Schema:
        """Read the whole table once more, for the types of all its columns."""
        return schema_of_blocks(self.blocks(), self.path)

    def careful_rows(self, text: bytes, line: int) -> JsonRows:
        """Return the rows of a text that need a closer look."""
        bodies, ends, empty = [], [], []
        for where, row in self._rows(text, line):
            strict, members, _ = strict_row(row, where)
            opened = strict.rstrip(json_text.WHITESPACE)
            ends.append(b"}" + strict[len(opened) :] + b"\n")
            if self._replaced & members.keys():
                opened = json_text.without_members(opened, self._replaced)
            bodies.append(opened[:-1])
            if bodies[-1].strip() == b"{":
                empty.append(len(bodies) - 1)
        return JsonRows(bodies, ends, empty)

    def place(self, line: int) -> str:
        """Return the place of a row by the number of its line."""
        return self._texts.where(line)

    def _all_texts(self) -> Iterator[tuple[int, bytes]]:
        self._read = []
        if self._first is None:
            self._first = self._texts.first_reading()
        elif self._head[1]:
            yield self._head
        first, self._first = self._first, None
        yield from first

    def _sample(self) -> dict[str, str]:
        """Return the fields of the first rows with the JSON type of their first value."""
        types: dict[str, str] = {}
        for number, line in enumerate(self._first_lines(), 1 + self._blank_lines):
            if not json_text.is_blank(line):
                members = json_text.members(line, self.place(number))
                refuse_fields(len(members), self.place(number))
                for name, value in members.items():
                    if types.get(name, "null") == "null":
                        types[name] = json_text.type_name(value)
        refuse_fields(len(types), self.path)
        return types

    def _refuse_repeated_keys(self, keys: Sequence[str]) -> None:
        """Raise a JoinError if one of the first rows has a key twice; which one counts is a guess.

        What writes rows so does it from the first one on: to look at all rows takes its time.
        """
        for number, line in enumerate(self._first_lines(), 1 + self._blank_lines):
            may_repeat = any(line.count(b'"%b"' % key.encode(errors="replace")) > 1 for key in keys)
            if may_repeat and (name := json_text.repeated_member(line, keys)):
                msg = f"{self.place(number)}: two members are named {name!r}; keep one of them"
                raise JoinError(msg)

    def _first_lines(self) -> list[bytes]:
        return self._head[1].split(b"\n", SAMPLE_ROWS)[:SAMPLE_ROWS]

    def _may_have_prefix(self, text: bytes) -> bool:
        """Return whether a row of `text` could have a name with the prefix, maybe escaped."""
        if self._prefix is None:
            return False
        if self._prefix.encode() in text:
            return True
        return b"\\" in text and b"\\u00" in text and _ESCAPED_ASCII.search(text) is not None

    def _quick(self, text: bytes, rows: int, reader: RowReader, line: int) -> ColumnBlock | None:
        """Read lines that are all plain; None if one might need a closer look."""
        if not json_text.is_utf8(text) or self._may_have_prefix(text):
            return None
        block = reader.read_lines(text, rows, self.place(line))
        if block is None:
            return None
        # A row without any member, which takes no comma, has no key either.
        may_be_empty = self._prefix and any(keys.null_count for keys in block.keys)
        return None if may_be_empty and _EMPTY.search(text) else block

    def _careful_columns(self, text: bytes, reader: RowReader, line: int) -> ColumnBlock:
        """Read line by line, with a look at every member."""
        rows = []
        for where, row in self._rows(text, line):
            _, members, non_finite = strict_row(row, where)
            self.non_finite_values += non_finite
            if self._prefix is not None:
                for name in members:
                    if name.startswith(self._prefix):
                        self._with_prefix.setdefault(name, where)
            rows.append(reader.read(members, where))
        return reader.block(rows)

    def _rows(self, text: bytes, line: int) -> Iterator[tuple[str, bytes]]:
        for number, row in enumerate(text.split(b"\n"), line):
            if not json_text.is_blank(row):
                yield self.place(number), row


def _first_filled(texts: Iterator[tuple[int, bytes]]) -> tuple[int, tuple[int, bytes]]:
    """Return the first text that has a row, and how many blank lines stand in those before it."""
    blank_lines = 0
    for start, text in texts:
        if not json_text.is_blank(text):
            return blank_lines, (start, text)
        blank_lines += text.count(b"\n")
    return blank_lines, (0, b"")


@dataclass(frozen=True)
class JsonBlock:
    """Some rows of a table of JSON objects; a `Block`."""

    table: JsonLines
    lines: _Lines
    text: bytes

    def __len__(self) -> int:
        return self.lines.rows

    @cached_property
    def ended(self) -> bytes:
        """The text with a line feed at its end."""
        return self.text if self.text.endswith(b"\n") else self.text + b"\n"

    def json_rows(self) -> JsonRows:
        if self.lines.braces is None:
            return self.table.careful_rows(self.ended, self.lines.line)
        bodies = [line[:-1] for line in self.ended.split(b"\n")[:-1]]
        return JsonRows(bodies, [LINE_END] * len(bodies))

    def arrow(self, schema: pa.Schema | None) -> pa.Table:
        where = self.table.path
        bodies = self.json_rows().bodies
        text = b"[" + b"},".join(bodies) + (b"}]" if bodies else b"]")
        return table_of_rows(json_text.decode(text, where), where, schema)
