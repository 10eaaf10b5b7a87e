"""A parquet file's footer: what it says as far as columns are added to it, and the longer one.

All that is known by heart about the footer's fields stands here and in `page_checksums`; how the
file is written stands in `parquet_splice`, and what entries of the file's metadata repeat the
schema in `schema_copies`. Fields: parquet.thrift of apache/parquet-format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from second_opinion_assets.tables.thrift_compact import (
    STRUCT,
    Elements,
    Shape,
    Struct,
    ThriftError,
    decode,
    encode,
)


class NoSplice(Exception):  # noqa: N818 (no error: the caller has another way)
    """Why columns cannot be added behind a file's bytes; it is decoded and encoded instead."""


class _File(IntEnum):
    SCHEMA = 2
    NUM_ROWS = 3
    ROW_GROUPS = 4
    KEY_VALUES = 5
    COLUMN_ORDERS = 7


class _Element(IntEnum):
    TYPE = 1
    NAME = 4
    NUM_CHILDREN = 5


class _Group(IntEnum):
    COLUMNS = 1
    TOTAL_BYTE_SIZE = 2
    NUM_ROWS = 3
    TOTAL_COMPRESSED_SIZE = 6


class _Chunk(IntEnum):
    FILE_PATH = 1
    META_DATA = 3


class _Column(IntEnum):
    PATH = 3
    CODEC = 4
    NUM_VALUES = 5
    TOTAL_COMPRESSED_SIZE = 7
    DATA_PAGE_OFFSET = 9
    DICTIONARY_PAGE_OFFSET = 11


class _KeyValue(IntEnum):
    KEY = 1
    VALUE = 2


