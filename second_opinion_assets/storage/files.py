"""File access: opening, hashing while reading, publishing atomically. Nothing else opens files."""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec

from second_opinion_assets.contract.errors import JoinError

CHUNK_BYTES = 1 << 20  # small enough to stay in a core's cache from one step to the next
WRITE_BYTES = 512 << 10  # small writes are gathered until they are worth a thread's while

Progress = Callable[[int], None]
"""Is told how many more input bytes are done."""

Buffer = Any
"""An object with the buffer protocol (`collections.abc.Buffer` from Python 3.12)."""


class FileDigest(msgspec.Struct, frozen=True):
    """What a file held: `sha256` of its bytes in hex, and how many bytes."""

    sha256: str
    bytes: int


class HashedFile:
    """A file that is hashed as it is read, so that the hash is of the bytes that were parsed.

    In a large file the next chunk is read and hashed in a thread while the caller works on the
    present one.
    `digest` is complete once `chunks` is exhausted. A file that is `opened` already is read as it
    is, whatever stands at its path meanwhile.
    """

    def __init__(
        self, path: Path, progress: Progress | None = None, opened: IO[bytes] | None = None
    ) -> None:
        self.path = path
        self._progress = progress
        self._opened = opened
        self._hash = hashlib.sha256()
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """Size of the file as it lies there; 0 for one that is not there."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    @property
    def digest(self) -> FileDigest:
        return FileDigest(self._hash.hexdigest(), self._bytes)

    def chunks(self) -> Iterator[bytes]:
        """Yield the file's bytes in order, `CHUNK_BYTES` at a time."""
        with self._opened or open_input(self.path) as file, closing(self._read_on(file)) as chunks:
            for chunk in chunks:
                yield chunk
                if self._progress:
                    self._progress(len(chunk))

    def read(self) -> bytes:
        """Return all bytes of the file."""
        return b"".join(self.chunks())

    def read_through(self) -> None:
        """Read the file for its digest alone."""
        for _ in self.chunks():
            pass

    def _read_on(self, file: IO[bytes]) -> Generator[bytes, None, None]:
        if self.size_bytes < CHUNK_BYTES:  # a thread would cost more than it saves
            while chunk := self._read(file):
                yield chunk
            return
        with ThreadPoolExecutor(1) as ahead:
            upcoming = ahead.submit(self._read, file)
            while chunk := upcoming.result():
                upcoming = ahead.submit(self._read, file)
                yield chunk

    def _read(self, file: IO[bytes]) -> bytes:
        try:
            chunk = file.read(CHUNK_BYTES)
        except OSError as error:
            raise unreadable(self.path, error) from None
        self._hash.update(chunk)
        self._bytes += len(chunk)
        return chunk


