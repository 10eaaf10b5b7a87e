"""Whether an audit still holds: the bytes of its files, and its counts.

How that is shown, and where an audit comes from, do not belong here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum

import msgspec

from second_opinion_assets.contract.audit import Audit, FileEntry, SidecarEntry
from second_opinion_assets.contract.columns import Status
from second_opinion_assets.contract.errors import JoinError, MachineError
from second_opinion_assets.contract.options import MissingPolicy
from second_opinion_assets.contract.tally import ScorerTally
from second_opinion_assets.join.audit import read_audit
from second_opinion_assets.storage.confinement import OutsideError
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.storage.groups import group_of
from second_opinion_assets.storage.journal import recover
from second_opinion_assets.storage.location import HERE, Location
from second_opinion_assets.storage.machine import machine_errors
from second_opinion_assets.storage.opened import ChangedInputError
from second_opinion_assets.storage.reading import Input, digest_file
from second_opinion_assets.tables.open import open_keys, open_table
from second_opinion_assets.tables.table import KeyTable

STATUSES = tuple(status.name for status in Status)


class Role(StrEnum):
    """What a file was to the join."""

    input = "input"
    output = "output"


class FileState(StrEnum):
    """What became of a file since the join; of a stream or frame nothing is left to look at."""

    unchanged = "unchanged"
    changed = "changed"
    gone = "gone"
    unreadable = "unreadable"
    added = "added"
    stream = "stream"
    frame = "frame"

    @property
    def holds(self) -> bool:
        """Whether nothing tells against the audit."""
        return self in {FileState.unchanged, FileState.stream, FileState.frame}


class FileCheck(msgspec.Struct, frozen=True):
    """One file, and what became of it.

    Attributes:
        role: what it was to the join.
        path: as the audit has it.
        state: what became of it.
        sha256: as the audit has it; None for a file that came since to a folder of others.
        found_sha256: what it is; None for a file that could not be read.
    """

    role: Role
    path: str
    state: FileState
    sha256: str | None
    found_sha256: str | None


class Difference(msgspec.Struct, frozen=True):
    """A count that the output does not bear out, or the audit itself.

    Attributes:
        scorer: the scorer's name; None for a count of the whole table.
        what: what is counted.
        expected: what the audit says, or what follows from it.
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
    """What came of verifying one audit.

    Attributes:
        files: every file that the audit names, inputs first.
        rows: rows that the output has; None where they could not be counted.
        differences: counts that the output does not bear out.
        problem: why rows could not be counted, or why there is no audit to verify; None where
            that worked, or the output is gone.
        refused: why nothing was published, if the audit is one of such a join.
    """

    files: tuple[FileCheck, ...] = ()
    rows: int | None = None
    differences: tuple[Difference, ...] = ()
    problem: str | None = None
    refused: str | None = None

    @property
    def holds(self) -> bool:
        """Whether every file is unchanged and every count is borne out."""
        unchanged = all(file.state.holds for file in self.files)
        agrees = not self.differences and self.problem is None
        return unchanged and agrees and self.refused is None


class Verifier:
    """Verifies many audits; a file that several of them name is hashed once.

    Args:
        base_dir: what relative paths are relative to; None to be told by the audit's own place,
            and failing that the current folder.
    """

    def __init__(self, base_dir: Location | None = None) -> None:
        self._base_dir = base_dir
        self._digests: dict[str, FileDigest | FileState] = {}

    def verify_file(self, location: Location) -> tuple[Audit | None, Verification]:
        """Verify the audit that a file holds.

        Returns:
            The audit, None where there is no reading it, and what came of verifying it.
        """
        try:
            with machine_errors(location):
                audit = read_audit(location)
                own_path = audit.run_provenance.outputs.audit_json
                base = base_of(own_path, location) if own_path else None
                output = Location(audit.output)
                if not output.is_stream and recover((self._base_dir or base or HERE) / output):
                    audit = read_audit(location)
                return audit, self.verify(audit, base)
        except JoinError as error:
            return None, Verification(problem=str(error))

    def verify(
        self, audit: Audit, base: Location | None = None, joined: Frame | None = None
    ) -> Verification:
        """Verify an audit; what went wrong with a file is part of the answer.

        Args:
            audit: what the join wrote.
            base: what relative paths seem to be relative to, unless a base was given for all.
            joined: the output, if it is no file.

        Raises:
            MachineError: the machine did not give what it takes to look.
        """
        if audit.output_sha256 is None:
            return Verification(refused=audit.error or "no reason is given")
        base = self._base_dir or base or HERE
        output = joined or base / audit.output
        rows, differences, problem = None, [], None
        if Location(audit.output).is_stream:
            problem = "the output went to standard output, so there are no rows to count"
        elif output.exists():
            try:
                counters = self._count(output, audit)
                rows, differences = counters[0].total(), list(_differences(audit, counters))
            except MachineError:
                raise
            except JoinError as error:
                problem = str(error)
        inputs = audit.run_provenance.inputs
        files = [self._check_input(file, base) for file in inputs.files]
        if joined:
            files.append(_check_frame(joined, audit))
        else:
            files.append(self._check(Role.output, audit.output, audit.output_sha256, base))
        files.extend(added for sidecar in inputs.scores for added in _added_files(sidecar, base))
        return Verification(tuple(files), rows, tuple(differences), problem)

    def _check_input(self, file: FileEntry, base: Location) -> FileCheck:
        if file.kind == "frame":
            return FileCheck(Role.input, file.path, FileState.frame, file.sha256, None)
        return self._check(Role.input, file.path, file.sha256, base)

    def _check(self, role: Role, path: str, sha256: str | None, base: Location) -> FileCheck:
        if Location(path).is_stream:
            return FileCheck(role, path, FileState.stream, sha256, None)
        found = self._digest(base / path)
        if isinstance(found, FileState):
            same = sha256 is None and found is FileState.unreadable
            return FileCheck(role, path, FileState.unchanged if same else found, sha256, None)
        state = FileState.unchanged if found.sha256 == sha256 else FileState.changed
        return FileCheck(role, path, state, sha256, found.sha256)

    def _digest(self, path: Location) -> FileDigest | FileState:
        real = path.identity
        if real not in self._digests:
            try:
                self._digests[real] = digest_file(path)
            except ChangedInputError:
                self._digests[real] = FileState.changed
            except OutsideError:
                self._digests[real] = FileState.unreadable
            except MachineError:
                raise
            except JoinError:
                there = path.exists()
                self._digests[real] = FileState.unreadable if there else FileState.gone
        return self._digests[real]

    def _count(self, output: Location, audit: Audit) -> list[Counter[str]]:
        """Return, for each scorer, how many rows of the output have which status."""
        if isinstance(output, Frame):
            return _count_statuses(open_keys(output), audit)
        with Input(output) as file:
            counters = _count_statuses(open_table(file), audit)
            self._digests[output.identity] = file.digest
        return counters


