"""Sizes inside the package that tests make small, so that little data meets every seam.

The one place that patches them; what is joined under them does not belong here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest.mock import patch

from second_opinion_assets.scores import read
from second_opinion_assets.storage import decompress, reading
from second_opinion_assets.tables import forms


class Knobs(NamedTuple):
    """Sizes that decide where blocks of rows end, and whether native code reads them."""

    chunk_bytes: int
    learning_rows: int
    native: bool = False


@contextmanager
def block_sizes(knobs: Knobs) -> Iterator[None]:
    """Let blocks of rows end where the knobs say, and nothing wait for the disk."""
    with (
        patch.object(reading, "CHUNK_BYTES", knobs.chunk_bytes),
        patch.object(decompress, "HEAD_BYTES", knobs.chunk_bytes),
        patch.object(read, "LEARNING_ROWS", knobs.learning_rows),
        patch.object(read, "LARGE_SIDECAR_BYTES", 0 if knobs.native else sys.maxsize),
        patch.object(forms, "LARGE_FILE_BYTES", 0 if knobs.native else sys.maxsize),
        patch.object(os, "fsync"),
    ):
        yield
