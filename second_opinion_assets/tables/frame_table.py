"""A feature table that is a frame: its keys are read, and nothing of it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from second_opinion_assets.matching.key_texts import key_texts
from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.tables.odd_values import refusing_odd_values
from second_opinion_assets.tables.table import Column, ColumnBlock, columns_exist


class FrameTable:
    """A frame as a feature table; a `KeyTable`.

    Attributes:
        replaced: the columns that those that are appended take the place of.
    """

    knows_all_columns = True
    non_finite_values = 0  # nothing is written, so nothing becomes null

    def __init__(self, frame: Frame) -> None:
        self.path = str(frame)
        self.frame = frame
        self.replaced: list[str] = []

    @property
    def columns(self) -> list[Column]:
        return [Column(name, "") for name in self.frame.names if name not in self.replaced]

    def read_columns(self, keys: Sequence[str], names: Sequence[str] = ()) -> Iterator[ColumnBlock]:
        with refusing_odd_values(self.path):
            texts = [key_texts(self.frame.column(key), self.path) for key in keys]
            values = [self.frame.column(name).to_pylist() for name in names]
        yield ColumnBlock(self.frame.rows, texts, values)

    def append(self, names: Sequence[str], *, overwrite: bool) -> None:
        self.replaced = [name for name in self.frame.names if name in set(names)]
        if self.replaced and not overwrite:
            raise columns_exist(self.path, self.replaced)
