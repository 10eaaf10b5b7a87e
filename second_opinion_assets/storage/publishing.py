"""Publishing: a file appears whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import IO, Any, Self

import msgspec

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import confinement, stores
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.interrupts import uninterrupted
from second_opinion_assets.storage.journal import NewFile, publish_together, writing
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.object_journal import publish_objects
from second_opinion_assets.storage.output_lock import (
    USUAL_WAIT,
    LockWait,
    beside,
    folder_of,
    unwritable,
)
from second_opinion_assets.storage.regular import kind_of_no_file
from second_opinion_assets.storage.shortage import reason_of
from second_opinion_assets.storage.stores import ObjectStat, ObjectWriter
from second_opinion_assets.storage.streams import copy_to_output, spool

SYNC_BYTES = 64 << 20  # the disk works on these while more is written
WRITE_BYTES = 512 << 10  # small writes are gathered until they are worth a thread's while

Buffer = Any
"""An object with the buffer protocol (`collections.abc.Buffer` from Python 3.12)."""


class Publication:
    """A new file beside its target, which replaces the target only by `publish`.

    Writing and hashing happen in a thread of their own. Leaving the context without `publish`
    removes the new file and leaves the target as it was.
    """

    _is_synced = True

    def __init__(self, target: Location) -> None:
        self.target = target
        self._real_target = Location(target.identity)
        self._temporary = beside(target, f"-{uuid.uuid4().hex}.tmp")
        self._folder = ExitStack()
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._pending: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1)
        self._unsynced_bytes = 0
        self._sync: Future[None] | None = None
        self._sync_thread = ThreadPoolExecutor(1)
        self.closed = False

    def __enter__(self) -> Self:
        self._folder.enter_context(folder_of(self.target))
        try:
            self._refuse_no_file()
            self._file: IO[bytes] = open(
                self._temporary, "xb", buffering=0, opener=confinement.opener
            )
        except (OSError, JoinError) as error:
            self._thread.shutdown()
            self._folder.close()
            if isinstance(error, OSError):
                raise self._unwritable(error) from None
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with uninterrupted():
            self.closed = True
            self._thread.shutdown()
            self._sync_thread.shutdown()
            with suppress(OSError):  # the next run removes it; if it was published, it is gone
                self._file.close()
                confinement.unlink(self._temporary)
            self._folder.close()

    def write(self, data: bytes | memoryview) -> int:
        """Take the next bytes, many of them uncopied; a failure to write is raised by a later call.

        A writer that an error left unfinished may still write when it is collected: to nowhere.
        """
        if self.closed:
            return len(data)
        if len(data) >= WRITE_BYTES:
            self.write_made(lambda: data)
            return len(data)
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
            self._bring_to_disk()
        except OSError as error:
            raise self._unwritable(error) from None
        return FileDigest(self._hash.hexdigest(), self._bytes)

    def _bring_to_disk(self) -> None:
        if self._real_target.exists():
            os.fchmod(self._file.fileno(), os.stat(self._real_target).st_mode & 0o777)
        self._settle_sync()
        os.fsync(self._file.fileno())

    def publish(self) -> None:
        """Put the finished file in the target's place, in one step."""
        publish_together([self.new_file])

    @property
    def new_file(self) -> NewFile:
        """The finished file and where it goes."""
        return NewFile(self._temporary, self._real_target)

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
        view = memoryview(make()).cast(
            "B"
        )  # some have buffers of signed bytes, which stores refuse
        self._hash.update(view)
        self._bytes += len(view)
        self._unsynced_bytes += len(view)
        while view:
            view = view[self._take(view) :]
        is_due = self._is_synced and self._unsynced_bytes >= SYNC_BYTES
        if is_due and (self._sync is None or self._sync.done()):
            self._settle_sync()
            self._unsynced_bytes = 0
            self._sync = self._sync_thread.submit(os.fdatasync, self._file.fileno())

    def _take(self, view: memoryview) -> int:
        """Write some of the next bytes; return how many."""
        return self._file.write(view) or 0

    def _settle_sync(self) -> None:
        """Raise what a sync met: the system tells of a write that failed only once."""
        if self._sync is not None:
            self._sync.result()

    def _refuse_no_file(self) -> None:
        """Raise an OSError if what is in the place is no file, which a file would replace."""
        if self._real_target.is_folder():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if kind := kind_of_no_file(self._real_target):
            raise OSError(errno.EINVAL, f"it is {kind}; name a file")

    def _unwritable(self, error: OSError) -> JoinError:
        return unwritable(self.target, error)


