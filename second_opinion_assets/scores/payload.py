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

from second_opinion_assets.contract.json_text import shown
from second_opinion_assets.matching.keys import FURTHER_KEY_NAMES, KEY_NAMES

SCORE_NAMES = ("score", "mos", "predicted_mos", "predicted_vmaf_or_mos", "quality", "vmaf")
FURTHER_SCORE_NAMES = ("overall/final score", "overall", "video_score", "pred_score")
"""Names that scorers write too, taken where a row has none of the usual names, nor frames."""
LABEL_NAMES = ("gt_score", "gt", "mos_gt", "label")
"""What a scorer was measured against: never a second opinion."""
STATUS_FIELD = "status"
STEM_FIELD = "name of the file"
"""Stands for a key's field where the key is the stem of a file's name."""
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


class RowRules(NamedTuple):
    """What is asked for of the rows of a sidecar, beyond the usual names.

    Attributes:
        score_field: the field taken before the usual names where a row has it; a dotted path
            leads into nested fields, and a field of that very name goes first.
        key_field: the field that every row must have the key in, likewise; None for a usual name.
        status_field: the field of the status, likewise.
        frames_field: a list of frames; a row's one score counts for as many.
        stem: the key of a row that has none, if the file's name may be it.
    """

    score_field: str | None = None
    key_field: str | None = None
    status_field: str = STATUS_FIELD
    frames_field: str | None = None
    stem: str | None = None

    @property
    def are_plain(self) -> bool:
        """Whether every row can be read without a look at what is nested elsewhere than usual."""
        asked = (self.score_field, self.key_field, self.status_field)
        return not (self.frames_field or any("." in name for name in asked if name))


class Found(NamedTuple):
    """A value of a payload, and the fields that lead to it."""

    path: tuple[str, ...]
    value: Any

    @property
    def field(self) -> str:
        """The field that holds it."""
        return self.path[-1]


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


def find_in(place: Payload, names: tuple[str, ...]) -> Found | None:
    """Return the first of `names` with a value; null is as good as absent."""
    for field in matching_fields(tuple(place), names):
        if place[field] is not None:
            return Found((field,), place[field])
    return None


def find_value(payload: Payload, names: tuple[str, ...]) -> Found | None:
    """Look for `names` at top level, then in the payload's summary."""
    found = find_in(payload, names)
    if found is None and isinstance(summary := payload.get("summary"), dict):
        found = find_in(summary, names)
        return found and Found(("summary", *found.path), found.value)
    return found


def find_asked(payload: Payload, asked: str) -> Found | None:
    """Look for the field asked for by its name, then for what the name leads to as a path."""
    return find_value(payload, (asked,)) or _find_path(payload, asked)


def _find_path(place: Payload, path: str) -> Found | None:
    """Follow a dotted path, whose fields may themselves have dots in their names."""
    end = path.find(".")
    while end >= 0:
        outer = find_in(place, (path[:end],))
        if outer and isinstance(outer.value, dict):
            rest = path[end + 1 :]
            inner = find_in(outer.value, (rest,)) or _find_path(outer.value, rest)
            if inner:
                return Found(outer.path + inner.path, inner.value)
        end = path.find(".", end + 1)
    return None


def read_row(payload: Payload, rules: RowRules) -> ScoreRow:
    """Read score, runtime and status of one payload by the contract.

    Args:
        payload: one JSON object of a sidecar.
        rules: what is asked for.
    """
    score, frames = _score(payload, rules)
    runtime = _runtime_ms(payload)
    reason = score.reason if isinstance(score, Defect) else _bad_status(payload, rules)
    return ScoreRow(
        score=math.nan if isinstance(score, Defect) else score,
        status=Status.bad if reason else Status.ok,
        runtime_ms=runtime,
        frames=frames,
        reason=reason,
    )


