"""Where files may lie: the folders that this process looks at, reads and writes below.

Whoever runs the process decides, by `confine_to`; no manifest does. Paths are plain text here, for
`location` asks this module before it looks at one. What is done with a file does not belong here.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from os import PathLike
from typing import NamedTuple

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import uris

SETTING = "SECOND_OPINION_CONFINE_TO"

_Path = str | PathLike[str]
_TO_LOOK = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_CLOEXEC  # nothing is read
_SEPARATOR = re.compile(f"{re.escape(os.pathsep)}(?!//)")  # none is the colon of s3://
_PACKAGE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


class OutsideError(JoinError):
    """A path leads out of the folders that the process is confined to."""


@dataclass(frozen=True)
class Confinement:
    """The folders that all files lie below, links followed; none for no bounds."""

    folders: tuple[str, ...] = ()

    def holds(self, real: str) -> bool:
        """Return whether a path without links is one of the folders, or below one."""
        return not self.folders or any(_is_below(real, folder) for folder in self.folders)


class Place(NamedTuple):
    """A file by its name, and the folder's descriptor that this is relative to, if by one."""

    name: str
    folder: int | None


_MOST_ASKED = 8
"""Paths in one folder that are looked at before the folder is listed."""
_MOST_DEEP = 200
"""Folders that a path lies in, of which each is asked for by itself."""
_UNCONFINED = Confinement()
_process = _UNCONFINED
_kept: ContextVar[RealPaths | None] = ContextVar("_kept", default=None)


def confine_to(folders: Iterable[_Path]) -> None:
    """Confine this process to what lies below some folders; without any there are no bounds.

    A folder may come to be later; what it is or leads to now is what counts.

    Raises:
        JoinError: one of them cannot be a folder.
    """
    global _process  # noqa: PLW0603 (a policy of the whole process)
    real = []
    for given in folders:
        folder = str(given) if uris.is_address(str(given)) else os.fspath(given)
        if uris.is_address(folder):
            real.append(uris.plain_address(folder))
            continue
        if not folder or "\0" in folder or (os.path.exists(folder) and not os.path.isdir(folder)):
            msg = f"{SETTING}: {folder!r} is no folder; name folders with {os.pathsep} between"
            raise JoinError(msg)
        real.append(os.path.realpath(folder))
    _process = Confinement(tuple(dict.fromkeys(real)))


def folders_of(text: str) -> list[str]:
    """Return the folders of a setting, written as those of ``PATH`` are; none of an empty one."""
    if not text:
        return []
    return _SEPARATOR.split(text)


def is_within(path: _Path) -> bool:
    """Return whether a path may be looked at; the program's own files always may."""
    return not _process.folders or _is_readable(real_path(path))


def is_folder_within(path: _Path) -> bool:
    """Return whether the folder of a path may be looked at; likewise."""
    return not _process.folders or is_within(os.path.dirname(path) or ".")


def refuse_outside(path: _Path) -> None:
    """Refuse a path that leads out of the folders, by `..` or links or from the root.

    Raises:
        OutsideError: names the path and the folders.
    """
    if _process.folders and not _process.holds(real := real_path(path)):
        raise _outside(path, real)


def refuse_to_look(path: _Path) -> None:
    """Refuse a path that may not be looked at; likewise."""
    if not is_within(path):
        raise _outside(path, real_path(path))


def refuse_names_outside(folder: _Path, names: Iterable[str]) -> None:
    """Refuse files of a folder, some of which may be links or lie deeper; likewise."""
    if not _process.folders:
        return
    known: set[str] = set()  # the folders that were looked at: most files share one
    if "://" in str(folder):  # no links there
        refuse_outside(folder)
        return
    for name in names:
        path = os.path.join(folder, name)
        above = os.path.dirname(path)
        if above not in known or os.path.islink(path):
            refuse_outside(path)
            known.add(above)


def opener(path: str, flags: int) -> int:
    """Open for `open` the very file that was found to lie within, whatever changes meanwhile.

    Raises:
        OutsideError: it lies outside.
        OSError: it cannot be opened.
    """
    if flags & os.O_CREAT:  # files of this program's own, where a link would be somebody else's
        with place(path) as (name, folder):
            return os.open(name, flags | os.O_NOFOLLOW, 0o666, dir_fd=folder)
    if not _process.folders:
        return os.open(path, flags)
    found = os.open(path, _TO_LOOK)
    try:
        real = _real_path(found, path)
        if not _is_readable(real):
            raise _outside(path, real)
        return os.open(f"/proc/self/fd/{found}" if _has_proc() else real, flags)
    finally:
        os.close(found)


