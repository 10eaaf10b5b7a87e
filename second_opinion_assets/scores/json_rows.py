"""JSON rows to columns: quickly where rows are alike, else one by one.

Where the rows come from is the business of `formats`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import CutShortError, JoinError, UnnamedScorerError
from second_opinion_assets.matching.keys import KEY_TYPE
from second_opinion_assets.scores.alike import AlikeReader
from second_opinion_assets.scores.payload import (
    Found,
    Payload,
    find_further_keys,
    find_key,
    read_row,
    read_score_field,
    read_scorer_name,
)
from second_opinion_assets.scores.row_schema import AlikeRows
from second_opinion_assets.scores.rows import CollectedRows, Place, RowColumns, row_columns
from second_opinion_assets.scores.rules import RowRules

LEARNING_ROWS = 200


@dataclass(frozen=True)
class JsonBlock:
    """Some rows of a JSON sidecar.

    Attributes:
        text: lines with a row each; blank ones count for nothing.
        first: position in the file of the first line.
        ends_open: whether the last line may be cut short.
    """

    text: bytes
    first: int
    ends_open: bool = False

    @classmethod
    def of_texts(cls, texts: list[bytes], *, ends_open: bool = False) -> JsonBlock:
        """Return rows that are texts by themselves; a line feed in one is white space."""
        lines = (text.translate(None, b"\r\n") + b"\n" for text in texts)
        return cls(b"".join(lines), 0, ends_open)

    @property
    def plain_count(self) -> int | None:
        """How many lines there are if each starts and ends with an object's braces, else None."""
        ends = json_text.plain_line_ends(self.text)
        return None if ends is None or not json_text.is_utf8(self.text) else len(ends)

    def lines(self) -> list[bytes]:
        """Return the lines, without their ends."""
        lines = self.text.split(b"\n")
        return lines[:-1] if self.text.endswith(b"\n") else lines

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield position and text of each row."""
        for position, text in enumerate(self.lines(), self.first):
            if not json_text.is_blank(text):
                yield position, text


@dataclass
class _PlainRows:
    """Rows that were read one by one."""

    keys: list[str] = field(default_factory=list)
    scorers: list[int] = field(default_factory=list)
    key_fields: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    values: list[tuple[float, int, float, int]] = field(default_factory=list)
    further_keys: list[dict[str, str]] = field(default_factory=list)

    def columns(self, source: int) -> RowColumns:
        score, status, runtime_ms, frames = map(list, zip(*self.values, strict=True))
        return row_columns(
            self.keys,
            self.scorers,
            self.key_fields,
            source,
            self.positions,
            score,
            status,
            runtime_ms,
            frames,
            {
                name: pa.array([of_row.get(name) for of_row in self.further_keys], KEY_TYPE)
                for name in dict.fromkeys(name for of_row in self.further_keys for name in of_row)
            },
        )


class JsonRowReader:
    """Reads the JSON rows of one sidecar, of one or several files.

    Args:
        collected: takes the rows.
        label: the scorer of rows that name none.
        written: the sidecar as it was written, for messages.
    """

    def __init__(self, collected: CollectedRows, label: str | None, written: str) -> None:
        self._collected = collected
        self._label = label
        self._written = written
        self._alike: dict[RowRules, AlikeReader] = {}

    def start(self, source: int, place: Place, rules: RowRules, *, is_table: bool) -> None:
        """Begin a file.

        Args:
            source: its number among the collected sources.
            place: where its rows stand.
            rules: how they are read.
            is_table: whether there are many rows, most of them alike.
        """
        self._source, self._place, self._rules, self._is_table = source, place, rules, is_table
        alike = rules._replace(stem=rules.stem and "")
        if is_table or alike not in self._alike:
            self._alike[alike] = AlikeReader(alike, self._label)
        self._reader = self._alike[alike]
        self._learnt = not is_table

    def read(self, block: JsonBlock) -> int:
        """Read a block; return how many rows it has.

        Raises:
            JoinError: a row that cannot be one, named by its place.
        """
        if not self._learnt:
            self._reader.learn(_first_payloads(block))
            self._learnt = True
        count = block.plain_count
        rows = None if count is None else self._reader.read(block.text, count)
        parts: list[RowColumns] = []
        if rows is None:
            payloads, plain = self._read_each(block.rows(), block)
            self._reader.learn(payloads)
            parts += plain
        else:
            if len(rows.numbers):
                parts.append(self._columns(rows, block.first))
            if rows.others:
                lines = block.lines()
                others = ((block.first + number, lines[number]) for number in rows.others)
                parts += self._read_each(others, block)[1]
        if parts:
            joined = RowColumns.joined(parts)
            if len(parts) > 1:  # in the order of the file again
                joined = joined.take(np.argsort(joined.position, kind="stable"))
            self._collected.parts.append(joined)
        return sum(len(part.keys) for part in parts)

    def _columns(self, rows: AlikeRows, first: int) -> RowColumns:
        collected, count = self._collected, len(rows.numbers)
        names = {
            name: collected.scorers.number(name.strip()) for name in dict.fromkeys(rows.scorers)
        }
        collected.label_used |= not self._reader.names_scorers
        for name in rows.scorers_with_scores():
            collected.score_fields[names[name]].add(self._reader.score_field)
        for row, defect in rows.defects.items():
            collected.reasons[self._source, first + row] = defect
        one = len(names) == 1
        return row_columns(
            [self._rules.stem or ""] * count if rows.keys is None else rows.keys,
            next(iter(names.values())) if one else [names[name] for name in rows.scorers],
            collected.key_fields.number(self._reader.key_field),
            self._source,
            rows.numbers + first,
            rows.score,
            rows.status,
            rows.runtime_ms,
            rows.frames,
            rows.further_keys,
        )

    def _read_each(
        self, rows: Iterator[tuple[int, bytes]], block: JsonBlock
    ) -> tuple[list[Payload], list[RowColumns]]:
        """Read rows one by one; return them as payloads, and as columns if there are any."""
        payloads: list[Payload] = []
        plain = _PlainRows()
        last = block.first + block.text.count(b"\n") - 1 if block.ends_open else None
        for position, text in rows:
            cut = position == last
            payloads.append(self._read_row(position, text, plain, may_be_cut=cut))
        return payloads, [plain.columns(self._source)] if plain.keys else []

    def _read_row(
        self, position: int, text: bytes, plain: _PlainRows, *, may_be_cut: bool
    ) -> Payload:
        where = self._place.where(position)
        payload = _decode(text, where, may_be_cut=may_be_cut)
        scorer = read_scorer_name(payload) or self._label
        if scorer is None:
            labelled = f"LABEL={self._written}"
            msg = f"{where}: no competitor in the row; give the file a label, as {labelled}"
            raise UnnamedScorerError(msg)
        json_text.whole_characters(scorer, where)
        found = self._find_key(payload, where)
        row = read_row(payload, self._rules)
        collected = self._collected
        collected.label_used |= read_scorer_name(payload) is None
        number = collected.scorers.number(scorer)
        plain.keys.append(_key_text(found, text, where))
        plain.scorers.append(number)
        plain.key_fields.append(collected.key_fields.number(found.field))
        plain.positions.append(position)
        plain.further_keys.append(find_further_keys(payload, found))
        plain.values.append((row.score, row.status, row.runtime_ms, row.frames))
        if row.defect:
            collected.reasons[self._source, position] = row.defect
        score_field = read_score_field(payload, self._rules)
        collected.score_fields[number].update([score_field] if score_field else [])
        return payload

    def _find_key(self, payload: Payload, where: str) -> Found:
        found = find_key(payload, self._rules)
        if found is None:
            asked = self._rules.key_field
            wanted = f"no key field {asked!r}" if asked else "no key field with a usual name"
            msg = f"{where}: {wanted} among {', '.join(payload)}; name it as score_key_field"
            if not self._is_table and not asked:
                msg = f"{msg}, or give the folder, where a file's name is its key"
            raise JoinError(msg)
        return found


def _decode(text: bytes, where: str, *, may_be_cut: bool) -> dict[str, Any]:
    try:
        payload = json_text.decode(text, where)
    except JoinError as error:
        if not may_be_cut:
            raise
        msg = f"{error}; the row is cut short: is the scorer still writing?"
        raise CutShortError(msg) from None
    if not isinstance(payload, dict):
        msg = f"{where}: a row is {json_text.shown(payload)}, expected an object"
        raise JoinError(msg)
    return payload


def _key_text(found: Found, text: bytes, where: str) -> str:
    """Return the own text of a key that was found in a row of this text."""
    if isinstance(found.value, str):
        return json_text.whole_characters(found.value, where)
    if isinstance(found.value, dict | list):
        name, shown = ".".join(found.path), json_text.shown(found.value)
        msg = f"{where}: the key {name} is {shown}, expected text or a number"
        raise JoinError(msg)
    for name in found.path:
        text = json_text.members(text, where)[name]
    return json_text.number_text(text.decode())


def _first_payloads(block: JsonBlock) -> list[Payload]:
    """Return the first rows that can be learnt from; a broken one ends them quietly."""
    payloads: list[Payload] = []
    with suppress(JoinError):
        for _, text in islice(block.rows(), LEARNING_ROWS):
            payload = json_text.decode(text, "")
            if isinstance(payload, dict):
                payloads.append(payload)
    return payloads
