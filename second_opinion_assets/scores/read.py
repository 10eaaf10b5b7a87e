"""Reads all sidecars of a table into one `ScoreTable` for each scorer found in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

from second_opinion_assets.contract.errors import JoinError, Problems
from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.scores.columnar import ColumnReader
from second_opinion_assets.scores.formats.loaded import LoadedRows
from second_opinion_assets.scores.formats.recognise import load
from second_opinion_assets.scores.json_rows import JsonRowReader
from second_opinion_assets.scores.rows import CollectedRows, Source
from second_opinion_assets.scores.rules import ReadRequest, row_rules
from second_opinion_assets.scores.score_table import (
    ScoreTable,
    one_table_a_scorer,
    score_tables,
)
from second_opinion_assets.scores.sidecar import Format, Sidecar, SidecarFile, SidecarInput
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.groups import FileGroup, group_of
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input, Progress


class SidecarScores(NamedTuple):
    """What one sidecar holds.

    Attributes:
        given: what was read.
        tables: a table for each scorer that it names, or that its label names where it is empty.
        label_used: whether the label named any row.
    """

    given: SidecarInput
    tables: list[ScoreTable]
    label_used: bool


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
    group = group_of(sidecar.path)
    stem_is_key = group is not None or sidecar.rules.reader is Format.external_bench
    rules = row_rules(sidecar, options)
    asked = ReadRequest(rules, sidecar.rules, stem_is_key, sidecar.label)
    collected = CollectedRows()
    reader = _SidecarReader(sidecar, options, collected, progress)
    files = [
        reader.read_file(path, name, written, asked)
        for path, name, written in _files(sidecar, group)
    ]
    if sidecar.label and not collected.parts:
        collected.scorers.number(sidecar.label)
    tables = score_tables(collected, named)
    given = SidecarInput(
        sidecar,
        tuple(files),
        sorted(table.scorer for table in tables if len(table)),
        sorted(set().union(*(table.score_fields for table in tables))),
    )
    return SidecarScores(given, tables, collected.label_used)


def _files(sidecar: Sidecar, group: FileGroup | None) -> Iterator[tuple[Location, str, str]]:
    """Yield the files of a sidecar: path, name below its folder, and how it would be written."""
    if group is None:
        yield sidecar.path, "", sidecar.written
        return
    for name in group.names():
        yield group.folder / name, name, sidecar.written_file(name, group)


class _SidecarReader:
    """Reads the files of one sidecar."""

    def __init__(
        self,
        sidecar: Sidecar,
        options: JoinOptions,
        collected: CollectedRows,
        progress: Progress | None,
    ) -> None:
        self._key_pattern = sidecar.rules.key_pattern or options.key_pattern
        self._collected = collected
        self._progress = progress
        self._json_rows = JsonRowReader(collected, sidecar.label, sidecar.written)
        self._columns = ColumnReader(collected, sidecar.label, sidecar.written)

    def read_file(self, path: Location, name: str, written: str, asked: ReadRequest) -> SidecarFile:
        """Read one file.

        Args:
            path: the file.
            name: its name below the sidecar's folder; empty if it is the sidecar itself.
            written: how it is, or would be, written in a manifest.
            asked: what is asked for of it.

        Raises:
            JoinError: a file-level defect, named by file and line.
        """
        with Input(path, self._progress) as file, closing(Content(file)) as content:
            loaded = load(content, asked)
            number = len(self._collected.sources)
            self._collected.sources.append(Source(written, loaded.place, self._key_pattern))
            with closing(loaded.blocks):
                if isinstance(loaded, LoadedRows):
                    reader = self._json_rows
                    reader.start(number, loaded.place, loaded.rules, is_table=loaded.is_table)
                    rows = sum(map(reader.read, loaded.blocks))
                else:
                    self._columns.start(number, loaded.place, loaded.columns, loaded.skipped)
                    rows = sum(self._columns.read(*block) for block in loaded.blocks)
            skipped = loaded.skipped
            return SidecarFile(
                path, name, file.digest, rows, loaded.format, skipped.count, tuple(skipped.first)
            )
