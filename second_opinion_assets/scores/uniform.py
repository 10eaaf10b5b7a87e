"""The quick way to read rows that are alike: straight from bytes to the few values they give.

It reads a row only where it is certain to read it as `scores` does, and leaves every other row
to that plain reading. What the rows have in common is learnt from the rows themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import compress
from operator import attrgetter, not_
from typing import TYPE_CHECKING, Any

import msgspec

from second_opinion_assets.contract.json_text import has_plain_names
from second_opinion_assets.matching.keys import FURTHER_KEY_NAMES, KEY_NAMES
from second_opinion_assets.scores.payload import (
    FURTHER_SCORE_NAMES,
    GOOD_STATUSES,
    RUNTIME_NAMES,
    SCORE_NAMES,
    STEM_FIELD,
    matching_fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from second_opinion_assets.matching.keys import Normalizer
    from second_opinion_assets.scores.form import RowBlock
    from second_opinion_assets.scores.native import NativeReader, NativeRows
    from second_opinion_assets.scores.payload import Payload, RowRules

_SUMMARY = "summary."
_GOOD_OR_NONE = GOOD_STATUSES | {None}


@dataclass(frozen=True)
class UniformRows:
    """The rows of a block that were read the quick way, column by column, all of them ok.

    Attributes:
        numbers: which rows of the block these are, ascending.
        others: which rows of the block were left to the plain reading.
        keys: the text of each key, not normalised.
        competitors: the scorer that each row names.
        score: finite float64.
        runtime_ms: float64, NaN where there is none.
        frames: number of frame scores averaged, 0 for a scalar.
    """

    numbers: Sequence[int]
    others: Sequence[int]
    keys: list[str]
    competitors: Sequence[str]
    score: Sequence[float]
    runtime_ms: Sequence[float]
    frames: Sequence[int]


class UniformReader:
    """Learns the fields that the rows of a sidecar have and reads rows that have no others."""

    def __init__(self, rules: RowRules, label: str | None, *, large: bool = False) -> None:
        self._rules = rules
        self._label = label
        self._large = large
        self._fields = Fields()
        self._shape: _Shape | None = None
        self._native: NativeReader | None = None

    @property
    def key_field(self) -> str:
        """The field that `read` takes keys from; `STEM_FIELD` if it leaves them empty."""
        return self._shape.key_field if self._shape else ""

    @property
    def score_field(self) -> str:
        """The field that `read` takes scores from: `mos`, `summary.mos` or `frames[].mos`."""
        return self._shape.score_field if self._shape else ""

    def learn(self, payloads: Iterable[Payload]) -> None:
        """Take note of the fields of some rows."""
        before = self._fields.count
        for payload in payloads:
            self._fields.add(payload)
        if self._fields.count != before:
            self._shape = _shape(self._fields, self._rules, self._label)
            native = self._shape and self._shape.native
            self._native = native() if native and self._large else None

    def read_natively(self, block: RowBlock, normalizer: Normalizer) -> NativeRows | None:
        """Read the rows of a block that are alike and ok, if native code is worth its import."""
        return self._native.read(block, normalizer) if self._native and block.certain else None

    def read(self, block: RowBlock) -> UniformRows | None:
        """Read the rows of a block that are alike and ok; None where the block is not alike."""
        if self._shape is None or not block.certain:
            return None
        try:
            decoder = self._shape.decoder
            many = block.count > 1  # one row may span lines
            rows = decoder.decode_lines(block.text) if many else [decoder.decode(block.text)]
            return self._shape.read(rows) if len(rows) == block.count else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError):
            return None  # an unknown field, another type, a row without summary


@dataclass
class Fields:
    """The names of all fields met so far, in the order in which they were met.

    `nesting` are the names of those that have held an object or a list, wherever it was.
    """

    top: dict[str, None] = field(default_factory=dict)
    summary: dict[str, None] = field(default_factory=dict)
    frame: dict[str, None] = field(default_factory=dict)
    nesting: set[str] = field(default_factory=set)

    @property
    def levels(self) -> tuple[dict[str, None], ...]:
        return self.top, self.summary, self.frame

    @property
    def count(self) -> int:
        return sum(map(len, (*self.levels, self.nesting)))

    def add(self, payload: Payload) -> None:
        self._add(self.top, payload)
        if isinstance(summary := payload.get("summary"), dict):
            self._add(self.summary, summary)
        for frame in frames if isinstance(frames := payload.get("frames"), list) else ():
            if isinstance(frame, dict):
                self._add(self.frame, frame)

    def _add(self, level: dict[str, None], place: Payload) -> None:
        level.update(dict.fromkeys(place))
        self.nesting.update(n for n, value in place.items() if isinstance(value, dict | list))

    def find(self, names: tuple[str, ...]) -> list[str]:
        """Return the fields that may hold one of `names`, best first, as `a` or `summary.a`."""
        return [
            *matching_fields(tuple(self.top), names),
            *(f"{_SUMMARY}{field}" for field in matching_fields(tuple(self.summary), names)),
        ]


@dataclass(frozen=True)
class _Shape:
    """Where each value stands in rows that have none but certain fields.

    A getter returns None where the row leaves the value out. Without `score` the score is the
    mean of `row.frames`; without `runtime` the runtime is the sum over them.

    `native` is how to read the same rows by native code, for rows with all values at top level.
    """

    decoder: msgspec.json.Decoder[Any]
    key_field: str
    score_field: str
    key: Callable[[Any], str | None]
    competitor: Callable[[Any], str | None]
    status: Callable[[Any], str | None]
    score: Callable[[Any], float | None] | None
    runtime: Callable[[Any], float | None] | None
    native: Callable[[], NativeReader] | None

    def read(self, rows: list[Any]) -> UniformRows:
        keys = list(map(self.key, rows))
        competitors = list(map(self.competitor, rows))
        scores = list(map(self.score or _mean_of_frames, rows))
        runtimes = list(map(self.runtime or _runtime_of_frames, rows))
        counts = [0] * len(rows) if self.score else [len(row.frames or ()) for row in rows]
        alike = [
            key is not None
            and score is not None
            and runtime is not None
            and bool(competitor)
            and status in _GOOD_OR_NONE
            for key, score, runtime, competitor, status in zip(
                keys, scores, runtimes, competitors, map(self.status, rows), strict=True
            )
        ]
        numbers = range(len(rows))
        columns: tuple[Any, ...] = (keys, competitors, scores, runtimes, counts)
        if all(alike):
            return UniformRows(numbers, (), *columns)
        return UniformRows(
            list(compress(numbers, alike)),
            list(compress(numbers, map(not_, alike))),
            *(list(compress(column, alike)) for column in columns),
        )


def _mean_of_frames(row: Any) -> float | None:  # noqa: ANN401 (a class made at run time)
    try:
        return math.fsum([frame.score for frame in row.frames]) / len(row.frames)
    except (TypeError, ZeroDivisionError, OverflowError):
        return None


def _runtime_of_frames(row: Any) -> float | None:  # noqa: ANN401 (a class made at run time)
    try:
        return math.fsum([frame.runtime for frame in row.frames])
    except (TypeError, OverflowError):
        return None


def _shape(fields: Fields, rules: RowRules, label: str | None) -> _Shape | None:
    """Return how to read rows of these fields quickly, or None where that is not certain."""
    places = _places(fields, rules, label)
    if places is None:
        return None
    frame = {} if "score" in places else _frame_roles(fields, rules)
    if "score" not in places and "score" not in frame.values():
        return None
    kinds: dict[str, Any] = dict(_ROLE_TYPES)
    summary = {
        name.removeprefix(_SUMMARY): role
        for role, name in places.items()
        if name.startswith(_SUMMARY)
    }
    top = {name: role for role, name in places.items() if not name.startswith(_SUMMARY)}
    if summary:
        kinds["summary"] = _row_type(fields.summary, summary, kinds, fields.nesting) | None
        top["summary"] = "summary"
    if frame:
        kinds["frames"] = list[_row_type(fields.frame, frame, kinds, fields.nesting)] | None  # type: ignore[misc]
        top["frames"] = "frames"

    def getter(role: str, default: object) -> Callable[[Any], Any]:
        if role not in places:
            return lambda _: default
        return attrgetter(f"summary.{role}" if role in summary.values() else role)

    sums_runtime = "runtime" not in places and "runtime" in frame.values()
    return _Shape(
        decoder=msgspec.json.Decoder(_row_type(fields.top, top, kinds, fields.nesting)),
        key_field=places.get("key", STEM_FIELD).removeprefix(_SUMMARY),
        score_field=places.get("score") or f"frames[].{_field_of(frame, 'score')}",
        key=getter("key", ""),
        competitor=getter("competitor", label),
        status=getter("status", None),
        score=getter("score", None) if "score" in places else None,
        runtime=None if sums_runtime else getter("runtime", math.nan),
        native=None
        if summary or frame or "key" not in places
        else lambda: _native(fields, places, label),
    )


def _field_of(roles: Mapping[str, str], wanted: str) -> str:
    return next(field for field, role in roles.items() if role == wanted)


def _native(fields: Fields, places: Mapping[str, str], label: str | None) -> NativeReader:
    from second_opinion_assets.scores.native import NativeReader  # noqa: PLC0415

    return NativeReader(tuple(fields.top), places, label)


def _places(fields: Fields, rules: RowRules, label: str | None) -> dict[str, str] | None:
    """Return the field that gives each role, or None where rows might differ in that."""
    if not rules.are_plain:
        return None
    asked = (rules.score_field,) if rules.score_field else ()
    found = {
        "key": _key_fields(fields, rules),
        "score": (asked and fields.find(asked)) or fields.find(SCORE_NAMES),
        "competitor": fields.find(("competitor",)),
        "status": fields.find((rules.status_field,)),
        "runtime": fields.find(RUNTIME_NAMES),
    }
    if not found["score"] and "frames" not in fields.top:
        found["score"] = fields.find(FURTHER_SCORE_NAMES)
    two_of_one_name = any(len({n.lower() for n in level}) < len(level) for level in fields.levels)
    sums_beside_score = "frames" in fields.top and found["score"] and not found["runtime"]
    places = {role: names[0] for role, names in found.items() if names}
    if (
        two_of_one_name
        or sums_beside_score
        or not all(map(has_plain_names, fields.levels))
        or not (found["key"] or (rules.stem is not None and not rules.key_field))
        or not (found["competitor"] or label)
        or len(found["status"]) > 1
        or len(set(places.values())) < len(places)
    ):
        return None
    return places


def _key_fields(fields: Fields, rules: RowRules) -> list[str]:
    if rules.key_field:
        return fields.find((rules.key_field,))
    return fields.find(KEY_NAMES) or fields.find(FURTHER_KEY_NAMES)


def _frame_roles(fields: Fields, rules: RowRules) -> dict[str, str]:
    """Return which field of a frame gives its score and which its runtime."""
    asked = (rules.score_field,) if rules.score_field else ()
    wanted = {
        "score": (*asked, *SCORE_NAMES, *FURTHER_SCORE_NAMES),
        "runtime": RUNTIME_NAMES,
    }
    return {
        field: role
        for role, names in wanted.items()
        for field in matching_fields(tuple(fields.frame), names)[:1]
    }


_SCALAR = int | float | str | bool | None
_ROLE_TYPES: dict[str, Any] = {
    "key": str | None,
    "score": float | None,
    "competitor": str | None,
    "status": str | None,
    "runtime": float | None,
}


def _row_type(
    names: Iterable[str], roles: Mapping[str, str], kinds: Mapping[str, Any], nesting: set[str]
) -> type[msgspec.Struct]:
    """Return a Struct with one attribute for each role; of other fields nothing is kept."""
    members = []
    for number, name in enumerate(names):
        other = msgspec.Raw if name in nesting else _SCALAR  # a scalar is read in less time
        role = roles.get(name, f"other_{number}")
        members.append((role, kinds.get(role, other), msgspec.field(name=name, default=None)))
    return msgspec.defstruct(
        "UniformRow",
        members,
        forbid_unknown_fields=True,
        gc=False,
    )
