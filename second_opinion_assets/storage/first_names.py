"""Which paths can be there at all: those whose first part is a name in a folder.

A cheap no for the many texts of a manifest that only look like paths. Whether one is there, and
what it is, belongs to `groups`.
"""

from __future__ import annotations

import os
from bisect import bisect_left

from second_opinion_assets.storage import confinement
from second_opinion_assets.storage.folders import literal_start
from second_opinion_assets.storage.groups import is_pattern
from second_opinion_assets.storage.location import Location


class FirstNames:
    """The names in a folder, listed once.

    Args:
        folder: what paths are relative to.
    """

    def __init__(self, folder: Location) -> None:
        names = _names(folder)
        self._sorted = None if names is None else sorted(name.lower() for name in names)
        self._names = frozenset(self._sorted or ())

    def may_begin(self, written: str) -> bool:
        """Return whether a path, or what a pattern matches, may be there; False is certain."""
        # Some file systems take several texts for one name.
        first = written.partition("/")[0].lower()
        if self._sorted is None or first in {"", ".", ".."} or not first.isascii():
            return True
        if not is_pattern(first):
            return first in self._names
        start = literal_start(first)
        at = bisect_left(self._sorted, start)
        return at < len(self._sorted) and self._sorted[at].startswith(start)


def _names(folder: Location) -> list[str] | None:
    """Return what a folder of this machine holds; None where that cannot be told."""
    if folder.is_remote or not confinement.is_within(folder):
        return None
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except FileNotFoundError:
        return []
    except OSError:
        return None
