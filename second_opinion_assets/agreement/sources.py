"""Camera defect or encode artefact? How scores vary between sources and within them."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from second_opinion_assets.agreement.answers import Ladder, SourceLevel, Sources, Spread
from second_opinion_assets.agreement.clips import Clips
from second_opinion_assets.agreement.estimates import (
    LEAST_ON_A_LINE,
    LEAST_SOURCES,
    Numbers,
    mean,
    share,
    slope,
    variance_components,
)
from second_opinion_assets.agreement.sides import Turned

KEPT_SOURCES = 100
DISLIKED = 0.75
"""A source is disliked if surely more than this share of the clips of others are liked better."""
_LEAST_ENCODES = 2


class Grouped(NamedTuple):
    """The clips of a table by source.

    Attributes:
        numbers: of each clip's source; -1 for none.
        names: of the sources.
    """

    numbers: NDArray[np.intp]
    names: NDArray[np.object_]

    @classmethod
    def of(cls, sources: NDArray[np.object_]) -> Self:
        """Number the sources of clips."""
        return cls(*pd.factorize(sources))

    @property
    def units(self) -> NDArray[np.intp]:
        """The number of each clip's source, or one of its own where it has none."""
        own = len(self.names) + np.arange(len(self.numbers))
        return np.where(self.numbers < 0, own, self.numbers)


def sources(clips: Clips, turned: Turned, grouped: Grouped, reference: str | None) -> Sources:
    """Return whether each scorer tells sources apart, or the encodes of them.

    Args:
        clips: the values as they are.
        turned: the same, turned so that more is always better.
        grouped: the clips by source.
        reference: the column that orders the encodes of a source; None for none.
    """
    return Sources(
        clips=int((grouped.numbers >= 0).sum()),
        sources=len(grouped.names),
        spreads=[
            _spread(name, column.to_numpy(), grouped) for name, column in clips.opinions.items()
        ],
        ladders=[]
        if reference is None
        else [_ladder(clips, turned, grouped, name, reference) for name in clips.opinions],
    )


def _spread(scorer: str, scores: Numbers, grouped: Grouped) -> Spread:
    kept = ~np.isnan(scores) & (grouped.numbers >= 0)
    found = variance_components(scores[kept], grouped.numbers[kept])
    return Spread(scorer, len(np.unique(grouped.numbers[kept])), *found)


def _ladder(clips: Clips, turned: Turned, grouped: Grouped, scorer: str, reference: str) -> Ladder:
    frame = pd.DataFrame(
        {
            "source": grouped.numbers,
            "x": turned.references[reference].to_numpy(),
            "y": turned.opinions[scorer].to_numpy(),
        }
    )
    frame = frame[frame["source"] >= 0].dropna()
    frame = frame[frame.groupby("source")["x"].transform("size") >= _LEAST_ENCODES]
    best = frame.loc[frame.groupby("source")["x"].idxmax()].set_index("source")
    liked_better = _liked_better(frame, best)
    order = (liked_better["better"] / liked_better["others"]).sort_values(
        ascending=False, kind="stable"
    )
    levels: list[SourceLevel] = []
    disliked = 0
    for number, worse_than in order.items():
        better, others = map(int, liked_better.loc[number])
        found = share(better, others, "clips of others")
        is_disliked = found.low is not None and found.low > DISLIKED
        disliked += is_disliked
        if len(levels) < KEPT_SOURCES:
            own = frame[frame["source"] == number]
            at = int(own["x"].idxmax())
            levels.append(
                SourceLevel(
                    source=str(grouped.names[number]),
                    clips=len(own),
                    best_clip=clips.opinions.index[at],
                    reference_value=float(clips.references[reference].iloc[at]),
                    score=float(clips.opinions[scorer].iloc[at]),
                    liked_better=found,
                    slope=slope(own["x"].to_numpy(), own["y"].to_numpy()),
                    disliked=is_disliked,
                )
            )
        elif not worse_than > DISLIKED:
            break
    return Ladder(
        scorer=scorer,
        reference=reference,
        slope=mean(_slopes(frame), LEAST_SOURCES, "sources"),
        disliked=disliked,
        levels=levels,
    )


def _liked_better(frame: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """Return how many clips of other sources are better than a source's best, and of how many."""
    everywhere = np.sort(frame["y"].to_numpy())
    above = len(frame) - np.searchsorted(everywhere, best["y"].to_numpy(), side="right")
    own_best = frame["source"].map(best["y"])
    own_above = (frame["y"] > own_best).groupby(frame["source"]).sum()
    others = len(frame) - frame.groupby("source").size()
    return pd.DataFrame({"better": above - own_above, "others": others})


def _slopes(frame: pd.DataFrame) -> Numbers:
    """Return the slope of the least-squares line of each source that has enough encodes."""
    by_source = frame.groupby("source")
    around = frame[["x", "y"]] - by_source[["x", "y"]].transform("mean")
    products = pd.DataFrame({"xy": around["x"] * around["y"], "xx": around["x"] ** 2})
    sums = products.groupby(frame["source"]).sum()
    enough = (by_source.size() >= LEAST_ON_A_LINE) & (by_source["x"].min() < by_source["x"].max())
    sums = sums[enough & (sums["xx"] > 0)]
    found: Numbers = (sums["xy"] / sums["xx"]).to_numpy()
    return found[np.isfinite(found)]
