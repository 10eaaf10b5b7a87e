"""CSV and parquet sidecars as hypothesis draws them: mostly usual, now and then odd."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from second_opinion_assets_tests import plain
from second_opinion_assets_tests.strategies import (
    COMPETITORS,
    KEY_PATTERNS,
    NUMBERS,
    RUNTIMES,
    SCORE_FIELDS,
    rarely,
)

CELL_STYLES = {
    "clip_id": ["c{}", "0{}", "{}", " c{} ", "é{}"],
    "path": ["d/c{}.mp4", "C:\\v\\c{}.mp4", "c{}.mp4", "./d/e/c{}.mp4"],
}
ODD_CELLS = ["", "n/a", "nan", "-inf", "1_0", " 7 ", "+5", ".5", "1e400", "5,5", "x;y", 'a"b', "é"]
STATUS_CELLS = ["ok", "failed", "OK", " Pass ", "success", ""]
EXTRA_COLUMNS = ["note", "é", "", "a b", "elapsed_ms", "deep.q"]
RIVAL_COLUMNS = ["Overall", "pred_score", "mos"]
RULES = ("key_field", "score_field", "status_field")
numbers = st.sampled_from(NUMBERS) | st.floats(-1e300, 1e300).map(repr)


class Columns(NamedTuple):
    """The columns of a table of scores; those that are None are not there."""

    key: str
    score: str
    competitor: str | None
    runtime: str | None
    status: str | None
    extras: list[str]

    @property
    def names(self) -> list[str]:
        some = (self.key, self.score, self.competitor, self.runtime, self.status)
        return [*(name for name in some if name), *self.extras]


def columns(key_field: str, *, labelled: bool) -> st.SearchStrategy[Columns]:
    """Draw which columns a table has."""
    competitor = st.sampled_from(["competitor", "Competitor"])
    return st.builds(
        Columns,
        key=st.just(key_field),
        score=st.sampled_from(SCORE_FIELDS),
        competitor=st.none() | competitor if labelled else competitor,
        runtime=st.none() | st.sampled_from(RUNTIMES),
        status=st.none() | st.sampled_from(["status", "Status"]),
        extras=st.lists(
            st.sampled_from([*EXTRA_COLUMNS * 4, *RIVAL_COLUMNS]), max_size=2, unique=True
        ),
    )


@st.composite
def rules_for(draw: st.DrawFn, table: Columns) -> plain.Rules:
    """Draw what is asked for of one table: nothing, its own columns, or others."""
    if not rarely(draw, 3):
        return plain.Rules(score_field="q" if table.score == "q" else None)
    own = {"key_field": table.key, "score_field": table.score, "status_field": table.status}
    asked = {rule: own[rule] for rule in RULES if own[rule] and draw(st.booleans())}
    if rarely(draw, 6):
        asked[draw(st.sampled_from(RULES))] = draw(st.sampled_from([*SCORE_FIELDS, "deep.q"]))
    if rarely(draw, 3):
        asked["key_pattern"] = draw(st.sampled_from(KEY_PATTERNS))
    return plain.Rules(**asked)


@st.composite
def key_cells(draw: st.DrawFn, key_field: str, number: int) -> str:
    """Draw a key of a clip."""
    pathlike = any(part in key_field.lower() for part in ("path", "file", "name"))
    styles = CELL_STYLES["path" if pathlike else "clip_id"]
    style = draw(st.sampled_from(styles)) if rarely(draw, 6) else styles[0]
    return style.format(number)


@st.composite
def rows_of(draw: st.DrawFn, table: Columns, number: int, *, careless: bool) -> list[list[str]]:
    """Draw rows of cells, mostly of clips with numbers from a given one."""
    name = draw(st.sampled_from(COMPETITORS))
    calm = draw(st.booleans())
    rows = []
    for clip in range(draw(st.integers(0 if careless else 1, 7))):
        cells = {column: draw(numbers | st.sampled_from(ODD_CELLS)) for column in table.extras}
        cells |= {table.score: draw(numbers), table.key: draw(key_cells(table.key, number + clip))}
        cells |= {table.runtime: draw(numbers)} if table.runtime else {}
        cells |= {table.competitor: name} if table.competitor else {}
        cells |= {table.status: draw(st.sampled_from(STATUS_CELLS))} if table.status else {}
        while not calm and rarely(draw, 3):
            column = draw(st.sampled_from([table.score, *table.names]))
            odd = STATUS_CELLS if column == table.status else ODD_CELLS
            cells[column] = draw(st.sampled_from(odd))
        rows.append([cells[column] for column in table.names])
    if rows and rarely(draw, 6):
        rows.insert(draw(st.integers(0, len(rows))), draw(st.sampled_from(rows)))
    return rows


@st.composite
def csv_files(draw: st.DrawFn, key_field: str, number: int, *, careless: bool) -> plain.ScoreFile:
    """Draw a CSV sidecar; a careless one may be broken as a file."""
    label = draw(st.sampled_from([None, "DOVER-Mobile", "Lab el"]))
    table = draw(columns(key_field, labelled=label is not None))
    delimiter = draw(st.sampled_from(",,;\t"))
    rows = draw(rows_of(table, number, careless=careless))
    header = table.names
    if rarely(draw, 10):
        rows.insert(draw(st.integers(0, len(rows))), header)
    rows.insert(0, header)
    if careless and rarely(draw, 8):
        del rows[0]
    order = draw(st.permutations(range(len(header))))
    ends = st.sampled_from(["\n", "\n", "\r\n", "\n\n", "\n \n"])
    end, lines = draw(ends), []
    broken = draw(st.integers(0, 14))
    for line, row in enumerate(rows):
        cells = [row[n] for n in order]
        if line and line == broken:
            cells = [*cells, "x"] if draw(st.booleans()) else cells[:-1]
        lines.append(delimiter.join(draw(cell_texts(cell, delimiter)) for cell in cells))
    text = end.join(lines) + draw(st.sampled_from([end, end, ""]))
    if careless and rarely(draw, 6):
        text += delimiter + '"x'
    marked = draw(st.sampled_from(["", "", "\ufeff"])) + text
    suffix = draw(st.sampled_from([".csv", ".csv", ".tsv", ".txt"]))
    rules = draw(rules_for(table))
    return plain.ScoreFile(marked.encode(), "csv", f"scores{number}{suffix}", label, rules)


@st.composite
def cell_texts(draw: st.DrawFn, cell: str, delimiter: str) -> str:
    """Draw how a cell is written: in quotes where it must be, with space where it may."""
    if delimiter in cell or '"' in cell or rarely(draw, 10):
        return draw(st.sampled_from(["", " "])) + '"' + cell.replace('"', '""') + '"'
    return f" {cell}\t " if rarely(draw, 10) and delimiter != "\t" else cell


@st.composite
def parquet_files(
    draw: st.DrawFn, key_field: str, number: int, *, careless: bool
) -> plain.ScoreFile:
    """Draw a parquet sidecar; its columns are typed, or texts like the cells of CSV."""
    label = draw(st.sampled_from([None, "DOVER-Mobile", "Lab el"]))
    table = draw(columns(key_field, labelled=label is not None))
    rows = draw(rows_of(table, number, careless=careless))
    arrays = {}
    for position, name in enumerate(table.names):
        cells = [row[position] or None for row in rows]
        kinds = ["text"] if name in (table.competitor, table.status) else ["text", "int", "float"]
        arrays[name] = draw(typed(cells, kinds if name == table.key else kinds[-1:] + kinds))
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays), sink, row_group_size=draw(st.sampled_from([2, 99])))
    rules = draw(rules_for(table))
    return plain.ScoreFile(sink.getvalue(), "parquet", f"scores{number}.parquet", label, rules)


@st.composite
def typed(draw: st.DrawFn, cells: list[str | None], kinds: list[str]) -> pa.Array:
    """Draw cells as a column: of numbers if they all are, else of text, maybe by a dictionary."""
    kind = draw(st.sampled_from(kinds))
    try:
        if kind == "int":
            return pa.array([cell and int(cell) for cell in cells], pa.int64())
        if kind == "float":
            values = [None if cell is None else float(cell.replace("_", "x")) for cell in cells]
            return pa.array(values, draw(st.sampled_from([pa.float64(), pa.float32()])))
    except (ValueError, OverflowError, pa.ArrowException):
        pass
    texts: Any = pa.array(cells, draw(st.sampled_from([pa.string(), pa.large_string()])))
    return texts.dictionary_encode() if rarely(draw, 4) else texts


class CsvText(NamedTuple):
    """A CSV feature table as it stands in a file.

    Attributes:
        delimiter: what stands between cells.
        lines: the cells of each line as they are written, the header's first.
        values: what they say.
        between: what stands before each line, blank lines perhaps, and at the end.
        ends: what ends each line.
    """

    delimiter: str
    lines: list[list[str]]
    values: list[list[str]]
    between: list[str]
    ends: list[str]

    @property
    def text(self) -> bytes:
        lines = map(self.delimiter.join, self.lines)
        parts = zip(self.between, lines, self.ends, strict=False)
        return ("".join(map("".join, parts)) + self.between[-1]).encode()


csv_words = st.sampled_from(
    ["", "", "1", "0.10", "a b", " x", "é", "\U0001f600", "null", "NaN", "5,5", "a;b", "x\ty", "'"]
)
csv_odd_words = st.sampled_from(['"', '""', 'a"b', "x\ny", "\r\n", ',"', '";', "\n", '\t"', '"x"'])


@st.composite
def csv_tables(draw: st.DrawFn, reserved: Sequence[str]) -> CsvText:
    """Draw a CSV feature table of clips c0, c1, … with any other columns and any quoting.

    Args:
        draw: draws.
        reserved: names of columns that are to be replaced, of which there may be some.
    """
    delimiter = draw(st.sampled_from(",,;\t"))
    names = st.sampled_from(["psnr", "é", "a b", "", "x,y", 'q"q', "two\nlines", *reserved[:2]])
    columns = ["clip_id", *draw(st.lists(names, max_size=3, unique=True))]
    columns = draw(st.permutations(columns))
    delimiter = delimiter if len(columns) > 1 else ","
    cells = csv_words | csv_odd_words if draw(st.booleans()) else csv_words
    keys = st.sampled_from(["c0", "c0", "c1", "3", "", "x", "é"])
    values = [list(columns)]
    for _ in range(draw(st.integers(0, 6))):
        row = [draw(keys if name == "clip_id" else cells) for name in columns]
        values.append(row)
    lines = [[draw(csv_cell_texts(cell, delimiter)) for cell in row] for row in values]
    if len(columns) == 1:  # or a row would be a blank line
        lines = [[cell or '""' for cell in row] for row in lines]
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    blank = st.sampled_from(["", "", "", end, f" {end}", end + end])
    ends = [end] * (len(lines) - 1) + [draw(st.sampled_from([end, end, ""]))]
    between = [draw(blank) if draw(st.booleans()) else "" for _ in lines]
    between.append(draw(blank) if ends[-1] else "")
    return CsvText(delimiter, lines, values, between, ends)


@st.composite
def csv_cell_texts(draw: st.DrawFn, cell: str, delimiter: str) -> str:
    """Draw how a cell is written: in quotes where it must be, and now and then where it may."""
    must = any(mark in cell for mark in (delimiter, "\n", "\r")) or cell.lstrip(" ").startswith('"')
    if must or rarely(draw, 6):
        return '"' + cell.replace('"', '""') + '"'
    return cell
