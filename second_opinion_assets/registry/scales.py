"""The scale that scores are on: its bounds, and whether scores that were joined fit it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

_TYPICAL_MARGIN = 0.1
_MUCH_NARROWER = 0.1


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a scorer's scores lie.

    Attributes:
        minimum, maximum: the bounds, both inclusive; None for none.
        name: what a manifest calls it; by default its bounds, as in `0-100`.
        typical: the bounds are usual and not guaranteed, so scores may stray a tenth beyond.
        source: where this was verified.
    """

    minimum: float | None = None
    maximum: float | None = None
    name: str = ""
    typical: bool = False
    source: str | None = None

    def __post_init__(self) -> None:
        """Refuse bounds without room between them, and a scale that nothing names."""
        if self.minimum is None or self.maximum is None:
            if not self.name:
                msg = "a scale needs minimum and maximum, or a name"
                raise ValueError(msg)
        elif not self.minimum < self.maximum:
            msg = f"minimum {self.minimum:g} is not below maximum {self.maximum:g}"
            raise ValueError(msg)

    @property
    def label(self) -> str:
        """The scale's name, by default its bounds."""
        return self.name or f"{self.minimum:g}-{self.maximum:g}"

    @property
    def span(self) -> float:
        """How far the bounds are apart; infinite without both."""
        if self.minimum is None or self.maximum is None:
            return float("inf")
        return self.maximum - self.minimum

    def holds(self, low: float, high: float) -> bool:
        """Return whether scores from `low` to `high` may be on this scale."""
        room = self.span * _TYPICAL_MARGIN if self.typical else 0.0
        above = self.minimum is None or low >= self.minimum - room
        return above and (self.maximum is None or high <= self.maximum + room)


UNIT = Scale(0, 1)
USUAL = (UNIT, Scale(1, 5), Scale(0, 100))
"""Scales that many scorers share, for a guess at what scores are on."""


class ScaleDoubt(NamedTuple):
    """Scores that are hardly on the scale declared, and the scale that would fit them."""

    declared: Scale
    low: float
    high: float
    fits: Scale | None

    def __str__(self) -> str:
        """Return what was found, what was declared, and what would fit."""
        fits = f"{self.fits.label} would fit" if self.fits else "no known scale fits"
        return (
            f"scores {self.low:g} … {self.high:g} where {self.declared.label} is declared; {fits}"
        )


def scale_doubt(scales: Sequence[Scale], low: float, high: float) -> ScaleDoubt | None:
    """Return whether scores are doubtful on the first of a scorer's scales.

    They are outside it; or they are inside, but fill so little of it that they are surely on
    another: all scores within 0-1 where 0-100 is declared.

    Args:
        scales: the scorer's scales, the declared one first.
        low: the least ok score.
        high: the greatest ok score.
    """
    declared, others = scales[0], scales[1:]
    if declared.holds(low, high):
        narrow = [
            scale
            for scale in (*others, UNIT)
            if scale.span <= declared.span * _MUCH_NARROWER
            and declared.span < float("inf")
            and scale.holds(low, high)
        ]
        # All zero fits any scale; that the scores do not vary is said elsewhere.
        if not narrow or low == high == 0:
            return None
        return ScaleDoubt(declared, low, high, narrow[0])
    fitting = (scale for scale in (*others, *USUAL) if scale.holds(low, high))
    return ScaleDoubt(declared, low, high, min(fitting, key=_span, default=None))


def _span(scale: Scale) -> float:
    return scale.span
