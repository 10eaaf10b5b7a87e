"""Where a table came from: the ``ai-run-provenance-v1`` block (ADR-0661) and the fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from second_opinion_assets.contract.audit import (
    PROVENANCE_SCHEMA,
    FileEntry,
    InputEntry,
    JoinInputs,
    JoinOutputs,
    JoinProvenance,
    OutputDigest,
    OutputDigests,
    PartEntry,
    ReportProvenance,
    SidecarEntry,
)
from second_opinion_assets.join.manifest_sidecars import as_written
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.scores.sidecar import SidecarFile, SidecarInput
from second_opinion_assets.storage.digests import UNREADABLE, FileDigest
from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import digest_file

JOIN_VERSION = "6"
"""Changes whenever the same inputs and options would give other output."""


class Invocation(msgspec.Struct, frozen=True):
    """What asked for a run: the program's file, its arguments, and as they were understood."""

    entrypoint: Location
    argv: tuple[str, ...]
    args: dict[str, Any]


def input_entry(location: Location, digest: FileDigest) -> InputEntry:
    """Return what the provenance says of a file that was read."""
    return InputEntry(
        path=str(location),
        exists=True,
        kind=_kind(location),
        sha256=digest.sha256,
        bytes=digest.bytes,
    )


def _kind(location: Location) -> Literal["file", "frame"]:
    return "frame" if isinstance(location, Frame) else "file"


def sidecar_entry(given: SidecarInput) -> SidecarEntry:
    """Return what the provenance says of one sidecar; of several files, also of each."""
    sidecar, digest = given.sidecar, given.digest
    return SidecarEntry(
        path=str(sidecar.path),
        exists=True,
        kind="files" if given.is_several else _kind(sidecar.path),
        sha256=digest.sha256,
        bytes=digest.bytes,
        label=sidecar.label,
        spec=sidecar.spec,
        rows=given.rows,
        competitors=given.scorers,
        readers=[format_.value for format_ in given.formats],
        score_fields=given.score_fields,
        skipped_lines=given.skipped_lines or UNSET,
        rules=msgspec.to_builtins(sidecar.rules),
        files=list(map(_part_entry, given.files)) if given.is_several else UNSET,
    )


def _part_entry(file: SidecarFile) -> PartEntry:
    """Return what the provenance says of one file of several."""
    readable = file.digest is not UNREADABLE
    return PartEntry(
        path=str(file.path),
        exists=True,
        kind="file" if readable else "unreadable",
        sha256=file.digest.sha256 if readable else None,
        bytes=file.digest.bytes if readable else UNSET,
        problem=file.problem or UNSET,
    )


def join_provenance(
    spec: TableSpec,
    invocation: Invocation,
    features: FileDigest,
    sidecars: Sequence[SidecarInput],
    output: FileDigest | None,
    output_rows: int,
) -> JoinProvenance:
    """Return the provenance of a joined table; `make_audit` explains the arguments."""
    digest = output and OutputDigest(output.sha256, output.bytes, output_rows)
    files = [input_entry(*file) for file in spec.registry.files]
    return JoinProvenance(
        schema=PROVENANCE_SCHEMA,
        entrypoint=_entrypoint(invocation),
        argv=list(invocation.argv),
        args=invocation.args,
        inputs=JoinInputs(
            features=input_entry(spec.features, features),
            scores=list(map(sidecar_entry, sidecars)),
            scorers=files or UNSET,
        ),
        outputs=JoinOutputs(
            out=str(spec.out), audit_json=str(spec.audit_json) if spec.audit_json else UNSET
        ),
        output_digests=OutputDigests(digest) if digest else UNSET,
    )


def report_provenance(
    invocation: Invocation, inputs: Mapping[str, FileEntry], outputs: Mapping[str, Location]
) -> ReportProvenance:
    """Return the provenance of what is made from joined tables.

    Args:
        invocation: what asked for it.
        inputs: the files that were read, by what they are.
        outputs: the files that are written, by name.
    """
    return ReportProvenance(
        schema=PROVENANCE_SCHEMA,
        entrypoint=_entrypoint(invocation),
        argv=list(invocation.argv),
        args=invocation.args,
        inputs=dict(inputs),
        outputs={name: str(location) for name, location in outputs.items()},
    )


def _entrypoint(invocation: Invocation) -> FileEntry:
    location = invocation.entrypoint
    if location.is_file():
        return input_entry(location, digest_file(location))
    return FileEntry(path=str(location), exists=False, kind="missing", sha256=None)


def table_args(spec: TableSpec) -> dict[str, Any]:
    """Return one join's paths and options as plain JSON values."""
    return {
        "features": str(spec.features),
        "scores": [as_written(sidecar) for sidecar in spec.scores],
        "out": str(spec.out),
        "audit_json": str(spec.audit_json) if spec.audit_json else None,
        **({"scale": spec.scale} if spec.scale else {}),
        **spec.options.as_dict(),
    }


def fingerprint(spec: TableSpec, features: FileDigest, sidecars: Iterable[FileDigest]) -> str:
    """Return a hash that is the same exactly if the joined table would be the same.

    Args:
        spec: the join; of its paths only what reaches the output counts.
        features: digest of the feature table.
        sidecars: digests of the sidecars, in the order of `spec.scores`.
    """
    parts: dict[str, Any] = {
        "join_version": JOIN_VERSION,
        "features": [spec.features.suffix.lower(), features.sha256],
        "sidecars": [
            [sidecar.label, sidecar.written, digest.sha256, sidecar.rules]
            for sidecar, digest in zip(spec.scores, sidecars, strict=True)
        ],
        "out": spec.out.suffix.lower(),
        "options": spec.options.as_dict(),
    }
    if spec.options.canonical_names:
        parts["canonical_names"] = spec.registry.canonical_names()
    if spec.options.aligned_scores:
        parts["scales"] = spec.registry.scale_ends()
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
