"""Folders and patterns: paths that stand for several files.

Opening and reading the files does not belong here.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from operator import and_, or_
from typing import NamedTuple

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import confinement, stores
from second_opinion_assets.storage.folders import files_of, find, literal_start
from second_opinion_assets.storage.limits import limits
from second_opinion_assets.storage.location import Identities, Location, unreadable

_LEFTOVER = re.compile(
    r"~\$.*|.*~|#.*#|thumbs\.db|desktop\.ini|icon\r|.*\.(tmp|bak|swp|part)",
    re.IGNORECASE | re.DOTALL,
)

_MOST_PARTS = 200
_MAGIC = re.compile(r"[*?\[\]]")


class NoFilesError(JoinError):
    """There is no file yet where several are expected."""


class Listing(NamedTuple):
    """The names of files, sorted, and of those beside them that are hidden or leftovers."""

    names: list[str]
    ignored: list[str]


class FileGroup(NamedTuple):
    """A path that stands for several files.

    Attributes:
        folder: what their names are relative to.
        pattern: what their names match; empty for every file of the folder.
    """

    folder: Location
    pattern: str

    @property
    def depth(self) -> int:
        """How many components of the path are the pattern's."""
        return self.pattern.count("/") + 1 if self.pattern else 0

    def names(self) -> list[str]:
        """Return the files' names, sorted; hidden ones and leftovers are none of them.

        Raises:
            NoFilesError: there is no such file.
            JoinError: the folder cannot be read.
        """
        return self.listing().names

    def listing(self) -> Listing:
        """Return the files' names and those that are left out; the errors are those of `names`."""
        everything = self._all_names()
        ignored = [name for name in everything if self._is_ignored(name)]
        left_out = set(ignored)
        names = [name for name in everything if name not in left_out]
        if not names:
            what = f"no file matches {self.pattern}" if self.pattern else "the folder has no file"
            msg = f"{self.folder / self.pattern}: {what}, expected score files"
            raise NoFilesError(msg)
        for name in names:
            if not json_text.is_utf8(os.fsencode(name)):
                msg = f"{self.folder}: the file name {name!r} is not UTF-8; rename the file"
                raise JoinError(msg)
        return Listing(names, ignored)

    def _is_ignored(self, name: str) -> bool:
        """Return whether a file is hidden, or a leftover that the pattern does not ask for."""
        own = Location(name).name
        if not self.pattern:
            return own.startswith(".") or is_leftover(own)
        return is_leftover(own) and not is_leftover(Location(self.pattern).name)

    def _all_names(self) -> list[str]:
        """Return the names of all files, sorted; a pattern matches no hidden ones."""
        confinement.refuse_outside(self.folder / self.pattern)
        most = limits()
        names: set[str] = set()  # a pattern may find a file in several ways
        try:
            for name in self._each_name():
                names.add(name)
                most.refuse("group_files", len(names), self.folder / self.pattern, "{} files")
        except OSError as error:
            raise unreadable(self.folder, error) from None
        in_order = sorted(names)
        confinement.refuse_names_outside(self.folder, in_order)
        return in_order

    def _each_name(self) -> Iterable[str]:
        if self.folder.is_remote:
            return self._each_object()
        return find(self.folder, self.pattern) if self.pattern else files_of(self.folder)

    def _each_object(self) -> Iterator[str]:
        """Yield likewise of a store, by one listing."""
        uri, pattern = str(self.folder), self.pattern.split("/")
        is_deep = len(pattern) > 1 or pattern == ["**"]
        found = stores.keys_below(uri) if is_deep else stores.folder(uri).objects
        for name in found:
            parts = name.split("/")
            if not self.pattern or (_matches(parts, pattern) and not _is_hidden(parts, pattern)):
                yield name


