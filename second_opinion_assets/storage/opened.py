"""An opened file or object, read at random, always as the version that was opened.

Hashing, and reading from the start to the end, belong to `reading`.
"""

from __future__ import annotations

import os
import stat
import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, Protocol

from second_opinion_assets.contract.errors import TransientError
from second_opinion_assets.storage import stores
from second_opinion_assets.storage.location import FileStat, Location, unreadable
from second_opinion_assets.storage.regular import open_file
from second_opinion_assets.storage.store_errors import ReplacedError
from second_opinion_assets.storage.streams import spooled_input

_FRESH_SECONDS = 2.0
_FIRST_BYTES = 1 << 20
_MOST_BYTES = 8 << 20


class ChangedInputError(TransientError):
    """An input was written to while it was read, so that what was read may be of no one version."""

    def __init__(self, location: Location) -> None:
        super().__init__(f"{location}: changed while it was read; join again once it is complete")


class Opened(Protocol):
    """What was opened.

    Attributes:
        stat: what it looked like then.
    """

    stat: FileStat

    def read_at(self, offset: int, count: int) -> bytes:
        """Return up to so many bytes from an offset on, from any thread; none at the end.

        Raises:
            JoinError: it cannot be read any more.
        """

    def arrow_file(self) -> Any:  # noqa: ANN401 (pyarrow has no types)
        """Return it as a file of pyarrow's, to be read at random."""

    @property
    def is_fresh(self) -> bool:
        """Whether it was written to so shortly before that one more write may not show."""

    def refuse_change(self) -> None:
        """Raise a ChangedInputError if it was written to since."""

    def close(self) -> None: ...


def opened(location: Location) -> Opened:
    """Open what is there; JoinError where that is not possible."""
    try:
        return ObjectOfStore(location) if location.is_remote else LocalFile(location)
    except (OSError, ValueError) as error:  # a path with a NUL character is a ValueError
        raise unreadable(location, error) from None


class LocalFile:
    """A file of this machine, or standard input; an `Opened`.

    Another file in its place does not matter, since this one stays open.
    """

    def __init__(self, location: Location) -> None:
        self._location = location
        self._file = spooled_input() if location.is_stream else open_file(location)
        self._opened = os.fstat(self._file.fileno())
        self._is_regular = stat.S_ISREG(self._opened.st_mode)
        self.stat = FileStat.of(self._opened)

    def read_at(self, offset: int, count: int) -> bytes:
        try:
            if self._is_regular:
                return os.pread(self._file.fileno(), count, offset)
            return self._file.read(count)
        except OSError as error:
            raise unreadable(self._location, error) from None

    def arrow_file(self) -> Any:  # noqa: ANN401 (likewise)
        import pyarrow as pa  # noqa: PLC0415 (only who reads by pyarrow pays for it)

        try:
            return pa.OSFile(f"/dev/fd/{self._file.fileno()}")
        except OSError as error:
            raise unreadable(self._location, error) from None

    @property
    def is_fresh(self) -> bool:
        # The clock of file times ticks every few milliseconds.
        return time.time() - self._opened.st_mtime < _FRESH_SECONDS

    def refuse_change(self) -> None:
        # Being renamed, linked or removed changes a file's ctime too: this alone says nothing,
        # unless the file is still where it was.
        now, then = os.fstat(self._file.fileno()), self._opened
        if not self._is_regular:
            return
        same = (now.st_size, now.st_mtime_ns) == (then.st_size, then.st_mtime_ns)
        if same and now.st_ctime_ns != then.st_ctime_ns:
            same = now.st_nlink != then.st_nlink or not self._is_in_place()
        if not same:
            raise ChangedInputError(self._location)

    def close(self) -> None:
        self._file.close()

    def _is_in_place(self) -> bool:
        try:
            there = os.stat(self._location)
        except OSError:
            return False
        return os.path.samestat(there, self._opened)


class ObjectOfStore:
    """An object of a store; an `Opened`.

    Who reads on by `read_at` gets blocks that grow, the next one being fetched meanwhile; who reads
    elsewhere, or by `arrow_file`, gets what is asked for by a request each.
    """

    is_fresh = False  # it was complete when it appeared

    def __init__(self, location: Location) -> None:
        self._location = location
        self._uri = str(location)
        try:
            self.stat = location.stat()
        except FileNotFoundError:
            stores.read(self._uri)  # says whether it is the bucket that is missing
            raise
        self._lock = Lock()
        self._start, self._block = 0, b""
        self._next_bytes = _FIRST_BYTES
        self._ahead: Future[bytes] | None = None
        self._thread: ThreadPoolExecutor | None = None

    def read_at(self, offset: int, count: int) -> bytes:
        if offset >= self.stat.bytes or count <= 0:
            return b""
        with self._lock:
            if offset == self._start + len(self._block):
                self._read_on(offset)
            if part := self._held(offset, count):
                return part
        return self._fetch(offset, count)

    def read_exactly(self, offset: int, count: int) -> bytes:
        """Return so many bytes from an offset on, or what there is up to the end."""
        if count <= 0 or offset >= self.stat.bytes:
            return b""
        count = min(count, self.stat.bytes - offset)
        with self._lock:
            part = self._held(offset, count)
        return part if len(part) == count else self._fetch(offset, count)

    def _held(self, offset: int, count: int) -> bytes:
        place = offset - self._start
        return self._block[place : place + count] if place >= 0 else b""

    def arrow_file(self) -> Any:  # noqa: ANN401 (likewise)
        import pyarrow as pa  # noqa: PLC0415 (likewise)

        return pa.PythonFile(_Seekable(self), mode="r")

    def refuse_change(self) -> None:
        """Do nothing: each request was for the version that was opened."""

    def close(self) -> None:
        if self._thread:
            self._thread.shutdown(cancel_futures=True)
        self._block = b""

    def _read_on(self, offset: int) -> None:
        """Take the block that begins where the last one ended, and have the next one fetched."""
        ahead, self._ahead = self._ahead, None
        block = ahead.result() if ahead else self._fetch(offset, self._next_bytes)
        self._start, self._block = offset, block
        if following := self.stat.bytes - offset - len(block):
            self._next_bytes = min(2 * self._next_bytes, _MOST_BYTES)
            if offset:  # whoever took only the first block may have wanted only the head
                self._thread = self._thread or ThreadPoolExecutor(1)
                count = min(self._next_bytes, following)
                self._ahead = self._thread.submit(self._fetch, offset + len(block), count)

    def _fetch(self, offset: int, count: int) -> bytes:
        end = min(offset + count, self.stat.bytes)
        try:
            data = stores.read_range(self._uri, offset, end, self.stat.version)
        except (ReplacedError, FileNotFoundError):
            raise ChangedInputError(self._location) from None
        except OSError as error:
            raise unreadable(self._location, error) from None
        if len(data) != end - offset:
            raise ChangedInputError(self._location)
        return data


class _Seekable:
    """An object as the file that pyarrow reads."""

    closed = False

    def __init__(self, file: ObjectOfStore) -> None:
        self._file = file
        self._position = 0

    def read(self, count: int = -1) -> bytes:
        left = self._file.stat.bytes - self._position
        data = self._file.read_exactly(self._position, left if count < 0 else min(count, left))
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_CUR: self._position, os.SEEK_END: self._file.stat.bytes}.get(whence, 0)
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        """Say yes, as files do."""
        return True

    def seekable(self) -> bool:
        """Say yes, as files do."""
        return True

    def close(self) -> None:
        """Do nothing: the object is closed by who opened it."""
