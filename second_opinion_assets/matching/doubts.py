"""What is doubtful about a scorer, in one line each: few keys found, few ok scores, no scale known.

How keys would have to be read to find more belongs to `key_hints`.
"""

from __future__ import annotations

from collections.abc import Mapping

from second_opinion_assets.contract.fields import is_label
from second_opinion_assets.contract.tally import ScorerTally
from second_opinion_assets.matching.key_hints import few_keys_found, key_hint

SHOWN_REASONS = 3
SHOWN_FIELDS = 6


def doubts(tally: ScorerTally) -> list[str]:
    """Return what is doubtful about a scorer's counts, each in a line that begins with its name."""
    hints = [key_hint(tally)] if few_keys_found(tally) else []
    return [*hints, *few_ok(tally), *not_aligned(tally)]


def not_aligned(tally: ScorerTally) -> list[str]:
    """Return a line on a scorer whose scores are not on the one scale as asked; else nothing."""
    if not tally.not_aligned:
        return []
    remedy = "declare its scale and direction, or leave out aligned_scores"
    return [f"{tally.competitor}: no aligned scores: {tally.not_aligned}; {remedy}"]


def few_ok(tally: ScorerTally) -> list[str]:
    """Return a line on a scorer that has fewer ok scores than others, or none; else nothing.

    Where few keys were found, rows without a score are no news.
    """
    loaded, bad = tally.scores_loaded, sum(tally.bad_scores.values())
    if 2 * (loaded - bad) < loaded:
        found = f"{loaded - bad} of {loaded} score rows are ok ({reasons(tally.bad_scores)})"
    elif 2 * tally.matched_rows < tally.rows and not few_keys_found(tally):
        lacking = {**tally.bad_reasons, "missing": tally.missing_rows}
        found = f"{tally.matched_rows} of {tally.rows} rows have an ok score ({reasons(lacking)})"
    else:
        return []
    return [f"{tally.competitor}: {found}{_numeric_fields(tally)}"]


def reasons(counts: Mapping[str, int]) -> str:
    """Return the commonest reasons and how often each is one: `no score: 2, missing: 1`."""
    there = sorted((item for item in counts.items() if item[1]), key=lambda item: -item[1])
    shown = [f"{reason}: {count}" for reason, count in there[:SHOWN_REASONS]]
    return ", ".join(shown + ["…"] * (len(there) > SHOWN_REASONS))


def _numeric_fields(tally: ScorerTally) -> str:
    """Return which fields of rows without a score might be it, and how that is said."""
    fields = [field for field in tally.numeric_fields if not is_label(field)]
    if not fields:
        return ""
    shown = ", ".join(fields[:SHOWN_FIELDS]) + ", …" * (len(fields) > SHOWN_FIELDS)
    return f"; numeric fields there are {shown}: name the one that is the score as score_field"
