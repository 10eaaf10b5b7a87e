"""How a CSV table is laid out: its delimiter, told by its header and first rows, and its header.

Where cells lie is the business of `csv_cells`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import ALL_KEY_NAMES, find_name
from second_opinion_assets.storage.limits import refuse_fields
from second_opinion_assets.tables.csv_cells import CellError, behind, find_cells, unquoted
from second_opinion_assets.tables.texts import BOM, FileTexts

HEAD_BYTES = 256 << 10
MOST_OPEN_BYTES = 64 << 20  # a quote that is not closed until then never is
_MOST_HEADER_LINES = 1000
_DELIMITERS = {b",": "commas", b";": "semicolons", b"\t": "tabs"}


class Layout(NamedTuple):
    """How a CSV table is laid out.

    Attributes:
        mark: the byte order mark that it begins with, or nothing.
        lead: blank lines before the header.
        delimiter: what stands between cells.
        header: the cells of the header, as they stand.
        line_end: what ends the header.
    """

    mark: bytes
    lead: bytes
    delimiter: bytes
    header: Sequence[bytes]
    line_end: bytes

    @property
    def names(self) -> list[str]:
        """The names of the columns; white space around one that is in no quotes is none of it."""
        return [unquoted(cell.strip()).decode() for cell in self.header]

    @property
    def text(self) -> bytes:
        """The header with all that stands before it."""
        return self.mark + self.lead + self.delimiter.join(self.header) + self.line_end


def read_layout(texts: FileTexts) -> Layout:
    """Return how a table is laid out.

    Raises:
        JoinError: it is empty, or no CSV, or its delimiter is in doubt.
    """
    count = HEAD_BYTES
    while True:
        head = texts.head(count)
        is_whole = len(head) == texts.size
        mark = BOM if head.startswith(BOM) else b""
        text = head.removeprefix(mark)
        ended = text if is_whole and text.endswith(b"\n") else text + b"\n" * is_whole
        ended = ended[: ended.rfind(b"\n") + 1]
        if is_whole and not text.strip():
            msg = f"{texts.path}: the file is empty, expected a header and rows"
            raise JoinError(msg)
        layout = _layout(ended, texts) if ended.strip() else None
        if layout is not None:
            _refuse_no_text(layout.text, texts)  # the lines that its quotes go on in
            has_end = text.startswith(layout.text)
            return layout._replace(mark=mark, line_end=layout.line_end if has_end else b"")
        if is_whole or count > MOST_OPEN_BYTES:
            msg = f"{texts.where(1)}: a quote in the header is not closed"
            raise JoinError(msg)
        count *= 4


def _layout(text: bytes, texts: FileTexts) -> Layout | None:
    """Return the layout of a table by its first lines; None if its header goes on behind them."""
    first_line = text.lstrip(b"\r\n ").partition(b"\n")[0]
    if b"\0" in first_line:
        msg = f"{texts.where(1)}: has NUL characters, as UTF-16 text has; save the table as UTF-8"
        raise JoinError(msg)
    _refuse_no_text(first_line, texts)
    layouts, problem = [], None
    for delimiter in _DELIMITERS:
        try:
            layouts.append(_header(text, delimiter, texts.path))
        except CellError as error:
            problem = error
    if not layouts:
        msg = f"{texts.where(1)}: {problem}"
        raise JoinError(msg)
    found = [layout for layout in layouts if layout]
    return _choose(found, text, texts) if len(found) == len(layouts) else None


def _refuse_no_text(text: bytes, texts: FileTexts) -> None:
    if not json_text.is_utf8(text):
        msg = f"{texts.where(1)}: not UTF-8 text; save the table as UTF-8"
        raise JoinError(msg)


def _header(text: bytes, delimiter: bytes, where: str) -> Layout | None:
    """Return the layout with this delimiter; None if the header goes on behind the text."""
    end = 0
    for _ in range(_MOST_HEADER_LINES):
        end = text.find(b"\n", end) + 1
        if not end:
            return None
        cells = find_cells(text[:end], delimiter)
        if len(cells.starts):
            start, ends = int(cells.starts[0]), cells.ends[0]
            refuse_fields(len(ends), where)
            header = text[start : ends[-1]]
            starts = [0, *(ends[:-1] + 1 - start).tolist()]
            raw = [header[a : b - start] for a, b in zip(starts, ends.tolist(), strict=True)]
            line_end = text[ends[-1] : behind(text, ends[-1:])[0]]
            return Layout(b"", text[:start], delimiter, raw, line_end)
    return None


def _choose(layouts: list[Layout], text: bytes, texts: FileTexts) -> Layout:
    """Return the layout that the first rows bear out."""
    several = [layout for layout in layouts if len(layout.header) > 1]
    if not several:
        is_tabbed = texts.path.lower().endswith(".tsv")
        usual = (found for found in layouts if (found.delimiter == b"\t") == is_tabbed)
        return next(usual, layouts[0])
    borne_out = [layout for layout in several if _is_borne_out(layout, text)]
    if len(borne_out) < 2:  # noqa: PLR2004 (a doubt takes two)
        return max(borne_out or several, key=lambda layout: len(layout.header))
    named = [layout for layout in borne_out if find_name(layout.names, ALL_KEY_NAMES)]
    if len(named) == 1:
        return named[0]
    both = " and ".join(_DELIMITERS[layout.delimiter] for layout in borne_out)
    msg = (
        f"{texts.where(1)}: {both} might stand between the columns; write the table with one of "
        "them, and cells that hold another in quotes"
    )
    raise JoinError(msg)


def _is_borne_out(layout: Layout, text: bytes) -> bool:
    """Return whether every row has as many cells as the header."""
    try:
        find_cells(text, layout.delimiter, len(layout.header))
    except CellError:
        return False
    return True
