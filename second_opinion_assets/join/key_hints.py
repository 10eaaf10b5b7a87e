"""Where few keys of a scorer were found: which way of normalising keys would find more."""

from __future__ import annotations

from msgspec import structs

from second_opinion_assets.contract.options import JoinOptions, KeyNormalize
from second_opinion_assets.join.manifest import TableSpec
from second_opinion_assets.matching.collisions import FeatureKeys
from second_opinion_assets.matching.tally import ScorerTally, Tally
from second_opinion_assets.scores.scorers import Scorer
from second_opinion_assets.tables import open_table
from second_opinion_assets.tables.json_table import AppendedNames

FEW_KEYS_FOUND = 0.05


def few_keys_found(tally: ScorerTally) -> bool:
    """Say whether so few of a scorer's keys were found that the keys themselves are in doubt."""
    return tally.keys_found < FEW_KEYS_FOUND


def add_key_hints(
    tally: Tally, scorers: list[Scorer], spec: TableSpec, key_column: str, names: AppendedNames
) -> None:
    """Fill in `keys_found_by_mode` for the scorers with few keys found.

    Reads the feature table once more, and only if there is such a scorer.
    """
    doubtful = [scorer for scorer in scorers if few_keys_found(tally.scorers[scorer.competitor])]
    if not doubtful:
        return
    keys: set[str] = set()
    with open_table(spec.features, names) as table:
        for block in table.blocks(key_column):
            keys.update(key for key in block.keys if key)
    for mode in KeyNormalize:
        options = structs.replace(spec.options, key_normalize=mode)
        there = set(FeatureKeys(options, key_column).many(list(keys)))
        for scorer in doubtful:
            found = _found(scorer, options, there)
            tally.scorers[scorer.competitor].keys_found_by_mode[str(mode)] = found


def _found(scorer: Scorer, options: JoinOptions, there: set[str]) -> int:
    """Return how many of a scorer's keys are there; its first key field stands for all."""
    field = min(scorer.key_fields, default="")
    found = 0
    for pattern, raw_keys in scorer.raw_keys_by_pattern().items():
        keys = FeatureKeys(structs.replace(options, key_pattern=pattern), field)
        found += sum(key in there for key in keys.many(raw_keys))
    return found


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
