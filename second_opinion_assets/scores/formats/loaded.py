"""What every format makes of a score file: rows of JSON, or columns."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from second_opinion_assets.scores.columnar import Cells
from second_opinion_assets.scores.json_block import JsonBlock
from second_opinion_assets.scores.rows import Place, Skipped
from second_opinion_assets.scores.rules import RowRules
from second_opinion_assets.scores.score_columns import ScoreColumns
from second_opinion_assets.scores.sidecar import Format


@dataclass(frozen=True)
class LoadedRows:
    """A score file of JSON rows.

    Attributes:
        format: how it is read.
        place: where its rows stand.
        rules: how the rows are read.
        blocks: the rows, once.
        is_table: whether there are many rows, most of them alike.
        skipped: lines that are no rows, filled in while the blocks are taken.
    """

    format: Format
    place: Place
    rules: RowRules
    blocks: Generator[JsonBlock, None, None]
    is_table: bool = True
    skipped: Skipped = field(default_factory=Skipped)


@dataclass(frozen=True)
class LoadedColumns:
    """A score file of columns.

    Attributes:
        format: how it is read; None of a frame.
        place: where its rows stand.
        columns: what its columns are.
        blocks: the values of the columns by their names, and the positions of the rows; once.
        skipped: lines that are no rows, filled in while the blocks are taken.
        fields: the names of all its columns, as far as they are known.
    """

    format: Format | None
    place: Place
    columns: ScoreColumns
    blocks: Generator[tuple[dict[str, Cells], Sequence[int]], None, None]
    skipped: Skipped = field(default_factory=Skipped)
    fields: Sequence[str] = ()


Loaded = LoadedRows | LoadedColumns