def read_score_field(payload: Payload, rules: RowRules) -> str | None:
    """Return where a payload's score stands: `mos`, `summary.mos`, `frames[].mos`, or nowhere."""
    found = _find_score(payload, rules)
    if found:
        return ".".join(found.path)
    frames = payload.get("frames")
    first = frames[0] if isinstance(frames, list) and frames else None
    found = find_in(first, _frame_names(rules)) if isinstance(first, dict) else None
    return f"frames[].{found.field}" if found else None


def _find_score(payload: Payload, rules: RowRules) -> Found | None:
    """Return the score that stands by itself; frames go before names that are not usual."""
    found = find_asked(payload, rules.score_field) if rules.score_field else None
    found = found or find_value(payload, SCORE_NAMES)
    if found is None and payload.get("frames") is None:
        found = find_value(payload, FURTHER_SCORE_NAMES)
    return found


def _frame_names(rules: RowRules) -> tuple[str, ...]:
    asked = (rules.score_field,) if rules.score_field else ()
    return (*asked, *SCORE_NAMES, *FURTHER_SCORE_NAMES)


def _score(payload: Payload, rules: RowRules) -> tuple[float | Defect, int]:
    """Return the score and how many frame scores it is the mean of (0 for a scalar)."""
    found = _find_score(payload, rules)
    if found:
        averaged = payload.get(rules.frames_field) if rules.frames_field else None
        count = len(averaged) if isinstance(averaged, list) else 0
        return read_number(found.value, ".".join(found.path)), count
    frames = payload.get("frames")
    if frames is None:
        return Defect("no score"), 0
    return _mean_of_frames(frames, _frame_names(rules))


def _mean_of_frames(frames: object, names: tuple[str, ...]) -> tuple[float | Defect, int]:
    if not isinstance(frames, list):
        return Defect(f"frames is {shown(frames)}, expected a list"), 0
    if not frames:
        return Defect("frames is empty"), 0
    scores: list[float] = []
    for position, frame in enumerate(frames):
        found = find_in(frame, names) if isinstance(frame, dict) else None
        score = read_number(found.value, found.field) if found else Defect("no score")
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
        runtime = read_number(found.value, found.field)
        return math.nan if isinstance(runtime, Defect) else runtime
    frames = payload.get("frames")
    runtimes = []
    for frame in frames if isinstance(frames, list) else ():
        found = find_in(frame, RUNTIME_NAMES) if isinstance(frame, dict) else None
        runtime = read_number(found.value, found.field) if found else Defect("none")
        if not isinstance(runtime, Defect):
            runtimes.append(runtime)
    try:
        return math.fsum(runtimes) if runtimes else math.nan
    except OverflowError:
        return math.nan


def _bad_status(payload: Payload, rules: RowRules) -> str:
    """Return why the row's own status makes it bad, or an empty text."""
    found = find_asked(payload, rules.status_field)
    if found is None:
        return ""
    status = found.value
    if isinstance(status, str) and status.strip().lower() in GOOD_STATUSES:
        return ""
    return f"{rules.status_field} is {shown(status)}"


def read_competitor(payload: Payload, label: str | None) -> str | None:
    """Return the scorer's name: the payload's, then its summary's, then the label."""
    summary = payload.get("summary")
    for place in (payload, summary if isinstance(summary, dict) else {}):
        found = find_in(place, ("competitor",))
        if found and isinstance(found.value, str | int | float) and str(found.value).strip():
            return str(found.value).strip()
    return label


def find_key(payload: Payload, rules: RowRules) -> Found | None:
    """Return a score row's key, or None."""
    if rules.key_field:
        return find_asked(payload, rules.key_field)
    found = find_value(payload, KEY_NAMES) or find_value(payload, FURTHER_KEY_NAMES)
    if found is None and rules.stem is not None:
        return Found((STEM_FIELD,), rules.stem)
    return found


def is_label(field: str) -> bool:
    """Say whether a field, or what a path leads to, is named like a label."""
    return field.rpartition(".")[2].lower() in LABEL_NAMES
