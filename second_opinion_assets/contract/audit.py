"""The audit of a joined table: what was counted, and from which exact bytes it was made.

A join writes it, verification reads it, and Dagster's history keeps it. Filling it in, reading its
file, and asking whether it still holds do not belong here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from second_opinion_assets.contract.options import KeyNormalize, MissingPolicy
from second_opinion_assets.contract.tally import MissingSample, ScorerTally

PROVENANCE_SCHEMA: Final = "ai-run-provenance-v1"
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, msgspec.Meta(ge=0)]


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file as a run found it.

    Attributes:
        path: as it was given.
        exists: whether it was there.
        kind: `file`, or `missing`, or `files` for a folder or pattern, or `unreadable`, or `frame`
            for a table that was in memory.
        sha256: of its bytes, or of the names and contents of several; None for none. Of a frame,
            of the columns that the join read.
        bytes: its size, or that of all together.
    """

    path: str
    exists: bool
    kind: Literal["file", "files", "missing", "unreadable", "frame"]
    sha256: Sha256 | None
    bytes: Count | UnsetType = UNSET


class InputEntry(FileEntry, frozen=True, kw_only=True):
    """A file that a join read."""

    sha256: Sha256


class PartEntry(FileEntry, frozen=True, kw_only=True):
    """A file of a folder or pattern that a join read.

    Attributes:
        problem: what is wrong with it, if it is a clip's and broken.
    """

    problem: str | UnsetType = UNSET


class SidecarEntry(InputEntry, frozen=True, kw_only=True):
    """A sidecar that a join read, by how it was asked for and what was found in it.

    Attributes:
        label: the scorer's name for rows that do not name one.
        spec: how it was written, `SCORER=path` or `path`.
        rows: score rows in it.
        competitors: the scorers that it names.
        readers: the formats that its files were read as.
        score_fields: the fields that the scores were read from.
        skipped_lines: how many lines that are no rows were passed over.
        rules: its own rules for reading it, as a manifest has them.
        files: of a folder or pattern, each file.
    """

    label: str | None
    spec: str
    rows: Count | UnsetType = UNSET
    competitors: list[str] = []
    readers: list[str] = []
    score_fields: list[str] = []
    skipped_lines: Count | UnsetType = UNSET
    rules: dict[str, Any] = {}
    files: list[PartEntry] | UnsetType = UNSET


class JoinInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a join read: the feature table, its sidecars, and the user's files on scorers."""

    features: InputEntry
    scores: list[SidecarEntry]
    scorers: list[InputEntry] | UnsetType = UNSET

    @property
    def files(self) -> Iterator[FileEntry]:
        """Every file; of a folder or pattern each of its files."""
        yield self.features
        for sidecar in self.scores:
            parts: list[FileEntry] = [*(sidecar.files or [])]
            yield from parts or [sidecar]
        yield from self.scorers or []


class JoinOutputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a join wrote, as paths that were given."""

    out: str
    audit_json: str | UnsetType = UNSET


class OutputDigest(msgspec.Struct, frozen=True):
    """What an output held: its bytes, and how many bytes and rows."""

    sha256: Sha256
    bytes: Count
    rows: Count


class OutputDigests(msgspec.Struct, frozen=True):
    """The digest of the joined table."""

    out: OutputDigest


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What every ``run_provenance`` block has (ADR-0661): the program and how it was called.

    Attributes:
        schema: names the form of the block.
        entrypoint: the program's file.
        argv: its arguments.
        args: the arguments as they were understood, plain JSON values.
    """

    schema: Literal["ai-run-provenance-v1"]
    entrypoint: FileEntry
    argv: list[str]
    args: dict[str, Any]


class JoinProvenance(Provenance, frozen=True, kw_only=True):
    """The ``run_provenance`` of a joined table; without digests where nothing was published."""

    inputs: JoinInputs
    outputs: JoinOutputs
    output_digests: OutputDigests | UnsetType = UNSET


class ReportProvenance(Provenance, frozen=True, kw_only=True):
    """The ``run_provenance`` of what is made from joined tables: files by what they are to it."""

    inputs: dict[str, FileEntry]
    outputs: dict[str, str]


class ScaleEntry(msgspec.Struct, frozen=True):
    """A scale: its name and its ends; None for an open end."""

    name: str
    minimum: float | None
    maximum: float | None


class ScorerAudit(ScorerTally, kw_only=True):
    """What was counted for one scorer, and what is known of it; the unknown is left out."""

    scale: ScaleEntry | UnsetType = UNSET
    direction: str | UnsetType = UNSET
    licence: str | UnsetType = UNSET
    redistributable: bool | UnsetType = UNSET
    trained_on: list[str] | UnsetType = UNSET


class ModelReadyColumn(msgspec.Struct, frozen=True):
    """A column that a model may learn from: its name, its scorer, and what its values mean."""

    name: str
    competitor: str
    scale: ScaleEntry | None
    direction: str | None


class ColumnUses(msgspec.Struct, frozen=True):
    """The appended columns: those to learn from, and those that only tell about the join."""

    model_ready: list[ModelReadyColumn] = []
    bookkeeping: list[str] = []

    @property
    def names(self) -> set[str]:
        """The names of all appended columns."""
        return {*self.bookkeeping, *(column.name for column in self.model_ready)}


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """The audit of one join. It holds no time, so that equal runs have equal audits.

    Attributes:
        feature_table, output: paths as they were given.
        published: False in the audit of a join whose table was refused for its counts.
        error: why it was refused.
        key_column: the column that held the key.
        key_normalize, key_pattern, missing_policy: options of the join.
        input_rows, output_rows: rows read and written.
        null_keys: input rows whose key is null or empty.
        unknown_rows: input rows with a key that no scorer has; `unknown` has the first few.
        non_finite_values: bare NaN and Infinity of the input that became null in the output.
        scorers: by name, in the order of their columns; `competitors` in JSON.
        columns: what the appended columns are for.
        run_provenance: what the table was made from.
    """

    feature_table: str
    output: str
    published: bool | UnsetType = UNSET
    error: str | UnsetType = UNSET
    key_column: str
    key_normalize: KeyNormalize
    key_pattern: str | None = None
    missing_policy: MissingPolicy
    input_rows: Count
    output_rows: Count
    null_keys: Count = 0
    unknown_rows: Count = 0
    unknown: list[MissingSample] = []
    non_finite_values: Count = 0
    scorers: Annotated[dict[str, ScorerAudit], msgspec.Meta(min_length=1)] = msgspec.field(
        name="competitors"
    )
    columns: ColumnUses = ColumnUses()
    run_provenance: JoinProvenance

    def __post_init__(self) -> None:
        """Refuse an audit of a published table that does not say what was published."""
        if self.is_published and self.run_provenance.output_digests is UNSET:
            msg = "Object missing required field `output_digests` - at `$.run_provenance`"
            raise ValueError(msg)

    @property
    def is_published(self) -> bool:
        """Whether the joined table was published."""
        return self.published is not False

    @property
    def output_sha256(self) -> str | None:
        """The sha256 of the joined table's bytes; None if none was published."""
        digests = self.run_provenance.output_digests
        return None if isinstance(digests, UnsetType) else digests.out.sha256
