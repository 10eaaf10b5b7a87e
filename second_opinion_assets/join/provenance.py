"""Where a table came from: the ``ai-run-provenance-v1`` block (ADR-0661) and the fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from second_opinion_assets.join.manifest import TableSpec
from second_opinion_assets.scores.sidecar import Sidecar, SidecarInput
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import digest_file

SCHEMA = "ai-run-provenance-v1"
JOIN_VERSION = "4"
"""Changes whenever the same inputs and options would give other output."""


class Invocation(msgspec.Struct, frozen=True):
    """What asked for a run: the program's file, its arguments, and as they were understood."""

    entrypoint: Location
    argv: tuple[str, ...]
    args: dict[str, Any]


def file_entry(path: Location, digest: FileDigest | None) -> dict[str, Any]:
    """Return what the provenance says of one file; without a digest it does not exist."""
    entry: dict[str, Any] = {"path": str(path), "exists": digest is not None}
    if digest is None:
        return {**entry, "kind": "missing", "sha256": None}
    return {**entry, "kind": "file", "sha256": digest.sha256, "bytes": digest.bytes}


def sidecar_entry(given: SidecarInput) -> dict[str, Any]:
    """Return what the provenance says of one sidecar; of several files, also of each."""
    sidecar = given.sidecar
    entry = {
        **file_entry(sidecar.path, given.digest),
        "label": sidecar.label,
        "spec": sidecar.spec,
        "rows": given.rows,
        "competitors": given.scorers,
        "readers": [format_.value for format_ in given.formats],
        "score_fields": given.score_fields,
        "rules": msgspec.to_builtins(sidecar.rules),
    }
    if not given.is_several:
        return entry
    files = [file_entry(file.path, file.digest) for file in given.files]
    return {**entry, "kind": "files", "files": files}


def run_provenance(
    invocation: Invocation,
    inputs: dict[str, Any],
    outputs: dict[str, str],
    output_digests: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the provenance block of a run.

    Args:
        invocation: what asked for the run.
        inputs: name to `file_entry`, or to a list of such.
        outputs: name to path.
        output_digests: name to sha256, bytes and rows, for outputs that are complete.
    """
    exists = invocation.entrypoint.is_file()
    block = {
        "schema": SCHEMA,
        "entrypoint": file_entry(
            invocation.entrypoint, digest_file(invocation.entrypoint) if exists else None
        ),
        "argv": list(invocation.argv),
        "args": invocation.args,
        "inputs": inputs,
        "outputs": outputs,
    }
    return block if output_digests is None else {**block, "output_digests": output_digests}


def table_args(spec: TableSpec) -> dict[str, Any]:
    """Return one join's paths and options as plain JSON values."""
    return {
        "features": str(spec.features),
        "scores": [_sidecar_args(sidecar) for sidecar in spec.scores],
        "out": str(spec.out),
        "audit_json": str(spec.audit_json) if spec.audit_json else None,
        **({"scale": spec.scale} if spec.scale else {}),
        **spec.options.as_dict(),
    }


def _sidecar_args(sidecar: Sidecar) -> str | dict[str, Any]:
    """Return a sidecar as it is written in a manifest: shortly, if it has no rules of its own."""
    rules: dict[str, Any] = msgspec.to_builtins(sidecar.rules)
    if not rules:
        return sidecar.spec
    return {"path": sidecar.written, "label": sidecar.label, **rules}


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
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
