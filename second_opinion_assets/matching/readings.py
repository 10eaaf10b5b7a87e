"""What other ways of reading keys would find, where few keys of a scorer were found."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from second_opinion_assets.contract.options import JoinOptions, KeyNormalize
from second_opinion_assets.contract.tally import FEW_KEYS_FOUND, ScorerTally
from second_opinion_assets.matching.keys import Normalizer, last_components


def few_keys_found(tally: ScorerTally) -> bool:
    """Return whether so few of a scorer's keys were found that the keys are in doubt."""
    return tally.keys_found < FEW_KEYS_FOUND


def keys_found_by_mode(
    score_keys: Callable[[KeyNormalize], pa.Array],
    feature_keys: pa.Array,
    key_column: str,
    options: JoinOptions,
) -> dict[str, int]:
    """Return how many of a scorer's keys each way of normalising would find in a table.

    Args:
        score_keys: returns the keys of the scorer's rows, normalised.
        feature_keys: the different keys of the table, as written.
        key_column: the column that they are of.
        options: of the join.
    """
    found = {}
    for mode in KeyNormalize:
        there = Normalizer(mode, key_column, options.key_pattern).array(feature_keys)
        sought = score_keys(mode)
        if mode is KeyNormalize.suffix:
            there, sought = last_components(there), last_components(sought)
        known = pc.is_in(sought, value_set=there)
        found[str(mode)] = pc.sum(pc.and_(known, pc.greater(pc.binary_length(sought), 0))).as_py()
    return {mode: count or 0 for mode, count in found.items()}


def best_mode(tally: ScorerTally) -> str | None:
    """Return the mode that would find most keys, if it finds any more than now."""
    now = tally.scores_loaded - tally.unmatched_keys
    mode = max(tally.keys_found_by_mode, key=tally.keys_found_by_mode.__getitem__, default=None)
    return mode if mode and tally.keys_found_by_mode[mode] > now else None


def key_hint(tally: ScorerTally) -> str:
    """Return one line on a scorer with few keys found and what would find more."""
    found = tally.scores_loaded - tally.unmatched_keys
    line = f"{tally.competitor}: {found} of {tally.scores_loaded} keys found in the feature table"
    mode = best_mode(tally)
    if mode is None:
        return f"{line}; no key_normalize finds more: compare key_column and score_key_field"
    return f"{line}; key_normalize {mode} would find {tally.keys_found_by_mode[mode]}"
