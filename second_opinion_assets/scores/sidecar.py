"""What a sidecar is: how it was asked for, by what rules it is read, and what was read of it.

Reading one does not belong here.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from second_opinion_assets.storage.decompress import plain_name
from second_opinion_assets.storage.digests import FileDigest, combined_digest
from second_opinion_assets.storage.groups import FileGroup, is_pattern
from second_opinion_assets.storage.location import Location


class Format(StrEnum):
    """The formats of score files."""

    json_lines = "json_lines"
    json_document = "json_document"
    json_concatenated = "json_concatenated"
    csv = "csv"
    csv_headerless = "csv_headerless"
    external_bench = "external_bench"
    ffmpeg_quality_metrics = "ffmpeg_quality_metrics"
    libvmaf = "libvmaf"
    p1204_3 = "p1204_3"
    parquet = "parquet"
    vbench = "vbench"


class SidecarRules(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False
):
    """How one sidecar is read, where that is not as the table's options say.

    Attributes:
        score_field: field that holds the score; a dotted path leads into nested fields.
        key_field: field that holds the key, likewise.
        status_field: field that holds the status, likewise; None for `status`.
        key_pattern: regular expression with one group, which is what its keys are reduced from.
        reader: its format; None to be told by its content.
        label_as_score: whether `score_field` may be a label, such as `gt_score`.
        scorers: of a file with a field for each scorer: their names, and the field of each.
        columns: of a CSV file without a header: the names of its columns.
    """

    score_field: str | None = None
    key_field: str | None = None
    status_field: str | None = None
    key_pattern: str | None = None
    reader: Format | None = None
    label_as_score: bool | None = None
    scorers: dict[str, str] | None = None
    columns: tuple[str, ...] | None = None


class Sidecar(msgspec.Struct, frozen=True, gc=False):
    """A score file as it was asked for.

    Attributes:
        path: the file, or the folder or pattern of several.
        written: its path as written on the command line or in the manifest.
        spec: the whole of what was written, `SCORER=path` or `path`.
        label: the scorer's name for rows that do not name one.
        rules: how to read it, as far as it has rules of its own.
    """

    path: Location
    written: str
    spec: str
    label: str | None = None
    rules: SidecarRules = SidecarRules()

    @property
    def scorer_name(self) -> str:
        """The scorer's name as far as it shows without reading: the label, or that of the file."""
        if self.label:
            return self.label
        # Of a pattern, the last folder that it looks into.
        is_itself = self.path.is_there()
        names = [part for part in self.path.parts if is_itself or not is_pattern(part)]
        return plain_name(Location(*names[-1:])).stem

    @property
    def scorer_names(self) -> tuple[str, ...]:
        """The names of its scorers, as far as they show without reading."""
        return tuple(self.rules.scorers or (self.scorer_name,))

    def one_a_scorer(self) -> list[Sidecar]:
        """Return how it is read for each of the scorers that its rules name; else as it is."""
        rules = replace(self.rules, scorers=None)
        return [
            replace(self, label=name, rules=replace(rules, score_field=field))
            for name, field in (self.rules.scorers or {}).items()
        ] or [self]

    def written_file(self, name: str, group: FileGroup) -> str:
        """Return how one of its several files would be written."""
        if not group.depth:
            return f"{self.written.removesuffix('/')}/{name}"
        written = Location(self.written)
        for _ in range(group.depth):
            written = written.parent
        return str(written / name)


class SidecarFile(msgspec.Struct, frozen=True):
    """One file of a sidecar that was read.

    Attributes:
        path: the file.
        name: its path below the sidecar's folder; of a sidecar that is one file, empty.
        digest: of its bytes, as they lie on the disk; `UNREADABLE` of a broken file that has none.
        rows: how many score rows it holds, repeated ones included; a broken file counts as one.
        format: how it was read; None of a broken file, and of a frame.
        skipped_lines: how many lines that are no rows were passed over.
        skipped: the first few of them, each with its place.
        problem: why a broken file of one clip could not be read.
    """

    path: Location
    name: str
    digest: FileDigest
    rows: int
    format: Format | None
    skipped_lines: int = 0
    skipped: tuple[str, ...] = ()
    problem: str | None = None


class SidecarInput(msgspec.Struct, frozen=True):
    """A sidecar that was read.

    Attributes:
        sidecar: as it was asked for.
        files: the files that it consists of: one, or those of a folder or pattern.
        scorers: the scorers that it names.
        score_fields: the fields that the scores were read from.
        ignored: hidden files and leftovers of its folder, which are none of its files.
    """

    sidecar: Sidecar
    files: tuple[SidecarFile, ...]
    scorers: list[str]
    score_fields: list[str]
    ignored: tuple[str, ...] = ()

    @property
    def is_several(self) -> bool:
        """Whether it is a folder or a pattern."""
        return bool(self.files[0].name)

    @property
    def digest(self) -> FileDigest:
        """Digest of its file, or of the names and contents of all."""
        if self.is_several:
            return combined_digest((file.name, file.digest) for file in self.files)
        return self.files[0].digest

    @property
    def rows(self) -> int:
        """How many score rows it holds."""
        return sum(file.rows for file in self.files)

    @property
    def skipped_lines(self) -> int:
        """How many lines that are no rows were passed over."""
        return sum(file.skipped_lines for file in self.files)

    @property
    def formats(self) -> list[Format]:
        """The formats of its files, each once, in the order of the files."""
        return list(dict.fromkeys(file.format for file in self.files if file.format))
