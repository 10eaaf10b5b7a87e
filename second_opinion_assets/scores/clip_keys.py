"""The clip is the key: no score spreads over rows that a finer key on both sides tells apart.

Which columns are finer is asked of `matching.finer_keys`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow.compute as pc

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import ALL_KEY_NAMES
from second_opinion_assets.contract.options import JoinOptions, KeyNormalize
from second_opinion_assets.matching.finer_keys import FinerColumn, finer_columns
from second_opinion_assets.matching.keys import KeyColumn, Normalizer, last_components
from second_opinion_assets.scores.score_table import ScoreTable


def further_key_names(tables: Sequence[ScoreTable]) -> set[str]:
    """Return the usual names of keys that score rows carry, where that leaves a choice of key.

    They are in lower case; none where every row has its key alone.
    """
    if not any(table.columns.further_keys for table in tables):
        return set()
    return set(ALL_KEY_NAMES)


def by_clip(
    tables: Sequence[ScoreTable],
    chosen: str,
    columns: Mapping[str, KeyColumn],
    options: JoinOptions,
) -> tuple[str, Sequence[ScoreTable]]:
    """Return the column that holds the key, and the scores with their keys of that kind.

    Args:
        tables: the scores, with the keys that they were read with.
        chosen: the column of the feature table that would hold the key.
        columns: that column, and other usual ones.
        options: of the join.

    Raises:
        JoinError: a finer key is on both sides, and it is not certain how to use it.
    """
    named = options.key_column and options.score_key_field
    finer = [] if named else finer_columns(chosen, columns, options.key_normalize)
    if not finer or not any(_finer_fields(table) for table in tables):
        return chosen, tables
    for column in finer:
        field = column.name.lower()
        asked = {name.lower() for name in (options.key_column, options.score_key_field) if name}
        if asked <= {field} and all(table.has_key(field) for table in tables):
            by_field = [table.keyed_by(field) for table in tables]
            if _have_keys_in_common(by_field, column.name, columns[column.name], options):
                return column.name, by_field
    raise _not_certain(tables, chosen, finer)


def _have_keys_in_common(
    tables: Sequence[ScoreTable], name: str, column: KeyColumn, options: JoinOptions
) -> bool:
    """Return whether the two sides speak of the same: one may name frames, the other clips."""
    mode = options.key_normalize
    there = Normalizer(mode, name, options.key_pattern).array(column.texts)
    if mode is KeyNormalize.suffix:
        there = last_components(there)
    for table in tables:
        keys = table.normalized(mode)
        keys = last_components(keys) if mode is KeyNormalize.suffix else keys
        if not pc.any(pc.is_in(keys, value_set=there)).as_py():
            return False
    return True


def _finer_fields(table: ScoreTable) -> list[str]:
    """Return the further key fields that may tell a scorer's rows apart as well as its keys do."""
    keys = pc.count_distinct(table.columns.keys).as_py()
    return [
        name
        for name, texts in table.columns.further_keys.items()
        if pc.count_distinct(texts).as_py() >= keys
    ]


def _not_certain(
    tables: Sequence[ScoreTable], chosen: str, finer: Sequence[FinerColumn]
) -> JoinError:
    table = next(table for table in tables if _finer_fields(table))
    names = [column.name.lower() for column in finer]
    field = next((name for name in _finer_fields(table) if name in names), _finer_fields(table)[0])
    column = finer[names.index(field) if field in names else 0]
    own = table.key_field(0)
    return JoinError(
        f"{table.where(0)}: rows of {table.scorer} have {own} and {field}, and feature rows of "
        f"{chosen} {column.shared!r} differ in {column.name} ({column.values[0]!r}, "
        f"{column.values[1]!r}): a score of one may not be that of the other; name "
        f"key_column: {column.name} and score_key_field: {field} for a score each, or "
        f"key_column: {chosen} and score_key_field: {own} for one score of all"
    )
