"""Several objects of one bucket that are published as one, whenever a process dies.

A store has no locks and no renames, but it puts an object in place at once and on a condition. So
the objects beside the one that counts are small and are put first, and a journal that tells what
was there before stands until the one that counts is in place. Whoever finds the journal of a run
that died looks at that object: if it is still the old one, the others are put back.

What cannot be fenced: an object that was sent in parts appears without a condition. A run that is
held up for minutes in that very moment, while another one takes it for dead, may put its table
beside the other's audit; `verify` tells.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.printable import one_line
from second_opinion_assets.storage import confinement, stores
from second_opinion_assets.storage.interrupts import uninterrupted
from second_opinion_assets.storage.location import Location, unreadable
from second_opinion_assets.storage.output_lock import LockWait, OutputBusyError, beside, unwritable
from second_opinion_assets.storage.store_errors import ReplacedError
from second_opinion_assets.storage.stores import ObjectStat

DEAD_AFTER_S = 120.0
"""A journal stands for a second or two; one that is older was left by a run that died.

Told by the clocks of this machine and of the store, which must not differ by as much.
"""

_TRIES = 5
_POLL_S = 0.5


class NewObject(Protocol):
    """A new object that is complete, and appears by `place`.

    Attributes:
        target: where it goes.
    """

    target: Location

    @property
    def has_parts(self) -> bool:
        """Whether it was sent in parts, so that it appears without a condition."""

    def place(self, replaces: ObjectStat | None) -> None:
        """Let it take the place of what is there.

        Raises:
            ReplacedError: something else is there.
            StoreError: it could not be put in place, or the answer was lost.
        """


class Before(msgspec.Struct, frozen=True):
    """What was at a place: its address, and the content; None where nothing was."""

    uri: str
    content: bytes | None


class Journal(msgspec.Struct, frozen=True):
    """What is being published.

    Attributes:
        run: tells one run from another.
        counts: the address of the object that counts.
        replaced: what was there; None where nothing was.
        others: what was in the places of the others.
    """

    run: str
    counts: str
    replaced: ObjectStat | None
    others: list[Before]


def publish_objects(files: Sequence[NewObject], wait: LockWait) -> None:
    """Put new objects in their places, all or none of those in the bucket of the last.

    Args:
        files: the objects; the last is the one that counts.
        wait: for another run that publishes the same at this moment.

    Raises:
        JoinError: one cannot be put in place.
    """
    *others, last = files
    bucket = last.target.parts[0]
    far = [file for file in others if file.target.parts[0] != bucket]
    near = [file for file in others if file.target.parts[0] == bucket]
    for file in far:
        _try_again([], file, wait)
    _try_again(near, last, wait)


def recover(target: Location) -> bool:
    """Settle what a run that died left of an output, unless one may be writing it.

    Returns:
        Whether that was done.

    Raises:
        JoinError: it cannot be.
    """
    try:
        if not stores.is_object(_place(target)):  # no request, where the folder was listed
            return False
    except OSError as error:
        raise unreadable(target, error) from None
    found = _found(target)
    if found is None or not _is_dead(found[1]):
        return False
    _settle(target, *found)
    return True


def wait_for_others(target: Location, wait: LockWait) -> None:
    """Wait until no other run publishes an output; settle what one that died left.

    Raises:
        OutputBusyError: another run publishes it for longer than is waited.
        JoinError: what was left cannot be settled.
    """
    deadline, is_told = time.monotonic() + wait.timeout_s, False
    while found := _found(target):
        if _is_dead(found[1]):
            _settle(target, *found)
            return
        if time.monotonic() >= deadline:
            msg = f"{target}: another run still publishes it; join again later"
            raise OutputBusyError(msg)
        if not is_told:
            wait.told(one_line(f"{target}: another run publishes it; waiting for that"))
            is_told = True
        time.sleep(_POLL_S)


def _try_again(others: Sequence[NewObject], last: NewObject, wait: LockWait) -> None:
    """Publish, and again where another run came first."""
    target = last.target
    for tries_left in reversed(range(_TRIES)):
        try:
            with uninterrupted():
                _publish(others, last, wait)
        except ReplacedError as error:
            if not tries_left:
                raise unwritable(target, error) from None
        except OSError as error:
            raise unwritable(target, error) from None
        else:
            return


def _publish(others: Sequence[NewObject], last: NewObject, wait: LockWait) -> None:
    replaced = _there(str(last.target))
    if not others:
        last.place(replaced)
        return
    before = [_content(str(file.target)) for file in others]
    journal = Journal(
        uuid.uuid4().hex,
        str(last.target),
        replaced,
        [
            Before(str(file.target), content[0] if content else None)
            for file, content in zip(others, before, strict=True)
        ],
    )
    try:
        version = stores.put(_place(last.target), msgspec.json.encode(journal), replaces=None)
    except ReplacedError:
        wait_for_others(last.target, wait)
        raise
    try:
        for file, content in zip(others, before, strict=True):
            file.place(content[1] if content else None)
        if last.has_parts:
            _refuse_fenced(last.target, version, replaced)
        last.place(replaced)
    except BaseException:
        # It may be in place although the answer was lost. Where even that cannot be asked for, the
        # journal stays, and who comes next settles it.
        if not _is_settled_as_placed(journal):
            raise
        return
    with suppress(OSError):
        stores.delete(_place(last.target))


def _refuse_fenced(target: Location, version: str, replaced: ObjectStat | None) -> None:
    """Raise a ReplacedError if another run took this one for dead, or came before it."""
    journal, there = _there(_place(target)), _there(str(target))
    if journal is None or journal.version != version or not _is_same(there, replaced):
        msg = "another run published it meanwhile; join again"
        raise ReplacedError(msg, may_pass=True)


def _is_settled_as_placed(journal: Journal) -> bool:
    try:
        return _roll(journal)
    except OSError:
        return False


def _found(target: Location) -> tuple[Journal, ObjectStat] | None:
    """Return the journal of an output, if there is one."""
    place = _place(target)
    try:
        confinement.refuse_to_look(place)
        data, found = stores.read(place)
        journal = msgspec.json.decode(data, type=Journal)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unwritable(target, error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{place}: the journal of an unfinished join cannot be read: {error}"
        raise JoinError(msg) from None
    uris = [journal.counts, *(before.uri for before in journal.others)]
    bucket = target.parts[0]
    if journal.counts != str(target) or any(Location(uri).parts[0] != bucket for uri in uris):
        msg = f"{place}: no join wrote this journal: it names other places; remove it"
        raise JoinError(msg)
    return journal, found


def _settle(target: Location, journal: Journal, found: ObjectStat) -> None:
    """Settle a journal, unless somebody else is about to."""
    try:
        own = msgspec.structs.replace(journal, run=uuid.uuid4().hex)
        stores.put(_place(target), msgspec.json.encode(own), replaces=found)
        _roll(own)
    except ReplacedError:
        return
    except OSError as error:
        raise unwritable(target, error) from None


def _roll(journal: Journal) -> bool:
    """Put the others back if the one that counts is not in place; return whether it is."""
    is_placed = not _is_same(_there(journal.counts), journal.replaced)
    for before in () if is_placed else journal.others:
        confinement.refuse_outside(before.uri)
        if before.content is None:
            stores.delete(before.uri)
        else:
            stores.put(before.uri, before.content, replaces=_there(before.uri))
    stores.delete(_place(Location(journal.counts)))
    return is_placed


def _place(target: Location) -> str:
    return str(beside(target, ".journal"))


def _is_dead(found: ObjectStat) -> bool:
    return time.time() - found.modified_ns / 1e9 > DEAD_AFTER_S


def _is_same(one: ObjectStat | None, other: ObjectStat | None) -> bool:
    return (one and one.version) == (other and other.version)


def _there(uri: str) -> ObjectStat | None:
    with suppress(FileNotFoundError):
        return stores.stat_now(uri)
    return None


def _content(uri: str) -> tuple[bytes, ObjectStat] | None:
    with suppress(FileNotFoundError):
        return stores.read(uri)
    return None
