"""All scores of one scorer as columns, found by key: what the join looks rows up in."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nsmallest
from itertools import compress, count, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.matching.keys import Trail
from second_opinion_assets.scores.payload import ScoreRow, Status, slug
from second_opinion_assets.storage.location import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

NO_ROW = -1
AMBIGUOUS = -2
NO_ROW_STATUSES = (Status.missing, Status.bad)


class Place(NamedTuple):
    """Where a score row stands: a sidecar and the row's position in it."""

    source: int
    position: int


@dataclass(frozen=True)
class Source:
    """One sidecar as far as its rows are concerned.

    Attributes:
        path: the file.
        written: the file as written on the command line or in the manifest.
        locate: turns a row's position into `path:line` or `path::$.rows[3]`.
        key_pattern: what its keys are reduced from, if not from their whole text.
    """

    path: Location
    written: str
    locate: Callable[[int], str]
    key_pattern: str | None = None


class KeyNumbers:
    """Numbers the keys of all scorers of a table, so that a feature row's key is found once."""

    def __init__(self) -> None:
        self._numbers: defaultdict[str, int] = defaultdict(count().__next__)
        self._nameless = 0

    def __len__(self) -> int:
        return len(self._numbers) + self._nameless

    def __iter__(self) -> Iterator[str]:
        """Yield the keys in the order of their numbers."""
        return iter(self._numbers)

    def take(self, keys: Sequence[str]) -> list[int]:
        """Return each key's number, the next one for a key that has none."""
        return list(map(self._numbers.__getitem__, keys))

    def add_nameless(self) -> int:
        """Return one more number, under which no key is found."""
        number = len(self)
        self._nameless += 1
        return number

    def find(self, keys: Sequence[str]) -> list[int]:
        """Return each key's number; `len(self)` for a key that no scorer has."""
        return list(map(self._numbers.get, keys, repeat(len(self))))


class ScoreColumns(NamedTuple):
    """Rows that are all ok, column by column, in the order of `Scorer`'s own columns."""

    keys: Sequence[str]
    raw_keys: Sequence[str]
    score: Sequence[float]
    runtime_ms: Sequence[float]
    frames: Sequence[int]
    positions: Sequence[int]

    def chosen(self, rows: list[bool]) -> ScoreColumns:
        """Return the rows that are chosen."""
        columns: list[list[Any]] = [list(compress(column, rows)) for column in self]
        return ScoreColumns(*columns)


