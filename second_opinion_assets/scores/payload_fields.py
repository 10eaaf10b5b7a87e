"""What fields a payload has beside those that are read: numbers and predictions.

What is read of a payload belongs to `payload`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from second_opinion_assets.contract.fields import (
    ALL_KEY_NAMES,
    LABEL_OR_SCORE,
    RUNTIME_NAMES,
    SCORE_NAMES,
    is_label,
    slug,
    tells_of_prediction,
)
from second_opinion_assets.scores.payload import Defect, Payload, read_number
from second_opinion_assets.scores.rules import RowRules

SHOWN_FIELDS = 12
_NO_SCORES = frozenset((*ALL_KEY_NAMES, *RUNTIME_NAMES))


def numeric_fields(payload: Payload) -> list[str]:
    """Return the dotted paths of the first numbers that might be scores."""
    return list(islice(_numeric_fields(payload), SHOWN_FIELDS))


def _numeric_fields(place: Payload, outer: str = "") -> Iterator[str]:
    for name, value in place.items():
        if isinstance(value, dict):
            yield from _numeric_fields(value, f"{outer}{name}.")
        elif is_numeric(value) and name.lower() not in _NO_SCORES and not is_label(name):
            yield f"{outer}{name}"


def is_numeric(value: object) -> bool:
    """Return whether a value is a number, the text of one, or a list of such."""
    if isinstance(value, list):
        return bool(value) and all(map(is_numeric, value))
    if isinstance(value, float):
        return True  # NaN is a number here: a prediction that failed is one all the same
    return not isinstance(read_number(value, ""), Defect)


def prediction_beside(
    payload: Payload, score_field: str, scorer: str, rules: RowRules
) -> str | None:
    """Return the field of a prediction that makes a label of the field that gives the score.

    Args:
        payload: the row.
        score_field: where its score stands.
        scorer: whose score it is; a field of that name is a prediction.
        rules: what is asked for; a field that is asked for is no label.
    """
    if not may_be_label(score_field, rules):
        return None
    frames = payload.get("frames")
    places = [payload, payload.get("summary"), *(frames if isinstance(frames, list) else ())]
    beside = (item for place in places if isinstance(place, dict) for item in place.items())
    return next(
        (str(name) for name, value in beside if is_prediction(name, scorer) and is_numeric(value)),
        None,
    )


def may_be_label(score_field: str, rules: RowRules) -> bool:
    """Return whether a field that gives scores may hold labels, since nobody asked for it."""
    name = score_field.rpartition(".")[2].lower()
    asked = (rules.score_field or "").rpartition(".")[2].lower()
    return name == LABEL_OR_SCORE and asked != name


def is_prediction(name: str, scorer: str) -> bool:
    """Return whether a field's name tells of a prediction, in general or by this scorer."""
    if name.lower() in SCORE_NAMES:
        return False
    return tells_of_prediction(name) or bool(slug(name) and slug(name) == slug(scorer))


def has_field(payload: Payload, path: str, *, in_frames: bool = False) -> bool:
    """Return whether a payload has a field, at its top, in its summary or where a path leads."""
    frames = payload.get("frames") if in_frames else None
    places = [payload, payload.get("summary"), *(frames if isinstance(frames, list) else ())]
    return any(_leads(place, path.lower()) for place in places if isinstance(place, dict))


def _leads(place: Payload, path: str) -> bool:
    if path in map(str.lower, place):
        return True
    inner = (
        (f"{name.lower()}.", value) for name, value in place.items() if isinstance(value, dict)
    )
    return any(path.startswith(way) and _leads(value, path[len(way) :]) for way, value in inner)