@contextmanager
def place(path: _Path) -> Iterator[Place]:
    """Give a file by its name in a folder that stays the same, whatever is put in its place.

    Raises:
        OutsideError: the folder lies outside.
        OSError: it cannot be opened.
    """
    text = os.fspath(path)
    if not _process.folders:
        yield Place(text, None)
        return
    above, name = os.path.split(text)
    folder = os.open(above or ".", _TO_LOOK | os.O_DIRECTORY)
    try:
        if not _process.holds(real := _real_path(folder, above or ".")):
            raise _outside(path, os.path.join(real, name))
        yield Place(name, folder)
    finally:
        os.close(folder)


def replace(source: _Path, target: _Path) -> None:
    """Put a file in the place of another, as `os.replace` does, both within the folders."""
    if not _process.folders:
        os.replace(source, target)
        return
    with place(source) as (old, old_folder), place(target) as (new, new_folder):
        os.replace(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder)


def unlink(path: _Path) -> None:
    """Remove a file within the folders."""
    if not _process.folders:
        os.unlink(path)
        return
    with place(path) as (name, folder):
        os.unlink(name, dir_fd=folder)


def link(target: _Path, name: _Path) -> None:
    """Give a file a second name, both within the folders."""
    if not _process.folders:
        os.link(target, name)
        return
    with place(target) as (old, old_folder), place(name) as (new, new_folder):
        os.link(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder, follow_symlinks=False)


def real_path(path: _Path) -> str:
    """Return a path with its links followed; one that no file can have only from the root on."""
    if "://" in (text := str(path)):
        return text
    kept = _kept.get()
    return _real(path) if kept is None else kept.of(text)


@contextmanager
def links_followed_once() -> Iterator[None]:
    """Let the links of each folder be followed once only in what follows, for many paths in it.

    What is opened is looked at again in any case. What is kept ends with the outermost of these.
    """
    token = _kept.set(RealPaths()) if _kept.get() is None else None
    try:
        yield
    finally:
        if token:
            _kept.reset(token)


class RealPaths:
    """Paths with their links followed, those of a folder once.

    A folder of which several paths are asked for is listed, so that none is looked at.
    """

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}
        self._asked: dict[str, int] = {}
        self._links: dict[str, frozenset[str] | None] = {}

    def of(self, path: str) -> str:
        if "://" in path:
            return path
        folder, slash, name = path.rpartition("/")
        folder = folder or slash or "."
        if folder == path or name in {"", ".", ".."} or folder.count("/") > _MOST_DEEP:
            return _real(path)
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = self.of(folder).rstrip("/") + "/"
        return _real(path) if self._is_link(real, name) else real + name

    def _is_link(self, folder: str, name: str) -> bool:
        asked = self._asked[folder] = self._asked.get(folder, 0) + 1
        if asked == _MOST_ASKED:
            self._links[folder] = _links_in(folder)
        links = self._links.get(folder)
        return os.path.islink(folder + name) if links is None else name in links


def _real(path: _Path) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # a NUL character, or half of a surrogate pair
        return os.path.abspath(path)


def _links_in(folder: str) -> frozenset[str] | None:
    """Return the names of a folder that are links; None of one that cannot be listed."""
    if _process.folders and not _is_readable(folder.rstrip("/") or "/"):
        return None
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_symlink())
    except FileNotFoundError:
        return frozenset()
    except OSError:
        return None


def _is_readable(real: str) -> bool:
    if _process.holds(real) or _is_below(real, _PACKAGE):
        return True
    return real == os.path.realpath(sys.argv[0])


def _is_below(real: str, folder: str) -> bool:
    return real == folder or real.startswith(folder.rstrip("/") + "/")


def _has_proc() -> bool:
    return os.path.exists("/proc/self/fd")


def _real_path(descriptor: int, path: str) -> str:
    """Return where an opened file lies, by the kernel's word if it gives one."""
    if _has_proc():
        return os.readlink(f"/proc/self/fd/{descriptor}")
    real = os.path.realpath(path)
    if os.path.samestat(os.stat(real), os.fstat(descriptor)):
        return real
    msg = "it was replaced while it was opened"
    raise OSError(msg)


def _outside(path: _Path, real: str) -> OutsideError:
    shown = str(path)
    folders = " and ".join(_process.folders)
    is_plain = real in {shown, os.path.abspath(shown)}
    leads = "lies" if is_plain else f"leads to {real},"
    return OutsideError(
        f"{shown}: {leads} outside {folders}; move it there, or add its folder to {SETTING}"
    )
