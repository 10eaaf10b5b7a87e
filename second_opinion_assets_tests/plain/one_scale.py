"""The one scale, from 0, the worst, to 100, the best: who is on it, and with what values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from second_opinion_assets_tests.plain.scores import Score

Ends = tuple[float, float]

SCALES: dict[str, list[Ends]] = {
    "dover": [(0, 100), (0, 1)],
    "dovermobile": [(0, 100), (0, 1)],
    "qalign": [(0, 1), (1, 5)],
}
"""Of the scorers that tests draw, all of which are better with higher scores; the default first."""

OnOneScale = Callable[[Score | str], float | None]


def on_one_scale(competitor: str, gained: Iterable[Score | str]) -> OnOneScale | None:
    """Return what tells a scorer's values on the one scale; None where its ends are not known.

    Args:
        competitor: its name.
        gained: what every feature row got of it.
    """
    scales = SCALES.get("".join(c for c in competitor.lower() if c not in " \t_./-"))
    if scales is None:
        return None
    low, high = scales[0]
    doubtful = in_doubt([score for gain in gained if (score := ok_score(gain)) is not None], scales)

    def value(gain: Score | str) -> float | None:
        score = ok_score(gain)
        if score is None or doubtful:
            return None
        return float((Fraction(score) - Fraction(low)) / Fraction(high - low) * 100)

    return value


def ok_score(gain: Score | str) -> float | None:
    """Return the score of what a row got, if it is ok."""
    return gain.score if isinstance(gain, Score) and gain.status == "ok" else None


def in_doubt(scores: list[float], scales: list[Ends]) -> bool:
    """Say whether scores are beyond their scale, or all on one that is a tenth of it or less."""
    (low, high), *others = scales
    if not scores or not any(scores):
        return bool(scores) and low > 0
    if any(not low <= score <= high for score in scores):
        return True
    narrow = [(a, b) for a, b in (*others, (0, 1)) if (b - a) * 10 <= high - low]
    return any(all(a <= score <= b for score in scores) for a, b in narrow)
