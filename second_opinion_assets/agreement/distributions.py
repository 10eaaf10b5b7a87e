"""How each scorer's scores are distributed, and the same on one scale where that is known."""

from __future__ import annotations

import numpy as np

from second_opinion_assets.agreement.answers import Aligned, Distribution
from second_opinion_assets.agreement.estimates import Numbers, mean, median
from second_opinion_assets.registry.aligned import on_one_scale, why_not_aligned
from second_opinion_assets.registry.facts import ScorerFacts
from second_opinion_assets.registry.scales import Scale

_BINS = 20
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


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
        values = on_one_scale(scores, facts)
        quantiles = np.quantile(values, _QUANTILES)
        aligned = Aligned(mean(values), [float(value) for value in quantiles])
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
    if not len(scores):
        return "it has no scores"
    return why_not_aligned(facts, float(scores.min()), float(scores.max()))
