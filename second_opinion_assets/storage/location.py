"""What a path stands for: its text and its parts, and what the file system says of it.

Reading and writing what is there do not belong here, nor do folders and patterns that stand for
several files (`groups`). What lies outside of where this process is confined to is not looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from os import PathLike
from typing import NamedTuple, Self
from urllib.parse import quote

from second_opinion_assets.contract.errors import JoinError, MachineError, TransientError
from second_opinion_assets.storage import confinement
from second_opinion_assets.storage.shortage import OF_THE_MACHINE, reason_of


class FileStat(NamedTuple):
    """What tells, without reading a file, what it holds.

    Attributes:
        bytes: its size.
        modified_ns: when it was written to last, in nanoseconds since the epoch.
        version: changes whenever the content does: by a write, and by another file in its place.
    """

    bytes: int
    modified_ns: int
    version: str

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Return what the system's status of a file says."""
        parts = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        version = ":".join(map(str, (*parts, status.st_ctime_ns)))
        return cls(status.st_size, status.st_mtime_ns, version)


class Location:
    """Where a file or folder is or will be: a path, as it was given but for `//` and `/./`.

    The path `-` stands for standard input or output, `./-` for a file of this name.

    Two locations are equal if their texts are; whether they are one file is told by `identity`.
    """

    # No dataclass and no Struct: msgspec would encode those as objects, and this as its text.
    __slots__ = ("_text",)

    def __init__(self, path: str | PathLike[str] = ".") -> None:
        self._text = _plain(os.fspath(path))

    def __str__(self) -> str:
        return self._text

    __fspath__ = __str__

    def __repr__(self) -> str:
        return f"Location({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Location) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    def __lt__(self, other: Location) -> bool:
        return self._text < other._text

    def __truediv__(self, below: str | PathLike[str]) -> Location:
        # Below the current folder `-` is a file of this name.
        is_other = self._text != "." or below == "-"
        return Location(os.path.join(self._text, below) if is_other else below)

    @property
    def is_stream(self) -> bool:
        """Whether it stands for standard input or output, and not for a file of this name."""
        return self._text == "-"

    @property
    def is_absolute(self) -> bool:
        return self._text.startswith("/")

    @property
    def parts(self) -> tuple[str, ...]:
        """The components; the first one of an absolute path is `/`."""
        root = ("/",) if self.is_absolute else ()
        return (*root, *(part for part in self._text.split("/") if part not in {"", "."}))

    @property
    def name(self) -> str:
        """The last component; empty for `.` and `/`."""
        return self._text.rpartition("/")[2] if self._text != "." else ""

    @property
    def suffix(self) -> str:
        """The name's last suffix, with its dot."""
        return self.name[len(self.stem) :]

    @property
    def stem(self) -> str:
        """The name without its last suffix; a dot at either end of a name begins none."""
        name = self.name
        dot = name.rfind(".")
        return name[:dot] if 0 < dot < len(name) - 1 else name

    @property
    def parent(self) -> Location:
        """The folder that it is in; `.` and `/` are in themselves."""
        folder, slash, _ = self._text.rpartition("/")
        return Location(folder or slash or ".")

    @property
    def parents(self) -> tuple[Location, ...]:
        """The folders above it, the nearest first."""
        above = []
        here = self
        while (folder := here.parent) != here:
            above.append(folder)
            here = folder
        return tuple(above)

    def with_name(self, name: str) -> Location:
        return self.parent / name

    def with_stem(self, stem: str) -> Location:
        return self.with_name(stem + self.suffix)

    def with_suffix(self, suffix: str) -> Location:
        return self.with_name(self.stem + suffix)

    def absolute(self) -> Location:
        """Return the same place from the root on, links not followed."""
        return Location(os.path.abspath(self._text))

    def normal(self) -> Location:
        """Return the path with each `..` taken back, as if there were no links."""
        return Location(os.path.normpath(self._text))

    def as_uri(self) -> str:
        """Return the URI of the file itself, links followed."""
        return f"file://{quote(os.fsencode(self.identity))}"

    def resolve(self, written: str) -> Location:
        """Return a written path below this folder, without `..` if that leads to the same place."""
        path = self / written
        if ".." not in path.parts or "\0" in written:
            return path
        neat = path.normal()
        return neat if neat.identity == path.identity else path

    @property
    def identity(self) -> str:
        """What all paths to one file have in common: the path with its links followed."""
        return confinement.real_path(self._text)

    def stat(self) -> FileStat:
        """Look at what is there, a link followed.

        Raises:
            OSError: there is nothing, or it cannot be looked at.
            JoinError: it lies outside of where this process is confined to.
        """
        confinement.refuse_to_look(self._text)
        return FileStat.of(os.stat(self._text))

    def exists(self) -> bool:
        return self._may_be_looked_at and os.path.exists(self._text)

    def is_there(self) -> bool:
        """Return whether something is there, be it a link to nowhere."""
        within = not self.is_stream and confinement.is_within(os.path.dirname(self._text) or ".")
        return within and os.path.lexists(self._text)

    @property
    def _may_be_looked_at(self) -> bool:
        return not self.is_stream and confinement.is_within(self._text)

    def is_folder(self) -> bool:
        return self._may_be_looked_at and os.path.isdir(self._text)

    def is_file(self) -> bool:
        return self._may_be_looked_at and os.path.isfile(self._text)


def _plain(path: str) -> str:
    """Return a path without what means nothing in it."""
    if path and not (
        "//" in path or "/./" in path or path.startswith("./") or path.endswith(("/", "/."))
    ):
        return path
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if parts == ["-"] and not path.startswith("/"):
        return "./-"  # a file, where - alone is a stream
    return ("/" if path.startswith("/") else "") + "/".join(parts) or "."


HERE = Location()


class Identities:
    """The identities of many locations; the links of a folder are followed once."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, location: Location) -> str:
        folder = str(location.parent)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        path = os.path.join(self._folders[folder], location.name)
        is_plain = location.name not in {"", ".."} and not os.path.islink(path)
        return path if is_plain else location.identity


def shared_folder(locations: Iterable[Location]) -> Location:
    """Return the deepest folder that all locations are below; the first's if only `/` is."""
    folders = [location.parent for location in locations]
    if any(folder.is_absolute for folder in folders):
        folders = [folder.absolute() for folder in folders]
    shared = Location(os.path.commonpath([str(folder) for folder in folders]) or ".")
    return folders[0] if str(shared) == "/" else shared


def unreadable(location: Location | str, error: OSError | ValueError) -> JoinError:
    """Return the one-line error for an input that could not be read."""
    number = error.errno if isinstance(error, OSError) else None
    # In the system's own words: pyarrow's are longer.
    reason = reason_of(OSError(number, os.strerror(number))) if number else str(error)
    kind = TransientError if number else JoinError
    if number in OF_THE_MACHINE:
        kind = MachineError
    return kind(f"{location}: cannot be read: {reason}")
