"""Which files are complete: looks at them again and again, hashing only what changed.

What was joined already, and asking for runs, is the caller's business.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from second_opinion_assets.contract.printable import one_line
from second_opinion_assets.join.source_files import SourceFile, Stamp, read_source_file
from second_opinion_assets.storage.groups import NoFilesError
from second_opinion_assets.storage.location import Location, unreadable
from second_opinion_assets.storage.opened import ChangedInputError

INCOMPLETE_SETTLE_TIMES = 6
"""For how many settle times a file that looks cut short is taken to be still written."""


class Waiting(msgspec.Struct, frozen=True):
    """Why a file is not to be read yet, as one line that names it."""

    reason: str


@dataclass
class Watcher:
    """Remembers what files held, so that a look at an unchanged one costs one `stat`.

    Attributes:
        settle_seconds: how long a file must not have changed to be taken as complete.
    """

    settle_seconds: float
    _known: dict[Location, SourceFile] = field(default_factory=dict)

    def remember(self, file: SourceFile) -> None:
        """Take over what was found out earlier about a file that was not looked at yet."""
        self._known.setdefault(file.path, file)

    def glance(self, path: Location) -> SourceFile | Waiting | None:
        """Return what is known of a file that is as it was; None of one that is to be read.

        Raises:
            JoinError: the file is there and cannot be looked at.
        """
        stamp = _stamp(path)
        if isinstance(stamp, Waiting):
            return stamp
        known = self._known.get(path)
        return known if known and known.complete and known.stamp == stamp else None

    def look(self, path: Location, now: float, *, finished: bool = False) -> SourceFile | Waiting:
        """Return what a file holds, or why that is to be asked later.

        Args:
            path: the file, or the folder or pattern of several.
            now: seconds since the epoch, by the clock that file times are of.
            finished: whether its writer has said that it is complete as it is.

        Raises:
            JoinError: the file is there and cannot be read.
        """
        stamp = _stamp(path)
        if isinstance(stamp, Waiting):
            return stamp
        known = self._known.get(path)
        if known is not None and known.stamp == stamp and known.complete:
            return known
        # A time ahead of the clock tells as little of now as one long past.
        age = abs(now - stamp.modified_ns / 1e9)
        if age < self.settle_seconds and not finished:
            return Waiting(
                one_line(f"{path} changed {age:.0f} s ago and may be still being written")
            )
        if known is None or known.stamp != stamp:
            known = self._read(path, known)
        if known is None or _stamp(path) != known.stamp:
            return Waiting(one_line(f"{path} changed while it was read"))
        if not known.complete and age < self.settle_seconds * INCOMPLETE_SETTLE_TIMES:
            return Waiting(one_line(f"{path} looks cut short and may be still being written"))
        return known

    def _read(self, path: Location, before: SourceFile | None) -> SourceFile | None:
        """Read a file and remember it; None if it was written to meanwhile."""
        with suppress(ChangedInputError):
            self._known[path] = read_source_file(path, before)
            return self._known[path]
        return None


def _stamp(path: Location) -> Stamp | Waiting:
    try:
        return Stamp.of(path)
    except FileNotFoundError:
        return Waiting(one_line(f"{path} is not there yet"))
    except NoFilesError:
        return Waiting(one_line(f"{path} has no file yet"))
    except OSError as error:
        raise unreadable(path, error) from None