class StreamPublication(Publication):
    """What is to go to standard output: all of it at once, by `publish`, or nothing."""

    _is_synced = False

    def __enter__(self) -> Self:
        try:
            self._file = spool()
        except OSError as error:
            self._thread.shutdown()
            raise self._unwritable(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True
        self._thread.shutdown()
        self._sync_thread.shutdown()
        self._file.close()

    def _bring_to_disk(self) -> None:
        """Do nothing: it does not stay."""

    def publish(self) -> None:
        """Write it all to standard output."""
        try:
            copy_to_output(self._file)
        except OSError as error:
            raise self._unwritable(error) from None


class ObjectPublication(Publication):
    """A new object of a store, which appears whole only by `publish`; a `NewObject`."""

    _is_synced = False

    def __enter__(self) -> Self:
        confinement.refuse_outside(self.target)
        self._writer = ObjectWriter(str(self.target))
        return self

    def __exit__(self, *_: object) -> None:
        with uninterrupted():
            self.closed = True
            self._thread.shutdown()
            self._sync_thread.shutdown()
            with suppress(OSError):  # a store that is gone
                self._writer.close()

    def _bring_to_disk(self) -> None:
        """Do nothing: the store has its parts, and puts them together at the end."""

    def _take(self, view: memoryview) -> int:
        return self._writer.write(view)

    @property
    def has_parts(self) -> bool:
        return self._writer.has_parts

    def place(self, replaces: ObjectStat | None) -> None:
        self._writer.complete(replaces)

    def publish(self) -> None:
        """Let it appear, in one step."""
        publish_objects([self], USUAL_WAIT)


def new_publication(target: Location) -> Publication:
    """Return what publishes a file or object, or to standard output."""
    if target.is_remote:
        return ObjectPublication(target)
    return StreamPublication(target) if target.is_stream else Publication(target)


@contextmanager
def publication(target: Location | None) -> Iterator[Publication | None]:
    """Open a publication for a target that may be none."""
    if target is None:
        yield None
        return
    with new_publication(target) as opened:
        yield opened


def publish_all(files: Sequence[Publication], wait: LockWait = USUAL_WAIT) -> None:
    """Publish several finished files, all or none; the last is the one that counts.

    All or none are those of this machine, and those of one bucket. The kind of the last goes last,
    and what goes to standard output, which cannot be taken back, after all.

    Raises:
        JoinError: one cannot be published.
    """
    *_, last = files
    objects = [file for file in files if isinstance(file, ObjectPublication)]
    local = [file.new_file for file in files if type(file) is Publication]
    if local and objects and not last.target.is_remote:
        publish_objects(objects, wait)
    if local:
        publish_together(local)
    if objects and (last.target.is_remote or not local):
        publish_objects(objects, wait)
    if last.target.is_stream:
        last.publish()


def publish_text(target: Location, text: str) -> None:
    """Write a text and publish it."""
    with writing([target], USUAL_WAIT), new_publication(target) as file:
        file.write(text.encode())
        file.finish()
        file.publish()


def remove(target: Location) -> None:
    """Remove a file.

    Raises:
        JoinError: it cannot be removed.
    """
    try:
        if target.is_remote:
            confinement.refuse_outside(target)
            stores.delete(str(target))
        else:
            confinement.unlink(target.identity)
    except OSError as error:
        msg = f"{target}: cannot be removed: {reason_of(error)}"
        raise JoinError(msg) from None


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
