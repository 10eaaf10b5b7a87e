"""Several files that are published as one: all of them, or none, whenever a process dies.

The new files are complete and on the disk before a journal says so; from then on whoever comes next
puts the rest of them in their places, or takes all of them back.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, NamedTuple

import msgspec

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import confinement, object_journal
from second_opinion_assets.storage.interrupts import uninterrupted
from second_opinion_assets.storage.location import Location, unreadable
from second_opinion_assets.storage.output_lock import (
    LockWait,
    OutputBusyError,
    beside,
    output_lock,
    own_prefix,
    unwritable,
)
from second_opinion_assets.storage.regular import open_file
from second_opinion_assets.storage.shortage import reason_of

_AT_ONCE = LockWait(0)


class Step(msgspec.Struct, frozen=True):
    """One file of several: paths are relative to the journal's folder.

    Attributes:
        temporary: the new file; None where there is to be none.
        target: where it goes.
        before: a second name of what was there; None where nothing was.
        new: the inode of the new file, of a step that is taken back: another file stays.
    """

    temporary: str | None
    target: str
    before: str | None
    new: int = 0

    def returned(self) -> Step:
        """Return the step that takes this one back."""
        return Step(self.before, self.target, None, self.new)


class Journal(msgspec.Struct, frozen=True):
    """What is to be put in place, in this order; the last file is the one that counts.

    Attributes:
        steps: each file.
        takes_back: whether it takes back what an earlier journal could not complete.
    """

    steps: list[Step]
    takes_back: bool = False


class NewFile(NamedTuple):
    """A complete file on the disk, and where it goes; links are followed in both."""

    temporary: Location
    target: Location


def publish_together(files: Sequence[NewFile]) -> None:
    """Put complete files in their places, all or none.

    Args:
        files: the files; the last is the one that counts, beside which the journal stands.

    Raises:
        JoinError: one cannot be put in place; all are as they were.
    """
    with uninterrupted():
        _publish_together(files)


def _publish_together(files: Sequence[NewFile]) -> None:
    *others, last = files
    path = beside(last.target, ".journal")
    journal = Journal([_step(file, path.parent, keep=True) for file in others])
    journal.steps.append(_step(last, path.parent, keep=False))
    try:
        if others:
            _write(path, journal)
    except OSError as error:
        _forget(path, journal)
        raise unwritable(last.target, error) from None
    _roll(path, journal)


def _step(file: NewFile, folder: Location, *, keep: bool) -> Step:
    """Return the step for a file; what is there gets a second name if it is to be kept."""
    before = _second_name(file.target) if keep else None
    return Step(
        os.path.relpath(file.temporary, folder),
        os.path.relpath(file.target, folder),
        None if before is None else os.path.relpath(before, folder),
        os.stat(file.temporary).st_ino if keep else 0,
    )


def recover(target: Location) -> bool:
    """Complete or take back what a run that died left of an output, unless one is writing it.

    Returns:
        Whether that was done.

    Raises:
        JoinError: it can be neither.
    """
    if target.is_remote:
        return object_journal.recover(target)
    if not beside(target, ".journal").exists():
        return False
    try:
        with output_lock([target], _AT_ONCE):
            recover_locked(target)
    except OutputBusyError:  # who is writing it has seen to that, or is about to end
        return False
    return True


def recover_locked(target: Location) -> None:
    """Likewise, for who holds the lock."""
    path = beside(target, ".journal")
    try:
        with open_file(path) as file:
            journal = msgspec.json.decode(file.read(), type=Journal)
    except FileNotFoundError:
        return
    except OSError as error:
        raise unreadable(path, error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{path}: the journal of an unfinished join cannot be read: {error}"
        raise JoinError(msg) from None
    _refuse_foreign(path, journal)
    with uninterrupted():
        _roll(path, journal)


def _refuse_foreign(path: Location, journal: Journal) -> None:
    """Refuse a journal that no join wrote: it would move or remove other people's files."""
    for step in journal.steps:
        if any("\0" in name for name in (step.temporary, step.target, step.before) if name):
            msg = f"{path}: no join wrote this journal: a name has a null character; remove it"
            raise JoinError(msg)
        target = path.parent.resolve(step.target)
        confinement.refuse_outside(target)
        if step.temporary is None and not journal.takes_back:
            msg = f"{path}: no join wrote this journal: it removes {step.target!r}; remove it"
            raise JoinError(msg)
        for name in filter(None, (step.temporary, step.before)):
            file = path.parent.resolve(name)
            own = file.parent.identity == target.parent.identity
            if not (own and file.name.startswith(f"{own_prefix(target)}-")):
                msg = f"{path}: no join wrote this journal: it names {name!r}; remove the journal"
                raise JoinError(msg)


