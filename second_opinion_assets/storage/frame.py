"""A table in memory, in the place of a file: a location whose columns are there already.

Which kinds of data frame there are, and how one is written in code, do not belong here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.digests import FileDigest, combined_digest
from second_opinion_assets.storage.location import Location

TakeColumn = Callable[[str], Any]
"""Returns a column by its name, as an Arrow array or a chunked one; JoinError if it is none."""


class Frame(Location):
    """A table in memory. Its text is what messages call it: `scores['DOVER']`.

    Where a file is opened, hashed on the way and closed, a frame is itself, and hashed by the
    columns that were taken of it: they alone say what a join found.

    Attributes:
        names: of its columns.
        rows: how many.
    """

    __slots__ = ("_digests", "_take", "names", "rows")

    def __init__(self, name: str, names: Iterable[str], rows: int, take: TakeColumn) -> None:
        """Take a table; JoinError where two columns have one name."""
        super().__init__(name)
        self.names = list(names)
        self.rows = rows
        self._take = take
        self._digests: dict[str, FileDigest] = {}
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            msg = f"{name}: two columns are named {twice!r}; rename one of them"
            raise JoinError(msg)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: the table is its owner's."""

    @property
    def location(self) -> Location:
        return self

    @property
    def is_remote(self) -> bool:
        return False  # whatever a scorer is called

    @property
    def digest(self) -> FileDigest:
        """Digest of the columns that were taken, of their names and contents."""
        return combined_digest(self._digests.items())

    def digest_of(self, names: Iterable[str]) -> FileDigest:
        """Return the digest of these columns."""
        return combined_digest((name, digest_column(self._take(name))) for name in names)

    def column(self, name: str) -> Any:  # noqa: ANN401 (pyarrow has no types)
        """Return a column as one Arrow array, hashed.

        Raises:
            JoinError: there is none of this name, or it holds what Arrow does not.
        """
        if name not in self.names:
            msg = f"{self}: the table has no column {name}"
            raise JoinError(msg)
        column = self._take(name)
        self._digests[name] = digest_column(column)
        return column

    def is_there(self) -> bool:
        return True

    def exists(self) -> bool:
        return True

    def is_folder(self) -> bool:
        return False

    def is_file(self) -> bool:
        return False


def digest_table(table: Any) -> FileDigest:  # noqa: ANN401 (pyarrow has no types)
    """Return the digest of all columns of an Arrow table, as a frame of them would have it."""
    columns = table.combine_chunks()
    return combined_digest(
        (name, digest_column(columns.column(name).combine_chunks())) for name in table.column_names
    )


def digest_column(column: Any) -> FileDigest:  # noqa: ANN401 (pyarrow has no types)
    """Return the digest of an Arrow array: of where it has values, and of these as a stream.

    It is one whatever library the values came from, and however their texts are stored.
    """
    import pyarrow as pa  # noqa: PLC0415 (only who has frames pays for it)

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type):
        column = column.cast(pa.large_string())
    sink = _HashSink()
    sink.write(np.packbits(column.is_valid().to_numpy(zero_copy_only=False)).tobytes())
    batch = pa.record_batch([column.drop_null()], names=["column"])
    with pa.ipc.new_stream(pa.PythonFile(sink, "w"), batch.schema) as stream:
        stream.write_batch(batch)
    return FileDigest(sink.sha256.hexdigest(), sink.bytes)


class _HashSink:
    """Takes bytes, and keeps but their hash and number."""

    closed = False

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self.bytes = 0

    def write(self, data: bytes | memoryview) -> int:
        self.sha256.update(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Hold nothing back."""

    def close(self) -> None:
        """Hold nothing open."""
