"""What JSON rows that are alike have in common, and how such rows become columns.

A row is read so only where it is certain to be read as `payload` reads it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from second_opinion_assets.contract.columns import Floats, Integers, Status
from second_opinion_assets.contract.fields import (
    ALL_KEY_NAMES,
    FURTHER_KEY_NAMES,
    FURTHER_SCORE_NAMES,
    GOOD_STATUSES,
    KEY_NAMES,
    RUNTIME_NAMES,
    SCORE_NAMES,
    SCORER_FIELD,
    STEM_FIELD,
    slug,
)
from second_opinion_assets.contract.json_text import has_plain_names
from second_opinion_assets.matching.keys import KEY_TYPE
from second_opinion_assets.scores.payload import (
    NO_SCORE,
    Defect,
    further_key_text,
    status_defect,
)
from second_opinion_assets.scores.payload_fields import is_prediction, may_be_label
from second_opinion_assets.scores.row_fields import SUMMARY, Fields, frame_roles
from second_opinion_assets.scores.row_structs import ROLE_TYPES, Members, row_type
from second_opinion_assets.scores.rules import RowRules

_GOOD_OR_NONE = GOOD_STATUSES | {None}


class AlikeRows(NamedTuple):
    """Rows of a block that were read the quick way, column by column.

    Attributes:
        numbers: which rows of the block these are, ascending.
        others: which rows of the block were left to the plain reading.
        may_have_twins: whether it is not certain that each row has each of its fields once.
        further_keys: as in `rows.RowColumns`.
        keys: the text of each key, as written; None for a key that the file's name is.
        scorers: the scorer that each row names.
        score, status, runtime_ms, frames: as in `rows.RowColumns`.
        defects: why a row is bad, by its number in the block.
    """

    numbers: Integers
    others: list[int]
    keys: pa.Array | None
    scorers: list[str]
    score: Floats
    status: NDArray[np.uint8]
    runtime_ms: Floats
    frames: Integers
    defects: dict[int, Defect]
    further_keys: dict[str, pa.Array]
    may_have_twins: bool

    def scorers_with_scores(self) -> set[str]:
        """Return the names of the scorers that have a score in some row."""
        return set(np.array(self.scorers, object)[~np.isnan(self.score)].tolist())


@dataclass(frozen=True)
class RowSchema:
    """Where each value stands in rows that have none but certain fields.

    A getter returns None where the row leaves the value out. Without `score` the score is the
    mean of `row.frames`; without `runtime` the runtime is the sum over them.

    Attributes:
        names_scorers: whether rows name their scorers.
        only_score: whether a row without a value at `score` has no score at all.
        only_runtime: likewise.
        predicted: slugs of fields by whose name a scorer's prediction might go, beside a score that
            is the label then.
        status_field: as the rules name it.
        members: counts what rows have.
    """

    decoder: msgspec.json.Decoder[Any]
    key_field: str
    score_field: str
    status_field: str
    key: Callable[[Any], str | None] | None
    scorer: Callable[[Any], str | None]
    status: Callable[[Any], str | None] | None
    score: Callable[[Any], float | None] | None
    runtime: Callable[[Any], float | None] | None
    names_scorers: bool
    only_score: bool
    only_runtime: bool
    further_keys: Mapping[str, Callable[[Any], object]]
    predicted: frozenset[str]
    members: Members

    def read(self, rows: list[Any], *, may_have_twins: bool) -> AlikeRows | None:
        """Return decoded rows as columns; None where their scores may be labels."""
        count = len(rows)
        keys = None if self.key is None else list(map(self.key, rows))
        scorers: list[Any] = list(map(self.scorer, rows))
        score = np.array(list(map(self.score or _mean_of_frames, rows)), np.float64)
        runtime_ms = np.array(list(map(self.runtime or _runtime_of_frames, rows)), np.float64)
        frames = np.zeros(count, np.int64)
        if self.score is None:
            frames = np.array([len(row.frames or ()) for row in rows], np.int64)
        alike = np.ones(count, np.bool_)
        if self.predicted and self.predicted.intersection(map(slug, filter(None, set(scorers)))):
            return None
        nameless = {name for name in set(scorers) if not (name and name.strip())}
        if nameless or None in (keys or ()):
            pairs = zip(scorers, keys or scorers, strict=True)
            alike &= [name not in nameless and key is not None for name, key in pairs]
        defects = {} if self.status is None else self._bad_statuses(map(self.status, rows))
        no_score = np.isnan(score)
        if self.only_score:
            defects.update(dict.fromkeys(np.flatnonzero(no_score).tolist(), NO_SCORE))
        else:
            alike &= ~no_score
        if not self.only_runtime:
            alike &= ~np.isnan(runtime_ms)
        status = np.zeros(count, np.uint8)
        status[list(defects)] = Status.bad
        further = {
            name: pa.array(list(map(further_key_text, map(get, rows))), KEY_TYPE)
            for name, get in self.further_keys.items()
        }
        numbers = np.flatnonzero(alike)
        if len(numbers) < count:
            chosen = numbers.tolist()
            keys = keys and [keys[n] for n in chosen]
            scorers = [scorers[n] for n in chosen]
            further = {name: texts.take(pa.array(numbers)) for name, texts in further.items()}
            defects = {n: defect for n, defect in defects.items() if alike[n]}
        return AlikeRows(
            numbers,
            np.flatnonzero(~alike).tolist(),
            None if keys is None else pa.array(keys, KEY_TYPE),
            scorers,
            score[numbers],
            status[numbers],
            runtime_ms[numbers],
            frames[numbers],
            defects,
            further,
            may_have_twins,
        )

    def _bad_statuses(self, statuses: Iterable[str | None]) -> dict[int, Defect]:
        listed = list(statuses)
        told = {
            status: defect
            for status in set(listed).difference(_GOOD_OR_NONE)
            if (defect := status_defect(status, self.status_field))
        }
        return {row: defect for status, defect in told.items() for row in _rows_of(status, listed)}


def _rows_of(value: str | None, values: list[str | None]) -> Iterator[int]:
    """Yield where a value stands; for a rare one this takes a tenth of looking at each."""
    row = -1
    with suppress(ValueError):
        while True:
            row = values.index(value, row + 1)
            yield row


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


def infer(fields: Fields, rules: RowRules, label: str | None) -> RowSchema | None:
    """Return how to read rows of these fields quickly, or None where that is not certain."""
    candidates = _candidates(fields, rules)
    places = _places(fields, rules, label, candidates)
    if places is None:
        return None
    frame = {} if "score" in places else frame_roles(fields, rules)
    if "score" not in places and "score" not in frame.values():
        return None
    score_field = places.get("score") or f"frames[].{_field_of(frame, 'score')}"
    others = fields.names if may_be_label(score_field, rules) else set()
    if any(is_prediction(name, label or "") for name in others):
        return None
    places |= (further := _further_keys(fields, places.values()))
    kinds: dict[str, Any] = dict(ROLE_TYPES)
    top, summary = _by_level(places)
    members = Members()

    def level(names: Iterable[str], roles: Mapping[str, str]) -> type[msgspec.Struct]:
        return row_type(names, roles, kinds, fields.nesting, members.absent)

    if "summary" in fields.top and "summary" in fields.nesting:
        kinds["summary"] = level(fields.summary, summary) | None
        top["summary"] = "summary"
    if frame:
        kinds["frames"] = list[level(fields.frame, frame)] | None  # type: ignore[misc]
        top["frames"] = "frames"

    def getter(role: str) -> Callable[[Any], Any]:
        get = attrgetter(role)
        if role not in summary.values():
            return get
        return lambda row: row.summary and get(row.summary)

    has_frames = "frames" in fields.top
    sums_runtime = "runtime" not in places and "runtime" in frame.values()
    return RowSchema(
        decoder=msgspec.json.Decoder(level(fields.top, top)),
        key_field=places.get("key", STEM_FIELD).removeprefix(SUMMARY),
        score_field=score_field,
        status_field=rules.status_field,
        key=getter("key") if "key" in places else None,
        scorer=getter("scorer") if "scorer" in places else lambda _: label,
        status=getter("status") if "status" in places else None,
        score=getter("score") if "score" in places else None,
        runtime=None if sums_runtime else (getter("runtime") if "runtime" in places else _nothing),
        names_scorers="scorer" in places,
        only_score=len(candidates["score"]) == 1 and not has_frames,
        only_runtime=("runtime" not in places and not sums_runtime)
        or (len(candidates["runtime"]) == 1 and not has_frames),
        further_keys={
            name.removeprefix(SUMMARY).lower(): getter(role) for role, name in further.items()
        },
        predicted=frozenset(map(slug, others)) - {slug(name) for name in SCORE_NAMES},
        members=members,
    )


def _by_level(places: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the roles of fields at the top, and of those in the summary, by their names."""
    top, summary = {}, {}
    for role, name in places.items():
        if name.startswith(SUMMARY):
            summary[name.removeprefix(SUMMARY)] = role
        else:
            top[name] = role
    return top, summary


