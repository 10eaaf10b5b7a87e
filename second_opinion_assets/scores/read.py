"""Reads all sidecars of a table into one `ScoreTable` for each scorer found in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

from msgspec.structs import replace

from second_opinion_assets.contract.errors import JoinError, Problems
from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.scores import broken_files
from second_opinion_assets.scores.asked_fields import AskedFields, no_such_field
from second_opinion_assets.scores.broken_files import OF_THE_WHOLE, BrokenFile
from second_opinion_assets.scores.files_reader import FileRows, FilesReader
from second_opinion_assets.scores.score_table import ScoreTable, one_table_a_scorer
from second_opinion_assets.scores.sidecar import Sidecar, SidecarFile, SidecarInput
from second_opinion_assets.storage.ahead import opened_ahead
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.digests import UNREADABLE, FileDigest
from second_opinion_assets.storage.folders import listed_once
from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.storage.groups import Listing, group_of
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input, Progress


class SidecarScores(NamedTuple):
    """What one sidecar holds.

    Attributes:
        given: what was read.
        tables: a table for each scorer that it names, or that its label names where it is empty.
        label_used: whether the label named any row.
        asked: what its rows have of the fields that the table asks for.
    """

    given: SidecarInput
    tables: list[ScoreTable]
    label_used: bool
    asked: AskedFields


def read_scores(
    sidecars: Iterable[Sidecar],
    options: JoinOptions,
    progress: Progress | None = None,
    named: Callable[[str], str] = str,
) -> tuple[list[ScoreTable], list[SidecarInput]]:
    """Read every sidecar of a table.

    Args:
        sidecars: the files, in their order.
        options: of the join.
        progress: told of input bytes as they are done.
        named: returns the name that a scorer goes by, of the one that a row gives it.

    Returns:
        A table for each scorer, in slug order, and what was read of each sidecar.

    Raises:
        JoinError: file-level defects, those of all sidecars, or no score row in all of them.
    """
    found = []
    problems = Problems()
    for sidecar in sidecars:
        with problems.at():
            found.append(read_sidecar(sidecar, options, progress, named))
    problems.refuse()
    inputs = [scores.given for scores in found]
    if not any(given.rows for given in inputs):
        files = ", ".join(str(given.sidecar.path) for given in inputs)
        msg = f"no scores at all: {files or 'no score file given'}"
        raise JoinError(msg)
    refuse_score_field(found, options)
    return one_table_a_scorer([scores.tables for scores in found], options.prefix), inputs


def read_sidecar(
    sidecar: Sidecar,
    options: JoinOptions,
    progress: Progress | None = None,
    named: Callable[[str], str] = str,
) -> SidecarScores:
    """Read one sidecar; the arguments are those of `read_scores`.

    Raises:
        JoinError: a file-level defect, named by file and line.
    """
    group = None if isinstance(sidecar.path, Frame) else group_of(sidecar.path)
    names_field = sidecar.rules.scorers is not None
    readers = [
        FilesReader(own, options, group, names_field=names_field) for own in sidecar.one_a_scorer()
    ]
    listing = Listing([], [])
    if isinstance(sidecar.path, Frame):
        files = [_read_frame(sidecar.path, sidecar.written, readers)]
    elif group is None:
        with Input(sidecar.path, progress) as file:
            files = [_read_file(file, "", sidecar.written, readers)]
    else:
        with listed_once():
            listing = group.listing()
            written = {name: sidecar.written_file(name, group) for name in listing.names}
            files = _read_several(group.folder, written, readers, progress)
    tables = [table for reader in readers for table in reader.tables(named)]
    given = SidecarInput(
        sidecar,
        tuple(files),
        sorted(table.scorer for table in tables if len(table)),
        sorted(set().union(*(table.score_fields for table in tables))),
        tuple(listing.ignored),
    )
    label_used = any(reader.label_used for reader in readers)
    return SidecarScores(given, tables, label_used, readers[0].asked)


def refuse_score_field(found: Sequence[SidecarScores], options: JoinOptions) -> None:
    """Raise a JoinError if the table asks for a score field that no row of its sidecars has."""
    name = options.score_field
    asks = [scores for scores in found if scores.given.rows and not _has_own_field(scores)]
    if name and asks and not any(scores.asked.has(name) for scores in asks):
        where = ", ".join(str(scores.given.sidecar.path) for scores in asks)
        there = (field for scores in asks for field in scores.asked.there)
        raise JoinError(no_such_field(where, "score_field", name, there))


def _has_own_field(scores: SidecarScores) -> bool:
    rules = scores.given.sidecar.rules
    return bool(rules.score_field or rules.scorers)


def _read_file(file: Input, name: str, written: str, readers: Sequence[FilesReader]) -> SidecarFile:
    """Read an opened file, once for each reader.

    Args:
        file: the file.
        name: its name below the sidecar's folder; empty if it is the sidecar itself.
        written: how it is, or would be, written in a manifest.
        readers: one, or one for each scorer that the file has a field of.

    Raises:
        JoinError: a file-level defect, named by file and line.
    """
    with closing(Content(file)) as content:
        if len(readers) > 1:
            content.keep()
        read = [reader.read(content, written) for reader in readers]
        return _sidecar_file(file.location, name, file.digest, read)


def _sidecar_file(
    location: Location, name: str, digest: FileDigest, read: Sequence[FileRows]
) -> SidecarFile:
    """Return what a file is, of what its readers read."""
    first = max(read, key=lambda found: found.rows)
    skipped = first.skipped
    return SidecarFile(
        location, name, digest, first.rows, first.format, skipped.count, tuple(skipped.first)
    )


def _read_frame(frame: Frame, written: str, readers: Sequence[FilesReader]) -> SidecarFile:
    """Read a table in memory, likewise."""
    read = [reader.read_frame(frame, written) for reader in readers]
    return _sidecar_file(frame, "", frame.digest, read)


def _read_several(
    folder: Location,
    written: Mapping[str, str],
    readers: Sequence[FilesReader],
    progress: Progress | None,
) -> list[SidecarFile]:
    """Read the files of a folder or pattern; a broken one is a bad row where it is one clip.

    Args:
        folder: what the files' names are relative to.
        written: by name, how each file would be written in a manifest.
        readers: as for `_read_file`.
        progress: told of input bytes as they are done.

    Raises:
        JoinError: a file-level defect that is not one clip's alone.
    """
    paths = [folder / name for name in written]
    with closing(opened_ahead(paths, progress)) as opened:
        files = [
            _read_one_of_several(path, name, text, readers, open_file)
            for path, open_file, (name, text) in zip(paths, opened, written.items(), strict=True)
        ]
    for reader in readers:
        reader.settle_broken()
    problems = {broken.path: broken for reader in readers for broken in reader.broken}
    return [
        replace(file, rows=max(file.rows, 1), problem=problems[file.path].defect.reason)
        if file.path in problems
        else file
        for file in files
    ]


def _read_one_of_several(
    path: Location,
    name: str,
    written: str,
    readers: Sequence[FilesReader],
    open_file: Callable[[], Input],
) -> SidecarFile:
    """Read a file of a folder or pattern; the readers keep what is wrong with it.

    Raises:
        ChangedInputError: it was written to meanwhile.
        UnnamedScorerError: it is sound, and does not say whose scores it has.
    """
    digest = UNREADABLE
    try:
        with open_file() as file:
            try:
                return _read_file(file, name, written, readers)
            except JoinError as error:
                if isinstance(error, OF_THE_WHOLE):
                    raise
                digest, broken = file.digest, BrokenFile.of(path, written, error)
    except JoinError as error:
        if isinstance(error, OF_THE_WHOLE) or not path.is_there():
            raise
        broken = BrokenFile.of(path, written, error, broken_files.UNREADABLE)
    for reader in readers:
        reader.keep_broken(broken)
    return SidecarFile(path, name, digest, 0, None)
