"""What an input file says: its bytes, decompressed where they are gzip or zstd, text in UTF-8.

Opening and hashing the file is the business of `reading`; what the bytes mean is not known here.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable, Generator, Iterator
from itertools import chain

from second_opinion_assets.contract.errors import CutShortError, JoinError
from second_opinion_assets.contract.fields import without_suffix
from second_opinion_assets.storage.limits import held, refuse_unpacked
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input

HEAD_BYTES = 64 << 10
COMPRESSION_SUFFIXES = (".gz", ".zst")
_OUTPUT_BYTES = 4 << 20
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_Decompress = Callable[[Iterator[bytes], Location], Generator[bytes, None, None]]
_UNICODE_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",  # before the mark of UTF-16, with which it begins
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


class Content:
    """The bytes of a file, of which the beginning may be looked at before all are taken.

    Attributes:
        file: the file.
        path: where it was opened.
        head: the first bytes, `HEAD_BYTES` or more where there are as many.
        is_whole: whether `head` is known to be all.
        is_compressed: whether the bytes are others than those of the file.
    """

    def __init__(self, file: Input) -> None:
        self.file = file
        self.path = file.location
        chunks = file.chunks()
        start, _ = _gather(chunks, max(map(len, _DECOMPRESSORS)))
        decompress = next(
            (d for magic, d in _DECOMPRESSORS.items() if start.startswith(magic)), None
        )
        whole = chain([start] if start else [], chunks)
        self.is_compressed = decompress is not None
        self._chunks = _unpacked(whole, self.path, decompress) if decompress else _plain(whole)
        self.head, self.is_whole = _gather(self._chunks, HEAD_BYTES)
        self._transcode()
        self._keeps = False
        self._kept: list[bytes] = []

    def _transcode(self) -> None:
        """Make text in UTF-16 or UTF-32, told by its mark, text in UTF-8."""
        marks = (mark for mark in _UNICODE_MARKS if self.head.startswith(mark))
        if mark := next(marks, None):
            self.is_compressed = True
            source = chain([self.head[len(mark) :]], self._chunks)
            self._chunks = _to_utf8(source, _UNICODE_MARKS[mark], self.path)
            self.head, self.is_whole = _gather(self._chunks, HEAD_BYTES)

    @property
    def suffix(self) -> str:
        """The suffix of the file's name, lower case, without that of compression."""
        return plain_name(self.path).suffix.lower()

    @property
    def stem(self) -> str:
        """The file's name without its suffixes of form and compression."""
        return stem_of(self.path)

    def chunks(self) -> Generator[bytes, None, None]:
        """Yield all bytes in order, once unless they are kept."""
        if self._kept:
            yield from self._kept
            return
        whole = chain([self.head] if self.head else [], self._chunks)
        self._kept = list(held(whole, self.path)) if self._keeps else []
        yield from self._kept or whole

    def keep(self) -> None:
        """Keep the bytes once they are taken, so that they can be taken again and again."""
        self._keeps = True

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing but white space, as far as it was looked at."""
        return self.is_whole and not self.head.removeprefix(b"\xef\xbb\xbf").strip()

    def read(self) -> bytes:
        """Return all bytes, likewise.

        Raises:
            LimitError: there are more than are held in memory.
        """
        return b"".join(held(self.chunks(), self.path))

    def close(self) -> None:
        """Read no further."""
        self._chunks.close()


def plain_name(path: Location) -> Location:
    """Return a path without the suffix of compression."""
    return path.with_suffix("") if path.suffix.lower() in COMPRESSION_SUFFIXES else path


def stem_of(path: Location) -> str:
    """Return a file's name without its suffixes of form and compression."""
    return without_suffix(plain_name(path).name)


def _gather(chunks: Iterator[bytes], least: int) -> tuple[bytes, bool]:
    """Return the first bytes, at least so many, and whether they are all."""
    gathered: list[bytes] = []
    count = 0
    for chunk in chunks:
        gathered.append(chunk)
        count += len(chunk)
        if count >= least:
            return b"".join(gathered), False
    return b"".join(gathered), True


def _unpacked(
    chunks: Iterator[bytes], path: Location, decompress: _Decompress
) -> Generator[bytes, None, None]:
    """Yield what a file unpacks to, within its limits."""
    packed_bytes = unpacked_bytes = 0

    def counted() -> Iterator[bytes]:
        nonlocal packed_bytes
        for chunk in chunks:
            packed_bytes += len(chunk)
            yield chunk

    for text in decompress(counted(), path):
        unpacked_bytes += len(text)
        refuse_unpacked(path, packed_bytes, unpacked_bytes)
        yield text


def _plain(chunks: Iterator[bytes]) -> Generator[bytes, None, None]:
    yield from chunks


def _to_utf8(
    chunks: Iterator[bytes], encoding: str, path: Location
) -> Generator[bytes, None, None]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in chunks:
            if text := decoder.decode(chunk):
                yield text.encode()
        decoder.decode(b"", final=True)
    except UnicodeError:
        name = encoding[:6].upper()
        msg = f"{path}: not {name} text, though its mark says so; save the file as UTF-8"
        raise JoinError(msg) from None


def _from_gzip(chunks: Iterator[bytes], path: Location) -> Generator[bytes, None, None]:
    """Yield what one or more gzip members hold; zeros between them are padding."""
    member = None
    for chunk in chunks:
        data = chunk if member else chunk.lstrip(b"\0")
        while data:
            member = member or zlib.decompressobj(_GZIP_FORMAT)
            try:
                text = member.decompress(data, _OUTPUT_BYTES)
            except zlib.error as error:
                raise _damaged(path, f"gzip: {error}") from None
            if text:
                yield text
            data = member.unconsumed_tail
            if member.eof:
                data = member.unused_data.lstrip(b"\0")
                member = None
    if member is not None:
        raise _cut_short(path)


def _from_zstd(chunks: Iterator[bytes], path: Location) -> Generator[bytes, None, None]:
    import pyarrow as pa  # noqa: PLC0415 (few files are zstd)

    source = pa.PythonFile(_Readable(chunks), mode="r")
    stream = pa.CompressedInputStream(source, "zstd")
    while True:
        try:
            text = stream.read(_OUTPUT_BYTES)
        except JoinError:
            raise
        except OSError as error:
            if "Truncated" in str(error):
                raise _cut_short(path) from None
            raise _damaged(path, str(error)) from None
        if not text:
            return
        yield text


class _Readable:
    """Chunks of bytes as the file that pyarrow reads."""

    closed = False

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, count: int) -> bytes:
        if not self._rest:
            self._rest = next(self._chunks, b"")
        data, self._rest = self._rest[:count], self._rest[count:]
        return data

    def close(self) -> None:
        """Do nothing: the chunks are closed by who made them."""


_DECOMPRESSORS: dict[bytes, _Decompress] = {
    b"\x1f\x8b": _from_gzip,
    b"\x28\xb5\x2f\xfd": _from_zstd,
}


def _cut_short(path: Location) -> JoinError:
    return CutShortError(
        f"{path}: the compressed file is cut short: is it still being written or copied?"
    )


def _damaged(path: Location, problem: str) -> JoinError:
    return JoinError(f"{path}: cannot be decompressed: {problem}; make or copy the file anew")
