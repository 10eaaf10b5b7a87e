"""One run at a time writes an output: a lock of the kernel's, which ends with its process.

What a run does while it holds the lock belongs to `publishing` and `journal`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile

from second_opinion_assets.contract.errors import TransientError
from second_opinion_assets.contract.printable import one_line
from second_opinion_assets.storage import confinement
from second_opinion_assets.storage.interrupts import uninterrupted
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.shortage import reason_of

LOCK_TIMEOUT_S = 600.0


def _tell_nobody(_line: str) -> None:
    """Take a line and do nothing."""


@dataclass(frozen=True)
class LockWait:
    """How long a run waits for another one that writes the same output.

    Attributes:
        timeout_s: seconds; 0 does not wait.
        told: takes one line when the wait begins.
    """

    timeout_s: float = LOCK_TIMEOUT_S
    told: Callable[[str], None] = _tell_nobody


USUAL_WAIT = LockWait()


class OutputBusyError(TransientError):
    """Another run writes the output, and was waited for in vain."""


def unwritable(target: Location, error: OSError) -> TransientError:
    """Return the error for an output that cannot be written."""
    return TransientError(f"{target}: cannot be written: {reason_of(error)}")


@contextmanager
def folder_of(target: Location) -> Iterator[None]:
    """Make the folder of a file for a while; it stays if the file comes.

    Raises:
        JoinError: it cannot be made, or lies outside of where this process is confined to.
    """
    confinement.refuse_outside(target)
    made: list[Location] = []
    try:
        try:
            _make(Location(target.identity).parent, made)
        except OSError as error:
            raise unwritable(target, error) from None
        yield
    finally:
        for folder in reversed(made):
            with suppress(OSError):  # it is not empty: the file came
                os.rmdir(folder)


def _make(folder: Location, made: list[Location]) -> None:
    missing = takewhile(lambda place: not os.path.exists(place), (folder, *folder.parents))
    for place in reversed(list(missing)):
        with suppress(FileExistsError):
            os.mkdir(place)
        made.append(place)


def beside(target: Location, suffix: str) -> Location:
    """Return the path of a file that this program keeps beside an output, told by its name."""
    real = Location(target.identity)
    return real.with_name(f"{own_prefix(real)}{suffix}")


def own_prefix(target: Location) -> str:
    """Return what the names of all such files of one output start with.

    It is a hash, since the output's own name may be as long as a name can be.
    """
    name = target.name.encode(errors="surrogatepass")
    return f".second-opinion-{hashlib.sha256(name).hexdigest()[:16]}"


@contextmanager
def output_lock(targets: Sequence[Location], wait: LockWait) -> Iterator[None]:
    """Hold the locks of all files that a run will write; their folders are there.

    Raises:
        OutputBusyError: another run holds one of them for longer than is waited.
        JoinError: a lock cannot be made.
    """
    locks = {str(beside(target, ".lock")): target for target in targets}
    with ExitStack() as held:
        for target in targets:
            held.enter_context(folder_of(target))
        for path, target in sorted(locks.items()):  # one order for all runs, or two might wait
            held.enter_context(_lock(path, target, wait))
        yield


@contextmanager
def _lock(path: str, target: Location, wait: LockWait) -> Iterator[None]:
    from filelock import FileLock, Timeout  # noqa: PLC0415 (only who writes waits for the import)

    lock = FileLock(path, timeout=wait.timeout_s)

    def acquire() -> None:
        try:
            with uninterrupted():
                lock.acquire(timeout=0)
        except Timeout:
            wait.told(
                one_line(f"{target}: another run writes it; waiting up to {wait.timeout_s:g} s")
            )
            lock.acquire()

    try:
        try:
            acquire()
        except Timeout:
            waited = f"{wait.timeout_s:g} s"
            msg = f"{target}: another run still writes it after {waited}; join again later"
            raise OutputBusyError(msg) from None
        except OSError as error:
            raise unwritable(target, error) from None
        yield
    finally:
        with uninterrupted():
            if lock.is_locked:
                # Still held: who waits notices that the file is gone, and makes one of its own.
                with suppress(OSError):
                    confinement.unlink(path)
                lock.release()
