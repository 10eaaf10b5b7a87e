"""What is found out about the four questions that second opinions are for, as plain values.

How it is found does not belong here, and nothing large is imported.
"""

from __future__ import annotations

import msgspec

from second_opinion_assets.registry.facts import Direction


class Estimate(msgspec.Struct, frozen=True):
    """A figure, of how many it is, and its 95 % interval.

    Attributes:
        n: clips, rows or sources that it comes from.
        value, low, high: the figure and the bounds of its interval, all None for not enough.
        not_enough: why there is none; None if there is.
    """

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    not_enough: str | None = None


class ScorerSide(msgspec.Struct, frozen=True):
    """With whom a scorer sides on the clips that a reference and people rank far apart.

    Attributes:
        scorer: its name.
        with_people, with_reference: clips that it ranks nearer to the one than to the other.
        share: of the clips on people's side among both; 0.5 is what chance gives.
    """

    scorer: str
    with_people: int
    with_reference: int
    share: Estimate


class ContestedClip(msgspec.Struct, frozen=True):
    """A clip that a reference and people rank far apart.

    Attributes:
        clip: its key.
        reference_value, people_value: what the two columns say.
        difference: by how much higher the reference ranks it, in shares of all clips.
        opinions: the score of each scorer that has one.
        with_people: of these, whether it is on people's side; without those in the middle.
    """

    clip: str
    reference_value: float
    people_value: float
    difference: float
    opinions: dict[str, float]
    with_people: dict[str, bool]


class Sides(msgspec.Struct, frozen=True):
    """Where a reference and people disagree, and with whom each scorer sides.

    Attributes:
        reference, people: the two columns.
        clips: that both have a value for.
        apart: clips that they rank at least a quarter of all clips apart.
        scorers: the side of each.
        contested: the clips, those furthest apart first, of each way at most a hundred.
    """

    reference: str
    people: str
    clips: int
    apart: int
    scorers: list[ScorerSide]
    contested: list[ContestedClip]


class Added(msgspec.Struct, frozen=True):
    """What a scorer adds to a reference in explaining what people say.

    Attributes:
        scorer: its name.
        spearman: its rank correlation with people.
        partial: the correlation of what the reference leaves unexplained of both.
        gain: by how much more of the variance of people's values a linear fit on reference and
            scorer explains, of clips that it was not fitted to, than one on the reference alone.
    """

    scorer: str
    spearman: Estimate
    partial: Estimate
    gain: Estimate


class Band(msgspec.Struct, frozen=True):
    """How far reference and scorers go along with people, among all clips or the best ones.

    Attributes:
        reference, people: the two columns.
        least: the value of the reference that the band begins at (ends at, where lower is better);
            None for all clips.
        spearman: the rank correlation of the reference with people.
        scorers: each one.
    """

    reference: str
    people: str
    least: float | None
    spearman: Estimate
    scorers: list[Added]


class Spread(msgspec.Struct, frozen=True):
    """How much of the variance of a scorer's scores lies between sources, how much within them.

    Attributes:
        scorer: its name.
        sources: that have scores.
        within, between: the variances, in squares of the score's unit; None for not enough.
        share_between: of both, that between sources (an intraclass correlation), by clips.
    """

    scorer: str
    sources: int
    within: float | None
    between: float | None
    share_between: Estimate


class SourceLevel(msgspec.Struct, frozen=True):
    """What a scorer says of one source.

    Attributes:
        source: its name.
        clips: that have a score and a value of the reference.
        best_clip: the one that the reference likes best.
        reference_value, score: of that clip.
        liked_better: the share of the clips of other sources that the scorer likes better.
        slope: by how much the score gets better where the reference gets better by one.
        disliked: whether `liked_better` is more than three quarters, and hardly by chance: even at
            its best it is worse than most of the clips of other sources.
    """

    source: str
    clips: int
    best_clip: str
    reference_value: float
    score: float
    liked_better: Estimate
    slope: Estimate
    disliked: bool


class Ladder(msgspec.Struct, frozen=True):
    """How a scorer goes along with a reference within sources.

    Attributes:
        scorer: its name.
        reference: the column that orders the encodes of a source.
        slope: the mean over sources of the slope within each, n being sources.
        disliked: how many sources are disliked even at their best.
        levels: the sources, those liked least at their best first, at most a hundred.
    """

    scorer: str
    reference: str
    slope: Estimate
    disliked: int
    levels: list[SourceLevel]


class Sources(msgspec.Struct, frozen=True):
    """Whether scores tell sources apart, or encodes of them.

    Attributes:
        clips: that are of a known source.
        sources: how many.
        spreads: of each scorer.
        ladders: of each scorer, empty without a reference.
    """

    clips: int
    sources: int
    spreads: list[Spread]
    ladders: list[Ladder]


class SubsetScorer(msgspec.Struct, frozen=True):
    """A scorer's coverage of a subset.

    Attributes:
        scorer: its name.
        ok, bad, missing: rows by status.
        share: of ok rows.
        hole: it is lower than elsewhere in the table, and hardly by chance (Fisher's exact test,
            p < 0.01); or there is none here, and some elsewhere.
    """

    scorer: str
    ok: int
    bad: int
    missing: int
    share: Estimate
    hole: bool


class Subset(msgspec.Struct, frozen=True):
    """The rows that have one value in a column, None being no value, and each scorer's coverage."""

    value: str | None
    rows: int
    scorers: list[SubsetScorer]

    @property
    def has_hole(self) -> bool:
        """Whether some scorer covers it worse than the rest of the table."""
        return any(scorer.hole for scorer in self.scorers)


class SubsetColumn(msgspec.Struct, frozen=True):
    """Coverage by the values of a column.

    Attributes:
        column: its name.
        values: how many it has.
        subsets: those with holes first, then the largest; at most a hundred.
    """

    column: str
    values: int
    subsets: list[Subset]


class Aligned(msgspec.Struct, frozen=True):
    """Scores mapped to one scale, on which 0 is worst and 100 is best: a view.

    Attributes:
        mean: with its interval.
        quantiles: the values below which 5, 25, 50, 75 and 95 % of the clips are.
    """

    mean: Estimate
    quantiles: list[float]


class Distribution(msgspec.Struct, frozen=True):
    """How a scorer's ok scores are distributed, a value a clip.

    Attributes:
        scorer: its name.
        direction: which way they get better, None where nobody declared it.
        scale: the name of the declared scale, None for none.
        mean, median: with their intervals.
        least, greatest: the range of the scores; None without any.
        edges, counts: the histogram, over the declared scale if it has both bounds.
        aligned: the scores on one scale.
        not_aligned: why they are not on it; None if they are.
    """

    scorer: str
    direction: Direction | None
    scale: str | None
    mean: Estimate
    median: Estimate
    least: float | None
    greatest: float | None
    edges: list[float]
    counts: list[int]
    aligned: Aligned | None
    not_aligned: str | None


class Answers(msgspec.Struct, frozen=True):
    """The answers for one table.

    Attributes:
        sides: where a reference and people disagree, by reference and column of people.
        sources: whether scores tell sources or encodes apart; None where sources are not known.
        bands: all clips and the best ones, by reference and column of people.
        subsets: coverage by the columns that the manifest names.
        distributions: of each scorer's scores.
    """

    sides: list[Sides]
    sources: Sources | None
    bands: list[Band]
    subsets: list[SubsetColumn]
    distributions: list[Distribution]
