"""The targets by their names."""

from __future__ import annotations

from fuzz import scores, storage, tables, texts
from fuzz.judging import Targets

TARGETS: Targets = {
    **scores.TARGETS,
    **storage.TARGETS,
    **tables.TARGETS,
    **texts.TARGETS,
}
