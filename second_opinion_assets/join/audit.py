"""The audit of one join: what it counted, and from which exact bytes."""

from __future__ import annotations

from typing import Any

import msgspec

from second_opinion_assets.contract.columns import APPENDED
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.manifest import TableSpec
from second_opinion_assets.registry.facts import Registry


def audit(
    spec: TableSpec, key_column: str, tally: Tally, run_provenance: dict[str, Any]
) -> dict[str, Any]:
    """Return the audit as plain JSON values; it holds no time, so equal runs have equal audits."""
    return {
        "feature_table": str(spec.features),
        "output": str(spec.out),
        "key_column": key_column,
        "key_normalize": spec.options.key_normalize.value,
        "key_pattern": spec.options.key_pattern,
        "missing_policy": spec.options.missing_policy.value,
        "input_rows": tally.input_rows,
        "output_rows": tally.output_rows,
        "null_keys": tally.null_keys,
        "unknown_rows": tally.unknown_rows,
        "unknown": msgspec.to_builtins(tally.unknown),
        "non_finite_values": tally.non_finite_values,
        "competitors": {
            name: {**msgspec.to_builtins(scorer), **spec.registry.facts(name).known()}
            for name, scorer in tally.scorers.items()
        },
        "columns": _column_uses(tally, spec.registry),
        "run_provenance": run_provenance,
    }


def _column_uses(tally: Tally, registry: Registry) -> dict[str, list[Any]]:
    """Return which appended columns a model may learn from, and which only tell about the join."""
    model_ready: list[dict[str, Any]] = []
    bookkeeping: list[str] = []
    for competitor, scorer in tally.scorers.items():
        known = registry.facts(competitor).known()
        for column in APPENDED:
            name = f"{scorer.column_prefix}_{column.suffix}"
            if column.model_ready:
                meaning = {fact: known.get(fact) for fact in ("scale", "direction")}
                model_ready.append({"name": name, "competitor": competitor, **meaning})
            else:
                bookkeeping.append(name)
    return {"model_ready": model_ready, "bookkeeping": bookkeeping}
