"""Ways of reading the keys of a table and its sidecars, and what the join would count by each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import JoinOptions, KeyNormalize
from second_opinion_assets.contract.tally import KeyRemedy, Tally
from second_opinion_assets.join.key_remedies import common_fields
from second_opinion_assets.matching.counts import count
from second_opinion_assets.matching.keys import KeyColumn, Normalizer
from second_opinion_assets.matching.match import match
from second_opinion_assets.matching.remedies import RemedySearch
from second_opinion_assets.scores.clip_keys import by_clip
from second_opinion_assets.scores.keyed_scorers import KeyedScorers, key_scorers
from second_opinion_assets.scores.score_table import ScoreTable, one_table_a_scorer


class Reading(msgspec.Struct, frozen=True):
    """One way of reading keys, and what the join would count by it.

    Attributes:
        key_column: column of the feature table.
        key_normalize: the mode.
        resolved: the mode that `auto` comes to for the key column; else the mode itself.
        score_key_field: the field of score rows, where it is another than is taken by itself.
        key_pattern: the pattern, where it is another than was asked for.
        tally: what would be counted; None where it would not get that far.
        problem: why it would not.
    """

    key_column: str
    key_normalize: KeyNormalize
    resolved: KeyNormalize
    score_key_field: str | None = None
    key_pattern: str | None = None
    tally: Tally | None = None
    problem: str | None = None

    @property
    def ok_rows(self) -> int:
        """Rows with an ok score, added up over scorers; below 0 where none would be counted."""
        return -1 if self.tally is None else self.tally.matched_rows


def read_by_clip(
    asked: str,
    columns: Mapping[str, KeyColumn],
    sidecars: Sequence[Sequence[ScoreTable]],
    options: JoinOptions,
) -> tuple[str, list[Reading]]:
    """Return the column that would hold the key, and the ways of reading keys, first as asked.

    Args:
        asked: the column that would hold it, were it not for a finer one on both sides.
        columns: all columns that may.
        sidecars: the scores of each sidecar.
        options: of the join, as asked.
    """
    try:
        merged = one_table_a_scorer(sidecars, options.prefix)
        column, tables = by_clip(merged, asked, columns, options)
    except JoinError as error:
        mode = options.key_normalize
        resolved = Normalizer(mode, asked).mode
        return asked, [Reading(asked, mode, resolved, problem=str(error))]
    columns = {column: columns[column], **columns}
    return column, list(_readings(columns, tables, options))


def _readings(
    columns: Mapping[str, KeyColumn], tables: Sequence[ScoreTable], options: JoinOptions
) -> Iterator[Reading]:
    """Yield what each way of reading keys would find; the first column is the one as asked."""
    modes = list(dict.fromkeys([options.key_normalize, *KeyNormalize]))
    by_mode = {mode: replace(options, key_normalize=mode) for mode in modes}
    keyed = {mode: _keyed(tables, by_mode[mode]) for mode in modes}
    readings = [
        _reading(column, columns[column], keyed[mode], by_mode[mode])
        for column in columns
        for mode in modes
    ]
    yield from readings
    fields = common_fields(tables)
    lacking = [table for table in tables if _most_found(table.scorer, readings) <= len(table) / 2]
    searches = (RemedySearch(table, fields, columns, options) for table in lacking)
    for remedy in dict.fromkeys(search.best() for search in searches):
        if remedy and (remedy.score_key_field or remedy.key_pattern):
            yield _by_remedy(remedy, columns, tables, options)


def _most_found(scorer_name: str, readings: Sequence[Reading]) -> int:
    """Return how many keys of a scorer the best reading finds."""
    tallies = (reading.tally.scorers[scorer_name] for reading in readings if reading.tally)
    return max((tally.scores_loaded - tally.unmatched_keys for tally in tallies), default=0)


def _by_remedy(
    remedy: KeyRemedy,
    columns: Mapping[str, KeyColumn],
    tables: Sequence[ScoreTable],
    options: JoinOptions,
) -> Reading:
    """Return what a remedy would find; it is one for all scorers."""
    if field := remedy.score_key_field:
        tables = [table.keyed_by(field) for table in tables]
    if pattern := remedy.key_pattern:
        tables = [table.reduced_by(pattern) for table in tables]
    column = remedy.key_column or next(iter(columns))
    mode = KeyNormalize(remedy.key_normalize or options.key_normalize)
    changed = replace(options, key_normalize=mode, key_pattern=pattern or options.key_pattern)
    reading = _reading(column, columns[column], _keyed(tables, changed), changed)
    return replace(reading, score_key_field=field, key_pattern=pattern)


def _keyed(tables: Sequence[ScoreTable], options: JoinOptions) -> KeyedScorers | str:
    """Return the scorers with their keys as these options read them, or why that cannot be."""
    try:
        return key_scorers(tables, options)
    except JoinError as error:
        return str(error)


def _reading(
    column: str, keys: KeyColumn, keyed: KeyedScorers | str, options: JoinOptions
) -> Reading:
    """Return what the join would count with the keys of a column."""
    resolved = Normalizer(options.key_normalize, column).mode
    reading = Reading(column, options.key_normalize, resolved)
    if isinstance(keyed, str):
        return replace(reading, problem=keyed)
    found = match(keyed.numbering, keyed.scorers, keys, column, options)
    added = [scorer.columns(rows) for scorer, rows in zip(keyed.scorers, found.rows, strict=True)]
    tally = count(found, keyed.scorers, added, options.prefix, kept=None)
    return replace(reading, tally=tally)
