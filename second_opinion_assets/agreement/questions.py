"""Asks the questions that second opinions are for, of the values of one table's clips."""

from __future__ import annotations

from second_opinion_assets.agreement.answers import Answers
from second_opinion_assets.agreement.clips import Clips
from second_opinion_assets.agreement.distributions import distribution
from second_opinion_assets.agreement.saturation import bands
from second_opinion_assets.agreement.sides import Turned, sides
from second_opinion_assets.agreement.sources import Grouped, sources
from second_opinion_assets.agreement.subsets import subsets
from second_opinion_assets.registry.facts import Registry
from second_opinion_assets.registry.references import ChosenReferences


def answers(clips: Clips, turned: Turned, chosen: ChosenReferences, registry: Registry) -> Answers:
    """Return the answers for one table.

    Args:
        clips: the values as they are.
        turned: the same, turned so that more is always better.
        chosen: which columns are references, and which of them tell what people say.
        registry: what is known of the scorers.
    """
    people = [name for name in chosen.directions if name in chosen.people]
    pairs = [
        (name, other) for name in chosen.directions if name not in chosen.people for other in people
    ]
    grouped = None if clips.sources is None else Grouped.of(clips.sources)
    units = None if grouped is None else grouped.units
    ladder = next((name for name in chosen.directions if name not in chosen.people), None)
    return Answers(
        sides=[sides(clips, turned, *pair) for pair in pairs],
        sources=grouped and sources(clips, turned, grouped, ladder or next(iter(people), None)),
        bands=[band for pair in pairs for band in bands(clips, turned, pair, units)],
        subsets=subsets(clips.subsets, list(clips.opinions)),
        distributions=[
            distribution(name, column.to_numpy(), registry.facts(name))
            for name, column in clips.opinions.items()
        ],
    )
