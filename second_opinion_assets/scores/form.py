"""What every form of score file becomes: blocks of rows as JSON text, and where each row stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from second_opinion_assets.contract import json_text
from second_opinion_assets.scores.payload import RowRules

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from second_opinion_assets.scores.sidecar import Reader, SidecarRules


@dataclass(frozen=True)
class RowBlock:
    """Some rows of a sidecar.

    Attributes:
        text: the rows, one JSON object after another, with newlines between them.
        texts: the text of each row or, in a block that is not `certain`, of each line.
        first: position in the file of the first of `texts`.
        certain: whether each of `texts` is certain to be one row if the block has as many.
        open_end: position of a last row that may be cut short; None for none.
    """

    text: bytes
    texts: list[bytes]
    first: int
    certain: bool
    open_end: int | None = None

    @classmethod
    def of(cls, texts: list[bytes], first: int = 0, open_end: int | None = None) -> RowBlock:
        """Return rows of which each is a text by itself."""
        return cls(b"\n".join(texts), texts, first, certain=True, open_end=open_end)

    @property
    def count(self) -> int:
        return len(self.texts)

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield position and text of each row; lines without one are left out."""
        for position, text in enumerate(self.texts, self.first):
            if not json_text.is_blank(text):
                yield position, text


class Asked(NamedTuple):
    """What is asked for of a sidecar.

    Attributes:
        rules: of its rows.
        own: those that are for this sidecar alone, so that it must have the fields they name.
        stem_is_key: whether the file's stem is the key of a payload that has none.
    """

    rules: RowRules = RowRules()
    own: SidecarRules | None = None
    stem_is_key: bool = False

    @property
    def own_score_field(self) -> str | None:
        return self.own.score_field if self.own else None


class Form(NamedTuple):
    """The rows of a score file.

    Attributes:
        reader: what reads it.
        blocks: its rows, once.
        locate: turns a row's position into `path:line` or `path::$.rows[3]`.
        rules: how the rows are read.
        is_table: whether there are many rows, most of them alike.
    """

    reader: Reader
    blocks: Generator[RowBlock, None, None]
    locate: Callable[[int], str]
    rules: RowRules
    is_table: bool = True
