"""Checksums of parquet pages: the damage that nobody sees who copies pages without decoding them.

Writers may put a CRC-32 into a page's header, over all its bytes behind the header. Pages without
one are taken as they are.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from enum import IntEnum

from second_opinion_assets.tables.parquet_footer import Footer, Pages
from second_opinion_assets.tables.thrift_compact import Shape, Struct, ThriftError, decode

Source = Callable[[int, int], bytes]
"""Reads from a file, from any thread: offset and count in bytes, never beyond its end."""

PIECE_BYTES = 4 << 20
_HEADER_BYTES = 256  # most are small
_MOST_HEADER_BYTES = 16 << 20  # one may hold long minima and maxima


class _Header(IntEnum):
    COMPRESSED_PAGE_SIZE = 3
    CRC = 4
    DATA_PAGE = 5
    DATA_PAGE_V2 = 8


_NUM_VALUES = 1  # of both kinds of data pages
_SHAPE: Shape = {_Header.DATA_PAGE: {}, _Header.DATA_PAGE_V2: {}}


def check_page_checksums(source: Source, footer: Footer, end: int) -> str | None:
    """Return which page is damaged, in one line; None if all that carry checksums agree.

    Of a column without checksums only the first page's header is read. All pages lie before `end`.

    Raises:
        NoSplice: the footer does not tell where the pages lie.
    """
    for pages in footer.pages():
        if damage := _damage(source, pages, end):
            return f"column {pages.column!r}, row group {pages.row_group}: {damage}"
    return None


def has_page_checksums(source: Source, footer: Footer, end: int) -> bool:
    """Return whether the first page of a file carries a checksum."""
    if footer.first_pages is None:
        return False
    try:
        header, _ = _read_header(source, footer.first_pages.start, end)
    except ThriftError:
        return False
    return _Header.CRC in header.fields


def _damage(source: Source, pages: Pages, end: int) -> str | None:
    position, values = pages.start, 0
    while pages.values and position < pages.end:
        try:
            header, start = _read_header(source, position, end)
            size = header.integer(_Header.COMPRESSED_PAGE_SIZE)
            checksum = header.integer(_Header.CRC)
            values += _values(header)
        except ThriftError:
            return f"no page can be read at byte {position}"
        if size is None or not 0 <= size <= end - start:
            return f"the page at byte {position} goes beyond the end of all pages"
        if checksum is None and position == pages.start:
            return None
        if checksum is not None and _crc32(source, start, size) != checksum & 0xFFFFFFFF:
            return f"the page at byte {position} does not have the bytes that its checksum tells of"
        position = start + size
    if pages.values and (values, position) != (pages.values, pages.end):
        return f"its pages end at byte {position} with {values} values, not as its footer says"
    return None


def _read_header(source: Source, position: int, end: int) -> tuple[Struct, int]:
    """Return the header of a page, and where the page's bytes start."""
    left = end - position if position > 0 else 0
    most = _HEADER_BYTES
    while True:
        data = source(position, min(most, left)) if left > 0 else b""
        try:
            header, header_bytes = decode(data, _SHAPE)
        except ThriftError:
            if most >= min(left, _MOST_HEADER_BYTES):
                raise
            most *= 64
        else:
            return header, position + header_bytes


def _values(header: Struct) -> int:
    """Return how many values a page holds; a dictionary's are not counted."""
    data_pages = (_Header.DATA_PAGE, _Header.DATA_PAGE_V2)
    pages = [page for number in data_pages if (page := header.struct(number))]
    return sum(page.integer(_NUM_VALUES) or 0 for page in pages)


def _crc32(source: Source, start: int, size: int) -> int:
    checksum = 0
    for position in range(start, start + size, PIECE_BYTES):
        piece = source(position, min(PIECE_BYTES, start + size - position))
        checksum = zlib.crc32(piece, checksum)
    return checksum
