"""Holds every scorer of a table against its references and against the other scorers.

Values come from `clips`, the figures from `statistics`; how it all reads does not belong here.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from second_opinion_assets.agreement.agreement import Agreement, Pair
from second_opinion_assets.agreement.clips import Clips
from second_opinion_assets.agreement.disputed import disputed_clips
from second_opinion_assets.agreement.questions import answers
from second_opinion_assets.agreement.sides import Turned
from second_opinion_assets.agreement.statistics import Paired, correlate
from second_opinion_assets.registry.facts import Direction, Registry, spelling
from second_opinion_assets.registry.references import ChosenReferences

_LEAST_NAME = 4


class _Column(NamedTuple):
    """A column, turned where lower is better, so that more is always better."""

    name: str
    values: NDArray[np.float64]


class _Held(NamedTuple):
    """A pair, and by how much higher the first ranks each clip than the second, or None."""

    pair: Pair
    differences: NDArray[np.float64] | None


def compare(
    clips: Clips, chosen: ChosenReferences, registry: Registry, dataset_hints: Iterable[str] = ()
) -> Agreement:
    """Hold the opinions on a table against its references and against one another.

    Args:
        clips: the values of the table.
        chosen: its references.
        registry: what is known of the scorers.
        dataset_hints: texts that may name the data set of the table: its id, its file's name.
    """
    scorers = {name: registry.direction(name) for name in clips.opinions}
    opinions = [_turned(clips.opinions, *item) for item in scorers.items()]
    references = [_turned(clips.references, *item) for item in chosen.directions.items()]
    against = [(opinion, reference) for reference in references for opinion in opinions]
    between = list(combinations(opinions, 2))
    # Sorting, which is most of the work, leaves the interpreter to others.
    with ThreadPoolExecutor() as threads:
        held = list(threads.map(_hold, [*against, *between]))
    return Agreement(
        rows=clips.rows,
        clips=len(clips.opinions),
        scorers=scorers,
        references=chosen.directions,
        against_references=[found.pair for found in held[: len(against)]],
        between_scorers=[found.pair for found in held[len(against) :]],
        disputed={
            name: disputed_clips(clips, name, _differences(held[: len(against)], name))
            for name in chosen.directions
        },
        answers=answers(clips, Turned(_frame(opinions), _frame(references)), chosen, registry),
        notes=[*_notes(clips, chosen, scorers), *_leaks(registry, scorers, dataset_hints)],
    )


def _turned(frame: pd.DataFrame, name: str, direction: Direction | None) -> _Column:
    values: NDArray[np.float64] = frame[name].to_numpy()
    return _Column(name, -values if direction is Direction.LOWER else values)


def _frame(columns: list[_Column]) -> pd.DataFrame:
    return pd.DataFrame(dict(columns))


def _hold(columns: tuple[_Column, _Column]) -> _Held:
    first, second = columns
    paired = Paired.of(first.values, second.values)
    correlation = correlate(paired, (first.name, second.name))
    pair = Pair(first.name, second.name, correlation)
    if correlation.not_enough is not None:
        return _Held(pair, None)
    differences = np.full(len(first.values), np.nan)
    differences[paired.positions] = paired.differences
    return _Held(pair, differences)


def _differences(held: list[_Held], reference: str) -> pd.DataFrame:
    """Return the differences of all scorers from one reference, a row a clip."""
    return pd.DataFrame(
        {
            pair.scorer: differences
            for pair, differences in held
            if pair.other == reference and differences is not None
        }
    )


def _notes(
    clips: Clips, chosen: ChosenReferences, scorers: dict[str, Direction | None]
) -> list[str]:
    notes = []
    if clips.many_rows:
        notes.append(
            f"The table has {clips.rows} rows of {len(clips.opinions)} clips; each clip's values "
            "are the means of its rows."
        )
    if not chosen.directions:
        notes.append(
            "The table has no reference column (vmaf*, mos*, dmos*, or what the manifest names by "
            "`references`), so scorers are held against one another alone."
        )
    notes.extend(f"Reference {text} is no column of the table." for text in chosen.absent)
    notes.extend(f"{text}, to group by, is no column of the table." for text in clips.absent)
    notes.extend(
        f"{count} values of {name} are no finite numbers and are left out."
        for name, count in clips.no_numbers.items()
    )
    undeclared = [name for name, direction in scorers.items() if direction is None]
    if undeclared:
        notes.append(
            f"No direction is declared for {', '.join(undeclared)}; higher is taken for better."
        )
    return notes


def _leaks(registry: Registry, scorers: Iterable[str], dataset_hints: Iterable[str]) -> list[str]:
    """Return which scorers learnt from the set that the table seems to be of."""
    texts = [spelling(text) for text in dataset_hints]
    return [
        f"{name} learnt from {known}, which this table seems to be of: it is no fair judge here."
        for name in scorers
        for known in registry.facts(name).trained_on or ()
        if len(spelling(known)) >= _LEAST_NAME and any(spelling(known) in text for text in texts)
    ]
