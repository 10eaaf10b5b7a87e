"""The quick way to read rows that are alike: straight from bytes to the few values they give.

It reads a row only where it is certain to read it as `scores` does, and leaves every other row
to that plain reading. What the rows have in common is learnt from the rows themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from second_opinion_assets.join.json_text import has_plain_names
from second_opinion_assets.join.keys import KEY_NAMES
from second_opinion_assets.join.scores import (
    GOOD_STATUSES,
    RUNTIME_NAMES,
    SCORE_NAMES,
    matching_fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from second_opinion_assets.join.options import JoinOptions
    from second_opinion_assets.join.scores import Payload
    from second_opinion_assets.join.sidecars.json_forms import RowBlock

_GOOD_OR_NONE = GOOD_STATUSES | {None}


@dataclass(frozen=True)
class UniformRows:
    """The rows of a block that were read the quick way, column by column, all of them ok.

    Attributes:
        numbers: which rows of the block these are, ascending.
        keys: the text of each key, not normalised.
        competitors: the scorer that each row names.
        score: finite float64.
        runtime_ms: float64, NaN where there is none.
        frames: number of frame scores averaged, 0 for a scalar.
    """

    numbers: Sequence[int]
    keys: list[str]
    competitors: Sequence[str]
    score: Sequence[float]
    runtime_ms: Sequence[float]
    frames: Sequence[int]


class UniformReader:
    """Learns the fields that the rows of a sidecar have and reads rows that have no others."""

    def __init__(self, options: JoinOptions, label: str | None) -> None:
        self._options = options
        self._label = label
        self._fields = Fields({}, {}, {})
        self._shape: _Shape | None = None

    @property
    def key_field(self) -> str:
        """The field that `read` takes keys from."""
        return self._shape.key_field if self._shape else ""

    def learn(self, payloads: Iterable[Payload]) -> None:
        """Take note of the fields of some rows."""
        before = self._fields.count
        for payload in payloads:
            self._fields.add(payload)
        if self._fields.count != before:
            self._shape = _shape(self._fields, self._options, self._label)

    def read(self, block: RowBlock) -> UniformRows | None:
        """Read the rows of a block that are alike and ok; None where the block is not alike."""
        if self._shape is None or not block.certain:
            return None
        try:
            rows = self._shape.decoder.decode_lines(block.text)
            return self._shape.read(rows) if len(rows) == block.count else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError):
            return None  # an unknown field, another type, a row without summary


@dataclass
class Fields:
    """The names of all fields met so far, in the order in which they were met."""

    top: dict[str, None]
    summary: dict[str, None]
    frame: dict[str, None]

    @property
    def levels(self) -> tuple[dict[str, None], ...]:
        return self.top, self.summary, self.frame

    @property
    def count(self) -> int:
        return sum(map(len, self.levels))

    def add(self, payload: Payload) -> None:
        self.top.update(dict.fromkeys(payload))
        if isinstance(summary := payload.get("summary"), dict):
            self.summary.update(dict.fromkeys(summary))
        for frame in frames if isinstance(frames := payload.get("frames"), list) else ():
            if isinstance(frame, dict):
                self.frame.update(dict.fromkeys(frame))

    def find(self, names: tuple[str, ...]) -> list[str]:
        """Return the fields that may hold one of `names`, best first, as `a` or `summary.a`."""
        return [
            *matching_fields(tuple(self.top), names),
            *(f"summary.{field}" for field in matching_fields(tuple(self.summary), names)),
        ]


@dataclass(frozen=True)
class _Shape:
    """Where each value stands in rows that have none but certain fields.

    A getter returns None where the row leaves the value out. Without `score` the score is the
    mean of `row.frames`; without `runtime` the runtime is the sum over them.
    """

    decoder: msgspec.json.Decoder[Any]
    key_field: str
    key: Callable[[Any], str | None]
    competitor: Callable[[Any], str | None]
    status: Callable[[Any], str | None]
    score: Callable[[Any], float | None] | None
    runtime: Callable[[Any], float | None] | None

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
        columns: tuple[Any, ...] = (
            range(len(rows)),
            keys,
            competitors,
            scores,
            runtimes,
            counts,
        )
        if not all(alike):
            columns = tuple(list(compress(column, alike)) for column in columns)
        return UniformRows(*columns)


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


def _shape(fields: Fields, options: JoinOptions, label: str | None) -> _Shape | None:
    """Return how to read rows of these fields quickly, or None where that is not certain."""
    asked = (options.score_field,) if options.score_field else ()
    found = {
        "key": fields.find((options.score_key_field,) if options.score_key_field else KEY_NAMES),
        "score": (asked and fields.find(asked)) or fields.find(SCORE_NAMES),
        "competitor": fields.find(("competitor",)),
        "status": fields.find(("status",)),
        "runtime": fields.find(RUNTIME_NAMES),
    }
    from_frames = not found["score"]
    if (
        any(len({name.lower() for name in names}) < len(names) for names in fields.levels)
        or not all(map(has_plain_names, fields.levels))
        or not found["key"]
        or not (found["competitor"] or label)
        or len(found["status"]) > 1
        or (from_frames and not fields.frame)
        or ("frames" in fields.top and not from_frames and not found["runtime"])
    ):
        return None
    places = {role: names[0] for role, names in found.items() if names}
    if len(set(places.values())) < len(places):
        return None
    kinds: dict[str, Any] = {role: _ROLE_TYPES[role] for role in places}
    inside = {name: role for role, name in places.items() if name.startswith("summary.")}
    top = {name: role for role, name in places.items() if name not in inside}
    if inside:
        bare = {name.removeprefix("summary."): role for name, role in inside.items()}
        kinds["summary"] = _row_type(fields.summary, bare, kinds) | None
        top["summary"] = "summary"
    frame_runtime = False
    if from_frames:
        names = {"score": (*asked, *SCORE_NAMES), "runtime": RUNTIME_NAMES}
        frame = {
            field: role
            for role, wanted in names.items()
            for field in matching_fields(tuple(fields.frame), wanted)[:1]
        }
        if "score" not in frame.values():
            return None
        frame_runtime = "runtime" in frame.values()
        kinds["frames"] = list[_row_type(fields.frame, frame, _ROLE_TYPES)] | None  # type: ignore[misc]
        top["frames"] = "frames"

    def getter(role: str) -> Callable[[Any], Any]:
        return attrgetter(f"summary.{role}" if places[role] in inside else role)

    def constant(value: object) -> Callable[[Any], Any]:
        return lambda _: value

    runtime: Callable[[Any], float | None] | None = None
    if "runtime" in places:
        runtime = getter("runtime")
    elif not frame_runtime:
        runtime = constant(math.nan)
    return _Shape(
        decoder=msgspec.json.Decoder(_row_type(fields.top, top, kinds)),
        key_field=places["key"].removeprefix("summary."),
        key=getter("key"),
        competitor=getter("competitor") if "competitor" in places else constant(label),
        status=getter("status") if "status" in places else constant(None),
        score=None if from_frames else getter("score"),
        runtime=runtime,
    )


_ROLE_TYPES: dict[str, Any] = {
    "key": str | None,
    "score": float | None,
    "competitor": str | None,
    "status": str | None,
    "runtime": float | None,
}


def _row_type(
    fields: Iterable[str], roles: Mapping[str, str], kinds: Mapping[str, Any]
) -> type[msgspec.Struct]:
    """Return a Struct with one attribute for each role; other fields are passed over unread."""
    members = [(roles.get(field, f"other_{number}"), field) for number, field in enumerate(fields)]
    return msgspec.defstruct(
        "UniformRow",
        [
            (attribute, kinds.get(attribute, msgspec.Raw), msgspec.field(name=field, default=None))
            for attribute, field in members
        ],
        forbid_unknown_fields=True,
        gc=False,
    )
