"""JSON rows to columns: quickly where rows are alike, else one by one.

Where the rows come from is the business of `formats`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import numpy as np

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import (
    CutShortError,
    DoubtError,
    JoinError,
    UnnamedScorerError,
)
from second_opinion_assets.contract.fields import ALL_SCORE_NAMES
from second_opinion_assets.scores.alike import AlikeReader
from second_opinion_assets.scores.asked_fields import near_field
from second_opinion_assets.scores.json_block import JsonBlock
from second_opinion_assets.scores.json_noise import NOISE_LINES_A_ROW, row_in
from second_opinion_assets.scores.measures import refuse_measures
from second_opinion_assets.scores.payload import (
    NO_SCORE,
    Found,
    Payload,
    find_further_keys,
    find_key,
    read_row,
    read_score_field,
    read_scorer_name,
)
from second_opinion_assets.scores.payload_fields import (
    SHOWN_FIELDS,
    numeric_fields,
    prediction_beside,
)
from second_opinion_assets.scores.plain_rows import PlainRows
from second_opinion_assets.scores.row_schema import AlikeRows
from second_opinion_assets.scores.rows import (
    CollectedRows,
    Place,
    RowColumns,
    Skipped,
    row_columns,
)
from second_opinion_assets.scores.rules import RowRules
from second_opinion_assets.scores.twins import refuse_twins
from second_opinion_assets.storage.limits import refuse_fields

LEARNING_ROWS = 200


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

    def start(
        self, source: int, place: Place, rules: RowRules, skipped: Skipped, *, is_table: bool
    ) -> None:
        """Begin a file.

        Args:
            source: its number among the collected sources.
            place: where its rows stand.
            rules: how they are read.
            skipped: takes the lines that are no rows.
            is_table: whether there are many rows, most of them alike.
        """
        self._source, self._place, self._rules, self._is_table = source, place, rules, is_table
        self._skipped = skipped
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
                parts.append(self._columns(rows, block))
            if rows.may_have_twins:
                self._refuse_twins(block)
            if rows.others:
                lines = block.lines()
                others = ((block.first + number, lines[number]) for number in rows.others)
                parts += self._read_each(others, block)[1]
        if rows is not None:
            names = self._reader.field_names
            self._collected.asked.note_names(self._rules, names, names)
        if parts:
            joined = RowColumns.joined(parts)
            if len(parts) > 1:  # in the order of the file again
                joined = joined.take(np.argsort(joined.position, kind="stable"))
            self._collected.parts.append(joined)
        return sum(len(part.keys) for part in parts)

    def finish(self, rows: int) -> None:
        """End a file that had so many rows.

        Raises:
            JoinError: so many of its lines are no rows that it is another kind of file.
        """
        if self._skipped.count > NOISE_LINES_A_ROW * rows:
            where, _, shown = self._skipped.first[0].partition(': "')
            msg = (
                f'{where}: not JSON: "{shown}; {self._skipped.count} lines are no rows beside '
                f"{rows} that are, expected a JSON object a line"
            )
            raise JoinError(msg)

    def _columns(self, rows: AlikeRows, block: JsonBlock) -> RowColumns:
        first = block.first
        collected, count = self._collected, len(rows.numbers)
        names = {
            name: collected.scorers.number(name.strip()) for name in dict.fromkeys(rows.scorers)
        }
        collected.label_used |= not self._reader.names_scorers
        for name in rows.scorers_with_scores():
            collected.score_fields[names[name]].add(self._reader.score_field)
        for row, defect in rows.defects.items():
            collected.reasons[self._source, first + row] = defect
        self._note_numbers(rows, names, block)
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

    def _note_numbers(self, rows: AlikeRows, names: dict[str, int], block: JsonBlock) -> None:
        """Take note of the numeric fields of a row without a score, once for each scorer."""
        known = self._collected.numeric_fields
        for row in np.flatnonzero(np.isnan(rows.score)).tolist():
            if all(number in known for number in names.values()):
                return
            number = names[rows.scorers[row]]
            if number not in known:
                line = block.lines()[int(rows.numbers[row])]
                known[number].update(numeric_fields(json_text.decode(line, "")))

    def _read_each(
        self, rows: Iterator[tuple[int, bytes]], block: JsonBlock
    ) -> tuple[list[Payload], list[RowColumns]]:
        """Read rows one by one; return them as payloads, and as columns if there are any."""
        payloads: list[Payload] = []
        plain = PlainRows()
        last = block.first + block.text.count(b"\n") - 1 if block.ends_open else None
        for position, line in rows:
            text = row_in(line, self._place.where(position)) if block.may_have_noise else line
            if text is None:
                self._skipped.add(self._place.where(position), line.decode(errors="replace"))
            else:
                cut = position == last
                payloads.append(self._read_row(position, text, plain, may_be_cut=cut))
        return payloads, [plain.columns(self._source)] if plain.keys else []

    def _read_row(
        self, position: int, text: bytes, plain: PlainRows, *, may_be_cut: bool
    ) -> Payload:
        where = self._place.where(position)
        payload, text = _decode(text, where, may_be_cut=may_be_cut)
        scorer = read_scorer_name(payload) or self._label
        if scorer is None:
            named = f"SCORER={self._written}"
            msg = f"{where}: no scorer is named in the row; name it, as {named}"
            raise UnnamedScorerError(msg)
        json_text.whole_characters(scorer, where)
        found = self._find_key(payload, where)
        refuse_twins(text, payload, self._rules, where)
        row = read_row(payload, self._rules)
        score_field = self._score_field(payload, scorer, where)
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
        collected.score_fields[number].update([score_field] if score_field else [])
        collected.asked.note(self._rules, payload)
        if row.defect and row.defect.kind == NO_SCORE.kind:
            fields = collected.numeric_fields[number]
            fields.update(numeric_fields(payload)[: SHOWN_FIELDS - len(fields)])
        return payload

    def _score_field(self, payload: Payload, scorer: str, where: str) -> str | None:
        """Return where a row's score stands.

        Raises:
            DoubtError: it may be the label that another field is the prediction of.
        """
        field = read_score_field(payload, self._rules)
        prediction = field and prediction_beside(payload, field, scorer, self._rules)
        if prediction:
            msg = (
                f"{where}: {field!r} beside {prediction!r} may be the label; "
                "name the score as score_field"
            )
            raise DoubtError(msg)
        return field

    def _refuse_twins(self, block: JsonBlock) -> None:
        """Raise a JoinError for a row with twins, which quick reading does not see."""
        for position, text in block.rows():
            where = self._place.where(position)
            refuse_twins(text, json_text.decode(text, where), self._rules, where)

    def _find_key(self, payload: Payload, where: str) -> Found:
        found = find_key(payload, self._rules)
        if found is None:
            refuse_measures(payload, where)
            asked = self._rules.key_field
            if self._is_table and not asked:
                _refuse_lone_number(payload, where)
            wanted = f"no key field {asked!r}" if asked else "no key field with a usual name"
            near = near_field(asked, payload) if asked else ""
            there = ", ".join(payload) or "no fields"
            msg = f"{where}: {wanted} among {there}; name it as score_key_field{near}"
            if not self._is_table and not asked:
                msg = f"{msg}, or give the folder, where a file's name is its key"
            raise JoinError(msg)
        return found


def _refuse_lone_number(payload: Payload, where: str) -> None:
    """Raise a JoinError for a row that is one number, as maps of one clip a line are."""
    name, value = next(iter(payload.items()), ("", None))
    known = name.lower() in ALL_SCORE_NAMES
    if len(payload) == 1 and isinstance(value, int | float) and not known:
        msg = (
            f"{where}: {name!r} is all that the row has; write one object of all names and scores, "
            '{"a.mp4": 0.5, "b.mp4": 0.6}, or rows with a name and a score each'
        )
        raise JoinError(msg)


def _decode(text: bytes, where: str, *, may_be_cut: bool) -> tuple[dict[str, Any], bytes]:
    """Return a row and its text, in which what C prints for NaN is written as Python does."""
    try:
        payload = json_text.decode(text, where)
    except JoinError as error:
        plain = json_text.without_c_constants(text)
        if plain != text:
            return _decode(plain, where, may_be_cut=may_be_cut)
        if not may_be_cut:
            raise
        msg = f"{error}; the row is cut short: is the scorer still writing?"
        raise CutShortError(msg) from None
    if not isinstance(payload, dict):
        msg = f"{where}: a row is {json_text.shown(payload)}, expected an object"
        raise JoinError(msg)
    refuse_fields(len(payload), where)
    return payload, text


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
                refuse_fields(len(payload), "")
                payloads.append(payload)
    return payloads
