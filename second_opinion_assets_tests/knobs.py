"""Sizes inside the package that tests make small, so that little data meets every seam.

The one place that patches them; what is joined under them does not belong here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest.mock import patch

from second_opinion_assets.contract import columns
from second_opinion_assets.matching import keys, match
from second_opinion_assets.scores import json_rows, score_table
from second_opinion_assets.scores.formats import csv_text
from second_opinion_assets.storage import decompress, reading
from second_opinion_assets.tables import csv_layout, json_document, parquet, texts

HEAD_BYTES = 1 << 10  # a first line must be in it: what a file is, is told by that


class Knobs(NamedTuple):
    """Sizes that decide where blocks of rows end."""

    chunk_bytes: int
    learning_rows: int


@contextmanager
def block_sizes(knobs: Knobs) -> Iterator[None]:
    """Let blocks of rows end where the knobs say."""
    rows = max(1, knobs.chunk_bytes // 64)
    with (
        patch.object(reading, "CHUNK_BYTES", knobs.chunk_bytes),
        patch.object(decompress, "HEAD_BYTES", max(knobs.chunk_bytes, HEAD_BYTES)),
        patch.object(json_rows, "LEARNING_ROWS", knobs.learning_rows),
        patch.object(csv_text, "BLOCK_ROWS", rows),
        patch.object(texts, "BLOCK_BYTES", knobs.chunk_bytes),
        patch.object(csv_layout, "HEAD_BYTES", max(knobs.chunk_bytes, HEAD_BYTES)),
        patch.object(json_document, "BLOCK_ROWS", rows),
        patch.object(parquet, "ROW_GROUP_ROWS", rows),
        patch.object(keys, "ENCODED_ROWS", rows),
        patch.object(match, "MANY_KEYS", rows),
        patch.object(score_table, "MANY_KEYS", rows),
        patch.object(columns, "SLICE_ROWS", rows),
    ):
        yield