def remove_leftovers(targets: Sequence[Location]) -> None:
    """Remove the temporary files of runs that died, for who holds the locks of their outputs."""
    for target in targets:
        real = Location(target.identity)
        start = f"{own_prefix(real)}-"
        with suppress(OSError), os.scandir(real.parent) as entries:
            for name in [entry.name for entry in entries if entry.name.startswith(start)]:
                with suppress(OSError):
                    confinement.unlink(real.parent / name)


def _roll(path: Location, journal: Journal) -> None:
    """Put every file in place; if one cannot be, take back those that were.

    Raises:
        JoinError: one cannot be put in place, or not be brought to the disk.
    """
    folder = path.parent
    put = _put_back if journal.takes_back else _put
    for number, step in enumerate(journal.steps):
        try:
            put(step, folder)
        except (OSError, MemoryError) as error:
            if not journal.takes_back:
                _take_back(path, journal, journal.steps[:number])
            if isinstance(error, OSError):
                raise unwritable(folder / step.target, error) from None
            raise
    try:
        _sync_folders(journal, folder)
    except OSError as error:  # the journal stays: who comes next brings them to the disk
        last = folder / journal.steps[-1].target
        msg = f"{last}: written, but perhaps not yet on the disk: {reason_of(error)}; join again"
        raise JoinError(msg) from None
    _forget(path, journal)


def _put(step: Step, folder: Location) -> None:
    if step.temporary is None:
        with suppress(FileNotFoundError):
            confinement.unlink(folder / step.target)
    else:
        try:
            confinement.replace(folder / step.temporary, folder / step.target)
        except FileNotFoundError:  # it is in its place already, unless the folder is what is gone
            if (folder / step.temporary).is_there():
                raise
            os.stat((folder / step.target).parent)


def _take_back(path: Location, journal: Journal, placed: list[Step]) -> None:
    """Take back the files that were put in place; where that fails, a journal stays to do it."""
    back = Journal([step.returned() for step in placed], takes_back=True)
    with suppress(OSError):  # else a death from here on would complete the earlier journal
        if placed:
            _write(path, back)
    with suppress(OSError):
        for step in back.steps:
            _put_back(step, path.parent)
        _sync_folders(back, path.parent)
        _forget(path, journal)


def _put_back(step: Step, folder: Location) -> None:
    """Put back what was there, in the place of the new file; somebody else's file stays."""
    try:
        found = os.stat(folder / step.target, follow_symlinks=False).st_ino
    except FileNotFoundError:
        found = step.new
    if found == step.new:
        _put(step, folder)


def _forget(path: Location, journal: Journal) -> None:
    """Remove the journal, and then what it kept; what stays is removed by the next run."""
    with suppress(OSError):
        confinement.unlink(path)
        _sync_folder(path.parent)
    for step in journal.steps:
        for name in filter(None, (step.before, step.temporary)):
            with suppress(OSError):
                confinement.unlink(path.parent / name)


def _second_name(target: Location) -> Location | None:
    """Give what is at a place a second name, or a copy of it one; None where nothing is.

    Raises:
        JoinError: it can have neither.
    """
    name = beside(target, f"-before-{os.getpid()}.tmp")
    try:
        _link_or_copy(target, name)
        _sync_folder(name.parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unwritable(target, error) from None
    return name


def _link_or_copy(target: Location, name: Location) -> None:
    with suppress(FileNotFoundError):
        confinement.unlink(name)
    try:
        confinement.link(target, name)
    except FileNotFoundError:
        raise
    except OSError:  # another user's file, or a file system without links
        with open_file(target) as old, open(name, "wb", opener=confinement.opener) as copy:
            shutil.copyfileobj(old, copy)
            _sync(copy)


def _write(path: Location, journal: Journal) -> None:
    temporary = path.with_name(f"{path.name.removesuffix('.journal')}-journal.tmp")
    with open(temporary, "wb", opener=confinement.opener) as file:
        file.write(msgspec.json.encode(journal))
        _sync(file)
    confinement.replace(temporary, path)
    _sync_folder(path.parent)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folders(journal: Journal, folder: Location) -> None:
    for place in {(folder / step.target).parent for step in journal.steps}:
        _sync_folder(place)


def _sync_folder(folder: Location) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(targets: Sequence[Location], wait: LockWait) -> Iterator[None]:
    """Hold the locks of all files of an output, the last of them the one that counts.

    What a run that died left is completed or taken back first, and its temporary files removed.

    Raises:
        JoinError: another run holds a lock for too long, or what was left cannot be settled.
    """
    local = [target for target in targets if not target.is_remote]
    with output_lock(local, wait):
        if targets and targets[-1].is_remote:
            object_journal.wait_for_others(targets[-1], wait)
        elif targets:
            recover_locked(targets[-1])
        remove_leftovers(local)
        yield
