"""What every feature table can do, and what is appended to one.

A table is read twice: first for its keys, which tells whether it can be joined at all; then for
its rows, which go into the output.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from second_opinion_assets.contract.columns import Mask, ScorerColumns
from second_opinion_assets.contract.errors import JoinError, MachineError
from second_opinion_assets.contract.fields import find_name
from second_opinion_assets.matching.keys import KeyColumn, KeyEncoder, choose_key_column
from second_opinion_assets.storage.location import Location

LINE_SUFFIXES = (".jsonl", ".ndjson")
PARQUET_SUFFIXES = (".parquet", ".pq")
CSV_SUFFIXES = (".csv", ".tsv")
TABLE_SUFFIXES = (*PARQUET_SUFFIXES, *LINE_SUFFIXES, ".json", *CSV_SUFFIXES)
LINE_END = b"}\n"


class Column(NamedTuple):
    """Name and type of one column of a table, the type as its format calls it."""

    name: str
    type: str


def columns_exist(where: str, names: Iterable[str]) -> JoinError:
    """Return the error for columns that are to be appended and exist already."""
    named = ", ".join(sorted(names))
    return JoinError(f"{where}: the table has {named} already; use overwrite to replace them")


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

    @property
    def names(self) -> list[str]:
        """The names of the columns, in their order."""
        return [name for scorer in self.scorers for name in scorer.names(self.prefix)]


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


class KeyTable(Protocol):
    """A table that was opened, as far as its keys and columns are concerned.

    Attributes:
        path: of its file, or its name if it is in memory.
    """

    path: str

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
            JoinError: a row that is none.
        """

    def append(self, names: Sequence[str], *, overwrite: bool) -> None:
        """Take the names of columns whose place is needed, once `read_columns` has ended.

        Raises:
            JoinError: the table has one of them already, and they are not to be overwritten.
        """


class FeatureTable(KeyTable, Protocol):
    """A table of a file, whose rows go into an output."""

    def blocks(self) -> Iterator[Block]:
        """Yield all rows, once `read_columns` came to its end."""

    def arrow_schema(self) -> pa.Schema:
        """Return the schema of the input columns that are kept.

        Raises:
            JoinError: a column that no one type holds.
        """


def numbered(blocks: Iterable[Block]) -> Iterator[tuple[Block, slice]]:
    """Yield blocks with the numbers of their rows."""
    first = 0
    for block in blocks:
        yield block, slice(first, first + len(block))
        first += len(block)


class Sink(Protocol):
    """Takes the bytes of an output."""

    def write(self, data: bytes | memoryview) -> int:
        """Take the next bytes."""


class Writer(Protocol):
    """Writes the rows of a table with what is appended to them."""

    def write(self, blocks: Iterable[Block]) -> int:
        """Write all rows that are kept; return how many."""


def read_keys(
    table: KeyTable, asked: str | None, path: object, also: Collection[str] = ()
) -> dict[str, KeyColumn]:
    """Return the key column of a table, by its name, and then others that may be one.

    Args:
        table: the table.
        asked: the column that is asked for; None for one of a usual name.
        path: of the table, for the error message.
        also: names of columns that are read as well where the table has them, in lower case.

    Raises:
        JoinError: the column asked for is not there, or none has a usual name; or a row that is
            none.
    """
    names = [column.name for column in table.columns]
    if asked is None or table.knows_all_columns or find_name(names, [asked]):
        column = choose_key_column(names, asked, str(path))
        others = [name for name in names if name.lower() in also and name != column]
        return read_usable_key_columns(table, column, others)
    keys = read_key_columns(table, [asked])  # maybe it comes late
    if (keys[asked].codes < 0).all():
        choose_key_column(names, asked, str(path))
    return keys


def read_usable_key_columns(
    table: KeyTable, first: str, others: Sequence[str]
) -> dict[str, KeyColumn]:
    """Return the keys of a column, and of others if they can be keys.

    Raises:
        JoinError: the first column cannot be read.
    """
    try:
        return read_key_columns(table, [first, *others])
    except JoinError as error:  # another column of a usual name may hold anything
        if not others or isinstance(error, MachineError):
            raise
    return read_key_columns(table, [first])


def read_key_columns(table: KeyTable, columns: Sequence[str]) -> dict[str, KeyColumn]:
    """Return the keys of several columns, read at once.

    Raises:
        JoinError: a row that is none, or a key that is no text or number.
    """
    encoders = {column: KeyEncoder() for column in columns}
    for block in table.read_columns(columns):
        for encoder, keys in zip(encoders.values(), block.keys, strict=True):
            encoder.add(keys)
    return {column: encoder.column() for column, encoder in encoders.items()}


def table_suffix(location: Location) -> str:
    """Return the suffix that tells a table's form, in lower case; a stream is JSON lines."""
    return ".jsonl" if location.is_stream else location.suffix.lower()


def is_parquet(suffix: str) -> bool:
    """Return whether a suffix, in lower case, is one of parquet."""
    return suffix in PARQUET_SUFFIXES
