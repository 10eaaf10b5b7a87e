"""What can be said of an input file before it is joined: its digest and its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from second_opinion_assets.join.errors import JoinError
from second_opinion_assets.join.files import FileDigest, HashedFile, digest_file, whole_lines
from second_opinion_assets.join.sidecars.json_forms import document_block

if TYPE_CHECKING:
    from pathlib import Path


class SourceFile(msgspec.Struct, frozen=True):
    """An input file.

    Attributes:
        path: the file.
        digest: of its bytes.
        rows: how many rows it holds; None where its form does not tell.
    """

    path: Path
    digest: FileDigest
    rows: int | None


def read_source_file(path: Path) -> SourceFile:
    """Hash a file and count its rows.

    Raises:
        JoinError: the file is not there or cannot be read. One that is broken has no rows.
    """
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".pq"):
        return SourceFile(path, digest_file(path), _parquet_rows(path))
    file = HashedFile(path)
    if suffix in (".jsonl", ".ndjson"):
        rows = sum(
            bool(line.strip()) for text in whole_lines(file.chunks()) for line in text.split(b"\n")
        )
        return SourceFile(path, file.digest, rows)
    if suffix == ".json":
        try:
            count = document_block(file, path)[0].count
        except JoinError:
            return SourceFile(path, digest_file(path), None)
        return SourceFile(path, file.digest, count)
    return SourceFile(path, digest_file(path), None)


def _parquet_rows(path: Path) -> int | None:
    import pyarrow as pa  # noqa: PLC0415 (half a second that JSON files do not need)
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        rows: int = pq.read_metadata(path).num_rows
    except (pa.ArrowInvalid, OSError):
        return None
    return rows
