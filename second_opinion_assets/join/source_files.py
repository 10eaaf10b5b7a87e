"""What can be said of an input file before it is joined: its digest and its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from functools import partial

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError, MachineError
from second_opinion_assets.scores.formats import csv_text, json_documents, parquet
from second_opinion_assets.scores.formats.recognise import CSV_FORMATS, recognise
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets.storage.ahead import opened_ahead
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.digests import UNREADABLE, FileDigest, combined_digest
from second_opinion_assets.storage.groups import FileGroup, group_of
from second_opinion_assets.storage.location import FileStat, Location, unreadable
from second_opinion_assets.storage.machine import machine_errors
from second_opinion_assets.storage.opened import ChangedInputError
from second_opinion_assets.storage.reading import Input, whole_lines
from second_opinion_assets.storage.regular import refuse_no_file


class Stamp(msgspec.Struct, frozen=True):
    """What tells, without reading an input, that it has not changed.

    Attributes:
        bytes: size of the file, or of all files of a folder or pattern.
        modified_ns: when the file, or one of them, or the folder itself, changed last.
        version: changes whenever the content does; of several files a hash of their names and
            versions. Empty in what was recorded before there were versions.
    """

    bytes: int
    modified_ns: int
    version: str = ""

    @classmethod
    def of(cls, path: Location) -> Stamp:
        """Look at an input; OSError where there is none, JoinError for one that is no file."""
        if file := path.stat_of_file():
            return cls(*file)
        group = group_of(path)
        if group is None:
            refuse_no_file(path)
            return cls(*path.stat())
        return cls.of_several(group, {name: (group.folder / name).stat() for name in group.names()})

    @classmethod
    def of_several(cls, group: FileGroup, files: dict[str, FileStat]) -> Stamp:
        """Return the stamp of several files, given by their names."""
        times = [file.modified_ns for file in files.values()]
        if not group.pattern and not group.folder.is_remote:  # a store keeps no time of folders
            times.append(group.folder.stat().modified_ns)
        listed = [(name, file.version) for name, file in files.items()]
        return cls(
            sum(file.bytes for file in files.values()),
            max(times),
            hashlib.sha256(repr(listed).encode()).hexdigest(),
        )


class SourceFile(msgspec.Struct, frozen=True):
    """An input: a file, or several that are read as one.

    Attributes:
        path: the file, or the folder or pattern of several.
        stamp: what it looked like when it was opened.
        digest: of its bytes, or of the names and contents of several files.
        rows: how many rows it holds; None where that was not or cannot be counted.
        complete: whether it looks like a whole file, not like one that is still being written.
        files: of several files, each.
    """

    path: Location
    stamp: Stamp
    digest: FileDigest
    rows: int | None
    complete: bool
    files: tuple[SourceFile, ...] = ()


def read_source_file(path: Location, before: SourceFile | None = None) -> SourceFile:
    """Hash an input and count its rows.

    Args:
        path: the file, or the folder or pattern of several.
        before: what it held when it was read last; of several files only those that changed
            since are read again.

    Raises:
        JoinError: it is not there or cannot be read, or was written to meanwhile; that it is
            broken is no error here.
    """
    with machine_errors(path):
        return _read(path, before)


def _read(path: Location, before: SourceFile | None) -> SourceFile:
    group = group_of(path)
    if group is None:
        return _read_one(path, partial(Input, path))
    known = {(file.path, file.stamp): file for file in (before.files if before else ())}
    files: dict[str, SourceFile] = {}
    try:
        looks = {name: (group.folder / name).stat() for name in group.names()}
        stamp = Stamp.of_several(group, looks)
    except OSError as error:
        raise unreadable(path, error) from None
    for name, look in looks.items():
        if before_it := known.get((group.folder / name, Stamp(*look))):
            files[name] = before_it
    fresh = [name for name in looks if name not in files]
    with closing(opened_ahead(group.folder / name for name in fresh)) as opened:
        for name, open_file in zip(fresh, opened, strict=True):
            files[name] = _read_one_of_several(group.folder / name, looks[name], open_file)
    files = {name: files[name] for name in looks}
    rows = [file.rows for file in files.values()]
    return SourceFile(
        path,
        stamp,
        combined_digest((name, file.digest) for name, file in files.items()),
        None if None in rows else sum(filter(None, rows)),
        all(file.complete for file in files.values()),
        tuple(files.values()),
    )


def _read_one_of_several(
    path: Location, look: FileStat, open_file: Callable[[], Input]
) -> SourceFile:
    """Read a file; one that cannot be read is no error, since it may be one clip's."""
    try:
        return _read_one(path, open_file)
    except (ChangedInputError, MachineError):
        raise
    except JoinError:
        if not path.is_there():
            raise
        return SourceFile(path, Stamp(*look), UNREADABLE, rows=None, complete=True)


def _read_one(path: Location, open_file: Callable[[], Input]) -> SourceFile:
    with open_file() as file:
        try:
            with closing(Content(file)) as content:
                rows, complete = _count_rows(content)
        except MachineError:
            raise
        except JoinError:  # damaged in its compression, if it can be read at all
            rows, complete = None, False
        return SourceFile(path, Stamp(*file.stat), file.digest, rows, complete)


def _count_rows(content: Content) -> tuple[int | None, bool]:
    """Return the number of rows, and whether the file looks whole."""
    found = recognise(content, ReadRequest())
    if found is Format.json_lines:
        return _count_lines(content)
    if found in CSV_FORMATS:
        return csv_text.count_rows(content)
    if found is None:
        return None, True
    count = parquet.count_rows if found is Format.parquet else json_documents.count_rows
    rows = count(content)
    return rows, rows is not None


def _count_lines(content: Content) -> tuple[int, bool]:
    """Return the number of rows, and whether the last one is whole."""
    rows, last = 0, b"\n"
    for text in whole_lines(content.chunks(), content.path):
        rows += sum(bool(line.strip()) for line in text.split(b"\n"))
        last = text
    return rows, last.endswith(b"\n") or _is_json(last)


def _is_json(text: bytes) -> bool:
    """Return whether the last line of a text, one without a line feed, is whole."""
    line = text.rpartition(b"\n")[2]
    try:
        json_text.decode(line, "")
    except JoinError:
        return not line.strip()
    return True
