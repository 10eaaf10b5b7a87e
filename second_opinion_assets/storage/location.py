"""Which files an input's path stands for: a file for itself, a folder or a pattern for several.

Opening and reading them does not belong here.
"""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.files import FileDigest, unreadable


class NoFilesError(JoinError):
    """There is no file yet where several are expected."""


class Several(NamedTuple):
    """A path that stands for several files.

    Attributes:
        folder: what their names are relative to.
        pattern: what their names match; empty for every file of the folder.
    """

    folder: Path
    pattern: str

    @property
    def depth(self) -> int:
        """How many components of the path are the pattern's."""
        return self.pattern.count("/") + 1 if self.pattern else 0

    def names(self) -> list[str]:
        """Return the files' names, sorted; hidden ones are none of them.

        Raises:
            NoFilesError: there is no such file.
            JoinError: the folder cannot be read.
        """
        try:
            names = self._names()
        except OSError as error:
            raise unreadable(self.folder, error) from None
        if not names:
            what = f"no file matches {self.pattern}" if self.pattern else "the folder has no file"
            msg = f"{self.folder / self.pattern}: {what}, expected score files"
            raise NoFilesError(msg)
        for name in names:
            if not json_text.is_utf8(os.fsencode(name)):
                msg = f"{self.folder}: the file name {name!r} is not UTF-8; rename the file"
                raise JoinError(msg)
        return names

    def _names(self) -> list[str]:
        if not self.pattern:
            with os.scandir(self.folder) as entries:
                names = [entry.name for entry in entries if entry.is_file()]
            return sorted(name for name in names if not name.startswith("."))
        # Path.glob would find hidden files too.
        found = glob.glob(self.pattern, root_dir=self.folder, recursive=True)  # noqa: PTH207
        return sorted(name for name in found if (self.folder / name).is_file())


def several(path: Path) -> Several | None:
    """Return what a path of several files stands for; None for a path of one file.

    A path that is there is itself, whatever characters it has. Of any other, what is there is the
    folder, and the rest is a pattern if it has any of `*`, `?` and `[`.
    """
    if path.is_dir():
        return Several(path, "")
    if not glob.has_magic(str(path)) or os.path.lexists(path):
        return None
    folder = next(parent for parent in path.parents if parent.is_dir() or parent == parent.parent)
    pattern = path.relative_to(folder).as_posix()
    return Several(folder, pattern) if glob.has_magic(pattern) else None


def size_bytes(path: Path) -> int:
    """Return the size of the file, or of all files, that a path stands for, as far as it shows."""
    group = several(path)
    with suppress(OSError, JoinError):
        names = group.names() if group else [""]
        return sum(((group.folder if group else path) / name).stat().st_size for name in names)
    return 0


class InputPaths:
    """Who reads which paths, to tell of an output whether it would be one of the files read."""

    def __init__(self) -> None:
        self._readers: dict[str, str] = {}
        self._patterns: dict[tuple[str, ...], str] = {}

    def add(self, path: Path, reader: str) -> None:
        """Note that somebody reads a path."""
        real = os.path.realpath(path)
        self._readers[real] = reader
        if glob.has_magic(real):
            self._patterns[Path(real).parts] = reader

    def reader(self, path: Path) -> str | None:
        """Return who reads a path, or a folder above it, or a pattern that it matches."""
        real = Path(os.path.realpath(path))
        for place in (real, *real.parents):
            if str(place) in self._readers and (place == real or not place.is_file()):
                return self._readers[str(place)]
        return next((who for p, who in self._patterns.items() if _matches(real.parts, p)), None)


def _matches(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    """Say whether a path's components match those of a pattern; `**` is any number of them."""
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_matches(parts[n:], patterns[1:]) for n in range(len(parts) + 1))
    if not parts or not fnmatch.fnmatchcase(parts[0], patterns[0]):
        return False
    return _matches(parts[1:], patterns[1:])


def combined_digest(files: Iterable[tuple[str, FileDigest]]) -> FileDigest:
    """Return one digest of several files, of their names and contents in sorted order."""
    listed = sorted(files)
    text = "".join(f"{digest.sha256}  {name}\n" for name, digest in listed)
    sha256 = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
    return FileDigest(sha256, sum(digest.bytes for _, digest in listed))