def _further_keys(fields: Fields, taken: Collection[str]) -> dict[str, str]:
    """Return the other fields that may tell the clip, each by a role of its own."""
    names: dict[str, str] = {}
    for name in fields.find(ALL_KEY_NAMES):
        own = name.removeprefix(SUMMARY)
        if name not in taken and own not in fields.nesting:
            names.setdefault(own.lower(), name)
    return {f"further_{number}": name for number, name in enumerate(names.values())}


def _nothing(_: object) -> float:
    return math.nan


def _field_of(roles: Mapping[str, str], wanted: str) -> str:
    return next(field for field, role in roles.items() if role == wanted)


def _candidates(fields: Fields, rules: RowRules) -> dict[str, list[str]]:
    """Return for each role the fields that may give it, best first."""
    asked = (rules.score_field,) if rules.score_field else ()
    # In the order of the plain reading: what is asked for goes first, wherever it stands.
    further = () if "frames" in fields.top else FURTHER_SCORE_NAMES
    scores = (asked, SCORE_NAMES, further) if rules.takes_usual_scores else (asked,)
    return {
        "key": _key_fields(fields, rules),
        "score": list(dict.fromkeys(name for names in scores for name in fields.find(names))),
        "scorer": fields.find((SCORER_FIELD,)),
        "status": fields.find((rules.status_field,)),
        "runtime": fields.find(RUNTIME_NAMES),
    }


def _places(
    fields: Fields, rules: RowRules, label: str | None, candidates: Mapping[str, list[str]]
) -> dict[str, str] | None:
    """Return the field that gives each role, or None where rows might differ in that."""
    if not rules.are_plain:
        return None
    two_of_one_name = any(len({n.lower() for n in level}) < len(level) for level in fields.levels)
    sums_beside_score = "frames" in fields.top and candidates["score"] and not candidates["runtime"]
    places = {role: names[0] for role, names in candidates.items() if names}
    if (
        two_of_one_name
        or sums_beside_score
        or not all(map(has_plain_names, fields.levels))
        or not (candidates["key"] or (rules.stem is not None and not rules.key_field))
        or not (candidates["scorer"] or label)
        or len(candidates["status"]) > 1
        or len(set(places.values())) < len(places)
    ):
        return None
    return places


def _key_fields(fields: Fields, rules: RowRules) -> list[str]:
    if rules.key_field:
        return fields.find((rules.key_field,))
    return fields.find(KEY_NAMES) or fields.find(FURTHER_KEY_NAMES)
