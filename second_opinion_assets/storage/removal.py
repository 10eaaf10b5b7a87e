"""Removing files that are none of a join, such as those of Dagster's store; nothing is confined."""

from __future__ import annotations

import os
from contextlib import suppress


def remove_if_there(path: str) -> None:
    """Remove a file; one that is not there, or cannot be removed, is left."""
    with suppress(OSError):
        os.unlink(path)
