"""One row of a JSON sidecar, read by the contract: its key, scorer, score, runtime and status.

Many alike rows are read at once in `alike`, which is held to give what this module gives.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from second_opinion_assets.contract.columns import Status
from second_opinion_assets.contract.fields import (
    ALL_KEY_NAMES,
    ALL_SCORE_NAMES,
    FURTHER_KEY_NAMES,
    FURTHER_SCORE_NAMES,
    GOOD_STATUSES,
    KEY_NAMES,
    RUNTIME_NAMES,
    SCORE_NAMES,
    SCORER_FIELD,
    STEM_FIELD,
    matching_fields,
)
from second_opinion_assets.contract.json_text import shown
from second_opinion_assets.scores.number_texts import may_have_decimal_comma, plain_number
from second_opinion_assets.scores.rules import RowRules

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")

Payload = dict[str, Any]


class ScoreRow(NamedTuple):
    """What one row of a sidecar says about one clip.

    `score` and `runtime_ms` are NaN where there is none; `defect` says why a row is bad.
    """

    score: float
    status: Status
    runtime_ms: float
    frames: int
    defect: Defect | None


class Found(NamedTuple):
    """A value of a payload, and the fields that lead to it."""

    path: tuple[str, ...]
    value: Any

    @property
    def field(self) -> str:
        """The field that holds it."""
        return self.path[-1]


class Defect(NamedTuple):
    """What makes a row bad: of what kind it is, in a word or two, and what was found."""

    kind: str
    reason: str


NO_SCORE = Defect("no score", "no score")


def read_number(value: object, name: str) -> float | Defect:
    """Return a finite number, given as one or as its text, or what is wrong with it."""
    if isinstance(value, str):
        told = plain_number(value)
        if told is None and may_have_decimal_comma(value.strip()):
            found = f"{name} is {shown(value)}, a number with a decimal comma"
            return Defect("decimal comma", f"{found}; expected a decimal point")
        value = value if told is None else told
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Defect("not a number", f"{name} is {shown(value)}, expected a finite number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        return Defect("not finite", f"{name} is {number}, expected a finite number")
    return number


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
    defect = score if isinstance(score, Defect) else _bad_status(payload, rules)
    return ScoreRow(
        score=math.nan if isinstance(score, Defect) else score,
        status=Status.bad if defect else Status.ok,
        runtime_ms=runtime,
        frames=frames,
        defect=defect,
    )


def score_path(payload: Payload, rules: RowRules) -> tuple[str, ...] | None:
    """Return the fields that lead to the score that stands by itself; None where none does."""
    found = _find_score(payload, rules)
    return found and found.path


def read_score_field(payload: Payload, rules: RowRules) -> str | None:
    """Return where a payload's score stands: `mos`, `summary.mos`, `frames[].mos`, or nowhere."""
    found = _find_score(payload, rules)
    if found:
        return ".".join(found.path)
    if rules.frame_score:
        return f"frames[].{rules.frame_score}"
    frames = payload.get("frames")
    if rules.only_asked:
        return None
    first = frames[0] if isinstance(frames, list) and frames else None
    found = find_in(first, _frame_names(rules)) if isinstance(first, dict) else None
    return f"frames[].{found.field}" if found else None


def _find_score(payload: Payload, rules: RowRules) -> Found | None:
    """Return the score that stands by itself; frames go before names that are not usual."""
    found = find_asked(payload, rules.score_field) if rules.score_field else None
    if found or rules.only_asked or rules.frame_score or not rules.takes_usual_scores:
        return found
    found = find_value(payload, SCORE_NAMES)
    if found is None and payload.get("frames") is None:
        found = find_value(payload, FURTHER_SCORE_NAMES)
    return found


def _frame_names(rules: RowRules) -> tuple[str, ...]:
    asked = (rules.score_field,) if rules.score_field else ()
    return (*asked, *ALL_SCORE_NAMES) if rules.takes_usual_scores else asked


