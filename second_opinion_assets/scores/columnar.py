"""Columns of scores, from CSV cells or parquet, as rows of one kind with all other sidecars.

Which column is what is told by `score_columns`; where the columns come from, by `formats`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion_assets.contract.columns import Floats, Status
from second_opinion_assets.contract.errors import JoinError, UnnamedScorerError
from second_opinion_assets.contract.fields import GOOD_STATUSES
from second_opinion_assets.matching.key_texts import key_texts, untyped_key_texts
from second_opinion_assets.matching.keys import KEY_TYPE
from second_opinion_assets.matching.views import without_views
from second_opinion_assets.scores.payload import NO_SCORE, Defect, read_number, status_defect
from second_opinion_assets.scores.rows import CollectedRows, Place, Skipped, row_columns
from second_opinion_assets.scores.score_columns import ScoreColumns

_PLAIN_NUMBERS = re.compile(r"(?:[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\n)*")

Cells = Any
"""A column's values: texts of CSV cells, None for an empty one, or a parquet column."""


class ColumnReader:
    """Reads tables of scores of one sidecar, of one or several files.

    Args:
        collected: takes the rows.
        label: the scorer of rows that name none.
        written: the sidecar as it was written, for messages.
    """

    def __init__(self, collected: CollectedRows, label: str | None, written: str) -> None:
        self._collected = collected
        self._label = label
        self._written = written

    def start(self, source: int, place: Place, columns: ScoreColumns, skipped: Skipped) -> None:
        """Begin a file, whose number among the collected sources is given."""
        self._source, self._place, self._columns = source, place, columns
        self._skipped = skipped

    def read(self, cells: dict[str, Cells], positions: Sequence[int]) -> int:
        """Read some rows, column by column; return how many there are.

        Raises:
            JoinError: a row that cannot be one, named by its place.
        """
        named, collected, source = self._columns, self._collected, self._source
        keys = self._keys(cells[named.key])
        if keys.null_count:
            return self._read_rows_with_keys(cells, positions, keys)
        scorers = self._scorers([cells[name] for name in named.scorer], positions)
        score, defects = self._numbers(cells, named.score)
        empty = {row for row, defect in defects.items() if defect is NO_SCORE}
        for name in named.status:
            values = _values(cells[name], f"{name} of {self._written}")
            for row, defect in _bad_statuses(values, named.status_field).items():
                defects.setdefault(row, defect)
        runtime_ms = np.full(len(positions), math.nan)
        open_rows = np.ones(len(positions), np.bool_)
        for name in named.runtimes:  # the first that has a value counts, be it no number
            reported, problems = self._numbers(cells, name)
            runtime_ms = np.where(open_rows, reported, runtime_ms)
            nulls = [row for row, defect in problems.items() if defect is NO_SCORE]
            open_rows &= np.isin(np.arange(len(positions)), nulls)
        status = np.zeros(len(positions), np.uint8)
        status[list(defects)] = Status.bad
        for row, defect in defects.items():
            collected.reasons[source, positions[row]] = defect
        for scorer in _scorers_with(scorers, len(positions), empty):
            collected.score_fields[scorer].add(named.score)
        collected.parts.append(
            row_columns(
                keys,
                scorers,
                collected.key_fields.number(named.key),
                source,
                positions,
                score,
                status,
                runtime_ms,
                np.zeros(len(positions), np.int64),
                {name.lower(): self._further_keys(cells[name]) for name in named.further_keys},
            )
        )
        return len(positions)

    def _numbers(self, cells: dict[str, Cells], name: str) -> tuple[Floats, dict[int, Defect]]:
        return _numbers(cells[name], name, f"{name} of {self._written}")

    def _keys(self, cells: Cells) -> pa.Array:
        if isinstance(cells, pa.Array):
            return key_texts(cells, f"{self._columns.key} of {self._written}")
        return untyped_key_texts(pa.array([cell or "" for cell in cells], KEY_TYPE))

    def _further_keys(self, cells: Cells) -> pa.Array:
        if not isinstance(cells, pa.Array):
            return untyped_key_texts(pa.array(cells, KEY_TYPE))
        try:
            return key_texts(cells, "")
        except JoinError:  # no clip is called so
            return pa.nulls(len(cells), KEY_TYPE)

    def _read_rows_with_keys(
        self, cells: dict[str, Cells], positions: Sequence[int], keys: pa.Array
    ) -> int:
        """Read the rows whose key is not null; the others are of no clip."""
        for row in np.flatnonzero(keys.is_null().to_numpy(zero_copy_only=False)).tolist():
            self._skipped.add(self._place.where(positions[row]), f"{self._columns.key} is null")
        filled = np.flatnonzero(keys.is_valid().to_numpy(zero_copy_only=False))
        rows = pa.array(filled)
        kept = {name: without_views(column).take(rows) for name, column in cells.items()}
        return self.read(kept, np.asarray(positions)[filled].tolist()) if len(filled) else 0

    def _scorers(self, columns: list[Cells], positions: Sequence[int]) -> int | list[int]:
        """Return the number of the scorer that each row names, or of the one that all name."""
        number = self._collected.scorers.number
        what = f"{self._columns.scorer[0]} of {self._written}" if columns else ""
        names = [_text(value) for value in _values(columns[0], what)] if columns else []
        nameless = not names or not all(names)
        if nameless and self._label is None and len(positions):
            row = names.index("") if names else 0
            msg = (
                f"{self._place.where(positions[row])}: no scorer is named in the row; "
                f"name it, as SCORER={self._written}"
            )
            raise UnnamedScorerError(msg)
        self._collected.label_used |= nameless
        if not names:
            return number(self._label or "")
        numbers = {name: number(name or self._label or "") for name in dict.fromkeys(names)}
        return [numbers[name] for name in names]


