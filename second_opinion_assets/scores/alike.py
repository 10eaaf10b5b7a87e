"""The quick way to read JSON rows that are alike: straight from bytes to columns.

What the rows have in common is learnt from the rows themselves. Every row that is not certain to be
read as `payload` reads it is left to that plain reading.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from second_opinion_assets.scores.payload import Payload
from second_opinion_assets.scores.row_fields import Fields
from second_opinion_assets.scores.row_schema import AlikeRows, RowSchema, infer
from second_opinion_assets.scores.rules import RowRules


class AlikeReader:
    """Learns the fields that the rows of a sidecar have and reads rows that have no others."""

    def __init__(self, rules: RowRules, label: str | None) -> None:
        self._rules = rules
        self._label = label
        self._fields = Fields()
        self._schema: RowSchema | None = None

    @property
    def key_field(self) -> str:
        """The field that `read` takes keys from."""
        return self._schema.key_field if self._schema else ""

    @property
    def score_field(self) -> str:
        """The field that `read` takes scores from: `mos`, `summary.mos` or `frames[].mos`."""
        return self._schema.score_field if self._schema else ""

    @property
    def field_names(self) -> list[str]:
        """The names of all fields of the rows that were learnt from."""
        return [name for level in self._fields.levels for name in level]

    @property
    def names_scorers(self) -> bool:
        """Whether `read` takes the scorers' names from the rows, and not from the label."""
        return bool(self._schema and self._schema.names_scorers)

    def learn(self, payloads: Iterable[Payload]) -> None:
        """Take note of the fields of some rows, if that may be of use."""
        if not self._rules.are_plain:
            return
        before = self._fields.count
        for payload in payloads:
            self._fields.add(payload)
        if self._fields.count != before:
            self._schema = infer(self._fields, self._rules, self._label)

    def read(self, text: bytes, count: int) -> AlikeRows | None:
        """Read the rows of a block that are alike; None where the block is not alike.

        Args:
            text: lines, each certain to start and end with an object's braces.
            count: how many lines.
        """
        if self._schema is None:
            return None
        self._schema.members.start()
        try:
            rows = self._schema.decoder.decode_lines(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None  # an unknown field, another type, half a character
        if len(rows) != count:
            return None
        may_have_twins = not self._schema.members.are_all_of(text, rows)
        return self._schema.read(rows, may_have_twins=may_have_twins)
