"""Rows of score files as columns: what every format is read into.

How a row is read belongs to `json_rows` and `columnar`; what is made of all rows, to `score_table`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.columns import Floats, Integers
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.matching.keys import KEY_TYPE
from second_opinion_assets.scores.asked_fields import AskedFields
from second_opinion_assets.scores.payload import Defect

SHOWN_SKIPPED = 3


class Place(NamedTuple):
    """Turns a row's position in a file into what a message shows: `path:line`, `path::$.rows[3]`.

    Attributes:
        before, after: what stands around the number; without `after` the file is one row.
    """

    before: str
    after: str | None = None

    @classmethod
    def of_lines(cls, path: object) -> Place:
        """Return the places of a file whose positions are lines, from 1."""
        return cls(f"{path}:", "")

    @classmethod
    def of_elements(cls, path: object, name: str = "") -> Place:
        """Return the places of a file whose positions are elements of a list, from 0."""
        return cls(f"{path}::${name}[", "]")

    def where(self, position: int) -> str:
        """Return the place of one row."""
        return self.before if self.after is None else f"{self.before}{position}{self.after}"


@dataclass
class Skipped:
    """Lines of a score file that are no rows and were passed over: progress bars, averages.

    Attributes:
        count: how many.
        first: the first few, each with its place.
    """

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, where: str, text: str) -> None:
        """Take note of a line."""
        self.count += 1
        if len(self.first) < SHOWN_SKIPPED:
            self.first.append(f"{where}: {json_text.shown(text.strip())}")


class Source(NamedTuple):
    """One score file as far as its rows are concerned.

    Attributes:
        written: the file as written on the command line or in the manifest.
        place: where its rows stand.
        key_pattern: what its keys are reduced from, if not from their whole text.
    """

    written: str
    place: Place
    key_pattern: str | None = None


class RowColumns(NamedTuple):
    """Some rows, column by column.

    Attributes:
        keys: as written, of type `KEY_TYPE`.
        scorer, key_field, source: numbers of the scorer's name, of the field that the key was read
            from, and of the file.
        position: of the row in its file.
        score, runtime_ms: NaN where there is none.
        status: a `Status` each.
        frames: number of frame scores averaged, 0 for a scalar.
        further_keys: what else the rows call their clips: texts and nulls by the names of other
            usual key fields, in lower case.
    """

    keys: pa.Array
    scorer: NDArray[np.int32]
    key_field: NDArray[np.int32]
    source: NDArray[np.int32]
    position: Integers
    score: Floats
    status: NDArray[np.uint8]
    runtime_ms: Floats
    frames: Integers
    further_keys: Mapping[str, pa.Array]

    @classmethod
    def joined(cls, parts: Sequence[RowColumns]) -> RowColumns:
        """Return the rows of all parts, one after another."""
        if not parts:
            return row_columns([], [], [], 0, [], [], [], [], [])
        if len(parts) == 1:
            return parts[0]
        keys, *others, further = (list(column) for column in zip(*parts, strict=True))
        names = dict.fromkeys(name for of_part in further for name in of_part)
        absent = [pa.nulls(len(part), KEY_TYPE) for part in keys] if names else []
        further_keys = {
            name: pa.concat_arrays(
                [of_part.get(name, none) for of_part, none in zip(further, absent, strict=True)]
            )
            for name in names
        }
        return cls._make([pa.concat_arrays(keys), *map(np.concatenate, others), further_keys])

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> RowColumns:
        """Return some of the rows, by number or by mask."""
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        numbers = pa.array(rows)
        others: list[Any] = [column[rows] for column in self[1:-1]]
        further = {name: texts.take(numbers) for name, texts in self.further_keys.items()}
        return RowColumns._make([self.keys.take(numbers), *others, further])


_TYPES = (np.int32, np.int32, np.int32, np.int64, np.float64, np.uint8, np.float64, np.int64)


def row_columns(
    keys: list[str] | pa.Array,
    scorer: int | list[int],
    key_field: int | list[int],
    source: int,
    position: Sequence[int] | Integers,
    score: Sequence[float] | Floats,
    status: Sequence[int] | NDArray[np.uint8],
    runtime_ms: Sequence[float] | Floats,
    frames: Sequence[int] | Integers,
    further_keys: Mapping[str, pa.Array] = MappingProxyType({}),
) -> RowColumns:
    """Return rows as columns; a single number stands for that of every row."""
    given = (scorer, key_field, source, position, score, status, runtime_ms, frames)
    columns = [
        np.full(len(keys), values, kind) if isinstance(values, int) else np.asarray(values, kind)
        for values, kind in zip(given, _TYPES, strict=True)
    ]
    texts = pa.array(keys, KEY_TYPE) if isinstance(keys, list) else keys
    return RowColumns._make([texts, *columns, further_keys])


class Names:
    """Gives names their numbers, in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        """Return the number of a name."""
        return self._numbers.setdefault(name, len(self._numbers))

    def __len__(self) -> int:
        return len(self._numbers)

    def cut(self, count: int) -> None:
        """Forget all names but the first so many."""
        while len(self._numbers) > count:
            self._numbers.popitem()

    def __iter__(self) -> Iterator[str]:
        """Yield all names in the order of their numbers."""
        return iter(self._numbers)


@dataclass
class CollectedRows:
    """All rows of one sidecar, as they are read.

    Attributes:
        sources: the files.
        scorers, key_fields: the names that rows have numbers for.
        parts: the rows.
        reasons: why a row is bad, by its file and position.
        score_fields: for each scorer by number, the fields that scores were read from.
        numeric_fields: for each scorer by number, the numeric fields of its first rows without a
            score: one of them may be what was meant.
        asked: what the rows have of the fields that are asked for.
        label_used: whether the sidecar's label named any row.
    """

    sources: list[Source] = field(default_factory=list)
    scorers: Names = field(default_factory=Names)
    key_fields: Names = field(default_factory=Names)
    parts: list[RowColumns] = field(default_factory=list)
    reasons: dict[tuple[int, int], Defect] = field(default_factory=dict)
    score_fields: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    numeric_fields: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    asked: AskedFields = field(default_factory=AskedFields)
    label_used: bool = False

    @contextmanager
    def whole_or_nothing(self) -> Iterator[None]:
        """Take the rows of a file, and none of them if the file cannot be read to its end."""
        sources, parts = len(self.sources), len(self.parts)
        scorers, key_fields, label_used = len(self.scorers), len(self.key_fields), self.label_used
        try:
            yield
        except JoinError:
            del self.sources[sources:], self.parts[parts:]
            self.reasons = {at: why for at, why in self.reasons.items() if at[0] < sources}
            for number in range(scorers, len(self.scorers)):
                self.score_fields.pop(number, None)
                self.numeric_fields.pop(number, None)
            self.scorers.cut(scorers)
            self.key_fields.cut(key_fields)
            self.label_used = label_used
            raise
