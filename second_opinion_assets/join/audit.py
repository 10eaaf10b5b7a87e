"""The audit of one join: filled in, and read from its file.

What it holds is in `contract.audit`; whether it still holds is asked in `verify`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec
from msgspec import UNSET

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.audit import (
    Audit,
    ColumnUses,
    ModelReadyColumn,
    ScaleEntry,
    ScorerAudit,
)
from second_opinion_assets.contract.columns import ALIGNED, appended_columns
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.tally import ScorerTally, Tally
from second_opinion_assets.join.provenance import Invocation, join_provenance
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.registry.aligned import BETTER, ONE_SCALE
from second_opinion_assets.registry.facts import ScorerFacts
from second_opinion_assets.registry.scales import Scale
from second_opinion_assets.scores.sidecar import SidecarInput
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import remove
from second_opinion_assets.storage.reading import Input


def make_audit(
    spec: TableSpec,
    key_column: str,
    tally: Tally,
    invocation: Invocation,
    features: FileDigest,
    sidecars: Sequence[SidecarInput],
    output: FileDigest | None,
    error: JoinError | None = None,
) -> Audit:
    """Return the audit of a join whose output is complete, or is not to be published.

    Args:
        spec: what was asked for.
        key_column: the column that held the key.
        tally: what was counted.
        invocation: what asked for it.
        features: digest of the feature table.
        sidecars: the sidecars that were read.
        output: digest of the joined table; None if none is published.
        error: why none is.
    """
    options = spec.options
    return Audit(
        feature_table=str(spec.features),
        output=str(spec.out),
        published=UNSET if output else False,
        error=str(error) if error else UNSET,
        key_column=key_column,
        key_normalize=options.key_normalize,
        key_pattern=options.key_pattern,
        missing_policy=options.missing_policy,
        input_rows=tally.input_rows,
        output_rows=tally.output_rows if output else 0,
        null_keys=tally.null_keys,
        unknown_rows=tally.unknown_rows,
        unknown=tally.unknown,
        non_finite_values=tally.non_finite_values,
        scorers={
            name: _scorer_audit(scorer, spec.registry.facts(name))
            for name, scorer in tally.scorers.items()
        },
        columns=_column_uses(tally, spec),
        run_provenance=join_provenance(
            spec, invocation, features, sidecars, output, tally.output_rows
        ),
    )


def read_audit(location: Location) -> Audit:
    """Return the audit that a file holds.

    Raises:
        JoinError: the file cannot be read, or is no audit that this version writes.
    """
    with Input(location) as file:
        text = file.read().removeprefix(b"\xef\xbb\xbf")
    value = json_text.decode(text, str(location))
    try:
        return msgspec.convert(value, Audit)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # half a character
        msg = f"{location}: no audit that this version can verify: {error}; join the table again"
        raise JoinError(msg) from None


def remove_failed_audit(spec: TableSpec) -> None:
    """Remove what an earlier join that published nothing left beside the audit, if it did."""
    failed = spec.failed_audit
    if failed is None or not failed.exists():
        return
    with suppress(JoinError):
        if not read_audit(failed).is_published:  # whatever else has that name is not ours
            remove(failed)


def _scorer_audit(scorer: ScorerTally, facts: ScorerFacts) -> ScorerAudit:
    return ScorerAudit(
        **msgspec.structs.asdict(scorer),
        scale=_scale_entry(facts.scale) if facts.scale else UNSET,
        direction=facts.direction or UNSET,
        licence=UNSET if facts.licence is None else facts.licence,
        redistributable=UNSET if facts.redistributable is None else facts.redistributable,
        trained_on=UNSET if facts.trained_on is None else list(facts.trained_on),
    )


def _column_uses(tally: Tally, spec: TableSpec) -> ColumnUses:
    """Return which appended columns a model may learn from, and which only tell about the join."""
    model_ready: list[ModelReadyColumn] = []
    bookkeeping: list[str] = []
    for scorer_name, scorer in tally.scorers.items():
        facts = spec.registry.facts(scorer_name)
        for column in appended_columns(aligned=spec.aligns(scorer_name)):
            name = f"{scorer.column_prefix}_{column.suffix}"
            if column.model_ready:
                scale, direction = facts.scale, facts.direction
                if column is ALIGNED:
                    scale, direction = ONE_SCALE, BETTER
                entry = _scale_entry(scale) if scale else None
                model_ready.append(ModelReadyColumn(name, scorer_name, entry, direction))
            else:
                bookkeeping.append(name)
    return ColumnUses(model_ready, bookkeeping)


def _scale_entry(scale: Scale) -> ScaleEntry:
    return ScaleEntry(scale.label, scale.minimum, scale.maximum)
