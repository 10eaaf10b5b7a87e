"""The quick way for large sidecars of flat rows: native code from bytes to columns.

It reads a row only where it is certain to read it as `scores` does, like `uniform`, whose place
it takes where numpy and pyarrow are worth their import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from second_opinion_assets.scores.payload import GOOD_STATUSES, ScoreRow, Status
from second_opinion_assets.scores.scorers import NO_ROW, Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from second_opinion_assets.matching.keys import Normalizer
    from second_opinion_assets.scores.form import RowBlock
    from second_opinion_assets.scores.scorers import Scorer

_TYPES = {
    "key": pa.string(),
    "competitor": pa.string(),
    "status": pa.string(),
    "score": pa.float64(),
    "runtime": pa.float64(),
}
_MAYBE_NOT_NORMAL = r"[^!-.0-\[\]-~]"  # white space, both slashes, and all beyond ASCII


class NativeRows(NamedTuple):
    """Rows of one scorer that are all ok, each score by itself and not in frames.

    Attributes:
        competitor: the scorer.
        keys: string, normalised.
        raw_keys: string, as written.
        score, runtime_ms: float64, runtimes NaN if no row has one.
        numbers: which rows of the block these are, ascending.
        others: which rows of the block were left to the plain reading.
    """

    competitor: str
    keys: pa.Array
    raw_keys: pa.Array
    score: np.ndarray
    runtime_ms: np.ndarray
    numbers: np.ndarray
    others: list[int]


class NativeReader:
    """Reads rows that have certain fields and no others.

    Args:
        fields: all fields that a row may have.
        places: the field that gives each role, at top level.
        label: the scorer of rows that name none.
    """

    def __init__(self, fields: Sequence[str], places: Mapping[str, str], label: str | None) -> None:
        self._fields = frozenset(fields)
        self._places = places
        self._label = label
        schema = pa.schema([(field, _TYPES[role]) for role, field in places.items()])
        self._parse_options = pyarrow.json.ParseOptions(explicit_schema=schema)

    def read(self, block: RowBlock, normalizer: Normalizer) -> NativeRows | None:
        """Read the rows of a block that are ok; None where the rows are not as expected."""
        try:
            table = pyarrow.json.read_json(
                pa.BufferReader(block.text), _read_options(block), self._parse_options
            ).combine_chunks()
        except pa.ArrowInvalid:
            return None  # a value of another type, a field given twice, a line too long
        if table.num_rows != block.count or not self._fields.issuperset(table.column_names):
            return None
        competitor = self._competitor(table)
        if competitor is None:
            return None
        column = {role: table.column(field) for role, field in self._places.items()}
        good = pc.and_(pc.is_valid(column["key"]), _is_finite(column["score"]))
        if "status" in column:
            good = pc.and_(good, _is_good(column["status"]))
        if "runtime" in column:
            good = pc.and_(good, _is_finite(column["runtime"]))
        mask = good.combine_chunks().to_numpy(zero_copy_only=False)
        rows = {role: values.filter(good) for role, values in column.items()}
        raw_keys = rows["key"].combine_chunks()
        keys = _normalized(raw_keys, normalizer)
        if pc.any(pc.equal(pc.binary_length(keys), 0)).as_py():
            return None
        score = rows["score"].to_numpy()
        runtime_ms = rows["runtime"].to_numpy() if "runtime" in rows else score * np.nan
        numbers, others = np.flatnonzero(mask), np.flatnonzero(~mask).tolist()
        return NativeRows(competitor, keys, raw_keys, score, runtime_ms, numbers, others)

    def _competitor(self, table: pa.Table) -> str | None:
        """Return the one scorer that all rows name, or None if that is not so."""
        if "competitor" not in self._places:
            return self._label
        names = pc.unique(table.column(self._places["competitor"])).to_pylist()
        return names[0] if len(names) == 1 and names[0] and names[0] == names[0].strip() else None


def _read_options(block: RowBlock) -> pyarrow.json.ReadOptions:
    """Return what has a block read in one piece.

    pyarrow crashes where a field that its schema does not name changes its kind from one piece to
    the next.
    """
    return pyarrow.json.ReadOptions(block_size=len(block.text) + 1)


def _is_finite(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(pc.is_finite(values), False)  # noqa: FBT003 (a value)


def _is_good(statuses: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_in(statuses, value_set=pa.array([*GOOD_STATUSES, None], pa.string()))


def _normalized(keys: pa.Array, normalizer: Normalizer) -> pa.Array:
    if (
        normalizer.keeps_names
        and not pc.any(pc.match_substring_regex(keys, _MAYBE_NOT_NORMAL)).as_py()
    ):
        return keys
    return pa.array(normalizer.many(keys.to_pylist()), pa.string())


class NativeScores:
    """Gathers native rows until all are there, and then puts them into their scorers."""

    def __init__(self) -> None:
        self._parts: list[tuple[Scorer, NativeRows, int, int]] = []

    def add(self, scorer: Scorer, rows: NativeRows, source: int, first: int) -> None:
        """Take rows of a block whose first row has position `first` in its source."""
        self._parts.append((scorer, rows, source, first))

    def settle(self) -> None:
        """Put all rows into their scorers.

        Raises:
            JoinError: two different rows for one key.
        """
        if not self._parts:
            return
        encoded = pa.concat_arrays([rows.keys for _, rows, _, _ in self._parts]).dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        known = self._parts[0][0].keys
        numbers = np.array(known.take(texts), np.int64)
        codes = encoded.indices.to_numpy()
        start = 0
        for scorer, rows, source, first in self._parts:
            part = codes[start : start + len(rows.keys)]
            start += len(rows.keys)
            raw_keys = _texts(rows, texts, part)
            if not _extend(scorer, rows, raw_keys, numbers[part], Place(source, first)):
                _add_each(scorer, rows, raw_keys, Place(source, first))
        self._parts.clear()
        pa.default_memory_pool().release_unused()


def _texts(rows: NativeRows, texts: list[str], codes: np.ndarray) -> list[str]:
    """Return the raw keys; those that are the keys themselves share their objects."""
    if rows.raw_keys is rows.keys:
        return list(map(texts.__getitem__, codes.tolist()))
    raw_keys: list[str] = rows.raw_keys.to_pylist()
    return raw_keys


def _extend(
    scorer: Scorer, rows: NativeRows, raw_keys: list[str], key_numbers: np.ndarray, start: Place
) -> bool:
    """Put rows into a scorer, as its `add` takes each; False, and none taken, for repeats."""
    scorer.make_room()
    row_of = np.frombuffer(scorer.row_of, np.int64)
    count = len(key_numbers)
    if (row_of[key_numbers] != NO_ROW).any():
        return False
    new = np.arange(scorer.rows, scorer.rows + count)
    row_of[key_numbers] = new
    if (row_of[key_numbers] != new).any():
        row_of[key_numbers] = NO_ROW
        return False
    scorer.score.frombytes(rows.score.tobytes())
    scorer.status.extend(bytes([Status.ok]) * count)
    scorer.runtime_ms.frombytes(rows.runtime_ms.tobytes())
    scorer.frames.frombytes(bytes(8 * count))
    scorer.source_of.frombytes(np.full(count, start.source, np.int32).tobytes())
    scorer.position_of.frombytes((rows.numbers + start.position).tobytes())
    scorer.raw_keys.extend(raw_keys)
    return True


def _add_each(scorer: Scorer, rows: NativeRows, raw_keys: list[str], start: Place) -> None:
    columns = (rows.keys, rows.score, rows.runtime_ms, rows.numbers + start.position)
    values = (column.tolist() for column in columns)
    for raw, key, score, runtime_ms, position in zip(raw_keys, *values, strict=True):
        row = ScoreRow(score, Status.ok, runtime_ms, 0, "")
        scorer.add(key, raw, row, Place(start.source, position))