def _is_hidden(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    """Return whether a path has a hidden component that no component of the pattern asks for."""
    asked = {pattern for pattern in patterns if pattern.startswith(".")}
    return any(
        part.startswith(".") and not any(fnmatch.fnmatchcase(part, pattern) for pattern in asked)
        for part in parts
    )


def is_leftover(name: str) -> bool:
    """Return whether a file's name is one that editors, offices and half-done copies leave."""
    return _LEFTOVER.fullmatch(name) is not None


def is_pattern(text: str) -> bool:
    """Return whether a path has any of `*`, `?` and `[`."""
    return glob.has_magic(text)


def group_of(location: Location) -> FileGroup | None:
    """Return the files that a path of several stands for; None for a path of one file.

    A path that is there is itself, whatever characters it has. Of any other, what is there is the
    folder, and the rest is a pattern if it has any of `*`, `?` and `[`.
    """
    if location.is_folder():
        return FileGroup(location, "")
    if not is_pattern(str(location)) or location.is_there():
        return None
    above = location.parents
    folder = next((folder for folder in above if folder.is_folder()), above[-1])
    parts = location.parts[len(folder.parts) :]
    if len(parts) > _MOST_PARTS:
        msg = f"{location}: a pattern of {len(parts)} parts, expected at most {_MOST_PARTS}"
        raise JoinError(msg)
    pattern = "/".join(parts)
    return FileGroup(folder, pattern) if is_pattern(pattern) else None


def is_given(location: Location) -> bool:
    """Return whether a path is that of a file or folder, or a pattern that a file matches.

    In a store nothing is looked for: it would be a request for each path that is written.
    """
    if location.is_remote:
        return False
    if location.is_there():
        return True
    with suppress(JoinError):
        group = group_of(location)
        return bool(group and group.names())
    return False


def size_bytes(location: Location) -> int:
    """Return the size of the file, or of all files, that a path stands for, as far as it shows."""
    with suppress(OSError, JoinError):
        group = group_of(location)
        files = [group.folder / name for name in group.names()] if group else [location]
        return sum(file.stat().bytes for file in files)
    return 0


class InputPaths:
    """Who reads which paths, to tell of an output whether it would be one of the files read."""

    def __init__(self) -> None:
        self._identities = Identities()
        self._readers: dict[str, str] = {}
        # By what all matches have in common, so that few patterns are tried for a path.
        self._patterns: defaultdict[_InCommon, dict[str, str]] = defaultdict(dict)
        self._lengths: set[tuple[int, int, int | None]] = set()
        self._folder_readers: dict[Location, str | None] = {}

    def identity(self, location: Location) -> str:
        """Return what all paths to one file have in common."""
        return self._identities.of(location)

    def add(self, location: Location, reader: str) -> None:
        """Note that somebody reads a path."""
        real = self.identity(location)
        self._readers[real] = reader
        self._folder_readers.clear()
        few = real.count("/") < _MOST_PARTS  # of more parts no pattern is looked for
        if few and is_pattern(real) and (location.is_remote or not location.is_there()):
            shared = _in_common(real)
            self._patterns[shared][real] = reader
            self._lengths.add((len(shared.start), len(shared.end), shared.depth))

    def reader(self, location: Location) -> str | None:
        """Return who reads a path, or a folder above it, or a pattern that it matches."""
        real = self.identity(location)
        if found := self._readers.get(real) or self._reader_of_folder(Location(real).parent):
            return found
        if not self._patterns:
            return None
        depth = real.count("/")
        keys = (
            _InCommon(real[:start], real[len(real) - end :], of_depth)
            for start, end, of_depth in self._lengths
            if of_depth in {None, depth}
        )
        return next(
            (
                reader
                for key in keys
                for pattern, reader in self._patterns.get(key, {}).items()
                if _matches(Location(real).parts, Location(pattern).parts)
            ),
            None,
        )

    def _reader_of_folder(self, folder: Location) -> str | None:
        """Return who reads a folder, or one above it."""
        if folder not in self._folder_readers:
            read = next(
                (
                    place
                    for place in (folder, *folder.parents)
                    if str(place) in self._readers and not place.is_file()
                ),
                None,
            )
            self._folder_readers[folder] = None if read is None else self._readers[str(read)]
        return self._folder_readers[folder]


class _InCommon(NamedTuple):
    """What all paths that a pattern matches have in common.

    Attributes:
        start: the text that they begin with.
        end: the text that they end with.
        depth: how many folders they lie in; None with `**`, which is any number.
    """

    start: str
    end: str
    depth: int | None


def _in_common(pattern: str) -> _InCommon:
    start, end = literal_start(pattern), _MAGIC.split(pattern)[-1]
    return _InCommon(start, end, None if "**" in pattern else pattern.count("/"))


def _matches(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    """Return whether a path's components match those of a pattern; `**` is any number of them."""
    matched = [True] + [False] * len(parts)  # the first so many, by the patterns so far
    for pattern in patterns:
        if pattern == "**":
            matched = list(accumulate(matched, or_))
        else:
            found = [fnmatch.fnmatchcase(part, pattern) for part in parts]
            matched = [False, *map(and_, matched, found)]
    return matched[-1]