_SHAPE: Shape = {
    _File.SCHEMA: {},
    _File.ROW_GROUPS: {_Group.COLUMNS: {}},
    _File.KEY_VALUES: {},
    _File.COLUMN_ORDERS: None,
}
_ADDED: Shape = {
    _File.SCHEMA: None,
    _File.ROW_GROUPS: {_Group.COLUMNS: {}},
    _File.COLUMN_ORDERS: None,
}
_ENCRYPTION_FIELDS = frozenset({8, 9})  # of a file as of a chunk
_FILE_FIELDS = frozenset(range(1, 8))
_ELEMENT_FIELDS = frozenset(range(1, 11))
_GROUP_FIELDS = frozenset(range(1, 8))
_CHUNK_FIELDS = frozenset(range(2, 8))
_KEY_VALUE_FIELDS = frozenset(_KeyValue)
_INDEX_FIELDS = frozenset({4, 5, 6, 7})  # of a chunk: where its offset and column index lie
_DEPTH_OF_COLUMNS = 2  # below the root, which has no parent
_MOST_BYTES = 1 << 60  # no file's sizes are larger, and sums of them still fit in 64 bits
# LZO (3) is written by nobody; the LZ4 of old (5) is framed in a way that few read.
_CODECS = {0: "NONE", 1: "SNAPPY", 2: "GZIP", 4: "BROTLI", 5: "LZ4", 6: "ZSTD", 7: "LZ4"}


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the pages of a column lie in one row group, and how many values they hold."""

    column: str
    row_group: int
    start: int
    end: int
    values: int


class Footer:
    """A parquet file's footer, opened as far as columns are added to it.

    Attributes:
        columns: names of the columns; of nested ones the outermost name.
        row_group_rows: how many rows each row group has.
        has_page_index: whether any column has a page index in any row group.
        compression: how the first column is compressed, as pyarrow calls it; of a file without
            row groups pyarrow's own default.
        first_pages: the first pages that hold values; None in a file without values.
    """

    def __init__(self, raw: bytes) -> None:
        """Read a footer, given without its length and the format's mark.

        Raises:
            NoSplice: the footer holds what is not known for certain to stay right.
        """
        try:
            self._file, end = decode(raw, _SHAPE)
            self._groups = self._file.structs(_File.ROW_GROUPS)
            _refuse_unknown_fields(self._file, self._groups)
            if end != len(raw) or encode(self._file) != raw:
                msg = "its footer would not be written again byte for byte"
                raise NoSplice(msg)
            self.columns = self._checked_columns()
            self.row_group_rows = self._checked_rows()
            self.compression = self._compression()
            self.first_pages = next((pages for pages in self.pages() if pages.values), None)
        except ThriftError as error:
            raise _unreadable(error) from None
        self.has_page_index = any(map(_page_indexes, self._groups))

    def entries(self) -> list[tuple[bytes, bytes]]:
        """Return the entries of the file's metadata; one without a value has an empty one."""
        entries = self._file.structs(_File.KEY_VALUES)
        try:
            return [
                (entry.binary(_KeyValue.KEY) or b"", entry.binary(_KeyValue.VALUE) or b"")
                for entry in entries
            ]
        except ThriftError as error:
            raise _unreadable(error) from None

    def pages(self) -> Iterator[Pages]:
        """Yield where the pages of each column lie, row group by row group.

        Raises:
            NoSplice: a column is described in a way that no reader understands.
        """
        try:
            for number, group in enumerate(self._groups):
                for chunk in group.structs(_Group.COLUMNS):
                    yield _pages(chunk, number)
        except ThriftError as error:
            raise _unreadable(error) from None

    def extended(self, added: bytes, values: list[bytes]) -> bytes:
        """Return the footer with columns behind those that it has.

        Args:
            added: a footer of these columns alone, with the same row groups. Their chunks lie in
                the same file.
            values: the values that the entries of the file's metadata have now.
        """
        new, _ = decode(added, _ADDED)
        root, *elements = self._file.structs(_File.SCHEMA)
        columns = new.raw_items(_File.SCHEMA)[1:]
        children = (root.integer(_Element.NUM_CHILDREN) or 0) + len(columns)
        root = root.replaced({_Element.NUM_CHILDREN: children})
        groups = zip(self._groups, new.structs(_File.ROW_GROUPS), strict=True)
        fields: dict[int, Elements] = {
            _File.SCHEMA: Elements(STRUCT, [*map(encode, [root, *elements]), *columns]),
            _File.ROW_GROUPS: Elements(STRUCT, [encode(_extended_group(*pair)) for pair in groups]),
        }
        if _File.KEY_VALUES in self._file.fields:
            entries = zip(self._file.structs(_File.KEY_VALUES), values, strict=True)
            fields[_File.KEY_VALUES] = Elements(STRUCT, [_entry(*pair) for pair in entries])
        if _File.COLUMN_ORDERS in self._file.fields:
            orders = self._file.raw_items(_File.COLUMN_ORDERS)
            orders += new.raw_items(_File.COLUMN_ORDERS)
            fields[_File.COLUMN_ORDERS] = Elements(STRUCT, orders)
        return encode(self._file.replaced(fields))

    def _checked_columns(self) -> list[str]:
        """Return the columns' names, if each row group has as many chunks as there are leaves."""
        names, leaves = _tree(self._file.structs(_File.SCHEMA))
        if any(len(group.structs(_Group.COLUMNS)) != leaves for group in self._groups):
            msg = "a row group of it does not have the columns of its schema"
            raise NoSplice(msg)
        orders = self._file.elements(_File.COLUMN_ORDERS)
        told = orders.kind == STRUCT and len(orders.items) == leaves
        if _File.COLUMN_ORDERS in self._file.fields and not told:
            msg = "it does not tell the order of each column's values"
            raise NoSplice(msg)
        return names

    def _checked_rows(self) -> list[int]:
        """Return the rows of each row group, if they and the sizes beside them make sense."""
        numbers = (_Group.NUM_ROWS, _Group.TOTAL_BYTE_SIZE, _Group.TOTAL_COMPRESSED_SIZE)
        counts = [[group.integer(number) for number in numbers] for group in self._groups]
        for rows, size, compressed in counts:
            if rows is None or size is None or min(rows, size, compressed or 0) < 0:
                msg = "a row group of it does not tell its rows and bytes"
                raise NoSplice(msg)
            if max(size, compressed or 0) > _MOST_BYTES:
                msg = "a row group of it tells of more bytes than can be"
                raise NoSplice(msg)
        row_counts = [rows or 0 for rows, _, _ in counts]
        if sum(row_counts) != self._file.integer(_File.NUM_ROWS):
            msg = "its row groups do not have as many rows as the file"
            raise NoSplice(msg)
        return row_counts

    def _compression(self) -> str:
        if not self._groups:
            return "SNAPPY"
        chunk = self._groups[0].structs(_Group.COLUMNS)[0]
        codec = chunk.opened(_Chunk.META_DATA, {}).integer(_Column.CODEC)
        if codec is None or codec not in _CODECS:
            msg = f"its pages are compressed in a way that is not written here ({codec})"
            raise NoSplice(msg)
        return _CODECS[codec]


