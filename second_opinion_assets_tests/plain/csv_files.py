"""CSV files as tables: delimiters, decimal commas, quotes, and rows that are none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from second_opinion_assets_tests.plain.contract import Refused, ScoreFile, Unclear
from second_opinion_assets_tests.plain.files import Table, in_utf8

NUMBER = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf|infinity)(\(ind\))?",
    re.IGNORECASE,
)
MEASURES = {"plcc", "lcc", "srcc", "srocc", "krcc", "krocc", "rmse"}


def csv_table(file: ScoreFile, known: set[str]) -> Table:
    """Return a CSV sidecar; a cell has no white space around it, and an empty one is null.

    Unclear: a carriage return alone, rows that sum up, and those of frames, none of which this
    reading knows.

    Args:
        file: the sidecar.
        known: names of columns, in lower case, by which a header is told.
    """
    try:
        text = in_utf8(file.text).decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Refused(str(error)) from error
    first = next((line for line in re.split(r"\r?\n", text) if line.strip()), "")
    has_bars = re.search(r"%\||(it/s|s/it)\]", text)
    is_other = first.strip()[:1] in ("{", "[") or not re.search("[,;\t]", text)
    if is_other or has_bars or re.search(r"\r(?!\n)", text):
        raise Unclear(first)
    delimiter, has_header = layout(text, known)
    refuse_doubt(text, delimiter, has_header=has_header)
    rows = [cells for cells in cells_of(text, delimiter) if len(cells) > 1 or cells[0]]
    columns = [cell or "" for cell in rows.pop(0)] if has_header else ["file_name", "score"]
    if columns[0].lower() in ("n", "frame"):
        raise Unclear(columns)  # of a row a frame, which this reading does not know
    rows = [without_ends(cells, len(columns)) for cells in rows]
    if any(sums_up(cells) for cells in rows):
        raise Unclear(rows)
    if any(len(cells) != len(columns) for cells in rows):
        raise Refused(columns)
    kept = [cells for cells in rows if not has_header or [c or "" for c in cells] != columns]
    return Table(columns, kept, has_header, delimiter)


def sums_up(cells: list[str | None]) -> bool:
    """Return whether a row may tell of all others, or begin a table that does."""
    words = [(cell or "").lower() for cell in cells]
    return (
        any(word.startswith(("avg", "average", "mean", "overall", "total")) for word in words)
        or len(MEASURES.intersection(words)) > 1
    )


def without_ends(cells: list[str | None], width: int) -> list[str | None]:
    """Return the cells of a row without empty ones behind the last column."""
    extra = cells[width:]
    return cells[:width] if extra and not any(extra) else cells


def layout(text: str, known: set[str]) -> tuple[str, bool]:
    """Return what stands between cells, and whether the first line is a header."""
    lines = [line for line in re.split(r"\r?\n", text) if line.strip()] or [""]
    pairs = {d: sum(is_pair(line, d) for line in lines) for d in ";\t," if is_pair(lines[0], d)}
    best = max(pairs, key=pairs.__getitem__, default="")
    if best and 2 * pairs[best] >= len(lines):
        return best, False
    found = {}
    for delimiter in ";\t,":
        cells = first_cells(lines[0], delimiter)
        if len(cells) > 1:
            found[delimiter] = sum((cell or "").lower() in known for cell in set(cells))
    best = max(found, key=found.__getitem__, default="")
    if not best or not found[best]:
        clear = '"' not in text and not any(name in text.lower() for name in known - {""})
        raise Refused(text) if clear else Unclear(text)
    return best, True


def is_pair(line: str, delimiter: str) -> bool:
    """Say whether a line is a key and a score, of which nothing else stands there."""
    cells = first_cells(line, delimiter)
    if len(cells) > 2 and not cells[-1]:
        del cells[-1]
    if len(cells) != 2:
        return False
    score = cells[1] or ""
    if score.lower() in ("na", "n/a", "none", "null", "error", "failed"):
        raise Unclear(line)
    return bool(NUMBER.fullmatch(score)) or (delimiter != "," and has_comma(score))


def has_comma(score: str | None) -> bool:
    """Say whether a score has a decimal comma."""
    return bool(re.fullmatch(r"[+-]?[0-9]+,[0-9]+([eE][+-]?[0-9]+)?", score or ""))


def refuse_doubt(text: str, delimiter: str, *, has_header: bool) -> None:
    """Refuse a comma between cells that may as well be a decimal one."""
    lines = [line for line in re.split(r"\r?\n", text) if line.strip()]
    ends = [re.search(r"[;\t] *[+-]?[0-9]+,[0-9]+\s*$", line) for line in lines]
    spaces = [re.fullmatch(r'[^\s,"]+ +[+-]?[0-9]+,[0-9]+\s*', line) for line in lines]
    plain = [end and '"' not in line for end, line in zip(ends, lines, strict=True)]
    if delimiter == "," and (any(plain) or (not has_header and all(spaces))):
        raise Refused(text)


def with_points(table: Table, score: str, runtimes: Sequence[str]) -> Table:
    """Return a table whose numbers have decimal points; refused if its scores may have either."""
    column = table.columns.index(score)
    scores = [row[column] for row in table.rows]
    if table.delimiter == "," and column == len(table.columns) - 2 and not table.columns[-1]:
        pairs = [(row[column] or "", row[-1] or "") for row in table.rows]
        if any(re.fullmatch("[+-]*[0-9]+", a) and b.isdigit() for a, b in pairs):
            raise Refused(pairs)
    if table.delimiter not in (";", "\t"):
        return table
    points = [re.fullmatch(r"[+-]?[0-9]*\.[0-9]+([eE][+-]?[0-9]+)?", cell or "") for cell in scores]
    if any(points) and any(map(has_comma, scores)):
        raise Refused(scores)
    numbers = [n for n, name in enumerate(table.columns) if n == column or name in runtimes]
    rows = [list(row) for row in table.rows]
    for row in rows:
        for n in numbers:
            row[n] = row[n].replace(",", ".") if has_comma(row[n]) else row[n]
    return replace(table, rows=rows)


def first_cells(line: str, delimiter: str) -> list[str | None]:
    """Return the cells of a first line, if this is what stands between them; else none."""
    try:
        return cells_of(line, delimiter)[0]
    except (Refused, Unclear, IndexError):
        return []


def cells_of(text: str, delimiter: str) -> list[list[str | None]]:
    """Return the cells of all rows, a blank row as one empty cell.

    Unclear: a quote within an unquoted cell or behind a quoted one.
    """
    rows: list[list[str | None]] = [[]]
    position = 0
    while position <= len(text):
        start = position
        while text[position : position + 1] == " ":
            position += 1
        if text[position : position + 1] == '"':
            cell, position = quoted(text, position + 1)
            end = re.compile(rf"{delimiter}|\r?\n|\Z").match(text, position)
            if not end:
                raise Unclear(text[start:position])
        else:
            end = re.compile(rf"{delimiter}|\r?\n|\Z").search(text, start)
            assert end
            cell = text[start : end.start()]
            if '"' in cell or "\0" in cell:
                raise Unclear(cell)
        rows[-1].append(cell.strip() or None)
        position = end.end()
        if not end.group():
            return rows if text[-1:] != "\n" else rows[:-1]
        if end.group() != delimiter:
            rows.append([])
    return rows


def quoted(text: str, position: int) -> tuple[str, int]:
    """Return what stands in quotes, where two are one, and where the quotes end."""
    found = re.compile(r'((?:[^"]|"")*)"(?!")').match(text, position)
    if not found:
        raise Refused(text[position:])
    if "\0" in found[1]:
        raise Unclear(found[1])
    return found[1].replace('""', '"'), found.end()
