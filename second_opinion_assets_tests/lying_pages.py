"""Parquet files whose page headers do not tell the truth of their pages' sizes and counts."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from second_opinion_assets.tables.parquet_footer import Footer
from second_opinion_assets.tables.thrift_compact import (
    LIST,
    STRUCT,
    Elements,
    Struct,
    decode,
    encode,
)
from second_opinion_assets_tests.splices import footer_of, with_footer

ROWS = 300
CLIPS = [f"clip {n}" for n in range(ROWS)]
SCORES = [n % 70 / 7 for n in range(ROWS)]
PLAIN: dict[str, Any] = {"use_dictionary": False, "write_statistics": False}
SETTINGS: dict[str, dict[str, Any]] = {
    "dictionary": {"write_statistics": False},
    **{name: {**PLAIN, "compression": name} for name in ("none", "snappy", "gzip", "zstd")},
    "second version": {**PLAIN, "data_page_version": "2.0"},
    "second version, none": {**PLAIN, "data_page_version": "2.0", "compression": "none"},
    "checksums": {**PLAIN, "write_page_checksum": True},
    "small pages": {**PLAIN, "data_page_size": 400, "write_batch_size": 50},
}
_SIZES = (2, 3)  # of a page: unpacked, packed
_COUNTS = {5: (1,), 7: (1,), 8: (1, 2, 3, 5, 6)}  # by kind of page: data, dictionary, data again
_OPENED: dict[int, Any] = {kind: {} for kind in _COUNTS}
_META, _PACKED_BYTES, _DATA_OFFSET, _DICTIONARY_OFFSET = 3, 7, 9, 11
_GROUPS, _CHUNKS, _ROWS = 4, 1, 3


def written(last: str, **settings: Any) -> bytes:
    """Return a table of clips and scores whose last column is the one of this name."""
    columns = {"clip_id": CLIPS, "score": SCORES}
    columns[last] = columns.pop(last)
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **settings)
    return file.getvalue()


def lies(file: bytes, values: Sequence[int] = ()) -> Iterator[tuple[str, bytes]]:
    """Yield what is told wrongly, and the file that tells it of a page of its last column.

    Args:
        file: that tells the truth.
        values: what is told, beside one less than there is, and less than none.
    """
    for page, (_, _, header) in enumerate(_headers(file)[:2]):
        kinds = [(kind, field) for kind, fields in _COUNTS.items() for field in fields]
        for kind, field in [*((0, field) for field in _SIZES), *kinds]:
            place = header.struct(kind) if kind else header
            true = place.integer(field) if place else None
            if place is None or true is None:
                continue
            for value in {-1, true - 1, *values} - {true}:
                told = place.replaced({field: value})
                new = Struct({**header.fields, kind: (STRUCT, told)}) if kind else told
                yield (
                    f"page {page}, field {kind}.{field}: {value} for {true}",
                    _with(file, page, new),
                )


def _headers(file: bytes) -> list[tuple[int, int, Struct]]:
    """Return where each header of a page of the last column lies, its size, and what it says."""
    *_, pages = Footer(footer_of(file)).pages()
    position, found = pages.start, []
    while position < pages.end:
        header, size = decode(file[position : pages.end], _OPENED)
        found.append((position, size, header))
        position += size + (header.integer(_SIZES[1]) or 0)
    return found


def _with(file: bytes, page: int, header: Struct) -> bytes:
    """Return a file with another header of a page; its footer has it right where pages lie."""
    position, size, _ = _headers(file)[page]
    new = encode(header)
    footer, _ = decode(footer_of(file), {_GROUPS: {_CHUNKS: {_META: {}}}})
    *before, group = footer.structs(_GROUPS)
    *others, chunk = group.structs(_CHUNKS)
    meta = chunk.struct(_META)
    assert meta
    moved = len(new) - size
    numbers = {_PACKED_BYTES: (meta.integer(_PACKED_BYTES) or 0) + moved}
    if page == 0 and meta.integer(_DICTIONARY_OFFSET):
        numbers[_DATA_OFFSET] = (meta.integer(_DATA_OFFSET) or 0) + moved
    chunk = Struct({**chunk.fields, _META: (STRUCT, meta.replaced(numbers))})
    group = Struct({**group.fields, _CHUNKS: (LIST, Elements(STRUCT, [*others, chunk]))})
    changed = file[:position] + new + file[position + size :]
    return with_footer(changed, _with_groups(footer, [*before, group]))


def with_rows_of_groups(file: bytes, rows: Sequence[int]) -> bytes:
    """Return a file whose footer tells of these numbers of rows, one for each row group."""
    footer, _ = decode(footer_of(file), {_GROUPS: {}})
    groups = footer.structs(_GROUPS)
    told = [group.replaced({_ROWS: n}) for group, n in zip(groups, rows, strict=True)]
    return with_footer(file, _with_groups(footer, told))


def _with_groups(footer: Struct, groups: list[Struct]) -> bytes:
    return encode(Struct({**footer.fields, _GROUPS: (LIST, Elements(STRUCT, groups))}))
