"""The scorers of a table with their keys: normalised, numbered together, each key once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from second_opinion_assets.contract.columns import Integers, ScorerColumns, source_cell
from second_opinion_assets.contract.errors import Problems
from second_opinion_assets.contract.options import JoinOptions, KeyNormalize
from second_opinion_assets.matching.match import Numbering, number_keys
from second_opinion_assets.scores.repeats import Repeats, distinct
from second_opinion_assets.scores.score_table import ScoreTable


class Scorer(NamedTuple):
    """The distinct rows of one scorer.

    Attributes:
        rows: the rows, each with a key of its own.
        numbers: the number of each row's key among those of all scorers.
        repeats: what became of further rows of their keys.
    """

    rows: ScoreTable
    numbers: Integers
    repeats: Repeats

    @property
    def name(self) -> str:
        return self.rows.scorer

    def columns(self, rows: Integers) -> ScorerColumns:
        """Return what the scorer adds to feature rows of which each gets one of its rows."""
        sources = (*(source_cell(source.written) for source in self.rows.sources), "")
        return ScorerColumns(self.name, self.rows.values(), sources, rows)


class KeyedScorers(NamedTuple):
    """The scorers of a table, their keys numbered together."""

    numbering: Numbering
    scorers: list[Scorer]


def key_scorers(tables: Sequence[ScoreTable], options: JoinOptions) -> KeyedScorers:
    """Normalise and number the keys of all scorers, and leave out rows that repeat another.

    Raises:
        JoinError: an empty key, or different rows of one key.
    """
    columns = [table.normalized(options.key_normalize) for table in tables]
    problems = Problems()
    for table, keys in zip(tables, columns, strict=True):
        empty = np.flatnonzero(pc.equal(pc.binary_length(keys), 0).to_numpy(zero_copy_only=False))
        if len(empty):
            row = int(empty[0])
            problems.add(f"{table.where(row)}: the key {table.key_field(row)} is empty")
    numbering = number_keys(columns)
    scorers = []
    for table, numbers in zip(tables, numbering.numbers, strict=True):
        with problems.at():
            scorers.append(Scorer(*distinct(table, numbers, numbering.keys, options.duplicates)))
    problems.refuse()
    numbering = Numbering(numbering.keys, [scorer.numbers for scorer in scorers])
    if options.key_normalize is KeyNormalize.suffix:
        numbering = numbering.by_last_component()
        scorers = [
            scorer._replace(numbers=numbers)
            for scorer, numbers in zip(scorers, numbering.numbers, strict=True)
        ]
    return KeyedScorers(numbering, scorers)
