"""Which of the fields that were asked for some row has, and which fields there are instead.

What is made of it, once all rows are read, belongs to `read`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from second_opinion_assets.contract.fields import matching_fields
from second_opinion_assets.scores.payload import Payload
from second_opinion_assets.scores.payload_fields import SHOWN_FIELDS, has_field, numeric_fields
from second_opinion_assets.scores.rules import RowRules

_KEPT_FIELDS = 100


@dataclass
class AskedFields:
    """What the rows of a sidecar have of the fields that are asked for.

    Attributes:
        found: those that some row has, in lower case; one of a null counts too.
        there: the fields of the first rows, with the paths of nested numbers.
    """

    found: set[str] = field(default_factory=set)
    there: dict[str, None] = field(default_factory=dict)

    def note(self, rules: RowRules, payload: Payload) -> None:
        """Take note of a row."""
        missing = [name for name in _asked(rules) if name.lower() not in self.found]
        for name in missing:
            is_score = name != rules.status_field
            known = is_score and bool(rules.frame_score or rules.only_asked)
            if known or has_field(payload, name, in_frames=is_score):
                self.found.add(name.lower())
        if missing and len(self.there) < _KEPT_FIELDS:
            flat = [name for name, value in payload.items() if not isinstance(value, dict)]
            self.there.update(dict.fromkeys([*flat, *numeric_fields(payload)]))

    def note_names(self, rules: RowRules, names: Iterable[str], there: Iterable[str]) -> None:
        """Take note of the names of what is read of all rows, and of what there is."""
        fields = tuple(names)
        for name in _asked(rules):
            if name.lower() not in self.found and matching_fields(fields, (name,)):
                self.found.add(name.lower())
        if len(self.there) < _KEPT_FIELDS:
            self.there.update(dict.fromkeys(there))

    def has(self, name: str) -> bool:
        """Return whether some row has a field."""
        return name.lower() in self.found


def no_such_field(where: object, option: str, name: str, there: Iterable[str]) -> str:
    """Return the message for a field that was asked for and is nowhere."""
    fields = list(dict.fromkeys(there))
    more = ", …" if len(fields) > SHOWN_FIELDS else ""
    listed = ", ".join(fields[:SHOWN_FIELDS]) + more
    hint = near_field(name, fields) or ";"
    return f"{where}: no row has {name!r}, asked for as {option}{hint} there are {listed}"


def near_field(name: str, there: Iterable[str]) -> str:
    """Return the question after the field that was meant, or nothing where none is near."""
    by_lower = {field.lower(): field for field in there}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else ""


def _asked(rules: RowRules) -> list[str]:
    score = f"frames[].{rules.frame_score}" if rules.frame_score else rules.score_field
    return [name for name in (score, rules.status_field) if name]