def _scorers_with(scorers: int | list[int], rows: int, empty: set[int]) -> set[int]:
    """Return the scorers of the rows that are not empty."""
    if isinstance(scorers, int):
        return {scorers} if len(empty) < rows else set()
    if not empty:
        return set(scorers)
    return {scorer for row, scorer in enumerate(scorers) if row not in empty}


def _values(cells: Cells, what: str) -> Sequence[Any]:
    """Return a column as JSON values.

    Raises:
        JoinError: a value of it cannot be one, named by what the column is.
    """
    if isinstance(cells, pa.Array):
        kind = cells.type
        try:
            if pa.types.is_temporal(kind) and getattr(kind, "unit", "") == "ns":
                cells = pc.cast(cells, pa.string())  # Python's own times have no nanoseconds
            cells = msgspec.to_builtins(cells.to_pylist(), enc_hook=str)
        except (ValueError, OverflowError, KeyError, pa.ArrowNotImplementedError) as error:
            msg = f"{what}: a value of type {kind} cannot be read: {error}; write text or numbers"
            raise JoinError(msg) from None
    values: Sequence[Any] = cells
    return values


def _text(value: object) -> str:
    """Return the name that a cell gives a scorer; nothing for what can be no name."""
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _numbers(cells: Cells, name: str, what: str) -> tuple[Floats, dict[int, Defect]]:
    """Return the numbers of a column, NaN where there is none, and what is wrong there."""
    if isinstance(cells, pa.Array) and (
        pa.types.is_floating(cells.type) or pa.types.is_integer(cells.type)
    ):
        numbers = pc.cast(cells, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        odd = np.flatnonzero(~np.isfinite(numbers)).tolist()
        found = {row: _defect(cells[row].as_py(), name) for row in odd}
    else:
        values = _values(cells, what)
        if isinstance(cells, pa.Array):
            values = [_one_of(value) for value in values]
        filled = [value for value in values if value is not None]
        if all(type(value) is str for value in filled):
            filled = [value.strip() for value in filled]
            if _PLAIN_NUMBERS.fullmatch("".join(f"{value}\n" for value in filled)):
                values = [value and float(value) for value in values]
        numbers = np.full(len(values), math.nan)
        found = {}
        for row, value in enumerate(values):
            number = NO_SCORE if value is None else read_number(value, name)
            if isinstance(number, Defect):
                found[row] = number
            else:
                numbers[row] = number
        return numbers, found
    return np.where(np.isfinite(numbers), numbers, math.nan), found


def _one_of(value: Any) -> Any:  # noqa: ANN401 (any value of a cell)
    """Return the one value of a list that has one, or what is no such list."""
    return value[0] if type(value) is list and len(value) == 1 else value


def _defect(value: float | None, name: str) -> Defect:
    found = NO_SCORE if value is None else read_number(value, name)
    assert isinstance(found, Defect)  # noqa: S101 (asked of what is not finite)
    return found


def _bad_statuses(values: Sequence[Any], field: str) -> dict[int, Defect]:
    """Return why rows are bad by their own status."""
    return {
        row: defect
        for row, value in enumerate(values)
        if value is not None and not (type(value) is str and value in GOOD_STATUSES)
        if (defect := status_defect(value, field))
    }
