"""The texts of a feature table's rows, whole lines at a time, that can be read more than once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from zlib import crc32

from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.opened import ChangedInputError
from second_opinion_assets.storage.reading import Input, whole_lines

BLOCK_BYTES = 4 << 20  # large: a small native call of one thread waits for the others' lock
BOM = b"\xef\xbb\xbf"


class Texts(Protocol):
    """Rows as texts of whole lines, that can be read more than once."""

    def first_reading(self) -> Iterator[tuple[int, bytes]]:
        """Yield all texts, each with where it starts."""

    def again(self, start: int, length: int) -> bytes:
        """Return a text of the first reading again."""

    def where(self, line: int) -> str:
        """Return the place of a row by the number of its line, from 1."""

    @property
    def path(self) -> str:
        """The file that they are of."""

    @property
    def may_change_unseen(self) -> bool:
        """Whether the file's times do not tell for certain that it was written to."""


class FileTexts:
    """The lines of a file; `Texts`."""

    def __init__(self, file: Input) -> None:
        self._file = file

    def first_reading(self) -> Iterator[tuple[int, bytes]]:
        start = 0
        for text in whole_lines(self._file.chunks(BLOCK_BYTES), self.path):
            if start == 0 and self._file.size:
                start = len(BOM) if self.head(len(BOM)) == BOM else 0
            yield start, text
            start += len(text)

    def head(self, count: int) -> bytes:
        """Return the first bytes, so many or all."""
        return self._file.pread(0, min(count, self._file.size))

    def again(self, start: int, length: int) -> bytes:
        return self._file.pread(start, length)

    def where(self, line: int) -> str:
        return f"{self.path}:{line}"

    @property
    def path(self) -> str:
        return str(self._file.location)

    @property
    def size(self) -> int:
        return self._file.size

    @property
    def may_change_unseen(self) -> bool:
        return self._file.is_fresh


class Span(Protocol):
    """Where a text of the first reading is.

    Attributes:
        start, length: in bytes.
        checksum: what its bytes come to, where a change might not show otherwise.
    """

    @property
    def start(self) -> int: ...
    @property
    def length(self) -> int: ...
    @property
    def checksum(self) -> int | None: ...


def checksum(texts: Texts, text: bytes) -> int | None:
    """Return what a text comes to, where a change of it might not show otherwise."""
    return crc32(text) if texts.may_change_unseen else None


def read_again(texts: Texts, spans: Sequence[Span]) -> Iterator[bytes]:
    """Yield texts of the first reading; the next one is read while the caller works on one.

    Raises:
        ChangedInputError: one is another than it was.
    """
    with ThreadPoolExecutor(1) as ahead:
        upcoming = [ahead.submit(_again, texts, span) for span in spans[:1]]
        for number in range(len(spans)):
            text = upcoming.pop().result()
            upcoming = [ahead.submit(_again, texts, n) for n in spans[number + 1 : number + 2]]
            yield text


def _again(texts: Texts, span: Span) -> bytes:
    text = texts.again(span.start, span.length)
    if span.checksum is not None and crc32(text) != span.checksum:
        raise ChangedInputError(Location(texts.path))
    return text
