"""What is found of the opinions on a table: the agreement, as plain values.

How it is found does not belong here; nothing large is imported.
"""

from __future__ import annotations

import msgspec

from second_opinion_assets.agreement.answers import Answers
from second_opinion_assets.registry.facts import Direction

_BY_CHANCE = 0.01
_LEAST_CONTRARY = 8


class Correlation(msgspec.Struct, frozen=True):
    """How far two columns agree.

    Attributes:
        n: clips that have both values.
        pearson, spearman, kendall: the coefficients (tau-b), all three None for not enough.
        spearman_p: how likely a Spearman this far from 0 is by chance alone.
        not_enough: why there are none; None if there are.
    """

    n: int
    pearson: float | None = None
    spearman: float | None = None
    kendall: float | None = None
    spearman_p: float | None = None
    not_enough: str | None = None


class Pair(msgspec.Struct, frozen=True):
    """A scorer and what it is held against: a reference, or another scorer."""

    scorer: str
    other: str
    correlation: Correlation

    @property
    def contrary(self) -> bool:
        """Whether the two rank clips the other way round, and hardly by chance."""
        found = self.correlation
        return (
            found.n >= _LEAST_CONTRARY
            and found.spearman is not None
            and found.spearman_p is not None
            and found.spearman < 0
            and found.spearman_p < _BY_CHANCE
        )


class DisputedClip(msgspec.Struct, frozen=True):
    """A clip that scorers rank otherwise than a reference does.

    Attributes:
        clip: its key.
        reference_value: what the reference says.
        opinions: what each scorer says, of those that say anything.
        difference: by how much higher the scorers rank it, in shares of all clips, from -1 to 1;
            the mean of `differences`.
        differences: the same for each scorer.
    """

    clip: str
    reference_value: float
    opinions: dict[str, float]
    difference: float
    differences: dict[str, float]


class Agreement(msgspec.Struct, frozen=True):
    """What comes of holding the opinions on a table against its references.

    Attributes:
        rows, clips: of the table; with more rows than clips, a clip's values are means.
        scorers: which way each one's scores get better; None where nobody declared it, and higher
            is taken for better.
        references: which way each one's values get better.
        against_references: each scorer with each reference, by reference.
        between_scorers: each two scorers.
        disputed: clips that scorers and a reference rank apart, by reference, the most disputed
            first.
        answers: to the questions that second opinions are for.
        notes: what to know before these figures are believed.
    """

    rows: int
    clips: int
    scorers: dict[str, Direction | None]
    references: dict[str, Direction]
    against_references: list[Pair]
    between_scorers: list[Pair]
    disputed: dict[str, list[DisputedClip]]
    answers: Answers
    notes: list[str]

    @property
    def contrary(self) -> list[Pair]:
        """Scorers that rank clips the other way round than a reference does."""
        return [pair for pair in self.against_references if pair.contrary]
