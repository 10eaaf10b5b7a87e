"""Whether what was recorded of a joined table still holds: its files' bytes and its tallies.

How that is shown, and where a record comes from, do not belong here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum

import msgspec

from second_opinion_assets.contract.columns import Status
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import MissingPolicy
from second_opinion_assets.contract.record import (
    Record,
    RecordedFile,
    RecordedGroup,
    RecordedScorer,
    Role,
)
from second_opinion_assets.join.recorded import base_of, read_record
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.groups import group_of
from second_opinion_assets.storage.location import HERE, Location
from second_opinion_assets.storage.reading import ChangedInputError, Input, digest_file
from second_opinion_assets.tables.open import open_table

STATUSES = tuple(status.name for status in Status)


class FileState(StrEnum):
    """What became of a file since it was recorded."""

    unchanged = "unchanged"
    changed = "changed"
    gone = "gone"
    unreadable = "unreadable"
    added = "added"


class FileCheck(msgspec.Struct, frozen=True):
    """One file, and what became of it.

    Attributes:
        role: what it was to the join.
        path: as it was recorded.
        state: what became of it.
        sha256: as it was recorded; None for a file that came since to a folder of others.
        found_sha256: what it is; None for a file that could not be read.
    """

    role: Role
    path: str
    state: FileState
    sha256: str | None
    found_sha256: str | None


class Difference(msgspec.Struct, frozen=True):
    """A count that the output does not bear out, or the record itself.

    Attributes:
        scorer: the scorer's name; None for a count of the whole table.
        what: what is counted.
        expected: what the record says, or what follows from it.
        found: what is there.
    """

    scorer: str | None
    what: str
    expected: int
    found: int

    def __str__(self) -> str:
        """Return the difference as a line shows it."""
        of = f"{self.scorer}: " if self.scorer is not None else ""
        return f"{of}{self.what}: expected {self.expected}, found {self.found}"


class Verification(msgspec.Struct, frozen=True):
    """What came of verifying one record.

    Attributes:
        files: every file that the record names, inputs first.
        rows: rows that the output has; None where they could not be counted.
        differences: recorded counts that the output does not bear out.
        problem: why rows could not be counted, or why there is no record to verify; None where
            that worked, or the output is gone.
    """

    files: tuple[FileCheck, ...] = ()
    rows: int | None = None
    differences: tuple[Difference, ...] = ()
    problem: str | None = None

    @property
    def holds(self) -> bool:
        """Whether every file is unchanged and every count is borne out."""
        unchanged = all(file.state is FileState.unchanged for file in self.files)
        return unchanged and not self.differences and self.problem is None


class Verifier:
    """Verifies many records; a file that several of them name is hashed once.

    Args:
        base_dir: what relative paths are relative to; None to be told by the audit's own place,
            and failing that the current folder.
    """

    def __init__(self, base_dir: Location | None = None) -> None:
        self._base_dir = base_dir
        self._digests: dict[str, FileDigest | FileState] = {}

    def verify_audit(self, audit: Location) -> tuple[Record | None, Verification]:
        """Verify what an audit records.

        Returns:
            The record, None where there is no reading it, and what came of verifying it.
        """
        try:
            record = read_record(audit)
        except JoinError as error:
            return None, Verification(problem=str(error))
        base = base_of(record.audit_path, audit) if record.audit_path else None
        return record, self.verify(record, base)

    def verify(self, record: Record, base: Location | None = None) -> Verification:
        """Verify a record; what went wrong with a file is part of the answer.

        Args:
            record: what was recorded.
            base: what relative paths seem to be relative to, unless a base was given for all.
        """
        base = self._base_dir or base or HERE
        output = base / record.output.path
        rows, differences, problem = None, [], None
        if output.exists():
            try:
                counters = self._count(output, record)
                rows, differences = counters[0].total(), list(_differences(record, counters))
            except JoinError as error:
                problem = str(error)
        files = [self._check(role, file, base) for role, file in record.files]
        files.extend(added for group in record.groups for added in _added_files(group, base))
        return Verification(tuple(files), rows, tuple(differences), problem)

    def _check(self, role: Role, file: RecordedFile, base: Location) -> FileCheck:
        found = self._digest(base / file.path)
        if isinstance(found, FileState):
            return FileCheck(role, file.path, found, file.sha256, None)
        same = found.sha256 == file.sha256
        state = FileState.unchanged if same else FileState.changed
        return FileCheck(role, file.path, state, file.sha256, found.sha256)

    def _digest(self, path: Location) -> FileDigest | FileState:
        real = path.identity
        if real not in self._digests:
            try:
                self._digests[real] = digest_file(path)
            except ChangedInputError:
                self._digests[real] = FileState.changed
            except JoinError:
                there = path.exists()
                self._digests[real] = FileState.unreadable if there else FileState.gone
        return self._digests[real]

    def _count(self, output: Location, record: Record) -> list[Counter[str]]:
        """Return, for each scorer, how many rows of the output have which status."""
        names = [f"{scorer.column_prefix}_status" for scorer in record.scorers.values()]
        counters: list[Counter[str]] = [Counter() for _ in names]
        with Input(output) as file:
            for block in open_table(file).read_columns([], names):
                for counter, statuses in zip(counters, block.others, strict=True):
                    counter.update(map(str, statuses))
            self._digests[output.identity] = file.digest
        return counters


def _added_files(group: RecordedGroup, base: Location) -> Iterator[FileCheck]:
    """Yield the files that a folder or pattern has come to stand for since it was recorded."""
    found = group_of(base / group.path)
    if found is None:
        return
    known = {(base / file.path).identity for file in group.files}
    folder = Location(group.path)
    for _ in range(found.depth):
        folder = folder.parent
    with suppress(JoinError):
        for name in found.names():
            if (found.folder / name).identity not in known:
                yield FileCheck(Role.input, str(folder / name), FileState.added, None, None)


def _differences(record: Record, counters: list[Counter[str]]) -> Iterator[Difference]:
    """Yield what a record says otherwise than its output's statuses, or than itself."""
    rows = counters[0].total()
    dropped = record.input_rows - record.output_rows
    if rows != record.output_rows:
        yield Difference(None, "output rows", record.output_rows, rows)
    if dropped and record.missing_policy is not MissingPolicy.drop:
        yield Difference(None, "input rows", record.input_rows, record.output_rows)
    for (name, scorer), found in zip(record.scorers.items(), counters, strict=True):
        if scorer.rows != record.input_rows:
            yield Difference(name, "rows of any status", record.input_rows, scorer.rows)
        for status, (least, most) in _bounds(record, scorer).items():
            expected = min(max(found[status], least), most)
            if found[status] != expected:
                yield Difference(name, f"{status} rows", expected, found[status])
        unknown = found.total() - sum(found[status] for status in STATUSES)
        if unknown:
            yield Difference(name, "rows of an unknown status", 0, unknown)


def _bounds(record: Record, scorer: RecordedScorer) -> dict[str, tuple[int, int]]:
    """Return the least and the most rows of the output that may have each status.

    Policy `drop` leaves out every row that lacks the scorer, and as many of its other rows as
    lack another scorer.
    """
    counts = {"ok": scorer.matched_rows, "bad": scorer.bad_rows, "missing": scorer.missing_rows}
    if record.missing_policy is not MissingPolicy.drop:
        return {status: (count, count) for status, count in counts.items()}
    others = record.input_rows - record.output_rows - scorer.missing_rows
    return {
        status: (0, 0) if status == "missing" else (max(0, count - others), count)
        for status, count in counts.items()
    }
