"""Reading an input as the version that was opened, hashed on the way.

What the bytes mean is not known here, nor how they are decompressed (`decompress`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from threading import Lock
from typing import Any, Self

from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.limits import held, limits
from second_opinion_assets.storage.location import FileStat, Location
from second_opinion_assets.storage.opened import ChangedInputError, opened

CHUNK_BYTES = 1 << 20  # small enough to stay in a core's cache from one step to the next

_SHORT_LINE_BYTES = 16
_BLANK_LINE = re.compile(rb"^[ \t\r\f\v]*\n", re.MULTILINE)

Progress = Callable[[int], None]
"""Is told how many more input bytes are done."""


class Input:
    """An opened file or object, read from the start or at random, as the version that was opened.

    Another file in its place does not matter, since this one stays open; another object there is an
    error once it is met. A write to this very file is an error at the latest when `digest` is asked
    for. A pipe that the process was given opened can be read from the start, once. Standard input
    is spooled, and is then a file like others.

    Attributes:
        location: where it was when it was opened.
        stat: what it looked like then.
    """

    def __init__(self, location: Location, progress: Progress | None = None) -> None:
        """Open a file; JoinError where that is not possible."""
        self.location = location
        self._progress = progress
        self._file = opened(location)
        self.stat: FileStat = self._file.stat
        self._lock = Lock()
        self._hash = hashlib.sha256()
        self._hashed_bytes = 0
        self._digest: FileDigest | None = None
        self._upcoming: Future[bytes] | None = None
        self._background: Future[FileDigest] | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes when it was opened; 0 of a pipe."""
        return self.stat.bytes

    @property
    def digest(self) -> FileDigest:
        """Digest of all bytes; those that `chunks` has not come to are read now."""
        if self._digest is None:
            self._wait_for_reads()
            while not self._background and self._read(self._hashed_bytes, CHUNK_BYTES):
                pass
            self._complete()
        assert self._digest is not None  # noqa: S101 (it is complete)
        return self._digest

    @property
    def is_fresh(self) -> bool:
        """Whether it was written to so shortly before that one more write may not show."""
        return self._file.is_fresh

    def chunks(self, chunk_bytes: int | None = None) -> Generator[bytes, None, None]:
        """Yield all bytes from the start, by default `CHUNK_BYTES` at a time.

        The end comes only if nobody wrote to the file. In a large file the next chunk is read and
        hashed in a thread while the caller works on the present one.
        """
        for chunk in self._read_on(chunk_bytes or CHUNK_BYTES):
            yield chunk
            if self._progress:
                self._progress(len(chunk))
        self._complete()

    def read(self) -> bytes:
        """Return all bytes.

        Raises:
            LimitError: there are more than are held in memory.
        """
        return b"".join(held(self.chunks(), self.location))

    def pread(self, offset: int, count: int) -> bytes:
        """Return so many bytes from an offset on, from any thread.

        Raises:
            JoinError: there are fewer, so the file was cut since it was opened.
        """
        parts = []
        while count and (part := self._file.read_at(offset, count)):
            if self.location.is_remote:  # reading it once more would be costly
                self._hash_fresh(offset, part)
            parts.append(part)
            offset += len(part)
            count -= len(part)
        if count:
            raise ChangedInputError(self.location)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def arrow_file(self) -> Any:  # noqa: ANN401 (pyarrow has no types)
        """Return the opened version as a file of pyarrow's own, to be read at random."""
        return self._file.arrow_file()

    def hash_in_background(self) -> None:
        """Hash the whole file in a thread of its own, for who reads it at random.

        An object is not read for that alone; what is copied from its start on is hashed then.
        """
        if not self._background and not self.location.is_remote:
            self._background = self._threads.submit(self._hash_all)

    def refuse_change(self) -> None:
        """Raise a JoinError if the opened file was written to since."""
        self._file.refuse_change()

    def close(self) -> None:
        self._closed = True
        if "_threads" in vars(self):
            self._threads.shutdown(cancel_futures=True)
        self._file.close()

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(2)  # one reads ahead, one hashes in the background

    def _read_on(self, chunk_bytes: int) -> Iterator[bytes]:
        offset = 0
        if self.size < CHUNK_BYTES:  # a thread would cost more than it saves
            while chunk := self._read(offset, chunk_bytes):
                yield chunk
                offset += len(chunk)
            return
        self._wait_for_reads()
        upcoming = self._threads.submit(self._read, offset, chunk_bytes)
        while chunk := upcoming.result():
            offset += len(chunk)
            upcoming = self._upcoming = self._threads.submit(self._read, offset, chunk_bytes)
            yield chunk

    def _wait_for_reads(self) -> None:
        """Wait for what `chunks` reads ahead, its caller gone or not: one hashes at a time."""
        if self._upcoming:
            self._upcoming.result()

    def _complete(self) -> None:
        """Take the digest, all bytes being hashed."""
        if self._background:
            self._digest = self._background.result()
        else:
            self._digest = FileDigest(self._hash.hexdigest(), self._hashed_bytes)
        self.refuse_change()

    def _read(self, offset: int, count: int) -> bytes:
        """Read from an offset on, and hash what was not hashed yet."""
        chunk = self._file.read_at(offset, count)
        if not self._background:
            self._hash_fresh(offset, chunk)
        return chunk

    def _hash_fresh(self, offset: int, chunk: bytes) -> None:
        """Hash what of a chunk was not hashed yet, if all before it was."""
        with self._lock:
            fresh = offset + len(chunk) - self._hashed_bytes
            if 0 < fresh <= len(chunk):
                self._hash.update(memoryview(chunk)[-fresh:])
                self._hashed_bytes += fresh

    def _hash_all(self) -> FileDigest:
        sha = hashlib.sha256()
        offset = 0
        while not self._closed and (chunk := self._file.read_at(offset, CHUNK_BYTES)):
            sha.update(chunk)
            offset += len(chunk)
        return FileDigest(sha.hexdigest(), offset)


def digest_file(location: Location) -> FileDigest:
    """Return the digest of a file that need not be parsed.

    Raises:
        JoinError: the file is not there or cannot be read, or was written to meanwhile.
    """
    with Input(location) as file:
        return file.digest


def whole_lines(chunks: Iterator[bytes], where: object) -> Generator[bytes, None, None]:
    """Cut chunks of a file anew so that each ends with a line; a BOM is left out.

    Args:
        chunks: of the file.
        where: the file, for the error message.

    Raises:
        LimitError: a line is too long, or too many are blank.
    """
    most = limits()
    rest: list[bytes] = []
    lines = blank_lines = 0
    for number, read in enumerate(chunks):
        chunk = read if number else read.removeprefix(b"\xef\xbb\xbf")
        if rest:  # what lies within one block is short enough
            length = sum(map(len, rest)) + (chunk.find(b"\n") + 1 or len(chunk))
            most.refuse("row_bytes", length, f"{where}:{lines + 1}", "a line is too long")
        end = chunk.rfind(b"\n") + 1
        if not end:
            rest.append(chunk)
            continue
        text = b"".join((*rest, memoryview(chunk)[:end]))
        count = text.count(b"\n")
        if count * _SHORT_LINE_BYTES > len(text):  # else few can be blank
            blank_lines += len(_BLANK_LINE.findall(text))
            most.refuse("blank_lines", blank_lines, where, "{} blank lines")
        lines += count
        yield text
        rest = [chunk[end:]]
    if last := b"".join(rest):
        yield last
