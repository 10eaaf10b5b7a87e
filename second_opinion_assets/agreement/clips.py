"""A joined table's ok scores and references, one value a clip; reads only the columns it needs.

What the values have to do with one another does not belong here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from second_opinion_assets.agreement.grouping import SubsetCounts, source_texts
from second_opinion_assets.agreement.joined_table import JoinedTable
from second_opinion_assets.contract.columns import Status
from second_opinion_assets.registry.groups import NONE_CHOSEN, ChosenGroups
from second_opinion_assets.scores.payload import read_number
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.open import open_keys
from second_opinion_assets.tables.table import KeyTable

_OK = Status.ok.name
_PLAIN = {float, int, type(None)}


class Clips(NamedTuple):
    """The values of a joined table by clip; NaN where there is none.

    Attributes:
        opinions: ok scores, a column a scorer, by its name.
        references: a column each.
        rows: rows of the table; more than there are clips if it has several of one, as a
            per-frame table does. A clip's values are then the means of its rows'.
        rows_without_key: rows that are of no clip.
        no_numbers: how many values of a reference are there and are no finite numbers.
        digest: of the file that was read, or of the columns of a frame.
        sources: the source of each clip, None for none; None where sources are not known.
        subsets: rows, ok and bad scores of each subset.
        absent: columns of groups that the table lacks.
    """

    opinions: pd.DataFrame
    references: pd.DataFrame
    rows: int
    rows_without_key: int
    no_numbers: dict[str, int]
    digest: FileDigest
    sources: NDArray[np.object_] | None = None
    subsets: SubsetCounts = SubsetCounts()
    absent: tuple[str, ...] = ()

    @property
    def many_rows(self) -> bool:
        """Whether some clip has more than one row."""
        return len(self.opinions) < self.rows - self.rows_without_key


def read_clips(
    table: JoinedTable, references: Iterable[str], groups: ChosenGroups = NONE_CHOSEN
) -> Clips:
    """Read a joined table's ok scores, its references, and what its clips are grouped by.

    Raises:
        JoinError: the table cannot be read, or lacks a column.
    """
    path = table.path
    with path if isinstance(path, Frame) else Input(path) as file:
        return _read(open_keys(file), table, list(references), groups, file)


def _read(
    joined_table: KeyTable,
    table: JoinedTable,
    references: list[str],
    groups: ChosenGroups,
    file: Input | Frame,
) -> Clips:
    prefixes = table.column_prefixes.values()
    names = [f"{prefix}_{part}" for prefix in prefixes for part in ("status", "score")]
    keys: list[str | None] = []
    blocks: list[list[NDArray[np.float64]]] = []
    unusable = [0] * len(references)
    subsets = SubsetCounts(groups.subsets)
    sources: list[str | None] = []
    wanted = [*names, *references, *groups.columns]
    for found in joined_table.read_columns([table.key_column], wanted):
        keys.extend(found.keys[0].to_pylist())
        columns, grouped = found.others[: len(wanted) - len(groups.columns)], found.others
        grouped = grouped[len(columns) :]
        statuses, scores = columns[: len(names) : 2], columns[1 : len(names) : 2]
        block = [_ok_scores(*pair) for pair in zip(statuses, scores, strict=True)]
        for number, values in enumerate(columns[len(names) :]):
            block.append(_numbers(values))
            unusable[number] += int(np.isnan(block[-1]).sum()) - _nulls(values)
        blocks.append(block)
        subsets.add(grouped[: len(groups.subsets)], statuses)
        if groups.source_column is not None:
            sources.extend(source_texts(grouped[-1], groups.pattern))
    scorers = list(table.column_prefixes)
    joined = np.array([np.concatenate(parts) for parts in zip(*blocks, strict=True)])
    by_clip, rows_without_key = _by_clip(keys, joined.reshape(len(scorers) + len(references), -1))
    return Clips(
        opinions=by_clip.iloc[:, : len(scorers)].set_axis(scorers, axis=1),
        references=by_clip.iloc[:, len(scorers) :].set_axis(references, axis=1),
        rows=len(keys),
        rows_without_key=rows_without_key,
        no_numbers={name: n for name, n in zip(references, unusable, strict=True) if n},
        digest=file.digest,
        sources=None if groups.source_column is None else _first_of_each(keys, sources),
        subsets=subsets,
        absent=groups.absent,
    )


def _first_of_each(
    keys: Sequence[str | None], sources: Sequence[str | None]
) -> NDArray[np.object_]:
    """Return the source of each clip's first row that has one."""
    frame = pd.Series(np.array(sources, dtype=object))
    numbers, clips = pd.factorize(np.array(keys, dtype=object))
    firsts = frame[numbers >= 0].groupby(numbers[numbers >= 0]).first()
    found: NDArray[np.object_] = firsts.reindex(range(len(clips))).to_numpy(dtype=object)
    found[pd.isna(found)] = None
    return found


def _by_clip(keys: Sequence[str | None], values: NDArray[np.float64]) -> tuple[pd.DataFrame, int]:
    """Return one row a clip in the table's order, means where it has several, and rows of none."""
    numbers, clips = pd.factorize(np.array(keys, dtype=object))
    frame = pd.DataFrame(values.T)
    rows_without_key = int((numbers < 0).sum())
    if len(clips) < len(keys):
        frame = frame[numbers >= 0].groupby(numbers[numbers >= 0]).mean()
        frame = frame.where(np.isfinite(frame))  # of huge values the mean may be none
    frame.index = pd.Index(clips, dtype=object)
    return frame, rows_without_key


def _ok_scores(statuses: Sequence[Any], scores: Sequence[Any]) -> NDArray[np.float64]:
    ok = np.fromiter((status == _OK for status in statuses), bool, len(statuses))
    return np.where(ok, _numbers(scores), np.nan)


def _numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return finite numbers, given as such or as decimal text; NaN for anything else."""
    if set(map(type, values)) <= _PLAIN:
        try:
            numbers = np.array(values, dtype=np.float64)
        except OverflowError:  # an integer beyond all floats
            pass
        else:
            return np.where(np.isfinite(numbers), numbers, np.nan)
    return np.array([_number(value) for value in values], dtype=np.float64)


def _number(value: object) -> float:
    number = read_number(float(value) if isinstance(value, Decimal) else value, "")
    return number if isinstance(number, float) else np.nan


def _nulls(values: Sequence[Any]) -> int:
    """Count what stands for no value: null, and the NaN that a parquet table has in its place."""
    return sum(value is None or value != value for value in values)  # noqa: PLR0124 (NaN)
