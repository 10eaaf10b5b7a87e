"""One row of a sidecar, read by the contract: its key, scorer, score, runtime and status.

The files that rows come from belong in `sidecars`; many rows as columns in `scorers`.
"""

from __future__ import annotations

import math
import re
from enum import IntEnum
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from second_opinion_assets.join.json_text import shown
from second_opinion_assets.join.keys import KEY_NAMES

SCORE_NAMES = ("score", "mos", "predicted_mos", "predicted_vmaf_or_mos", "quality", "vmaf")
RUNTIME_NAMES = ("runtime_ms", "runtime_total_ms", "elapsed_ms")
GOOD_STATUSES = frozenset({"", "ok", "pass", "success"})
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

Payload = dict[str, Any]


class Status(IntEnum):
    """What a feature row got from one scorer."""

    ok = 0
    bad = 1
    missing = 2


class ScoreRow(NamedTuple):
    """What one row of a sidecar says about one clip.

    `score` and `runtime_ms` are NaN where there is none; `reason` says why a row is bad.
    """

    score: float
    status: Status
    runtime_ms: float
    frames: int
    reason: str


class Defect(NamedTuple):
    """Where a number was expected: what is wrong instead."""

    reason: str


def slug(competitor: str) -> str:
    """Return the part of a column name that stands for a scorer, maybe an empty one."""
    return re.sub(r"[^a-z0-9]+", "_", competitor.lower()).strip("_")


def read_number(value: object, name: str) -> float | Defect:
    """Return a finite number, given as one or as its decimal text, or what is wrong with it."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Defect(f"{name} is {shown(value)}, expected a finite number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        return Defect(f"{name} is {number}, expected a finite number")
    return number


@lru_cache(maxsize=4096)
def matching_fields(fields: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields that match one of `names`, whatever their case, in the order of names.

    Of two fields that differ in case alone, the one written like the name goes first.
    """
    return tuple(
        field
        for name in names
        for field in sorted(fields, key=lambda field: field != name)
        if field.lower() == name.lower()
    )


def find_in(place: Payload, names: tuple[str, ...]) -> tuple[str, Any] | None:
    """Return name and value of the first of `names` with a value; null is as good as absent."""
    for field in matching_fields(tuple(place), names):
        if place[field] is not None:
            return field, place[field]
    return None


def find_value(payload: Payload, names: tuple[str, ...]) -> tuple[str, Any] | None:
    """Look for `names` at top level, then in the payload's summary."""
    found = find_in(payload, names)
    if found is None and isinstance(summary := payload.get("summary"), dict):
        found = find_in(summary, names)
    return found


def read_row(payload: Payload, score_field: str | None) -> ScoreRow:
    """Read score, runtime and status of one payload by the contract.

    Args:
        payload: one JSON object of a sidecar.
        score_field: the field asked for, taken before the usual names where a row has it.
    """
    score, frames = _score(payload, score_field)
    runtime = _runtime_ms(payload)
    reason = score.reason if isinstance(score, Defect) else _bad_status(payload)
    return ScoreRow(
        score=math.nan if isinstance(score, Defect) else score,
        status=Status.bad if reason else Status.ok,
        runtime_ms=runtime,
        frames=frames,
        reason=reason,
    )


def _score(payload: Payload, score_field: str | None) -> tuple[float | Defect, int]:
    """Return the score and how many frame scores it is the mean of (0 for a scalar)."""
    asked = (score_field,) if score_field else ()
    found = (asked and find_value(payload, asked)) or find_value(payload, SCORE_NAMES)
    if found:
        return read_number(found[1], found[0]), 0
    frames = payload.get("frames")
    if frames is None:
        return Defect("no score"), 0
    return _mean_of_frames(frames, (*asked, *SCORE_NAMES))


def _mean_of_frames(frames: object, names: tuple[str, ...]) -> tuple[float | Defect, int]:
    if not isinstance(frames, list):
        return Defect(f"frames is {shown(frames)}, expected a list"), 0
    if not frames:
        return Defect("frames is empty"), 0
    scores: list[float] = []
    for position, frame in enumerate(frames):
        found = find_in(frame, names) if isinstance(frame, dict) else None
        score = read_number(found[1], found[0]) if found else Defect("no score")
        if isinstance(score, Defect):
            return Defect(f"frames[{position}]: {score.reason}"), 0
        scores.append(score)
    return mean(scores), len(scores)


def mean(scores: list[float]) -> float:
    """Return the mean of frame scores; their sum is exact."""
    try:
        return math.fsum(scores) / len(scores)
    except OverflowError:
        return float(sum(map(Fraction, scores)) / len(scores))


def _runtime_ms(payload: Payload) -> float:
    """Return the runtime reported for a clip, else the sum over its frames, else NaN."""
    found = find_value(payload, RUNTIME_NAMES)
    if found:
        runtime = read_number(found[1], found[0])
        return math.nan if isinstance(runtime, Defect) else runtime
    frames = payload.get("frames")
    runtimes = []
    for frame in frames if isinstance(frames, list) else ():
        found = find_in(frame, RUNTIME_NAMES) if isinstance(frame, dict) else None
        runtime = read_number(found[1], found[0]) if found else Defect("none")
        if not isinstance(runtime, Defect):
            runtimes.append(runtime)
    try:
        return math.fsum(runtimes) if runtimes else math.nan
    except OverflowError:
        return math.nan


def _bad_status(payload: Payload) -> str:
    """Return why the row's own status makes it bad, or an empty text."""
    found = find_value(payload, ("status",))
    if found is None or (isinstance(found[1], str) and found[1].strip().lower() in GOOD_STATUSES):
        return ""
    return f"status is {shown(found[1])}"


def read_competitor(payload: Payload, label: str | None) -> str | None:
    """Return the scorer's name: the payload's, then its summary's, then the label."""
    summary = payload.get("summary")
    for place in (payload, summary if isinstance(summary, dict) else {}):
        found = find_in(place, ("competitor",))
        if found and isinstance(found[1], str | int | float) and str(found[1]).strip():
            return str(found[1]).strip()
    return label


def find_key(payload: Payload, asked: str | None) -> tuple[str, Any] | None:
    """Return field and value of a score row's key, or None."""
    return find_value(payload, (asked,) if asked else KEY_NAMES)
