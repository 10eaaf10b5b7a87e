"""JSON sidecars: lines (`.jsonl`, `.ndjson`) and documents (`.json`), as blocks of rows.

A document is a list of rows, an object with `rows` or `results`, or one row by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from second_opinion_assets.join import json_text
from second_opinion_assets.join.errors import JoinError
from second_opinion_assets.join.files import whole_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from second_opinion_assets.join.files import HashedFile

LINE_SUFFIXES = (".jsonl", ".ndjson")
ROW_LIST_NAMES = ("rows", "results")


@dataclass(frozen=True)
class RowBlock:
    """Some rows of a sidecar.

    Attributes:
        text: the rows, one JSON object after another, with newlines between them.
        texts: the text of each row or, in a block that is not `certain`, of each line.
        first: position in the file of the first of `texts`.
        certain: whether each of `texts` is certain to be one row if the block has as many.
        open_end: position of a last line that has no line feed; None for none.
    """

    text: bytes
    texts: list[bytes]
    first: int
    certain: bool
    open_end: int | None = None

    @property
    def count(self) -> int:
        return len(self.texts)

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield position and text of each row; lines without one are left out."""
        for position, text in enumerate(self.texts, self.first):
            if not json_text.is_blank(text):
                yield position, text


def line_blocks(file: HashedFile) -> Generator[RowBlock, None, None]:
    """Yield a file of lines in blocks; a position is a line number, from 1."""
    first = 1
    for text in whole_lines(file.chunks()):
        yield _line_block(text, first)
        first += text.count(b"\n")


def _line_block(text: bytes, first: int) -> RowBlock:
    ended = text if text.endswith(b"\n") else text + b"\n"
    lines = json_text.plain_lines(ended)
    open_end = None if text is ended else first + text.count(b"\n")
    if lines is None:
        return RowBlock(ended, text.split(b"\n"), first, certain=False, open_end=open_end)
    return RowBlock(ended, lines, first, certain=True, open_end=open_end)


def document_block(file: HashedFile, path: Path) -> tuple[RowBlock, Callable[[int], str]]:
    """Return the rows of a document and what tells where each stands."""
    text = file.read().removeprefix(b"\xef\xbb\xbf")
    if json_text.is_blank(text):
        msg = f"{path}: the file is empty, expected JSON"
        raise JoinError(msg)
    if not json_text.is_utf8(text):
        msg = f"{path}: not UTF-8 text"
        raise JoinError(msg)
    name, rows = _row_list(text, path)
    block = RowBlock(b"\n".join(rows), rows, 0, certain=True)
    if name is None:
        return block, lambda _: str(path)
    return block, lambda position: f"{path}::${name}[{position}]"


def _row_list(text: bytes, path: Path) -> tuple[str | None, list[bytes]]:
    """Return how the list of rows is reached (None: the document is the row) and the rows."""
    if text.lstrip().startswith(b"["):
        return "", json_text.elements(text, str(path))
    members = json_text.members(text, str(path))
    for name in ROW_LIST_NAMES:
        if members.get(name, b"").startswith(b"["):
            return f".{name}", json_text.elements(members[name], str(path))
    return None, [text]
