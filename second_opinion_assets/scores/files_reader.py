"""Reads the files of one sidecar for one of its scorers, or for all that its rows name.

Opening the files, and which there are, do not belong here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.scores.asked_fields import AskedFields, no_such_field
from second_opinion_assets.scores.broken_files import (
    EMPTY,
    OF_THE_WHOLE,
    BrokenFile,
    add_bad_rows,
    not_of_one_clip,
    refuse_strangers,
)
from second_opinion_assets.scores.columnar import ColumnReader
from second_opinion_assets.scores.formats import frame as frame_rows
from second_opinion_assets.scores.formats.loaded import Loaded, LoadedRows
from second_opinion_assets.scores.formats.recognise import load
from second_opinion_assets.scores.json_rows import JsonRowReader
from second_opinion_assets.scores.rows import CollectedRows, Skipped, Source
from second_opinion_assets.scores.rules import ReadRequest, row_rules
from second_opinion_assets.scores.score_table import ScoreTable, score_tables
from second_opinion_assets.scores.sidecar import Format, Sidecar
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.storage.groups import FileGroup
from second_opinion_assets.storage.location import Location


@dataclass(frozen=True)
class FileRows:
    """What was read of one file: how many rows, as what, and the lines passed over."""

    rows: int = 0
    format: Format | None = None
    skipped: Skipped = field(default_factory=Skipped)


class FilesReader:
    """Reads the files of one sidecar.

    Args:
        sidecar: as it is read for one scorer.
        options: of the join.
        group: the files that it stands for, if they are several.
        names_field: whether its scorer is named for its field, whatever its rows say.

    Attributes:
        broken: of several files, those that gave no row.
    """

    def __init__(
        self,
        sidecar: Sidecar,
        options: JoinOptions,
        group: FileGroup | None,
        *,
        names_field: bool,
    ) -> None:
        self._sidecar = sidecar
        self._is_several = group is not None
        self._names_field = names_field
        self._key_pattern = sidecar.rules.key_pattern or options.key_pattern
        stem_is_key = self._is_several or sidecar.rules.reader is Format.external_bench
        rules = row_rules(sidecar, options)._replace(takes_usual_scores=not names_field)
        self._asked = ReadRequest(rules, sidecar.rules, stem_is_key, sidecar.label)
        self._collected = CollectedRows()
        self._json_rows = JsonRowReader(self._collected, sidecar.label, sidecar.written)
        self._columns = ColumnReader(self._collected, sidecar.label, sidecar.written)
        self._rows: dict[Location, int] = {}
        self._without_rows: list[BrokenFile] = []
        self.broken: list[BrokenFile] = []

    @property
    def asked(self) -> AskedFields:
        """What the rows have of the fields that are asked for."""
        return self._collected.asked

    @property
    def label_used(self) -> bool:
        """Whether the sidecar's label named any row."""
        return self._collected.label_used

    def read(self, content: Content, written: str) -> FileRows:
        """Read one file; one of several that is broken is kept as that, and has no rows.

        Args:
            content: of the file.
            written: how it is, or would be, written in a manifest.

        Raises:
            JoinError: a file-level defect, named by file and line.
        """
        if not self._is_several:
            return self._read(content, written)
        path = content.path
        try:
            with self._collected.whole_or_nothing():
                found = self._read(content, written)
        except JoinError as error:
            if isinstance(error, OF_THE_WHOLE):
                raise
            kind = EMPTY if content.is_blank else None
            self.broken.append(BrokenFile.of(path, written, error, kind))
            return FileRows()
        if found.rows:
            self._rows[path] = found.rows
        else:
            empty = BrokenFile.without_rows(path, written, is_blank=content.is_blank)
            self._without_rows.append(empty)
        return found

    def read_frame(self, frame: Frame, written: str) -> FileRows:
        """Read a table in memory; the errors are those of `read`, named by row."""
        return self._take(frame_rows.load(frame, self._asked), written)

    def _read(self, content: Content, written: str) -> FileRows:
        return self._take(load(content, self._asked), written)

    def _take(self, loaded: Loaded, written: str) -> FileRows:
        number = len(self._collected.sources)
        self._collected.sources.append(Source(written, loaded.place, self._key_pattern))
        with closing(loaded.blocks):
            if isinstance(loaded, LoadedRows):
                reader, skipped = self._json_rows, loaded.skipped
                reader.start(number, loaded.place, loaded.rules, skipped, is_table=loaded.is_table)
                rows = sum(map(reader.read, loaded.blocks))
                reader.finish(rows)
            else:
                columns = loaded.columns
                names = (columns.score, *columns.status)
                self.asked.note_names(self._asked.rules, names, loaded.fields or columns.names)
                self._columns.start(number, loaded.place, loaded.columns, loaded.skipped)
                rows = sum(self._columns.read(*block) for block in loaded.blocks)
        return FileRows(rows, loaded.format, loaded.skipped)

    def keep_broken(self, broken: BrokenFile) -> None:
        """Keep a file that fails as a whole, whatever was wrong with its rows.

        Raises:
            JoinError: its rows were read already.
        """
        if broken.path in self._rows:
            raise JoinError(broken.message)
        if self.broken and self.broken[-1].path == broken.path:
            self.broken.pop()
        self.broken.append(broken)

    def settle_broken(self) -> None:
        """Make a bad row of each broken file, once all of several files were read.

        Raises:
            JoinError: a broken file is not one clip's.
        """
        one_each = all(rows == 1 for rows in self._rows.values())
        if self._rows and one_each:  # an empty shard of a large table is nobody's clip
            self.broken += self._without_rows
        if not self.broken:
            return
        refuse_strangers(self._sidecar, list(self._rows), self.broken)
        if not one_each:
            raise not_of_one_clip(self.broken)
        add_bad_rows(self._sidecar, self._collected, self.broken, self._key_pattern)

    def tables(self, named: Callable[[str], str]) -> list[ScoreTable]:
        """Return a table for each scorer.

        Args:
            named: returns the name that a scorer goes by, of the one that a row gives it.

        Raises:
            JoinError: a file with a field for each scorer has rows of several, or no row has a
                field that the sidecar asks for.
        """
        self._refuse_missing_fields()
        collected, label = self._collected, self._sidecar.label
        if label and not collected.parts:
            collected.scorers.number(label)
        if not self._names_field:
            return score_tables(collected, named)
        others = [name for name in collected.scorers if name != label]
        if len(others) > 1:
            msg = (
                f"{self._sidecar.path}: has rows of {others[0]} and of {others[1]}, so that no "
                "field of it is one scorer's; leave out scorers, since its rows name them"
            )
            raise JoinError(msg)
        return score_tables(collected, lambda _: named(label or ""))

    def _refuse_missing_fields(self) -> None:
        """Raise a JoinError for a field that the sidecar itself asks for and no row has."""
        own = self._sidecar.rules
        for option, name in (("score_field", own.score_field), ("status_field", own.status_field)):
            if self._collected.parts and name and not self.asked.has(name):
                raise JoinError(no_such_field(self._sidecar.path, option, name, self.asked.there))
