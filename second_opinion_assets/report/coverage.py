"""Which table has which scorer, and how much of it: the matrix of a report, and its picture.

The picture is SVG as plain text, so that the command line draws it too without a plotting library.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple, Self

from second_opinion_assets.join.outcomes import ScorerSummary, TableOutcome, TableStatus
from second_opinion_assets.report.markdown import printable
from second_opinion_assets.report.sections import Share

SHOWN_TABLES = 40
SHOWN_SCORERS = 16
COLOURS = {"ok": "#1b9e77", "bad": "#d95f02", "missing": "#d0d0d0"}
_STATUS_WORDS = {
    TableStatus.ok: "",
    TableStatus.failed: "failed",
    TableStatus.not_joined: "not joined",
    TableStatus.output_gone: "output gone",
    TableStatus.not_begun: "not begun",
}

_WIDEST_PX = 1400
"""A picture of more scorers has narrower bars; it fits a window of 1,440."""
_LABEL_PX, _WIDEST_CELL_PX, _STATUS_PX, _ROW_PX, _BAR_PX = 210, 130, 90, 22, 14
_SHARE_PX, _GAP_PX = 46, 10
"""Of a cell: what stands beside the bar, and what is between cells."""
_LEAST_PX = 2
"""Of a bar: as much as is seen of a few rows."""
_HEAD_PX, _SLANTED_HEAD_PX, _FOOT_PX = 60, 116, 26
_LETTER_PX = 7.2
_LABEL_LETTERS, _HEADING_LETTERS = 28, 16


class CoverageRow(NamedTuple):
    """One table: its id, its counts by scorer as far as there are any, and how it stands."""

    table: str
    scorers: dict[str, ScorerSummary]
    status: TableStatus

    @property
    def share_ok(self) -> float:
        """Share of ok scores among all that there should be; below 0 without any counts."""
        rows = sum(sum(_counts(scorer)) for scorer in self.scorers.values())
        if not self.scorers:
            return -1.0
        return sum(s.matched_rows for s in self.scorers.values()) / rows if rows else 1.0


class CoverageMatrix(NamedTuple):
    """Tables by scorers, as far as they fit into a picture.

    Attributes:
        scorers: the columns.
        rows: the tables, in the manifest's order; of too many the least covered.
        left_out: how many tables and scorers did not fit.
    """

    scorers: list[str]
    rows: list[CoverageRow]
    left_out: tuple[int, int]


def coverage_matrix(outcomes: Sequence[TableOutcome]) -> CoverageMatrix:
    """Return the matrix of these tables; a table shows in what its latest run counted."""
    rows = [
        CoverageRow(o.spec.id, o.summary.scorers if o.summary else {}, o.status) for o in outcomes
    ]
    scorers = sorted({name for row in rows for name in row.scorers}, key=str.lower)
    shown = rows
    if len(rows) > SHOWN_TABLES:
        worst = sorted(rows, key=lambda row: (row.status is TableStatus.ok, row.share_ok))
        shown = worst[:SHOWN_TABLES]
    left_out = (len(rows) - len(shown), max(0, len(scorers) - SHOWN_SCORERS))
    return CoverageMatrix(scorers[:SHOWN_SCORERS], shown, left_out)


def coverage_svg(matrix: CoverageMatrix) -> str:
    """Return the matrix as a picture: a bar for each table and scorer, with its share beside it."""
    grid = _Grid.of(matrix.scorers)
    height = grid.head + _ROW_PX * len(matrix.rows) + _FOOT_PX
    frame = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{grid.width}" height="{height}" '
        f'viewBox="0 0 {grid.width} {height}" font-family="DejaVu Sans, Arial, sans-serif" '
        'font-size="12" fill="#222">'
    )
    parts = [
        frame,
        "<title>Coverage of tables by scorers</title>",
        f'<rect width="{grid.width}" height="{height}" fill="#fff"/>',
        *_legend(),
        *(grid.heading(number, name) for number, name in enumerate(matrix.scorers)),
    ]
    for number, row in enumerate(matrix.rows):
        parts.extend(_row_parts(row, matrix.scorers, grid, grid.head + number * _ROW_PX))
    if note := left_out_note(matrix):
        parts.append(_text(8, height - 9, note))
    return "\n".join((*parts, "</svg>\n"))


class _Grid(NamedTuple):
    """Where things stand.

    Attributes:
        columns: how many scorers.
        cell: how wide the cell of one is.
        slanted: whether the scorers' names are, since they are longer than their columns.
    """

    columns: int
    cell: int
    slanted: bool

    @classmethod
    def of(cls, scorers: Sequence[str]) -> Self:
        columns = max(1, len(scorers))
        cell = min(_WIDEST_CELL_PX, (_WIDEST_PX - _LABEL_PX - _STATUS_PX) // columns)
        longest = max((len(_short(name, _HEADING_LETTERS)) for name in scorers), default=0)
        return cls(columns, cell, longest * _LETTER_PX > cell)

    @property
    def width(self) -> int:
        return self.x(self.columns) + _STATUS_PX

    @property
    def head(self) -> int:
        return _SLANTED_HEAD_PX if self.slanted else _HEAD_PX

    def x(self, number: int) -> int:
        return _LABEL_PX + number * self.cell

    def heading(self, number: int, name: str) -> str:
        x, y = self.x(number), self.head - 8
        turn = f' transform="rotate(-35 {x} {y})"' if self.slanted else ""
        return _text(x, y, _short(name, _HEADING_LETTERS), name, more=turn)


def left_out_note(matrix: CoverageMatrix) -> str:
    """Return what the picture does not show, as a sentence; empty if it shows everything."""
    tables, scorers = matrix.left_out
    parts = [f"{tables} more tables with no worse coverage"] if tables else []
    parts += [f"{scorers} more scorers"] if scorers else []
    return f"Not shown: {' and '.join(parts)}." if parts else ""


def _row_parts(row: CoverageRow, scorers: list[str], grid: _Grid, y: int) -> list[str]:
    baseline = y + 12
    parts = [_text(8, baseline, _short(row.table, _LABEL_LETTERS), row.table)]
    for number, name in enumerate(scorers):
        if name in row.scorers:
            parts.extend(_bar(row.scorers[name], grid.x(number), y, grid.cell))
    if word := _STATUS_WORDS[row.status]:
        parts.append(_text(grid.x(grid.columns) + 4, baseline, word, colour=COLOURS["bad"]))
    return parts


def _bar(scorer: ScorerSummary, x: float, y: int, cell: int) -> list[str]:
    """Return a bar, split by status, with the share of ok scores beside it."""
    counts = _counts(scorer)
    share = Share(*counts)
    if not sum(counts):
        return [_text(x, y + 12, str(share))]
    parts = []
    start = x
    lengths = _lengths(counts, cell - _SHARE_PX - _GAP_PX)
    for length, colour in zip(lengths, COLOURS.values(), strict=True):
        if length:
            parts.append(
                f'<rect x="{start:.1f}" y="{y}" width="{length:.1f}" height="{_BAR_PX}" '
                f'fill="{colour}"/>'
            )
        start += length
    return [*parts, _text(start + 4, y + 12, str(share))]


def _lengths(counts: tuple[int, int, int], full: float) -> list[float]:
    """Return how long each part of a bar is: a few rows of many are seen."""
    lengths = [max(_LEAST_PX, full * count / sum(counts)) if count else 0 for count in counts]
    excess = sum(lengths) - full
    longest = lengths.index(max(lengths))
    return [length - excess * (n == longest) for n, length in enumerate(lengths)]


def _legend() -> list[str]:
    parts = []
    for number, (status, colour) in enumerate(COLOURS.items()):
        x = 8 + number * 90
        parts.append(f'<rect x="{x}" y="10" width="14" height="14" fill="{colour}"/>')
        parts.append(_text(x + 20, 22, status))
    return parts


def _counts(scorer: ScorerSummary) -> tuple[int, int, int]:
    return scorer.matched_rows, scorer.bad_rows, scorer.missing_rows


def _text(
    x: float, y: float, text: str, full: str = "", colour: str = "#222", more: str = ""
) -> str:
    title = f"<title>{_escaped(full)}</title>" if full and full != text else ""
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}"{more}>{title}{_escaped(text)}</text>'


def _short(text: str, letters: int) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= letters else f"{one_line[: letters - 1]}…"


def _escaped(text: str) -> str:
    return html.escape(printable(text))
