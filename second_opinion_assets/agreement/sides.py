"""Where a reference and people disagree, with whom does a scorer side?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from second_opinion_assets.agreement.answers import ContestedClip, ScorerSide, Sides
from second_opinion_assets.agreement.clips import Clips
from second_opinion_assets.agreement.disputed import KEPT_CLIPS, LEAST_DIFFERENCE
from second_opinion_assets.agreement.estimates import Numbers, share

_DIGITS = 9


class Turned(NamedTuple):
    """The values of clips, turned so that more is always better."""

    opinions: pd.DataFrame
    references: pd.DataFrame


def sides(clips: Clips, turned: Turned, reference: str, people: str) -> Sides:
    """Return the clips that a reference and people rank far apart, and each scorer's side.

    A scorer is on the side of the one whose rank of the clip is nearer to its own. The ranks are
    those among the clips that all three have values for.

    Args:
        clips: the values as they are.
        turned: the same, turned.
        reference: a column that is no judgement of people.
        people: one that is.
    """
    one, other = (turned.references[name].to_numpy() for name in (reference, people))
    (both,) = np.nonzero(~(np.isnan(one) | np.isnan(other)))
    # A difference of just a quarter counts, whatever its last digit.
    apart = np.round(_shares(one[both]) - _shares(other[both]), _DIGITS)
    far = np.zeros(len(one), dtype=bool)
    far[both] = np.abs(apart) >= LEAST_DIFFERENCE
    nearer = {
        name: _nearer(column.to_numpy(), one, other) for name, column in turned.opinions.items()
    }
    scorers = []
    for name, near in nearer.items():
        with_people, with_reference = int((near[far] > 0).sum()), int((near[far] < 0).sum())
        decided = with_people + with_reference
        found = share(with_people, decided)
        scorers.append(ScorerSide(name, with_people, with_reference, found))
    furthest = _furthest(pd.Series(apart, index=both)[far[both]])
    return Sides(
        reference=reference,
        people=people,
        clips=len(both),
        apart=int(far.sum()),
        scorers=scorers,
        contested=[
            _contested(clips, (reference, people), at, float(difference), nearer)
            for at, difference in furthest.items()
        ],
    )


def _nearer(scorer: Numbers, reference: Numbers, people: Numbers) -> Numbers:
    """Return how much nearer a scorer's rank is to people's than to the reference's, by clip.

    0 is in the middle, and NaN is no value.
    """
    near = np.full(len(scorer), np.nan)
    (all_three,) = np.nonzero(~(np.isnan(scorer) | np.isnan(reference) | np.isnan(people)))
    own, one, other = (_shares(column[all_three]) for column in (scorer, reference, people))
    near[all_three] = np.round(np.abs(own - one) - np.abs(own - other), _DIGITS)
    return near


def _furthest(apart: pd.Series) -> pd.Series:
    both = [apart[apart > 0].nlargest(KEPT_CLIPS), apart[apart < 0].nsmallest(KEPT_CLIPS)]
    return pd.concat(both).sort_values(key=lambda found: -found.abs(), kind="stable")


def _contested(
    clips: Clips,
    names: tuple[str, str],
    at: int,
    difference: float,
    nearer: dict[str, NDArray[np.float64]],
) -> ContestedClip:
    reference_value, people_value = (float(clips.references[name].iloc[at]) for name in names)
    scores = {name: float(clips.opinions[name].iloc[at]) for name in clips.opinions}
    return ContestedClip(
        clip=clips.opinions.index[at],
        reference_value=reference_value,
        people_value=people_value,
        difference=difference,
        opinions={name: score for name, score in scores.items() if not np.isnan(score)},
        with_people={
            name: bool(near[at] > 0) for name, near in nearer.items() if abs(near[at]) > 0
        },
    )


def _shares(values: Numbers) -> Numbers:
    ranks: Numbers = stats.rankdata(values)
    return (ranks - 0.5) / max(1, len(values))