def _unreadable(error: ThriftError) -> NoSplice:
    return NoSplice(f"its footer cannot be read: {error}")


def _refuse_unknown_fields(file: Struct, groups: list[Struct]) -> None:
    chunks = [chunk for group in groups for chunk in group.structs(_Group.COLUMNS)]
    if any(_ENCRYPTION_FIELDS & struct.fields.keys() for struct in (file, *chunks)):
        msg = "it is encrypted, at least in part"
        raise NoSplice(msg)
    if any(_Chunk.FILE_PATH in chunk.fields for chunk in chunks):
        msg = "some of its columns lie in other files"
        raise NoSplice(msg)
    if not all(_Chunk.META_DATA in chunk.fields for chunk in chunks):
        msg = "one of its columns is not described where it should be"
        raise NoSplice(msg)
    for name, structs, known in (
        ("file", [file], _FILE_FIELDS),
        ("schema", file.structs(_File.SCHEMA), _ELEMENT_FIELDS),
        ("row group", groups, _GROUP_FIELDS),
        ("column", chunks, _CHUNK_FIELDS),
        ("metadata", file.structs(_File.KEY_VALUES), _KEY_VALUE_FIELDS),
    ):
        if unknown := {number for struct in structs for number in struct.fields} - known:
            msg = f"its footer says what is not known here (field {min(unknown)} of a {name})"
            raise NoSplice(msg)


def _tree(elements: list[Struct]) -> tuple[list[str], int]:
    """Return the names of a schema's columns and the number of its leaves."""
    names: list[str] = []
    leaves = 0
    missing = [1]  # how many children are still to come: of the root's parent, of the root, ...
    for element in elements:
        if len(missing) == _DEPTH_OF_COLUMNS:
            names.append((element.binary(_Element.NAME) or b"").decode(errors="replace"))
        children = element.integer(_Element.NUM_CHILDREN) or 0
        is_leaf = _Element.TYPE in element.fields
        if not missing or is_leaf == (children > 0):
            msg = "its schema is no tree of columns"
            raise NoSplice(msg)
        leaves += is_leaf
        missing[-1] -= 1
        if children:
            missing.append(children)
        while missing and not missing[-1]:
            missing.pop()
    if missing:
        msg = "its schema lacks columns that it tells of"
        raise NoSplice(msg)
    return names, leaves


def _pages(chunk: Struct, row_group: int) -> Pages:
    column = chunk.opened(_Chunk.META_DATA, {_Column.PATH: None})
    path = b".".join(column.binaries(_Column.PATH))
    start = column.integer(_Column.DATA_PAGE_OFFSET) or 0
    # Writers without a dictionary put 0 there, or nothing.
    dictionary = column.integer(_Column.DICTIONARY_PAGE_OFFSET) or start
    start = min(start, dictionary)
    return Pages(
        path.decode(errors="replace"),
        row_group,
        start,
        start + (column.integer(_Column.TOTAL_COMPRESSED_SIZE) or 0),
        column.integer(_Column.NUM_VALUES) or 0,
    )


def _page_indexes(group: Struct) -> set[int]:
    """Return which fields of page indexes are set in a row group."""
    chunks = group.structs(_Group.COLUMNS)
    return {number for chunk in chunks for number in _INDEX_FIELDS & chunk.fields.keys()}


def _extended_group(group: Struct, new: Struct) -> Struct:
    """Return a row group with the chunks of new columns, which have page indexes as the old do."""
    indexes = _page_indexes(group)
    chunks = [
        encode(chunk.without(_INDEX_FIELDS - indexes)) for chunk in new.structs(_Group.COLUMNS)
    ]
    fields: dict[int, int | Elements] = {
        number: size + (new.integer(number) or 0)
        for number in (_Group.TOTAL_BYTE_SIZE, _Group.TOTAL_COMPRESSED_SIZE)
        if (size := group.integer(number)) is not None
    }
    columns = [*group.raw_items(_Group.COLUMNS), *chunks]
    return group.replaced({**fields, _Group.COLUMNS: Elements(STRUCT, columns)})


def _entry(entry: Struct, value: bytes) -> bytes:
    has_value = _KeyValue.VALUE in entry.fields
    return encode(entry.replaced({_KeyValue.VALUE: value}) if has_value else entry)
