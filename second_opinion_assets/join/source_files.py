"""What can be said of an input file before it is joined: its digest and its rows."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores import Reader
from second_opinion_assets.scores.form import Asked
from second_opinion_assets.scores.formats import csv_form, json_forms, parquet_form
from second_opinion_assets.scores.recognise import CSV_READERS, recognise
from second_opinion_assets.storage.content import Content
from second_opinion_assets.storage.files import (
    FileDigest,
    HashedFile,
    digest_file,
    unreadable,
    whole_lines,
)
from second_opinion_assets.storage.location import Several, combined_digest, several


class Stamp(msgspec.Struct, frozen=True):
    """What tells, without reading an input, that it has not changed.

    Attributes:
        bytes: size of the file, or of all files of a folder or pattern.
        modified_ns: when the file, or one of them, or the folder itself, changed last.
        files: hash of the names, sizes and times of several files; None for one file.
    """

    bytes: int
    modified_ns: int
    files: str | None = None

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Look at an input; OSError where there is none, JoinError for a folder without files."""
        group = several(path)
        if group is None:
            return cls.of_file(path)
        names = group.names()
        return cls.of_several(group, names, [cls.of_file(group.folder / name) for name in names])

    @classmethod
    def of_file(cls, path: Path) -> Stamp:
        """Look at one file; OSError where there is none."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)

    @classmethod
    def of_several(cls, group: Several, names: list[str], stamps: list[Stamp]) -> Stamp:
        """Return the stamp of several files, of their names and their own stamps."""
        times = [stamp.modified_ns for stamp in stamps]
        if not group.pattern:
            times.append(group.folder.stat().st_mtime_ns)
        listed = [(n, s.bytes, s.modified_ns) for n, s in zip(names, stamps, strict=True)]
        return cls(
            sum(stamp.bytes for stamp in stamps),
            max(times),
            hashlib.sha256(repr(listed).encode()).hexdigest(),
        )


class SourceFile(msgspec.Struct, frozen=True):
    """An input: a file, or several that are read as one.

    Attributes:
        path: the file, or the folder or pattern of several.
        stamp: what it looked like before it was read.
        digest: of its bytes, or of the names and contents of several files.
        rows: how many rows it holds; None where that was not or cannot be counted.
        complete: whether it looks like a whole file, not like one that is still being written.
        files: of several files, each.
    """

    path: Path
    stamp: Stamp
    digest: FileDigest
    rows: int | None
    complete: bool
    files: tuple[SourceFile, ...] = ()


def read_source_file(path: Path, before: SourceFile | None = None) -> SourceFile:
    """Hash an input and count its rows.

    Args:
        path: the file, or the folder or pattern of several.
        before: what it held when it was read last; of several files only those that changed
            since are read again.

    Raises:
        JoinError: it is not there or cannot be read; that it is broken is no error here.
    """
    group = several(path)
    try:
        if group is None:
            return _read_one(path, Stamp.of_file(path))
        names = group.names()
        stamps = [Stamp.of_file(group.folder / name) for name in names]
        stamp = Stamp.of_several(group, names, stamps)
    except OSError as error:
        raise unreadable(path, error) from None
    known = {(file.path, file.stamp): file for file in (before.files if before else ())}
    files = []
    for name, own_stamp in zip(names, stamps, strict=True):
        file = group.folder / name
        files.append(known.get((file, own_stamp)) or _read_one(file, own_stamp))
    return SourceFile(
        path,
        stamp,
        combined_digest((name, file.digest) for name, file in zip(names, files, strict=True)),
        None if any(file.rows is None for file in files) else sum(file.rows or 0 for file in files),
        all(file.complete for file in files),
        tuple(files),
    )


def _read_one(path: Path, stamp: Stamp) -> SourceFile:
    file = HashedFile(path)
    try:
        with closing(Content(file)) as content:
            rows, complete = _count_rows(content)
    except JoinError:  # damaged in its compression, if it can be read at all
        return SourceFile(path, stamp, digest_file(path), rows=None, complete=False)
    return SourceFile(path, stamp, file.digest, rows, complete)


def _count_rows(content: Content) -> tuple[int | None, bool]:
    """Return the number of rows, and whether the file looks whole."""
    reader = recognise(content, Asked())
    if reader is Reader.json_lines:
        return _count_lines(content)
    if reader in CSV_READERS:
        return csv_form.count_rows(content)
    if reader is None:
        content.read_through()
        return None, True
    count = parquet_form.count_rows if reader is Reader.parquet else json_forms.count_rows
    rows = count(content)
    return rows, rows is not None


def _count_lines(content: Content) -> tuple[int, bool]:
    """Return the number of rows, and whether the last one is whole."""
    rows, last = 0, b"\n"
    for text in whole_lines(content.chunks()):
        rows += sum(bool(line.strip()) for line in text.split(b"\n"))
        last = text
    return rows, last.endswith(b"\n") or _is_json(last)


def _is_json(text: bytes) -> bool:
    """Say whether the last line of a text, one without a line feed, is whole."""
    line = text.rpartition(b"\n")[2]
    try:
        json_text.decode(line, "")
    except JoinError:
        return not line.strip()
    return True
