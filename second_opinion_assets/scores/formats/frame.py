"""Scores in a frame: one row a clip, in columns named like the fields of a JSON row."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from second_opinion_assets.contract.errors import UnnamedScorerError
from second_opinion_assets.scores.columnar import Cells
from second_opinion_assets.scores.formats.loaded import LoadedColumns
from second_opinion_assets.scores.rows import Place
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.scores.score_columns import score_columns
from second_opinion_assets.storage.frame import Frame


def load(frame: Frame, asked: ReadRequest) -> LoadedColumns:
    """Return the rows of a frame; a position is a row number, from 0.

    Raises:
        JoinError: it is not certain which of its columns are what, or whose scores it has.
    """
    columns = score_columns(frame.names, asked, str(frame))
    if asked.label is None and not columns.scorer:
        msg = f"{frame}: no column names a scorer; name it, as scores={{'SCORER': frame}}"
        raise UnnamedScorerError(msg)
    blocks = _blocks(frame, columns.names)
    place = Place.of_elements(str(frame))
    return LoadedColumns(None, place, columns, blocks, fields=frame.names)


def _blocks(
    frame: Frame, columns: Sequence[str]
) -> Generator[tuple[dict[str, Cells], Sequence[int]], None, None]:
    yield {name: frame.column(name) for name in columns}, range(frame.rows)
