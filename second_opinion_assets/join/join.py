"""The join of one table: sidecars into scorers, features streamed past, table and audit out."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from second_opinion_assets.contract.columns import column_names
from second_opinion_assets.contract.errors import JoinError, MissingScoresError
from second_opinion_assets.contract.options import KeyNormalize, MissingPolicy
from second_opinion_assets.join.audit import audit
from second_opinion_assets.join.key_hints import add_key_hints
from second_opinion_assets.join.manifest import TableSpec, refuse_shared_paths
from second_opinion_assets.join.previous import EarlierTable
from second_opinion_assets.join.provenance import (
    Invocation,
    file_entry,
    fingerprint,
    run_provenance,
    sidecar_entry,
)
from second_opinion_assets.matching.claims import Claims, read_claims
from second_opinion_assets.matching.collisions import FeatureKeys, KeysCollide
from second_opinion_assets.matching.drift import Drift
from second_opinion_assets.matching.keys import find_key_column
from second_opinion_assets.matching.matching import Matching
from second_opinion_assets.matching.tally import Tally
from second_opinion_assets.scores import SidecarInput, read_sidecars
from second_opinion_assets.scores.scorers import Scorer, find_by_last_component
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.publishing import Publication, json_document, publication
from second_opinion_assets.storage.reading import Progress
from second_opinion_assets.tables import open_table, open_writer, refuse_unknown_form
from second_opinion_assets.tables.block import Column
from second_opinion_assets.tables.json_table import AppendedNames

PREVIEW_ROWS = 5


class JoinResult(msgspec.Struct, frozen=True):
    """What a join did and published.

    Attributes:
        spec: what was asked for.
        key_column: the column of the feature table that held the key.
        columns: the input columns that the output kept, with their types.
        appended: names of the appended columns, five a scorer, in slug order.
        tally: what was counted.
        audit: the audit as it was published, or would have been.
        features: digest of the feature table.
        sidecars: the sidecars that were read.
        output: digest of the joined table.
        fingerprint: hash of all that the output depends on.
        preview: key and appended columns of the first output rows.
        drift: what changed since the table was joined before. It is no part of the audit, which
            is the same for equal inputs whatever was there before.
    """

    spec: TableSpec
    key_column: str
    columns: list[Column]
    appended: list[str]
    tally: Tally
    audit: dict[str, Any]
    features: FileDigest
    sidecars: list[SidecarInput]
    output: FileDigest
    fingerprint: str
    preview: list[dict[str, Any]]
    drift: Drift

    @property
    def provenance(self) -> dict[str, Any]:
        """The run_provenance block."""
        block: dict[str, Any] = self.audit["run_provenance"]
        return block


def materialize(
    spec: TableSpec, invocation: Invocation, progress: Progress | None = None
) -> JoinResult:
    """Join one table, and publish table and audit once both are complete.

    Args:
        spec: the table, its sidecars, where the output goes, and the options.
        invocation: what asked for it, for the provenance.
        progress: told of input bytes as they are done.

    Raises:
        MissingScoresError: policy `fail`, and a row lacks an ``ok`` score.
        JoinError: bad input. Whatever is raised, no file has changed.
    """
    refuse_unknown_form(spec.features, "the feature table")
    refuse_unknown_form(spec.out, "the output")
    refuse_shared_paths((spec,), "the join")
    with (
        EarlierTable(spec) as earlier,
        Publication(spec.out) as out,
        publication(spec.audit_json) as audit_file,
    ):
        scorers, sidecars = read_sidecars(spec.scores, spec.options, progress, spec.scorer_name)
        if spec.options.key_normalize is KeyNormalize.suffix:
            find_by_last_component(scorers)
        appended = column_names(scorers, spec.options.prefix)
        names = AppendedNames(appended, overwrite=spec.options.overwrite)
        try:
            joined = _join_rows(spec, scorers, names, out, progress)
        except KeysCollide:
            out.restart()
            joined = _join_rows_by_claims(spec, scorers, names, out)
        key_column, tally, features = joined.key_column, joined.tally, joined.features
        add_key_hints(tally, scorers, spec, key_column, names)
        if spec.options.missing_policy is MissingPolicy.fail and tally.gaps:
            raise MissingScoresError(tally.gaps, tally)
        output = out.finish()
        kept_columns = {column.name for column in joined.columns}
        drift = earlier.drift(output, joined.matching, key_column, kept_columns)
        document = audit(
            spec,
            key_column,
            tally,
            _provenance(spec, invocation, features, sidecars, output, tally.output_rows),
        )
        if audit_file:
            audit_file.write(json_document(document))
            audit_file.finish()
        out.publish()
        if audit_file:
            audit_file.publish()
    return JoinResult(
        spec=spec,
        key_column=key_column,
        columns=joined.columns,
        appended=appended,
        tally=tally,
        audit=document,
        features=features,
        sidecars=sidecars,
        output=output,
        fingerprint=fingerprint(spec, features, [given.digest for given in sidecars]),
        preview=joined.preview,
        drift=drift,
    )


class _JoinedRows(NamedTuple):
    """What there is to say once all rows are written."""

    key_column: str
    columns: list[Column]
    tally: Tally
    features: FileDigest
    preview: list[dict[str, Any]]
    matching: Matching


def _join_rows(
    spec: TableSpec,
    scorers: list[Scorer],
    names: AppendedNames,
    out: Publication,
    progress: Progress | None,
    claims: Claims | None = None,
) -> _JoinedRows:
    """Stream the feature table past the scorers into the output.

    Raises:
        KeysCollide: feature keys collide, and there are no claims to tell them apart by.
    """
    with open_table(spec.features, names, progress) as table:
        key_column = find_key_column(table, spec.options.key_column, str(spec.features))
        matching = Matching(scorers, spec.options, key_column, claims)
        matching.remembers_keys_without_scorer = spec.out.exists()
        preview: list[dict[str, Any]] = []
        with closing(
            open_writer(spec.out, out, table, key_column, scorers, spec.options.prefix)
        ) as writer:
            for block in table.blocks(key_column):
                joined = matching.take(block.keys)
                if len(preview) < PREVIEW_ROWS:
                    rows = islice(matching.shown(block.keys, joined), PREVIEW_ROWS - len(preview))
                    preview.extend(rows)
                writer.write(block, joined)
            writer.finish()
        if writer.rows != matching.kept_rows:
            msg = f"{writer.rows} rows were written where {matching.kept_rows} were to be kept"
            raise AssertionError(msg)
        tally = matching.tally(table.non_finite_values)
        return _JoinedRows(key_column, table.columns, tally, table.digest, preview, matching)


def _join_rows_by_claims(
    spec: TableSpec, scorers: list[Scorer], names: AppendedNames, out: Publication
) -> _JoinedRows:
    """Read all keys of the feature table for what they claim, then join it by that."""
    with open_table(spec.features, names) as table:
        key_column = find_key_column(table, spec.options.key_column, str(spec.features))
        keys = (block.keys for block in table.blocks(key_column))
        claims = read_claims(scorers, keys, FeatureKeys(spec.options, key_column))
        features = table.digest
    joined = _join_rows(spec, scorers, names, out, None, claims)
    if joined.features != features:
        msg = f"{spec.features}: changed while it was read; join again once it is complete"
        raise JoinError(msg)
    return joined


def _provenance(
    spec: TableSpec,
    invocation: Invocation,
    features: FileDigest,
    sidecars: list[SidecarInput],
    output: FileDigest,
    output_rows: int,
) -> dict[str, Any]:
    outputs = {"out": str(spec.out)}
    if spec.audit_json:
        outputs["audit_json"] = str(spec.audit_json)
    inputs = {
        "features": file_entry(spec.features, features),
        "scores": [sidecar_entry(given) for given in sidecars],
    }
    if spec.registry.files:
        inputs["scorers"] = [file_entry(*file) for file in spec.registry.files]
    return run_provenance(
        invocation,
        inputs=inputs,
        outputs=outputs,
        output_digests={
            "out": {"sha256": output.sha256, "bytes": output.bytes, "rows": output_rows}
        },
    )
