"""CSV sidecars, with a header and without; commas, semicolons or tabs between cells.

DOVER and COVER write a header whose names begin with a space, and the score as
`overall/final score`, in COVER often a negative one:
https://github.com/VQAssessment/DOVER/blob/01bb3069b948c366978485dc1f50943639e0365a/evaluate_a_set_of_videos.py
https://github.com/vztu/COVER/blob/d351566838f1961618c9395fb36324dccfe90ab3/evaluate_a_set_of_videos.py
pyiqa writes none, but two columns, the name and the score; earlier versions with a tab between:
https://github.com/chaofengc/IQA-PyTorch/blob/69d4e55851467d2e95aef39272f02bcf1d68cc11/inference_iqa.py
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import islice

from second_opinion_assets.contract.errors import DoubtError, JoinError
from second_opinion_assets.scores.columnar import Cells
from second_opinion_assets.scores.formats import frame_csv
from second_opinion_assets.scores.formats.csv_layout import Layout, csv_layout, likely_layout
from second_opinion_assets.scores.formats.csv_rows import CsvRows
from second_opinion_assets.scores.formats.loaded import Loaded, LoadedColumns
from second_opinion_assets.scores.number_texts import has_decimal_comma, has_decimal_point
from second_opinion_assets.scores.rows import Place, Skipped
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.scores.score_columns import ScoreColumns, score_columns
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.reading import whole_lines

CSV_SUFFIXES = (".csv", ".tsv")
HEADERLESS = ScoreColumns("file_name", "score")
BLOCK_ROWS = 16_384
Block = tuple[dict[str, Cells], Sequence[int]]


def load(content: Content, asked: ReadRequest, forced: Format | None = None) -> Loaded:
    """Return the rows of a CSV file; a position is a line number, from 1.

    Args:
        content: the file.
        asked: what is asked for of it.
        forced: the format that is asked for; None to be told by the first lines.

    Raises:
        JoinError: the file is no CSV, or it is not certain which of its columns are what.
    """
    layout = csv_layout(content, asked)
    headerless = forced is Format.csv_headerless or asked.own.columns is not None
    if layout is None or (forced and layout.has_header == headerless):
        layout = likely_layout(content, headerless=headerless)
    skipped = Skipped()
    rows = CsvRows(content, layout, skipped)
    place = Place.of_lines(content.path)
    if layout.has_header:
        header = rows.header()
        if forced is None and frame_csv.recognises(header):
            return frame_csv.load(header, rows, content, asked)
        names, where = header, place.where(rows.line)
        columns = score_columns(names, asked, where)
    elif asked.own.columns:
        header, names = [""], list(asked.own.columns)
        columns = score_columns(names, asked, str(content.path))
    else:
        _refuse_fields(asked, place.where(1))
        header, names, columns = [""], list(HEADERLESS.names), HEADERLESS
    blocks = _blocks(rows, names, columns, header, layout, place)
    format_ = Format.csv if layout.has_header else Format.csv_headerless
    return LoadedColumns(format_, place, columns, blocks, skipped, names)


def count_rows(content: Content) -> tuple[int, bool]:
    """Return how many rows a CSV file has, and whether its last line is whole."""
    try:
        layout = csv_layout(content, ReadRequest())
    except JoinError:
        layout = None
    lines, last = 0, b"\n"
    for text in whole_lines(content.chunks(), content.path):
        lines += sum(bool(line.strip()) for line in text.split(b"\n"))
        last = text
    before = 1 if layout is None else layout.before + layout.has_header
    return max(0, lines - before), last.endswith(b"\n")


def _refuse_fields(asked: ReadRequest, where: str) -> None:
    """Raise a JoinError if a field is asked for of a file without header, which has none."""
    own = asked.own
    field = own.score_field or own.key_field or own.status_field
    if field:
        msg = f"{where}: the file has no header, so no field {field!r}; leave that out"
        raise JoinError(msg)


def _blocks(
    rows: CsvRows,
    names: list[str],
    columns: ScoreColumns,
    header: list[str],
    layout: Layout,
    place: Place,
) -> Generator[Block, None, None]:
    """Yield the columns that are read, some rows at a time, and the rows' lines."""
    indexes = {name: names.index(name) for name in columns.names}
    numbered = rows.rows(names, header, indexes[columns.key])
    after_score = indexes[columns.score] + 1
    unnamed = after_score == len(names) - 1 and not names[after_score]
    marks = _DecimalMarks(columns, place)
    while block := list(islice(numbered, BLOCK_ROWS)):
        lines, table = zip(*block, strict=True)
        by_column = list(zip(*table, strict=True))
        cells = {
            name: [cell.strip() or None for cell in by_column[index]]
            for name, index in indexes.items()
        }
        if layout.delimiter != ",":
            marks.settle(cells, lines)
        elif unnamed:
            _refuse_split(cells[columns.score], by_column[after_score], lines, place)
        yield cells, lines


def _refuse_split(
    scores: Sequence[str | None], rest: Sequence[str], lines: Sequence[int], place: Place
) -> None:
    """Raise a DoubtError if what stands behind the scores may be their decimals."""
    for line, score, decimals in zip(lines, scores, rest, strict=True):
        if decimals.strip().isdigit() and (score or "").lstrip("+-").isdigit():
            msg = (
                f"{place.where(line)}: the comma in {score},{decimals.strip()} may be a decimal "
                "one; write decimal points, or put semicolons or tabs between all columns"
            )
            raise DoubtError(msg)


class _DecimalMarks:
    """Which decimal mark a file's scores have, where no comma stands between its cells."""

    def __init__(self, columns: ScoreColumns, place: Place) -> None:
        self._score = columns.score
        self._runtimes = columns.runtimes
        self._place = place
        self._point: tuple[int, str] | None = None
        self._comma: tuple[int, str] | None = None

    def settle(self, cells: dict[str, list[str | None]], lines: Sequence[int]) -> None:
        """Put points in the place of decimal commas.

        Raises:
            DoubtError: some scores have one mark, and some the other.
        """
        scores = cells[self._score]
        for line, cell in zip(lines, scores, strict=True):
            if cell and self._comma is None and has_decimal_comma(cell):
                self._comma = (line, cell)
            elif cell and self._point is None and has_decimal_point(cell):
                self._point = (line, cell)
        if self._comma and self._point:
            (line, cell), (other, point) = self._comma, self._point
            msg = (
                f"{self._place.where(line)}: the score {cell} has a comma, and {point} on line "
                f"{other} a decimal point; write all with points"
            )
            raise DoubtError(msg)
        for name in (self._score, *self._runtimes) if self._comma else self._runtimes:
            cells[name] = [
                cell.replace(",", ".") if cell and has_decimal_comma(cell) else cell
                for cell in cells[name]
            ]
