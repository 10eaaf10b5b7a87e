"""How each scorer's scores are distributed, and the same on one scale where that is known."""

from __future__ import annotations

import numpy as np

from second_opinion_assets.agreement.answers import Aligned, Distribution
from second_opinion_assets.agreement.estimates import Numbers, mean, median
from second_opinion_assets.registry.facts import Direction, ScorerFacts
from second_opinion_assets.registry.scales import Scale, scale_doubt

_BINS = 20
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BEST = 100.0


def distribution(name: str, scores: Numbers, facts: ScorerFacts) -> Distribution:
    """Return how a scorer's scores are distributed.

    Args:
        name: of the scorer.
        scores: a value a clip, NaN for none.
        facts: what is known of it.
    """
    scores = scores[~np.isnan(scores)]
    edges, counts = _histogram(scores, facts.scale)
    aligned = not_aligned = None
    if why := _not_aligned(scores, facts):
        not_aligned = why
    else:
        on_one_scale = _on_one_scale(scores, facts)
        quantiles = np.quantile(on_one_scale, _QUANTILES)
        aligned = Aligned(mean(on_one_scale), [float(value) for value in quantiles])
    return Distribution(
        scorer=name,
        direction=facts.direction,
        scale=facts.scale.label if facts.scale else None,
        mean=mean(scores),
        median=median(scores),
        least=float(scores.min()) if len(scores) else None,
        greatest=float(scores.max()) if len(scores) else None,
        edges=edges,
        counts=counts,
        aligned=aligned,
        not_aligned=not_aligned,
    )


def _histogram(scores: Numbers, scale: Scale | None) -> tuple[list[float], list[int]]:
    """Count scores over the declared scale, and over what is beyond it as well."""
    if not len(scores):
        return [], []
    low, high = float(scores.min()), float(scores.max())
    if scale and scale.minimum is not None and scale.maximum is not None:
        low, high = min(low, scale.minimum), max(high, scale.maximum)
    if not np.isfinite((high - low) * 2) or high - low < abs(high) * _BINS * 1e-12:
        return [low, high], [len(scores)]
    counts, edges = np.histogram(scores, bins=_BINS, range=(low, high))
    return edges.tolist(), counts.tolist()


def _not_aligned(scores: Numbers, facts: ScorerFacts) -> str:
    """Return why scores cannot be mapped to one scale; empty if they can."""
    scale = facts.scale
    if not len(scores):
        return "it has no scores"
    if scale is None or scale.minimum is None or scale.maximum is None:
        return "no scale with both bounds is declared"
    if facts.direction is None:
        return "no direction is declared"
    doubt = scale_doubt(facts.scales, float(scores.min()), float(scores.max()))
    return f"{doubt}" if doubt else ""


def _on_one_scale(scores: Numbers, facts: ScorerFacts) -> Numbers:
    """Map scores so that 0 is the worst end of their scale and 100 is the best one."""
    scale = facts.scale
    minimum, maximum = (scale and scale.minimum) or 0.0, (scale and scale.maximum) or 0.0
    ends = [minimum, maximum] if facts.direction is Direction.HIGHER else [maximum, minimum]
    return (scores - ends[0]) / (ends[1] - ends[0]) * _BEST
