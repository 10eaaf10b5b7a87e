"""What a path stands for: its text and its parts, and what the file system or store says of it.

Reading and writing what is there do not belong here, nor do folders and patterns that stand for
several files (`groups`). What lies outside of where this process is confined to is not looked at.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from itertools import takewhile
from os import PathLike
from typing import NamedTuple, Self
from urllib.parse import quote

from second_opinion_assets.contract.errors import JoinError, MachineError, TransientError
from second_opinion_assets.storage import confinement, stores, uris
from second_opinion_assets.storage.shortage import OF_THE_MACHINE, reason_of
from second_opinion_assets.storage.store_errors import StoreError


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

    It may be an address in a store, as `s3://bucket/key`; `file:///folder/name` is a path as well.
    The path `-` stands for standard input or output, `./-` for a file of this name.

    Two locations are equal if their texts are; whether they are one file is told by `identity`.
    """

    # No dataclass and no Struct: msgspec would encode those as objects, and this as its text.
    __slots__ = ("_text",)

    def __init__(self, path: str | PathLike[str] = ".") -> None:
        self._text = _plain(str(path) if isinstance(path, Location) else os.fspath(path))

    def __str__(self) -> str:
        return self._text

    def __fspath__(self) -> str:
        assert not self.is_remote, self._text  # noqa: S101 (a bug: the system knows no such path)
        return self._text

    def __repr__(self) -> str:
        return f"Location({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Location) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    def __lt__(self, other: Location) -> bool:
        return self._text < other._text

    def __truediv__(self, below: str | PathLike[str]) -> Location:
        text = str(below) if isinstance(below, Location) else os.fspath(below)
        if uris.is_address(text) or text.startswith("/"):
            return Location(text)
        if self.is_remote:
            return Location(uris.below(self._text, text))
        # Below the current folder `-` is a file of this name.
        is_other = self._text != "." or text == "-"
        return Location(f"{self._text}/{text}" if is_other else text)

    @property
    def is_remote(self) -> bool:
        """Whether it is in a store, and not a path of this machine."""
        return "://" in self._text

    @property
    def is_stream(self) -> bool:
        """Whether it stands for standard input or output, and not for a file of this name."""
        return self._text == "-"

    @property
    def is_absolute(self) -> bool:
        return self._text.startswith("/") or self.is_remote

    @property
    def parts(self) -> tuple[str, ...]:
        """The components; the first one of an absolute path is `/`, or its bucket."""
        if self.is_remote:
            scheme, bucket, key = uris.address(self._text)
            return (f"{scheme}://{bucket}", *filter(None, key.split("/")))
        root = ("/",) if self.is_absolute else ()
        return (*root, *(part for part in self._text.split("/") if part not in {"", "."}))

    @property
    def name(self) -> str:
        """The last component; empty for `.`, `/` and a bucket."""
        if self.is_remote:
            return uris.address(self._text).key.rpartition("/")[2]
        return self._text.rpartition("/")[2] if self._text != "." else ""

    @property
    def suffix(self) -> str:
        """The name's last suffix, with its dot; a dot at either end of a name begins none."""
        name = self.name
        dot = name.rfind(".")
        return name[dot:] if 0 < dot < len(name) - 1 else ""

    @property
    def stem(self) -> str:
        """The name without its last suffix."""
        return self.name.removesuffix(self.suffix)

    @property
    def parent(self) -> Location:
        """The folder that it is in; `.`, `/` and buckets are in themselves."""
        if self.is_remote and not uris.address(self._text).key:
            return self
        folder, slash, _ = self._text.rpartition("/")
        above = object.__new__(Location)
        above._text = folder or slash or "."  # of a plain path it is plain
        return above

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
        return self if self.is_remote else Location(os.path.abspath(self._text))

    def normal(self) -> Location:
        """Return the path with each `..` taken back, as if there were no links."""
        return self if self.is_remote else Location(os.path.normpath(self._text))

    def as_uri(self) -> str:
        """Return the URI of the file itself, links followed."""
        if self.is_remote:
            scheme, bucket, key = uris.address(self._text)
            return f"{scheme}://{bucket}/{quote(key)}"
        return f"file://{quote(os.fsencode(self.identity))}"

    def resolve(self, written: str) -> Location:
        """Return a written path below this folder, without `..` if that leads to the same place."""
        path = self / written
        if ".." not in str(path) or ".." not in path.parts or "\0" in written:
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
        if self.is_remote:
            found = stores.stat(self._text)
            return FileStat(found.bytes, found.modified_ns, found.version)
        return FileStat.of(os.stat(self._text))

    def stat_of_file(self) -> FileStat | None:
        """Look at what is there once, if it is a file that may be looked at; None of all else."""
        if self.is_remote or not self._may_be_looked_at:
            return None
        try:
            status = os.stat(self._text)
        except (OSError, ValueError):
            return None
        return FileStat.of(status) if stat.S_ISREG(status.st_mode) else None

    def exists(self) -> bool:
        """Return whether something is there, in a store an object; JoinError if it does not say."""
        if self.is_remote:
            return self.is_file()
        return self._may_be_looked_at and os.path.exists(self._text)

    def is_there(self) -> bool:
        """Return whether something is there, be it a link to nowhere; likewise."""
        if self.is_remote:
            return self.is_file() or self.is_folder()
        within = not self.is_stream and confinement.is_folder_within(self._text)
        return within and os.path.lexists(self._text)

    @property
    def _may_be_looked_at(self) -> bool:
        return not self.is_stream and confinement.is_within(self._text)

    def is_folder(self) -> bool:
        """Return whether it is a folder, or objects are below it; likewise."""
        if self.is_remote:
            return self._may_be_looked_at and self._asked(stores.is_folder)
        return self._may_be_looked_at and os.path.isdir(self._text)

    def is_file(self) -> bool:
        """Return whether it is a file or an object; likewise."""
        if self.is_remote:
            return self._may_be_looked_at and self._asked(stores.is_object)
        return self._may_be_looked_at and os.path.isfile(self._text)

    def _asked(self, question: Callable[[str], bool]) -> bool:
        try:
            return question(self._text)
        except StoreError as error:
            raise unreadable(self, error) from None


def _plain(path: str) -> str:
    """Return a path without what means nothing in it."""
    if uris.is_address(path):
        path = uris.plain_address(path)
        if uris.is_address(path):
            return path
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
        self._real = confinement.RealPaths()

    def of(self, location: Location) -> str:
        return self._real.of(str(location))


def shared_folder(locations: Iterable[Location]) -> Location:
    """Return the deepest folder that all locations are below; the first's if only `/` is."""
    folders = [location.parent for location in locations]
    if any(folder.is_absolute for folder in folders):
        folders = [folder.absolute() for folder in folders]
    levels = zip(*(folder.parts for folder in folders), strict=False)
    shared = [level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels)]
    first, *others = shared or ["." if not folders[0].is_absolute else "/"]
    place = Location(first) / "/".join(others) if others else Location(first)
    return folders[0] if str(place) == "/" else place


def unreadable(location: Location | str, error: OSError | ValueError) -> JoinError:
    """Return the one-line error for an input that could not be read."""
    if isinstance(error, StoreError):
        kind_of_store = MachineError if error.may_pass else JoinError
        return kind_of_store(f"{location}: cannot be read: {error}")
    number = error.errno if isinstance(error, OSError) else None
    # In the system's own words: pyarrow's are longer.
    reason = reason_of(OSError(number, os.strerror(number))) if number else str(error)
    kind = TransientError if number else JoinError
    if number in OF_THE_MACHINE:
        kind = MachineError
    return kind(f"{location}: cannot be read: {reason}")
