"""What a sidecar is: how it was asked for, by what rules it is read, and what was read of it.

Reading one does not belong here.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 (msgspec resolves the fields of a Struct)
from typing import TYPE_CHECKING

import msgspec

from second_opinion_assets.join.errors import JoinError
from second_opinion_assets.join.files import FileDigest  # noqa: TC001 (likewise)
from second_opinion_assets.join.scores import STATUS_FIELD, RowRules, is_label

if TYPE_CHECKING:
    from second_opinion_assets.join.options import JoinOptions


class Reader(StrEnum):
    """The forms of score files, each by the name of what reads it."""

    json_lines = "json_lines"
    json_document = "json_document"
    json_concatenated = "json_concatenated"
    csv = "csv"
    csv_headerless = "csv_headerless"
    external_bench = "external_bench"
    ffmpeg_quality_metrics = "ffmpeg_quality_metrics"
    libvmaf = "libvmaf"
    parquet = "parquet"


class SidecarRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How one sidecar is read, where that is not as the table's options say.

    Attributes:
        score_field: field that holds the score; a dotted path leads into nested fields.
        key_field: field that holds the key, likewise.
        status_field: field that holds the status, likewise; None for `status`.
        key_pattern: regular expression with one group, which is what its keys are reduced from.
        reader: what reads it; None to be told by its content.
        label_as_score: whether `score_field` may be a label, such as `gt_score`.
    """

    score_field: str | None = None
    key_field: str | None = None
    status_field: str | None = None
    key_pattern: str | None = None
    reader: Reader | None = None
    label_as_score: bool | None = None


class Sidecar(msgspec.Struct, frozen=True):
    """A score file as it was asked for.

    Attributes:
        path: the file.
        written: its path as written on the command line or in the manifest.
        spec: the whole of what was written, `LABEL=path` or `path`.
        label: the scorer's name for rows that do not name one.
        rules: how to read it, as far as it has rules of its own.
    """

    path: Path
    written: str
    spec: str
    label: str | None = None
    rules: SidecarRules = SidecarRules()

    def row_rules(self, options: JoinOptions) -> RowRules:
        """Return how its rows are read: by its own rules, else as the table's options say.

        Raises:
            JoinError: the score asked for is a label, and that was not said to be meant.
        """
        own = self.rules
        score_field = own.score_field or options.score_field
        allowed = options.label_as_score if own.label_as_score is None else own.label_as_score
        if score_field and is_label(score_field) and not allowed:
            msg = (
                f"{self.path}: score_field is {score_field!r}, a label and no second opinion; "
                "name another field, or say label_as_score: true"
            )
            raise JoinError(msg)
        return RowRules(
            score_field,
            own.key_field or options.score_key_field,
            own.status_field or STATUS_FIELD,
        )

    def key_pattern(self, options: JoinOptions) -> str | None:
        """Return the pattern that its keys are reduced by."""
        return self.rules.key_pattern or options.key_pattern


class SidecarInput(msgspec.Struct, frozen=True):
    """A sidecar that was read.

    Attributes:
        sidecar: as it was asked for.
        digest: of its bytes.
        rows: how many score rows it holds, repeated ones included.
        competitors: the scorers that it names.
        reader: what read it.
        score_fields: the fields that the scores were read from.
    """

    sidecar: Sidecar
    digest: FileDigest
    rows: int
    competitors: list[str]
    reader: Reader
    score_fields: list[str]