def _count_statuses(table: KeyTable, audit: Audit) -> list[Counter[str]]:
    names = [f"{scorer.column_prefix}_status" for scorer in audit.scorers.values()]
    counters: list[Counter[str]] = [Counter() for _ in names]
    for block in table.read_columns([], names):
        for counter, statuses in zip(counters, block.others, strict=True):
            counter.update(map(str, statuses))
    return counters


def _check_frame(joined: Frame, audit: Audit) -> FileCheck:
    """Return whether the appended columns of a frame are what the join gave it."""
    appended = audit.columns.names
    found = joined.digest_of([name for name in joined.names if name in appended]).sha256
    state = FileState.unchanged if found == audit.output_sha256 else FileState.changed
    return FileCheck(Role.output, audit.output, state, audit.output_sha256, found)


def base_of(recorded: str, actual: Location) -> Location | None:
    """Return the folder that a recorded path was relative to, told by where its file is.

    None where that cannot be told: the path is absolute or leads upwards, or the file was given
    another name or place.
    """
    path, place = Location(recorded).normal(), actual.absolute()
    count = len(path.parts)
    if path.is_absolute or ".." in path.parts or place.parts[-count:] != path.parts:
        return None
    return place.parents[count - 1]


def _added_files(sidecar: SidecarEntry, base: Location) -> Iterator[FileCheck]:
    """Yield the files that a folder or pattern has come to stand for since the join."""
    found = group_of(base / sidecar.path) if sidecar.files else None
    if not sidecar.files or found is None:
        return
    known = {(base / file.path).identity for file in sidecar.files}
    folder = Location(sidecar.path)
    for _ in range(found.depth):
        folder = folder.parent
    with suppress(JoinError):
        for name in found.names():
            if (found.folder / name).identity not in known:
                yield FileCheck(Role.input, str(folder / name), FileState.added, None, None)


def _differences(audit: Audit, counters: list[Counter[str]]) -> Iterator[Difference]:
    """Yield what an audit says otherwise than its output's statuses, or than itself."""
    rows = counters[0].total()
    dropped = audit.input_rows - audit.output_rows
    if rows != audit.output_rows:
        yield Difference(None, "output rows", audit.output_rows, rows)
    if dropped and audit.missing_policy is not MissingPolicy.drop:
        yield Difference(None, "input rows", audit.input_rows, audit.output_rows)
    for (name, scorer), found in zip(audit.scorers.items(), counters, strict=True):
        if scorer.rows != audit.input_rows:
            yield Difference(name, "rows of any status", audit.input_rows, scorer.rows)
        for status, (least, most) in _bounds(audit, scorer).items():
            expected = min(max(found[status], least), most)
            if found[status] != expected:
                yield Difference(name, f"{status} rows", expected, found[status])
        unknown = found.total() - sum(found[status] for status in STATUSES)
        if unknown:
            yield Difference(name, "rows of an unknown status", 0, unknown)


def _bounds(audit: Audit, scorer: ScorerTally) -> dict[str, tuple[int, int]]:
    """Return the least and the most rows of the output that may have each status.

    Policy `drop` leaves out every row that lacks the scorer, and as many of its other rows as
    lack another scorer.
    """
    counts = {"ok": scorer.matched_rows, "bad": scorer.bad_rows, "missing": scorer.missing_rows}
    if audit.missing_policy is not MissingPolicy.drop:
        return {status: (count, count) for status, count in counts.items()}
    others = audit.input_rows - audit.output_rows - scorer.missing_rows
    return {
        status: (0, 0) if status == "missing" else (max(0, count - others), count)
        for status, count in counts.items()
    }