@dataclass
class Scorer:
    """The score rows of one scorer, column by column, one entry a key.

    Attributes:
        competitor: the scorer's name as the sidecars write it.
        sources: the sidecars of the table, shared by all its scorers.
        keys: numbers of the normalised keys, shared likewise.
        row_of: row of each key, by the key's number; `NO_ROW` and what is not there are none, and
            `AMBIGUOUS` says that it is not certain which row is the key's.
        score, runtime_ms: float64, NaN where there is none.
        status: a `Status` for each row.
        frames: int64, number of frame scores averaged.
        places: for each row, index of its source and position there.
        raw_keys: each row's key before it was normalised.
        key_fields: the fields that the keys were read from.
        score_fields: the fields that the scores were read from.
        reasons: why a row is bad, for the bad rows.
        duplicates: number of rows that repeat an earlier one exactly.
        rivals: the rows of each key that several rows have, where a part of a row's key counts.
    """

    competitor: str
    sources: Sequence[Source]
    keys: KeyNumbers
    row_of: array[int] = field(default_factory=lambda: array("q"))
    score: array[float] = field(default_factory=lambda: array("d"))
    status: bytearray = field(default_factory=bytearray)
    runtime_ms: array[float] = field(default_factory=lambda: array("d"))
    frames: array[int] = field(default_factory=lambda: array("q"))
    source_of: array[int] = field(default_factory=lambda: array("i"))
    position_of: array[int] = field(default_factory=lambda: array("q"))
    raw_keys: list[str] = field(default_factory=list)
    key_fields: set[str] = field(default_factory=set)
    score_fields: set[str] = field(default_factory=set)
    reasons: dict[int, str] = field(default_factory=dict)
    duplicates: int = 0
    rivals: dict[int, list[int]] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return slug(self.competitor)

    @property
    def rows(self) -> int:
        """Number of distinct score rows."""
        return len(self.status)

    def raw_keys_by_pattern(self) -> dict[str | None, list[str]]:
        """Return all keys before they were normalised, by the pattern that they are reduced by."""
        patterns = [source.key_pattern for source in self.sources]
        if len(set(patterns)) == 1:
            return {patterns[0]: self.raw_keys}
        keys: defaultdict[str | None, list[str]] = defaultdict(list)
        for source, key in zip(self.source_of, self.raw_keys, strict=True):
            keys[patterns[source]].append(key)
        return keys

    def first_places(self, rows: Iterable[int], most: int) -> list[int]:
        """Return those of some rows that stand first in their sources, at most `most`."""
        return nsmallest(most, rows, lambda row: (self.source_of[row], self.position_of[row]))

    def add(self, key: str, raw_key: str, row: ScoreRow, place: Place) -> None:
        """Take one score row.

        Raises:
            JoinError: another row with the same key says something else.
        """
        (key_number,) = self.keys.take([key])
        self.make_room()
        known = self.row_of[key_number]
        if known != NO_ROW:
            self._repeat(known, key, raw_key, row, place)
            return
        if row.reason:
            self.reasons[self.rows] = row.reason
        self.row_of[key_number] = self.rows
        self.score.append(row.score)
        self.status.append(row.status)
        self.runtime_ms.append(row.runtime_ms)
        self.frames.append(row.frames)
        self.source_of.append(place.source)
        self.position_of.append(place.position)
        self.raw_keys.append(raw_key)

    def extend(self, rows: ScoreColumns, source: int) -> None:
        """Take many rows of one source that are all ok, as `add` takes each."""
        key_numbers = self.keys.take(rows.keys)
        self.make_room()
        known = set(map(self.row_of.__getitem__, key_numbers))
        if known != {NO_ROW} or len(set(key_numbers)) < len(key_numbers):
            for key, raw, score, runtime_ms, frames, position in zip(*rows, strict=True):
                row = ScoreRow(score, Status.ok, runtime_ms, frames, "")
                self.add(key, raw, row, Place(source, position))
            return
        for number, key_number in enumerate(key_numbers, self.rows):
            self.row_of[key_number] = number
        self.score.extend(rows.score)
        self.status.extend(bytes([Status.ok]) * len(key_numbers))
        self.runtime_ms.extend(rows.runtime_ms)
        self.frames.extend(rows.frames)
        self.source_of.extend(repeat(source, len(key_numbers)))
        self.position_of.extend(rows.positions)
        self.raw_keys.extend(rows.raw_keys)

    @cached_property
    def rows_by_key(self) -> array[int]:
        """The row of each key number and, last, of a key that has none, once all rows are in.

        `rows` stands for `NO_ROW`, `rows + 1` for `AMBIGUOUS`: the values of the columns go on
        after those of the rows with those of no row, whose statuses are `NO_ROW_STATUSES`.
        """
        self.make_room()
        last = self.rows + NO_ROW
        return array("q", [row if row >= 0 else last - row for row in (*self.row_of, NO_ROW)])

    def row_of_key(self, key_number: int) -> int:
        """Return the row of one key number, or `NO_ROW`."""
        return self.row_of[key_number] if key_number < len(self.row_of) else NO_ROW

    def set_row_of_last_key(self, row: int) -> None:
        """Let the key number given out last have a row that others have too, or none."""
        self.make_room()
        self.row_of[-1] = row
        vars(self).pop("rows_by_key", None)

    def rename_keys(self, keys: KeyNumbers, new_numbers: Sequence[int]) -> None:
        """Take other key numbers for the present ones; rows that come to share one are rivals."""
        rows_of: defaultdict[int, list[int]] = defaultdict(list)
        for new_number, row in zip(new_numbers, self.row_of, strict=False):
            if row != NO_ROW:
                rows_of[new_number].append(row)
        self.keys = keys
        self.row_of = array("q", [rows_of.get(n, [NO_ROW])[0] for n in range(len(keys))])
        self.rivals = {number: rows for number, rows in rows_of.items() if len(rows) > 1}

    def row(self, number: int) -> ScoreRow:
        """Return one row as it was added."""
        return ScoreRow(
            self.score[number],
            Status(self.status[number]),
            self.runtime_ms[number],
            self.frames[number],
            self.reasons.get(number, ""),
        )

    def where(self, number: int) -> str:
        """Return file and line of one row."""
        return self._locate(Place(self.source_of[number], self.position_of[number]))

    def trail(self, number: int) -> Trail:
        """Return the key of one row as a path."""
        pattern = self.sources[self.source_of[number]].key_pattern
        return Trail.of(self.raw_keys[number], None if pattern is None else re.compile(pattern))

    def _repeat(self, known: int, key: str, raw_key: str, row: ScoreRow, place: Place) -> None:
        known_key = self.raw_keys[known]
        one_path = raw_key == known_key or Trail.of(raw_key) == Trail.of(known_key)
        # repr: NaN stands for "none" here, and a none repeats a none.
        if one_path and repr(row) == repr(self.row(known)):
            self.duplicates += 1
            return
        known_place = Place(self.source_of[known], self.position_of[known])
        (first, first_key), (second, second_key) = sorted(
            [(known_place, known_key), (place, raw_key)]
        )
        if not one_path:
            msg = (
                f"{self._locate(second)}: {second_key!r} is {key!r} once normalised, and so is "
                f"{first_key!r} of {self.competitor} at {self._locate(first)}; tell them apart "
                "by key_normalize (suffix or raw) or key_pattern, or remove one of them"
            )
            raise JoinError(msg)
        msg = (
            f"{self._locate(second)}: a second, different row of {self.competitor} for key {key!r}"
            f"; the first is {self._locate(first)}; remove one of them"
        )
        raise JoinError(msg)

    def make_room(self) -> None:
        """Let `row_of` have an entry for each key."""
        self.row_of.extend(repeat(NO_ROW, len(self.keys) - len(self.row_of)))

    def _locate(self, place: Place) -> str:
        return self.sources[place.source].locate(place.position)


def find_by_last_component(scorers: list[Scorer]) -> None:
    """Let the score rows of a table be found by the last component of their keys."""
    names = KeyNumbers()
    numbers = names.take([key.rpartition("/")[2] for key in scorers[0].keys])
    for scorer in scorers:
        scorer.rename_keys(names, numbers)
