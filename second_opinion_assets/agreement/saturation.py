"""Does a scorer see where a full-reference metric saturates, and what does it add to it?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from second_opinion_assets.agreement.answers import Added, Band
from second_opinion_assets.agreement.clips import Clips
from second_opinion_assets.agreement.estimates import (
    Numbers,
    cross_validated_gain,
    partial_correlation,
    spearman,
)
from second_opinion_assets.agreement.sides import Turned

TOP = 0.75
"""The top band begins at this share of the clips: it is the best quarter, with ties."""


def bands(
    clips: Clips, turned: Turned, names: tuple[str, str], sources: NDArray[np.intp] | None
) -> Iterator[Band]:
    """Yield how reference and scorers go along with people, among all clips and in the top band.

    Args:
        clips: the values as they are.
        turned: the same, turned so that more is always better.
        names: of a column that is no judgement of people, and of one that is.
        sources: the number of each clip's source; None where sources are not known.
    """
    reference, people = names
    one, other = (turned.references[name].to_numpy() for name in names)
    both = ~(np.isnan(one) | np.isnan(other))
    ranges: list[tuple[float | None, NDArray[np.bool_]]] = [(None, both)]
    if both.any():
        least = np.quantile(one[both], TOP, method="higher")
        begins = float(clips.references[reference].to_numpy()[one == least][0])
        ranges.append((begins, both & (one >= least)))
    for begins_at, within in ranges:
        yield Band(
            reference=reference,
            people=people,
            least=begins_at,
            spearman=spearman((one[within], other[within]), names),
            scorers=[
                _added(name, (column.to_numpy(), one, other), within, names, sources)
                for name, column in turned.opinions.items()
            ],
        )


def _added(
    scorer: str,
    columns: tuple[Numbers, Numbers, Numbers],
    within: NDArray[np.bool_],
    names: tuple[str, str],
    sources: NDArray[np.intp] | None,
) -> Added:
    """Return what a scorer adds, by the clips of a band that have all three values."""
    kept = within & ~np.isnan(columns[0])
    opinion, reference, people = (column[kept] for column in columns)
    pair, pair_names = (opinion, people), (scorer, names[1])
    return Added(
        scorer=scorer,
        spearman=spearman(pair, pair_names),
        partial=partial_correlation(pair, pair_names, reference),
        gain=cross_validated_gain(
            people, reference, opinion, names[1], None if sources is None else sources[kept]
        ),
    )
