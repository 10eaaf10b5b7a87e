"""The fields that rows of a JSON sidecar have, as far as rows were looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

from second_opinion_assets.contract.fields import (
    ALL_SCORE_NAMES,
    RUNTIME_NAMES,
    matching_fields,
)
from second_opinion_assets.scores.payload import Payload
from second_opinion_assets.scores.rules import RowRules

SUMMARY = "summary."


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
    def names(self) -> set[str]:
        """The names of all fields, wherever they stand."""
        return {name for level in self.levels for name in level}

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
            *(f"{SUMMARY}{field}" for field in matching_fields(tuple(self.summary), names)),
        ]


def frame_roles(fields: Fields, rules: RowRules) -> dict[str, str]:
    """Return which field of a frame gives its score and which its runtime."""
    asked = (rules.score_field,) if rules.score_field else ()
    wanted = {
        "score": (*asked, *ALL_SCORE_NAMES) if rules.takes_usual_scores else asked,
        "runtime": RUNTIME_NAMES,
    }
    return {
        field: role
        for role, names in wanted.items()
        for field in matching_fields(tuple(fields.frame), names)[:1]
    }
