"""What every feature table can do, and what is appended to one.

A table is read twice: first for its keys, which tells whether it can be joined at all; then for
its rows, which go into the output.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from second_opinion_assets.contract.columns import Mask, ScorerColumns
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import find_name
from second_opinion_assets.matching.keys import KEY_TYPE, KeyColumn, choose_key_column

LINE_SUFFIXES = (".jsonl", ".ndjson")
PARQUET_SUFFIXES = (".parquet", ".pq")
TABLE_SUFFIXES = (*PARQUET_SUFFIXES, *LINE_SUFFIXES, ".json")
LINE_END = b"}\n"
_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]")


class Column(NamedTuple):
    """Name and type of one column of a table, the type as its format calls it."""

    name: str
    type: str


class AppendedNames:
    """The names of the columns to append, and what is done about a row that has one already."""

    def __init__(self, names: Sequence[str], *, overwrite: bool) -> None:
        self.names = frozenset(names)
        self.overwrite = overwrite
        # One search for what all names begin with, instead of one for each name.
        first, last = min(names, default=""), max(names, default="")
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
        self._mark = "".join(letter for letter, _ in alike).encode()

    def may_be_in(self, text: bytes) -> bool:
        """Return whether a row of `text` could have one of them, maybe escaped."""
        if not self.names:
            return False
        if self._mark in text:
            return True
        return b"\\" in text and b"\\u00" in text and _ESCAPED_ASCII.search(text) is not None

    def refuse(self, where: str, found: AbstractSet[str]) -> JoinError:
        """Return the error for columns that exist already."""
        named = ", ".join(sorted(found))
        return JoinError(f"{where}: the table has {named} already; use overwrite to replace them")


NOTHING_APPENDED = AppendedNames([], overwrite=False)


@dataclass(frozen=True)
class Added:
    """What a join appends to a table.

    Attributes:
        scorers: what each scorer adds, in the order of the columns.
        prefix: what the names of the columns start with.
        kept: which rows go into the output; None for all.
    """

    scorers: Sequence[ScorerColumns]
    prefix: str
    kept: Mask | None = None


@dataclass(frozen=True)
class JsonRows:
    """Rows as JSON objects that are open at their end, so that members can be put there.

    Attributes:
        bodies: each object's own bytes before its closing brace.
        ends: its closing brace and what follows it, a line feed included.
        empty: numbers of the rows that have no member, which take no comma before the first.
    """

    bodies: list[bytes]
    ends: list[bytes]
    empty: Sequence[int] = ()


class Block(Protocol):
    """Some rows of a feature table."""

    def __len__(self) -> int:
        """Return how many rows."""

    def json_rows(self) -> JsonRows:
        """Return the rows as open JSON objects."""

    def arrow(self, schema: pa.Schema | None) -> pa.Table:
        """Return the rows as a table of this schema, or of what their values tell."""


class ColumnBlock(NamedTuple):
    """Some rows of a table, column by column.

    Attributes:
        rows: how many.
        keys: columns of keys, as texts and nulls.
        others: other columns, as plain values.
    """

    rows: int
    keys: list[pa.Array]
    others: list[Sequence[Any]]


class FeatureTable(Protocol):
    """A table that was opened for reading."""

    @property
    def columns(self) -> list[Column]:
        """The columns, as far as they are known before all rows are read."""

    @property
    def non_finite_values(self) -> int:
        """Bare NaN and Infinity of the rows read so far that became null."""

    @property
    def knows_all_columns(self) -> bool:
        """Whether `columns` has every column, however late its first value comes."""

    def read_columns(self, keys: Sequence[str], names: Sequence[str] = ()) -> Iterator[ColumnBlock]:
        """Yield the values of some columns, row after row.

        Args:
            keys: the columns whose values are taken as the texts of keys.
            names: other columns.

        Raises:
            JoinError: a row that is none, or has one of the appended columns already.
        """

    def blocks(self) -> Iterator[Block]:
        """Yield all rows, once `read_columns` came to its end."""

    def arrow_schema(self) -> pa.Schema:
        """Return the schema of the input columns that are kept.

        Raises:
            JoinError: a column that no one type holds.
        """


class Sink(Protocol):
    """Takes the bytes of an output."""

    def write(self, data: bytes | memoryview) -> int:
        """Take the next bytes."""


class Writer(Protocol):
    """Writes the rows of a table with what is appended to them."""

    def write(self, blocks: Iterable[Block]) -> int:
        """Write all rows that are kept; return how many."""


def read_keys(table: FeatureTable, asked: str | None, path: object) -> tuple[str, KeyColumn]:
    """Return the key column of a table and its keys.

    Args:
        table: the table.
        asked: the column that is asked for; None for one of a usual name.
        path: of the table, for the error message.

    Raises:
        JoinError: the column asked for is not there, or none has a usual name; or a row that is
            none.
    """
    names = [column.name for column in table.columns]
    if asked is None or table.knows_all_columns or find_name(names, [asked]):
        column = choose_key_column(names, asked, str(path))
        return column, read_key_columns(table, [column])[column]
    keys = read_key_columns(table, [asked])[asked]  # maybe it comes late
    if (keys.codes < 0).all():
        choose_key_column(names, asked, str(path))
    return asked, keys


def read_key_columns(table: FeatureTable, columns: Sequence[str]) -> dict[str, KeyColumn]:
    """Return the keys of several columns, read at once.

    Raises:
        JoinError: a row that is none, or a key that is no text or number.
    """
    blocks = [block.keys for block in table.read_columns(columns)]
    return {
        column: KeyColumn.of(pa.chunked_array([keys[number] for keys in blocks], KEY_TYPE))
        for number, column in enumerate(columns)
    }


def is_parquet(suffix: str) -> bool:
    """Return whether a suffix, in lower case, is one of parquet."""
    return suffix in PARQUET_SUFFIXES
