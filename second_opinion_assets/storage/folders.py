"""What folders hold: their files, and those below them that a pattern of names leads to.

Which of them count as score files belongs to `groups`.
"""

from __future__ import annotations

import errno
import fnmatch
import glob
import os
import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from second_opinion_assets.storage import confinement, stores
from second_opinion_assets.storage.location import Location

_NO_MATCH = {
    *(errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG),
}
"""What a folder that cannot be listed may have: a pattern leads to nothing in it. What the machine
lacks is an error, since files would be left out in silence."""

_MAGIC = re.compile(r"[*?\[]")
_Identity = tuple[int, int]


class _Entries(NamedTuple):
    """What a folder holds, each kind in the order of names.

    Attributes:
        identity: of the folder, whatever its name.
        files: all that is no folder, also pipes and devices; links to nowhere are none.
        folders: also those that links lead to.
        links: those of the folders that links lead to.
    """

    identity: _Identity
    files: list[str]
    folders: list[str]
    links: frozenset[str]


_kept: ContextVar[dict[_Identity, _Entries] | None] = ContextVar("_kept", default=None)


@contextmanager
def listed_once() -> Iterator[None]:
    """Let each folder be listed once only in what follows, as it is when it is asked for first.

    Thousands of patterns often share a folder. What is kept ends with the outermost of these.
    """
    token = _kept.set({}) if _kept.get() is None else None
    try:
        with stores.listed_once(), confinement.links_followed_once():
            yield
    finally:
        if token:
            _kept.reset(token)


def files_of(folder: Location) -> list[str]:
    """Return the names of a folder's files, sorted.

    Raises:
        OSError: it cannot be listed.
        OutsideError: it lies outside of where this process is confined to.
    """
    return _entries(folder).files


def find(folder: Location, pattern: str) -> Iterator[str]:
    """Yield the files below a folder that a pattern matches, by their names relative to it.

    `*`, `?` and `[…]` are within a name; `**` is any number of folders. Names that begin with a dot
    match where the pattern has the dot. Links are followed; below `**` each folder is gone
    through once, under its own name if it has one there.

    Raises:
        OSError: the machine cannot list a folder.
        OutsideError: a folder lies outside of where this process is confined to.
    """
    yield from _find(folder, "", pattern.split("/"), set())


def _find(
    top: Location, name: str, parts: Sequence[str], seen: set[tuple[_Identity, int]]
) -> Iterator[str]:
    """Yield what the parts of a pattern lead to from a folder on, which is given by its name.

    Args:
        top: what names are relative to.
        name: of the folder.
        parts: of the pattern, those that are left.
        seen: each folder that a `**` has come to, and how many parts were left there.
    """
    here, part, rest = top / name, parts[0], parts[1:]
    if part == "**":
        for identity, below in _walk(here):
            if (identity, len(rest)) not in seen:
                seen.add((identity, len(rest)))
                yield from _find(top, os.path.join(name, below), rest or ["*"], seen)
        return
    for found in _matching(here, part, is_folder=bool(rest)):
        path = os.path.join(name, found)
        yield from _find(top, path, rest, seen) if rest else [path]


def _walk(top: Location) -> Iterator[tuple[_Identity, str]]:
    """Yield a folder and all below it by their names, each once; those behind links come last."""
    seen: set[_Identity] = set()
    behind_links = deque([""])
    while behind_links:
        names = [behind_links.popleft()]
        while names:
            name = names.pop()
            entries = _entries_if_any(top / name)
            if entries is None or entries.identity in seen:
                continue
            seen.add(entries.identity)
            yield entries.identity, name
            for folder in filter(_is_shown, entries.folders):
                to = behind_links if folder in entries.links else names
                to.append(os.path.join(name, folder))


def _matching(folder: Location, part: str, *, is_folder: bool) -> Iterator[str]:
    """Yield the names of a folder's files, or of its folders, that a part of a pattern matches."""
    if not glob.has_magic(part):
        path = os.path.join(folder, part)
        if os.path.isdir(path) if is_folder else is_file(path):
            yield part
    elif entries := _entries_if_any(folder):
        names = _alike(entries.folders if is_folder else entries.files, part)
        found = fnmatch.filter(names, part)
        shown = filter(_is_shown, found) if _is_shown(part) else found
        yield from sorted(shown, key=entries.links.__contains__)  # own names go first


def _alike(names: list[str], part: str) -> list[str]:
    """Return those of sorted names that begin as a part of a pattern does."""
    start = literal_start(part)

    def cut(name: str) -> str:
        return name[: len(start)]

    return names[bisect_left(names, start, key=cut) : bisect_right(names, start, key=cut)]


def literal_start(pattern: str) -> str:
    """Return the text that all that a pattern matches begins with."""
    return _MAGIC.split(pattern, maxsplit=1)[0]


def _is_shown(name: str) -> bool:
    return not name.startswith(".")


def is_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a path counts as a file: also a pipe or device, which is then refused."""
    return os.path.exists(path) and not os.path.isdir(path)


def _entries_if_any(folder: Location) -> _Entries | None:
    """Return what a folder holds; None of one in which no pattern matches."""
    try:
        return _entries(folder)
    except OSError as error:
        if error.errno in _NO_MATCH:
            return None
        raise


def _entries(folder: Location) -> _Entries:
    """Return what a folder holds, as it was listed before where that is to be kept."""
    confinement.refuse_outside(folder)
    status = os.stat(folder)
    identity = status.st_dev, status.st_ino
    kept = _kept.get()
    if kept is None:
        return _list(folder, identity)
    if identity not in kept:
        kept[identity] = _list(folder, identity)
    return kept[identity]


def _list(folder: Location, identity: _Identity) -> _Entries:
    files: list[str] = []
    folders: list[str] = []
    links: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.is_file(follow_symlinks=False) or is_file(entry):
                files.append(entry.name)
            elif os.path.isdir(entry):
                folders.append(entry.name)
                links.append(entry.name)
    return _Entries(identity, sorted(files), sorted(folders), frozenset(links))
