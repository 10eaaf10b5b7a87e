"""Scores of different scorers on one scale: 0 is the worst, 100 is the best, and it is linear.

Whether that can be done for a scorer, and the values. Who is shown them does not belong here.
"""

from __future__ import annotations

import math

import numpy as np

from second_opinion_assets.contract.columns import Floats
from second_opinion_assets.registry.facts import Direction, ScorerFacts
from second_opinion_assets.registry.scales import Scale, scale_doubt

ONE_SCALE = Scale(0, 100)
BETTER = Direction.HIGHER


def unknown_ends(facts: ScorerFacts) -> str:
    """Return why nobody knows which scores are worst and best; empty if that is known."""
    if facts.scale is None or not math.isfinite(facts.scale.span):
        return "no scale with both bounds is declared"
    if facts.direction is None:
        return "no direction is declared"
    return ""


def why_not_aligned(facts: ScorerFacts, low: float | None, high: float | None) -> str:
    """Return why scores cannot be mapped to the one scale; empty if they can.

    Args:
        facts: of their scorer.
        low: the least of them; None without any.
        high: the greatest.
    """
    why = unknown_ends(facts)
    if why or low is None or high is None:
        return why
    return str(scale_doubt(facts.scales, low, high) or "")


def on_one_scale(scores: Floats, facts: ScorerFacts) -> Floats:
    """Return scores on the one scale, those beyond their own beyond this one as well.

    Args:
        scores: NaN for none, which stays.
        facts: of their scorer, whose ends are known.
    """
    scale = facts.scale
    assert scale  # noqa: S101 (its ends are known)
    with np.errstate(over="ignore"):
        if facts.direction is Direction.HIGHER:
            above_worst = scores - (scale.minimum or 0.0)
        else:
            above_worst = (scale.maximum or 0.0) - scores
        if scale.span != ONE_SCALE.span:  # else rounding would change what stays as it is
            above_worst = above_worst / scale.span * ONE_SCALE.span
    aligned: Floats = above_worst + 0.0  # no minus before a zero
    return aligned
