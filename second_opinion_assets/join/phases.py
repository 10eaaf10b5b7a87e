"""The first two phases of a join, read and match, whatever becomes of the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from second_opinion_assets.contract.columns import (
    ScorerColumns,
    Status,
    column_names,
    shown_values,
)
from second_opinion_assets.contract.errors import Problems
from second_opinion_assets.contract.options import MissingPolicy
from second_opinion_assets.contract.tally import ScorerTally, Tally
from second_opinion_assets.join.key_remedies import add_remedies
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.matching.counts import count, rows_with_every_scorer
from second_opinion_assets.matching.key_hints import few_keys_found
from second_opinion_assets.matching.keys import KeyColumn
from second_opinion_assets.matching.match import Match, match
from second_opinion_assets.registry.aligned import on_one_scale, why_not_aligned
from second_opinion_assets.scores.clip_keys import by_clip, further_key_names
from second_opinion_assets.scores.keyed_scorers import KeyedScorers, key_scorers
from second_opinion_assets.scores.read import read_scores
from second_opinion_assets.scores.score_table import ScoreTable
from second_opinion_assets.scores.sidecar import SidecarInput
from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.storage.limits import refuse_fields
from second_opinion_assets.storage.reading import Input, Progress
from second_opinion_assets.tables.table import Added, KeyTable, read_keys

PREVIEW_ROWS = 5
_Table = TypeVar("_Table", bound=KeyTable)


class Inputs(NamedTuple, Generic[_Table]):
    """What was read: the scores, and the feature table's keys."""

    keyed: KeyedScorers
    sidecars: list[SidecarInput]
    table: _Table
    key_column: str
    columns: dict[str, KeyColumn]


def read_inputs(
    spec: TableSpec, open_features: Callable[[], _Table], progress: Progress | None = None
) -> Inputs[_Table]:
    """Read the sidecars and the keys of the feature table; what is wrong with both is told.

    Args:
        spec: what is asked for.
        open_features: opens the feature table, which the rows of the output will come from.
        progress: told of input bytes as they are done.
    """
    problems, options = Problems(), spec.options
    scores: Sequence[ScoreTable] = ()
    with problems.at():
        scores, sidecars = read_scores(spec.scores, options, progress, spec.scorer_name)
    with problems.at():
        table = open_features()
        also = further_key_names(scores)
        columns = read_keys(table, options.key_column, spec.features, also)
    problems.refuse()
    key_column, scores = by_clip(scores, next(iter(columns)), columns, options)
    keyed = key_scorers(scores, options)
    scorers = [scorer.name for scorer in keyed.scorers]
    aligned = list(filter(spec.aligns, scorers))
    names = column_names(scorers, options.prefix, aligned)
    # Scores that are replaced leave no aligned ones of an earlier join behind.
    replaced = column_names(scorers, options.prefix, scorers) if options.overwrite else names
    table.append(replaced, overwrite=options.overwrite)
    refuse_fields(len(table.columns) + len(names), spec.out)
    return Inputs(keyed, sidecars, table, key_column, columns)


class Matched(NamedTuple):
    """What matching found."""

    match: Match
    added: Added
    tally: Tally

    def preview(self, key_column: str) -> list[dict[str, Any]]:
        """Return key and appended columns of the first output rows."""
        kept = self.added.kept
        rows = range(len(self.match.features.codes)) if kept is None else np.flatnonzero(kept)
        return [
            {
                key_column: self.match.features.key(int(row)),
                **shown_values(self.added.scorers, self.added.prefix, int(row)),
            }
            for row in rows[:PREVIEW_ROWS]
        ]


def match_inputs(spec: TableSpec, inputs: Inputs[_Table], features: Input | Frame) -> Matched:
    """Match the feature rows, count what was found, and ask what would find more of few keys."""
    options, keys = spec.options, inputs.columns[inputs.key_column]
    numbering, scorers = inputs.keyed
    found = match(numbering, scorers, keys, inputs.key_column, options)
    columns = [scorer.columns(rows) for scorer, rows in zip(scorers, found.rows, strict=True)]
    drops = options.missing_policy is MissingPolicy.drop
    kept = rows_with_every_scorer(columns) if drops else None
    tally = count(found, scorers, columns, options.prefix, kept)
    tally.non_finite_values = inputs.table.non_finite_values
    if options.aligned_scores:
        columns = [_with_aligned(spec, each, tally.scorers[each.scorer]) for each in columns]
    if doubtful := [s for s in scorers if few_keys_found(tally.scorers[s.name])]:
        add_remedies(doubtful, tally, inputs.key_column, features, options)
    return Matched(found, Added(columns, options.prefix, kept), tally)


def _with_aligned(spec: TableSpec, columns: ScorerColumns, tally: ScorerTally) -> ScorerColumns:
    """Return what a scorer adds with its scores on the one scale; tell why where there are none.

    Scores that hardly are on the scale that is declared are null there: they would be wrong.
    """
    facts = spec.registry.facts(columns.scorer)
    why = why_not_aligned(facts, tally.score_min, tally.score_max)
    if why:
        tally.not_aligned = why
    if not spec.aligns(columns.scorer):
        return columns
    entries = columns.entries
    ok = (entries.status == Status.ok) & (not why)
    return replace(columns, aligned=on_one_scale(np.where(ok, entries.score, np.nan), facts))
