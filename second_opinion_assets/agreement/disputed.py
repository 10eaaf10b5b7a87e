"""The clips that second opinions and a reference rank furthest apart, for a person to look at."""

from __future__ import annotations

from math import isnan

import pandas as pd

from second_opinion_assets.agreement.agreement import DisputedClip
from second_opinion_assets.agreement.clips import Clips

LEAST_DIFFERENCE = 0.25
"""Ranks closer than a quarter of all clips are no dispute."""
KEPT_CLIPS = 100
"""Of each reference on each side."""


def disputed_clips(clips: Clips, reference: str, differences: pd.DataFrame) -> list[DisputedClip]:
    """Return the clips that the scorers together rank furthest from a reference.

    Args:
        clips: the values.
        reference: the column that the clips were ranked by as well.
        differences: how much higher each scorer ranks a clip, in shares of the clips that both
            rank; a row a clip, a column a scorer, NaN for none.

    Returns:
        The most disputed first, whichever way; of each way at most `KEPT_CLIPS`.
    """
    if differences.empty:
        return []
    mean = differences.mean(axis=1)
    furthest = pd.concat(
        [
            mean[mean >= LEAST_DIFFERENCE].nlargest(KEPT_CLIPS),
            mean[mean <= -LEAST_DIFFERENCE].nsmallest(KEPT_CLIPS),
        ]
    )
    furthest = furthest.sort_values(key=lambda found: -found.abs(), kind="stable")
    values = clips.references[reference].to_numpy()
    by_scorer = {
        name: (clips.opinions[name].to_numpy(), column.to_numpy())
        for name, column in differences.items()
    }
    found = []
    for at, difference in furthest.items():
        rated = {n: (s[at], d[at]) for n, (s, d) in by_scorer.items() if not isnan(d[at])}
        found.append(
            DisputedClip(
                clip=clips.opinions.index[at],
                reference_value=float(values[at]),
                opinions={name: float(score) for name, (score, _) in rated.items()},
                difference=float(difference),
                differences={name: float(apart) for name, (_, apart) in rated.items()},
            )
        )
    return found
