"""What was recorded of a joined table when it was published: its files, and what was counted.

Taken from the values of an audit; reading its file, and whether it still holds, is not done here.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import MissingPolicy

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Role(StrEnum):
    """What a file was to the join."""

    input = "input"
    output = "output"


class RecordedFile(msgspec.Struct, frozen=True):
    """A file that a join read or wrote: its path as it was given, and the sha256 of its bytes."""

    path: str
    sha256: Sha256


class RecordedGroup(msgspec.Struct, frozen=True):
    """A folder or pattern that a join read: its path as it was given, and the files it had."""

    path: str
    files: tuple[RecordedFile, ...]


class RecordedScorer(msgspec.Struct, frozen=True):
    """What was counted for one scorer over the input rows."""

    column_prefix: str
    matched_rows: Count
    missing_rows: Count
    bad_rows: Count

    @property
    def rows(self) -> int:
        """Rows of any status."""
        return self.matched_rows + self.missing_rows + self.bad_rows


class Record(msgspec.Struct, frozen=True):
    """A joined table as it was published.

    Attributes:
        inputs: the feature table and every sidecar's files.
        groups: the sidecars among them that are a folder or pattern.
        output: the joined table.
        audit_path: where the audit was written, as it was given; None for nowhere.
        key_column: the column that held the key.
        missing_policy: what was done with rows that lack a scorer.
        input_rows, output_rows: rows read and written.
        scorers: by name, in the order of their columns.
        provenance: the whole run_provenance block.
    """

    inputs: tuple[RecordedFile, ...]
    output: RecordedFile
    audit_path: str | None
    key_column: str
    missing_policy: MissingPolicy
    input_rows: int
    output_rows: int
    scorers: dict[str, RecordedScorer]
    provenance: dict[str, Any]
    groups: tuple[RecordedGroup, ...] = ()

    @property
    def files(self) -> Iterator[tuple[Role, RecordedFile]]:
        """Every file with what it was to the join, inputs first."""
        for file in self.inputs:
            yield Role.input, file
        yield Role.output, self.output


class _Outputs(msgspec.Struct):
    out: str
    audit_json: str | None = None


class _Digest(msgspec.Struct):
    sha256: Sha256


class _OutputDigests(msgspec.Struct):
    out: _Digest


class _Provenance(msgspec.Struct):
    schema: Literal["ai-run-provenance-v1"]
    inputs: dict[str, Any]
    outputs: _Outputs
    output_digests: _OutputDigests


class _Audit(msgspec.Struct):
    key_column: str
    missing_policy: MissingPolicy
    input_rows: Count
    output_rows: Count
    competitors: Annotated[dict[str, RecordedScorer], msgspec.Meta(min_length=1)]
    run_provenance: _Provenance


def record_of(audit: object, where: str) -> Record:
    """Return what the value of an audit records.

    Args:
        audit: plain JSON values.
        where: what they were read from, for the error message.

    Raises:
        JoinError: they are no audit, or not of the form that this version writes.
    """
    try:
        read = msgspec.convert(audit, _Audit)
        entries = list(_entries_in(read.run_provenance.inputs))
        groups = [msgspec.convert(e, RecordedGroup) for e in entries if "files" in e]
        inputs = [
            msgspec.convert(file, RecordedFile)
            for entry in entries
            for file in entry.get("files", [entry])
        ]
    except msgspec.ValidationError as error:
        msg = f"{where}: no audit that this version can verify: {error}; join the table again"
        raise JoinError(msg) from None
    outputs, digests = read.run_provenance.outputs, read.run_provenance.output_digests
    assert isinstance(audit, dict)  # noqa: S101 (it converted to a Struct)
    return Record(
        inputs=tuple(inputs),
        output=RecordedFile(outputs.out, digests.out.sha256),
        audit_path=outputs.audit_json,
        key_column=read.key_column,
        missing_policy=read.missing_policy,
        input_rows=read.input_rows,
        output_rows=read.output_rows,
        scorers=read.competitors,
        provenance=audit["run_provenance"],
        groups=tuple(groups),
    )


def _entries_in(value: object) -> Iterator[dict[str, Any]]:
    """Yield each entry that the inputs of a provenance block have, however they are nested."""
    if isinstance(value, dict) and "path" in value:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _entries_in(inner)
