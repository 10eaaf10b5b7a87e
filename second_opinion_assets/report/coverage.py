"""Which table has which scorer, and how much of it: the matrix of a report, and its picture.

The picture is SVG as plain text, so that the command line draws it too without a plotting library.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

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

_LABEL_PX, _CELL_PX, _STATUS_PX, _ROW_PX, _BAR_PX = 230, 120, 100, 22, 16
_HEAD_PX, _FOOT_PX = 60, 26
_LABEL_LETTERS, _HEADING_LETTERS = 30, 16


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
    """Return the matrix as a picture: a bar for each table and scorer, by status in colour."""
    width = _LABEL_PX + _CELL_PX * max(1, len(matrix.scorers)) + _STATUS_PX
    height = _HEAD_PX + _ROW_PX * len(matrix.rows) + _FOOT_PX
    frame = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="DejaVu Sans, Arial, sans-serif" '
        'font-size="12" fill="#222">'
    )
    parts = [
        frame,
        "<title>Coverage of tables by scorers</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *_legend(),
        *(
            _text(_column_x(number), _HEAD_PX - 8, _short(name, _HEADING_LETTERS), name)
            for number, name in enumerate(matrix.scorers)
        ),
    ]
    for number, row in enumerate(matrix.rows):
        parts.extend(_row_parts(row, matrix.scorers, _HEAD_PX + number * _ROW_PX))
    if note := left_out_note(matrix):
        parts.append(_text(8, height - 9, note))
    return "\n".join((*parts, "</svg>\n"))


def left_out_note(matrix: CoverageMatrix) -> str:
    """Return what the picture does not show, as a sentence; empty if it shows everything."""
    tables, scorers = matrix.left_out
    parts = [f"{tables} more tables with no worse coverage"] if tables else []
    parts += [f"{scorers} more scorers"] if scorers else []
    return f"Not shown: {' and '.join(parts)}." if parts else ""


def _row_parts(row: CoverageRow, scorers: list[str], y: int) -> list[str]:
    baseline = y + 13
    parts = [_text(8, baseline, _short(row.table, _LABEL_LETTERS), row.table)]
    for number, name in enumerate(scorers):
        if name in row.scorers:
            parts.extend(_bar(row.scorers[name], _column_x(number), y))
    if word := _STATUS_WORDS[row.status]:
        x = _column_x(max(1, len(scorers))) + 4
        parts.append(_text(x, baseline, word, colour=COLOURS["bad"]))
    return parts


def _bar(scorer: ScorerSummary, x: float, y: int) -> list[str]:
    """Return a bar of full width, split by status, with the share of ok scores on it."""
    counts = _counts(scorer)
    rows = sum(counts)
    full = _CELL_PX - 10
    if not rows:
        return [_text(x, y + 13, "no rows")]
    parts = []
    start = x
    for count, colour in zip(counts, COLOURS.values(), strict=True):
        length = full * count / rows
        if count:
            parts.append(
                f'<rect x="{start:.1f}" y="{y}" width="{length:.1f}" height="{_BAR_PX}" '
                f'fill="{colour}"/>'
            )
        start += length
    return [*parts, _text(x + 4, y + 12, str(Share(*counts)), colour="#000")]


def _legend() -> list[str]:
    parts = []
    for number, (status, colour) in enumerate(COLOURS.items()):
        x = 8 + number * 90
        parts.append(f'<rect x="{x}" y="10" width="14" height="14" fill="{colour}"/>')
        parts.append(_text(x + 20, 22, status))
    return parts


def _counts(scorer: ScorerSummary) -> tuple[int, int, int]:
    return scorer.matched_rows, scorer.bad_rows, scorer.missing_rows


def _column_x(number: int) -> int:
    return _LABEL_PX + number * _CELL_PX


def _text(x: float, y: float, text: str, full: str = "", colour: str = "#222") -> str:
    title = f"<title>{_escaped(full)}</title>" if full and full != text else ""
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}">{title}{_escaped(text)}</text>'


def _short(text: str, letters: int) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= letters else f"{one_line[: letters - 1]}…"


def _escaped(text: str) -> str:
    return html.escape(printable(text))
