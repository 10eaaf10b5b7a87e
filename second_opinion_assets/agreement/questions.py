"""Asks the questions that second opinions are for, of the values of one table's clips."""

from __future__ import annotations

from second_opinion_assets.agreement.answers import Answers
from second_opinion_assets.agreement.clips import Clips
from second_opinion_assets.agreement.distributions import distribution
from second_opinion_assets.agreement.saturation import bands
from second_opinion_assets.agreement.sides import Turned, sides
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
    return Answers(
        sides=[sides(clips, turned, *pair) for pair in pairs],
        bands=[band for pair in pairs for band in bands(clips, turned, pair, None)],
        distributions=[
            distribution(name, column.to_numpy(), registry.facts(name))
            for name, column in clips.opinions.items()
        ],
    )