def whole_lines(chunks: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Cut chunks of a file anew so that each ends with a line; a BOM is left out."""
    rest: list[bytes] = []
    start = True
    for read in chunks:
        chunk = read.removeprefix(b"\xef\xbb\xbf") if start else read
        start = False
        end = chunk.rfind(b"\n") + 1
        if not end:
            rest.append(chunk)
            continue
        yield b"".join((*rest, memoryview(chunk)[:end]))
        rest = [chunk[end:]]
    if last := b"".join(rest):
        yield last


def digest_file(path: Path) -> FileDigest:
    """Return the digest of a file that need not be parsed.

    Raises:
        JoinError: the file is not there or cannot be read.
    """
    file = HashedFile(path)
    file.read_through()
    return file.digest


def digest_descriptor(descriptor: int) -> FileDigest:
    """Return the digest of an open file without moving its position."""
    sha = hashlib.sha256()
    offset = 0
    while chunk := os.pread(descriptor, CHUNK_BYTES, offset):
        sha.update(chunk)
        offset += len(chunk)
    return FileDigest(sha.hexdigest(), offset)


def open_input(path: Path) -> IO[bytes]:
    """Open a file for reading; JoinError where that is not possible."""
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: OSError) -> JoinError:
    """Return the one-line error for an input file that could not be read."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return JoinError(f"{path}: cannot be read: {reason}")


class Publication:
    """A new file beside its target, which replaces the target only by `publish`.

    Writing and hashing happen in a thread of their own. Leaving the context without `publish`
    removes the new file and leaves the target as it was.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self._real_target = Path(os.path.realpath(target))
        # Short, since the target's own name may be as long as a name can be.
        self._temporary = self._real_target.with_name(f".second-opinion-{uuid.uuid4().hex}.tmp")
        self._made_folders: list[Path] = []
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._pending: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1)
        self.closed = False

    def __enter__(self) -> Self:
        folder = self._real_target.parent
        try:
            self._make(folder)
            if self._real_target.is_dir():
                raise IsADirectoryError(errno.EISDIR, "it is a folder")
            self._file = self._temporary.open("xb", buffering=0)
        except OSError as error:
            self._thread.shutdown()
            self._remove_empty_folders()
            raise self._unwritable(error) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closed = True
        self._thread.shutdown()
        self._file.close()
        self._temporary.unlink(missing_ok=True)
        self._remove_empty_folders()

    def write(self, data: bytes | memoryview) -> int:
        """Take the next bytes; a failure to write them is raised by a later call.

        A writer that an error left unfinished may still write when it is collected: to nowhere.
        """
        if not self.closed:
            self._gathered.append(bytes(data))
            self._gathered_bytes += len(data)
            if self._gathered_bytes >= WRITE_BYTES:
                self._hand_over()
        return len(data)

    def write_made(self, make: Callable[[], Buffer]) -> None:
        """Take what makes the next bytes; it is called in the thread that writes them."""
        self._hand_over()
        self._settle()
        self._pending = self._thread.submit(self._write, make)

    def restart(self) -> None:
        """Forget what was written, to write the file anew."""
        self._gathered = []
        self._gathered_bytes = 0
        self._settle()
        self._pending = None
        try:
            self._file.seek(0)
            self._file.truncate()
        except OSError as error:
            raise self._unwritable(error) from None
        self._hash = hashlib.sha256()
        self._bytes = 0

    def writable(self) -> bool:
        """Say yes, as file-like objects do."""
        return True

    def flush(self) -> None:
        """Do nothing: `finish` is what brings the bytes to the disk."""

    def finish(self) -> FileDigest:
        """Bring every byte to the disk and return the digest of the new file."""
        self._hand_over()
        self._settle()
        try:
            if self._real_target.exists():
                os.fchmod(self._file.fileno(), self._real_target.stat().st_mode & 0o777)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None
        return FileDigest(self._hash.hexdigest(), self._bytes)

    def publish(self) -> None:
        """Put the finished file in the target's place, in one step."""
        try:
            self._temporary.replace(self._real_target)
            folder = os.open(self._real_target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unwritable(error) from None

    def _make(self, folder: Path) -> None:
        """Make a folder and those above it, remembering which were not there."""
        if folder.exists():
            return
        self._make(folder.parent)
        folder.mkdir(exist_ok=True)
        self._made_folders.append(folder)

    def _remove_empty_folders(self) -> None:
        """Remove the folders that were made for a target that did not come."""
        for folder in reversed(self._made_folders):
            with suppress(OSError):
                folder.rmdir()

    def _hand_over(self) -> None:
        """Let the thread write what was gathered."""
        if gathered := self._gathered:
            self._gathered = []
            self._gathered_bytes = 0
            self.write_made(lambda: b"".join(gathered))

    def _settle(self) -> None:
        if self._pending is not None:
            try:
                self._pending.result()
            except OSError as error:
                raise self._unwritable(error) from None

    def _write(self, make: Callable[[], Buffer]) -> None:
        view = memoryview(make())
        self._hash.update(view)
        self._bytes += len(view)
        while view:
            view = view[self._file.write(view) or 0 :]

    def _unwritable(self, error: OSError) -> JoinError:
        return JoinError(f"{self.target}: cannot be written: {error.strerror}")


@contextmanager
def publication(target: Path | None) -> Iterator[Publication | None]:
    """Open a publication for a target that may be none."""
    if target is None:
        yield None
        return
    with Publication(target) as opened:
        yield opened


def publish_text(target: Path, text: str) -> None:
    """Write a text and publish it."""
    with Publication(target) as file:
        file.write(text.encode())
        file.finish()
        file.publish()


def json_document(value: Any) -> bytes:  # noqa: ANN401 (any JSON value)
    """Return a value as an indented JSON document with sorted keys.

    Raises:
        JoinError: it has a path whose bytes are no text.
    """
    try:
        encoded = msgspec.json.encode(value, order="sorted")
    except UnicodeEncodeError as error:
        msg = f"{error.object!r}: a path that is not UTF-8 text, which JSON cannot hold; rename it"
        raise JoinError(msg) from None
    return msgspec.json.format(encoded, indent=2) + b"\n"
