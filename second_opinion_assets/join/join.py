"""The join of one table: read, match, write."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from second_opinion_assets.contract.audit import Audit
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.refusals import NotPublishedError
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.audit import make_audit, remove_failed_audit
from second_opinion_assets.join.gates import why_not_published
from second_opinion_assets.join.phases import Inputs, Matched, match_inputs, read_inputs
from second_opinion_assets.join.previous import PreviousOutput
from second_opinion_assets.join.provenance import Invocation, fingerprint
from second_opinion_assets.join.shared_paths import refuse_shared_paths
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.matching.changes import PresentRows
from second_opinion_assets.matching.drift import Drift
from second_opinion_assets.scores.sidecar import SidecarInput
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.journal import writing
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.machine import machine_errors
from second_opinion_assets.storage.output_lock import USUAL_WAIT, LockWait
from second_opinion_assets.storage.publishing import (
    json_document,
    new_publication,
    publication,
    publish_all,
    publish_text,
)
from second_opinion_assets.storage.reading import Input, Progress
from second_opinion_assets.tables.foreign import FEATURES, refuse_unknown_suffix
from second_opinion_assets.tables.open import open_table, write_table
from second_opinion_assets.tables.table import (
    Column,
    FeatureTable,
)


class JoinResult(msgspec.Struct, frozen=True):
    """What a join did and published.

    Attributes:
        spec: what was asked for.
        key_column: the column of the feature table that held the key.
        columns: the input columns that the output kept, with their types.
        appended: names of the appended columns, in slug order of the scorers.
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
    audit: Audit
    features: FileDigest
    sidecars: list[SidecarInput]
    output: FileDigest
    fingerprint: str
    preview: list[dict[str, Any]]
    drift: Drift


def materialize(
    spec: TableSpec,
    invocation: Invocation,
    progress: Progress | None = None,
    wait: LockWait = USUAL_WAIT,
) -> JoinResult:
    """Join one table, and publish table and audit once both are complete.

    Read: every sidecar into columns, and the keys of the feature table. Match: which score row
    each feature row gets. Write: the table gains its columns. Whatever is wrong with the inputs is
    known before a byte is written.

    Args:
        spec: the table, its sidecars, where the output goes, and the options.
        invocation: what asked for it, for the provenance.
        progress: told of input bytes as they are done.
        wait: for another run that writes the same output.

    Raises:
        NotPublishedError: too few rows have an ``ok`` score, by what the options say. An audit
            that is asked for is written beside its place.
        JoinError: bad input. Whatever is raised, no other file has changed.
    """
    with machine_errors(spec.features):
        _refuse_paths(spec)
        with (
            writing(_written(spec), wait),
            PreviousOutput(spec) as previous,
            Input(spec.features, progress) as features,
        ):
            prefix = f"{spec.options.prefix}_"
            inputs = read_inputs(spec, lambda: open_table(features, prefix), progress)
            joined = match_inputs(spec, inputs, features)
            tally = joined.tally
            if refused := why_not_published(spec, tally):
                audit = _audit(spec, inputs, tally, invocation, features.digest, refused=refused)
                raise _with_failed_audit(refused, audit, spec.failed_audit)
            published = _publish(spec, inputs, joined, features, previous, invocation, wait)
        return JoinResult(
            spec=spec,
            key_column=inputs.key_column,
            columns=inputs.table.columns,
            appended=joined.added.names,
            tally=tally,
            audit=published.audit,
            features=features.digest,
            sidecars=inputs.sidecars,
            output=published.output,
            fingerprint=fingerprint(
                spec, features.digest, [given.digest for given in inputs.sidecars]
            ),
            preview=joined.preview(inputs.key_column),
            drift=published.drift,
        )


def rehearse(spec: TableSpec, progress: Progress | None = None) -> Tally:
    """Read and match as `materialize` does, and write nothing; return what would be counted.

    Raises:
        JoinError: what `materialize` would raise before it writes.
    """
    with machine_errors(spec.features):
        _refuse_paths(spec)
        with Input(spec.features, progress) as features:
            prefix = f"{spec.options.prefix}_"
            inputs = read_inputs(spec, lambda: open_table(features, prefix), progress)
            tally = match_inputs(spec, inputs, features).tally
            if refused := why_not_published(spec, tally):
                raise refused
        return tally


class _Published(NamedTuple):
    """What was published, and how it differs from what was there."""

    audit: Audit
    output: FileDigest
    drift: Drift


def _publish(
    spec: TableSpec,
    inputs: Inputs[FeatureTable],
    joined: Matched,
    features: Input,
    previous: PreviousOutput,
    invocation: Invocation,
    wait: LockWait,
) -> _Published:
    """Write table and audit, and publish them once both are complete."""
    table, tally, added = inputs.table, joined.tally, joined.added
    with new_publication(spec.out) as out, publication(spec.audit_json) as audit_file:
        written = write_table(spec.out, table, added, out)
        assert written == tally.output_rows  # noqa: S101 (a bug, and nothing is published)
        tally.non_finite_values = table.non_finite_values
        digest, output = features.digest, out.finish()
        present = PresentRows(
            joined.match, added.scorers, added.kept, inputs.key_column, spec.options
        )
        drift = previous.drift(output, present, {column.name for column in table.columns})
        audit = _audit(spec, inputs, tally, invocation, digest, output)
        if audit_file:
            audit_file.write(json_document(audit))
            audit_file.finish()
        publish_all([audit_file, out] if audit_file else [out], wait)
        if audit_file:
            remove_failed_audit(spec)
    return _Published(audit, output, drift)


def _audit(
    spec: TableSpec,
    inputs: Inputs[FeatureTable],
    tally: Tally,
    invocation: Invocation,
    features: FileDigest,
    output: FileDigest | None = None,
    refused: NotPublishedError | None = None,
) -> Audit:
    """Return the audit of a join that published a table, or refused to."""
    key_column, sidecars = inputs.key_column, inputs.sidecars
    return make_audit(spec, key_column, tally, invocation, features, sidecars, output, refused)


def _refuse_paths(spec: TableSpec) -> None:
    """Raise a JoinError for paths that no join can have."""
    refuse_unknown_suffix(spec.features, FEATURES)
    refuse_unknown_suffix(spec.out, "the output")
    refuse_shared_paths((spec,), "the join")


def _written(spec: TableSpec) -> list[Location]:
    """Return the files that a join publishes, the table last."""
    audit = [spec.audit_json] if spec.audit_json else []
    return [path for path in (*audit, spec.out) if not path.is_stream]


def _with_failed_audit(
    refused: NotPublishedError, audit: Audit, place: Location | None
) -> NotPublishedError:
    """Write the audit of a join that publishes nothing; return the error, which tells all."""
    message = str(refused)
    if place is not None:
        try:
            publish_text(place, json_document(audit).decode())
        except JoinError as error:
            message = f"{refused}; {error}"
    return type(refused)(message, refused.tally, audit)