def _score(payload: Payload, rules: RowRules) -> tuple[float | Defect, int]:
    """Return the score and how many frame scores it is the mean of (0 for a scalar)."""
    found = _find_score(payload, rules)
    if found:
        name = ".".join(found.path)
        if isinstance(found.value, list) and len(found.value) > 1:
            return _mean_of_list(found.value, name)
        averaged = payload.get(rules.frames_field) if rules.frames_field else None
        count = len(averaged) if isinstance(averaged, list) else 0
        return _read_one(found.value, name), count
    if rules.only_asked:
        return Defect("no score", f"{rules.score_field} is null"), 0
    frames = payload.get("frames")
    if frames is None:
        return NO_SCORE, 0
    if rules.frame_score:
        return _mean_of_frames(frames, partial(find_asked, asked=rules.frame_score))
    return _mean_of_frames(frames, partial(find_in, names=_frame_names(rules)))


def _read_one(value: object, name: str) -> float | Defect:
    """Return the number that a value is, or that a list of one value holds."""
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    return read_number(one, name)


def _mean_of_list(values: list[Any], name: str) -> tuple[float | Defect, int]:
    """Return the mean of a list of frame scores, and how many there are."""
    scores: list[float] = []
    for position, value in enumerate(values):
        score = read_number(value, f"{name}[{position}]")
        if isinstance(score, Defect):
            return score, 0
        scores.append(score)
    return mean(scores), len(scores)


def _mean_of_frames(
    frames: object, find: Callable[[Payload], Found | None]
) -> tuple[float | Defect, int]:
    if not isinstance(frames, list):
        return Defect("no frames", f"frames is {shown(frames)}, expected a list"), 0
    if not frames:
        return Defect("no frames", "frames is empty"), 0
    scores: list[float] = []
    for position, frame in enumerate(frames):
        found = find(frame) if isinstance(frame, dict) else None
        score = _read_one(found.value, found.field) if found else NO_SCORE
        if isinstance(score, Defect):
            return Defect(f"frame with {score.kind}", f"frames[{position}]: {score.reason}"), 0
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
        runtime = read_number(found.value, found.field) if found else NO_SCORE
        if not isinstance(runtime, Defect):
            runtimes.append(runtime)
    try:
        return math.fsum(runtimes) if runtimes else math.nan
    except OverflowError:
        return math.nan


def _bad_status(payload: Payload, rules: RowRules) -> Defect | None:
    """Return why the row's own status makes it bad, or None."""
    found = find_asked(payload, rules.status_field)
    return None if found is None else status_defect(found.value, rules.status_field)


def status_defect(status: object, field: str) -> Defect | None:
    """Return why a row of this status is bad; None for a good one."""
    if isinstance(status, str) and status.strip().lower() in GOOD_STATUSES:
        return None
    return Defect("bad status", f"{field} is {shown(status)}")


def read_scorer_name(payload: Payload) -> str | None:
    """Return the scorer's name: the payload's, else its summary's."""
    summary = payload.get("summary")
    for place in (payload, summary if isinstance(summary, dict) else {}):
        found = find_in(place, (SCORER_FIELD,))
        if found and isinstance(found.value, str | int | float) and str(found.value).strip():
            return str(found.value).strip()
    return None


def find_key(payload: Payload, rules: RowRules) -> Found | None:
    """Return a score row's key, or None."""
    if rules.key_field:
        return find_asked(payload, rules.key_field)
    found = find_value(payload, KEY_NAMES) or find_value(payload, FURTHER_KEY_NAMES)
    if found is None and rules.stem is not None:
        return Found((STEM_FIELD,), rules.stem)
    return found


def find_further_keys(payload: Payload, key: Found) -> dict[str, str]:
    """Return what else a row calls its clip, by the usual names of keys in lower case."""
    further: dict[str, str] = {}
    summary = payload.get("summary")
    for place in (payload, summary if isinstance(summary, dict) else {}):
        for field in matching_fields(tuple(place), ALL_KEY_NAMES):
            text = further_key_text(place[field])
            if text is not None and field != key.field:
                further.setdefault(field.lower(), text)
    return further


def further_key_text(value: object) -> str | None:
    """Return the text of a key that is only looked at, or None where it is none."""
    if isinstance(value, str):
        return value if value.isascii() or not _HALF_CHARACTER.search(value) else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
