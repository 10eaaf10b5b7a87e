"""Feature tables of JSON objects, by line or in a document: rows keep their own bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import TYPE_CHECKING, Any

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.block import LINE_END, Column, JsonRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet
    from contextlib import AbstractContextManager

    from second_opinion_assets.tables.block import FeatureTable
    from second_opinion_assets.tables.text_rows import TextRows

SAMPLE_ROWS = 1000
_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]")
_EMPTY = re.compile(rb"^\{\s*\}$", re.MULTILINE)


class AppendedNames:
    """The names of the columns to append, and what is done about a row that has one already."""

    def __init__(self, names: list[str], *, overwrite: bool) -> None:
        self.names = frozenset(names)
        self.overwrite = overwrite
        self._mark = _common_start(names).encode()  # one search instead of one for each name

    def may_be_in(self, text: bytes) -> bool:
        """Say whether a row of `text` could have one of them, maybe escaped."""
        if not self.names:
            return False
        if self._mark in text:
            return True
        return b"\\" in text and b"\\u00" in text and _ESCAPED_ASCII.search(text) is not None

    def refuse(self, where: str, found: AbstractSet[str]) -> JoinError:
        """Return the error for columns that exist already."""
        named = ", ".join(sorted(found))
        return JoinError(f"{where}: the table has {named} already; use overwrite to replace them")


def _common_start(names: list[str]) -> str:
    """Return what all names begin with."""
    first, last = min(names, default=""), max(names, default="")
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(char for char, _ in same)


@dataclass(frozen=True)
class JsonBlock:
    """Rows of JSON objects; a `Block`."""

    keys: list[str | None]
    rows: JsonRows | TextRows
    where: str

    def json_rows(self) -> JsonRows | TextRows:
        return self.rows

    def arrow(self, schema: Any) -> Any:  # noqa: ANN401 (pyarrow is imported only where used)
        from second_opinion_assets.tables.arrow_values import table_of_rows  # noqa: PLC0415

        text = b"[" + b"},".join(self.rows.bodies) + (b"}]" if self.rows.bodies else b"]")
        return table_of_rows(json_text.decode(text, self.where), self.where, schema)


class JsonTable:
    """A feature table of JSON objects; a `FeatureTable`.

    Args:
        path: the file.
        file: its bytes, hashed as they are read.
        texts: reads the file and gives its rows in texts of whole lines, one object a line.
        locate: turns a line number, from 1, into `path:line` or `path::$[3]`.
        appended: the names of the columns to append.
        reopened: opens the same table anew, for what must be known of all rows beforehand.
        large: whether native code is worth its import.
    """

    def __init__(
        self,
        path: Location,
        file: Input,
        texts: Iterator[bytes],
        locate: Callable[[int], str],
        appended: AppendedNames,
        reopened: Callable[[], AbstractContextManager[FeatureTable]],
        *,
        large: bool = False,
    ) -> None:
        self._large = large
        self._path = path
        self._file = file
        self._locate = locate
        self._appended = appended
        self._reopened = reopened
        first = next(texts, b"")
        self._texts = chain([first], texts)
        self.columns = self._sampled_columns(first)
        self.non_finite_values = 0

    @property
    def digest(self) -> FileDigest:
        return self._file.digest

    def blocks(self, key_column: str) -> Iterator[JsonBlock]:
        keys = KeyReader(key_column)
        line = 1
        for given in self._texts:
            text = given if given.endswith(b"\n") or not given else given + b"\n"
            block = self._quick_block(text, keys, line)
            if block is not None:
                line += len(block.keys)
            else:
                block = self._careful_block(text, keys, line)
                line += text.count(b"\n")
            if block.keys:
                yield block

    def has_column(self, name: str) -> bool:
        if any(column.name == name for column in self.columns):
            return True
        with self._reopened() as again:
            return any(key is not None for block in again.blocks(name) for key in block.keys)

    def arrow_schema(self, key_column: str) -> Any:  # noqa: ANN401 (pyarrow only where used)
        """Read the whole table once more, for the types of all its columns."""
        from second_opinion_assets.tables.arrow_values import schema_of_blocks  # noqa: PLC0415

        with self._reopened() as again:
            return schema_of_blocks(again.blocks(key_column), str(self._path))

    def _sampled_columns(self, text: bytes) -> list[Column]:
        """Return the fields of the first rows with the JSON type of their first value."""
        types: dict[str, str] = {}
        for number, line in enumerate(text.split(b"\n", SAMPLE_ROWS)[:SAMPLE_ROWS], 1):
            if not json_text.is_blank(line):
                for name, value in json_text.members(line, self._locate(number)).items():
                    if types.get(name, "null") == "null":
                        types[name] = json_text.type_name(value)
        if self._appended.overwrite:
            types = {name: kind for name, kind in types.items() if name not in self._appended.names}
        return [Column(name, kind) for name, kind in types.items()]

    def _quick_block(self, text: bytes, keys: KeyReader, first: int) -> JsonBlock | None:
        """Read lines that are all plain; None if one might need a closer look."""
        rows = self._plain_rows(text)
        if rows is None or self._appended.may_be_in(text):
            return None
        found = keys.read_lines(text, self._locate(first))
        if found is None or len(found) != len(rows):
            return None
        if None in found and _EMPTY.search(text):
            return None
        return JsonBlock(found, rows, str(self._path))

    def _plain_rows(self, text: bytes) -> JsonRows | TextRows | None:
        if self._large:
            from second_opinion_assets.tables.text_rows import TextRows  # noqa: PLC0415

            return TextRows.of(text)
        lines = json_text.plain_lines(text)
        if lines is None:
            return None
        return JsonRows([line[:-1] for line in lines], [LINE_END] * len(lines))

    def _careful_block(self, text: bytes, keys: KeyReader, first: int) -> JsonBlock:
        """Read line by line, with a look at every member."""
        found: list[str | None] = []
        rows = JsonRows([], [])
        for number, line in enumerate(text.split(b"\n"), first):
            if json_text.is_blank(line):
                continue
            where = self._locate(number)
            row, members = self._strict_row(line, where)
            exist = self._appended.names & members.keys()
            if exist and not self._appended.overwrite:
                raise self._appended.refuse(where, exist)
            opened = row.rstrip(json_text.WHITESPACE)
            rows.ends.append(b"}" + row[len(opened) :] + b"\n")
            if exist:
                opened = json_text.without_members(opened, self._appended.names)
            rows.bodies.append(opened[:-1])
            if rows.bodies[-1].strip() == b"{":
                rows.empty.append(len(found))
            found.append(keys.read(members, where))
        return JsonBlock(found, rows, str(self._path))

    def _strict_row(self, line: bytes, where: str) -> tuple[bytes, dict[str, bytes]]:
        """Return a line as strict JSON, bare NaN and Infinity made null, and its members."""
        if not json_text.is_utf8(line):
            msg = f"{where}: not UTF-8 text"
            raise JoinError(msg)
        row, count = line, 0
        if b"NaN" in line or b"Infinity" in line:
            json_text.decode(line, where)
            row, count = json_text.null_non_finite(line)
        members = json_text.members(row, where)
        self.non_finite_values += count
        return row, members


class KeyReader:
    """Reads the key of many rows at once, or of one."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._decoders = _key_decoders(field)
        self._text_row = self._decoders[0].type if self._decoders else None

    def read_lines(self, text: bytes, where: str) -> list[str | None] | None:
        """Return the keys of lines of JSON objects; None if they must be read one by one."""
        while self._decoders:
            try:
                found = self._decoders[0].decode_lines(text)
            except msgspec.ValidationError:
                self._decoders.pop(0)  # a number among the keys, from now on
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return None
            else:
                keys = [row.key for row in found]
                if self._decoders[0].type is self._text_row:
                    return keys
                try:
                    return [key and json_text.scalar_text(bytes(key), where) for key in keys]
                except JoinError:
                    return None  # a reading row by row names its line
        return None

    def read(self, members: dict[str, bytes], where: str) -> str | None:
        """Return the key of one row."""
        return json_text.scalar_text(members.get(self._field, b"null"), where)


def _key_decoders(field: str) -> list[msgspec.json.Decoder[Any]]:
    """Return what decodes rows for one field: as text, and failing that as any value's text."""
    if not json_text.has_plain_names([field]):
        return []
    return [
        msgspec.json.Decoder(
            msgspec.defstruct(
                "KeyRow", [("key", kind, msgspec.field(name=field, default=None))], gc=False
            )
        )
        for kind in (str | None, msgspec.Raw)
    ]
