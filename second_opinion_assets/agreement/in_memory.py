"""The agreement of a joined table that may be in memory, for a person at a notebook.

Nothing is published. What was joined may be known by its audit, or told by its columns.
"""

from __future__ import annotations

from collections.abc import Sequence

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.agreement.clips import Clips, read_clips
from second_opinion_assets.agreement.compare import compare
from second_opinion_assets.agreement.joined_table import JoinedTable
from second_opinion_assets.contract.columns import ALIGNED, APPENDED
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.matching.keys import choose_key_column
from second_opinion_assets.registry.facts import shipped_registry
from second_opinion_assets.registry.references import Reference, choose_references
from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.machine import machine_errors
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.open import open_keys


def compare_joined(joined: JoinedTable, references: Sequence[Reference]) -> tuple[Agreement, Clips]:
    """Compare the opinions on a joined table with its references; return also their values.

    Raises:
        JoinError: the table cannot be read, or lacks a column.
    """
    with machine_errors(joined.path):
        registry = shipped_registry()
        chosen = choose_references(references, joined.columns, registry)
        clips = read_clips(joined, chosen.directions)
        return compare(clips, chosen, registry, (joined.path.name,)), clips


def joined_table(path: Location, key_column: str | None, prefix: str) -> JoinedTable:
    """Return a joined table by its columns alone.

    Args:
        path: a file, or a frame.
        key_column: the column that names the clip; None for one of a usual name.
        prefix: what the names of the appended columns start with.

    Raises:
        JoinError: it cannot be read, has no key column, or no scorer's columns.
    """
    with path if isinstance(path, Frame) else Input(path) as file:
        names = [column.name for column in open_keys(file).columns]
    suffixes = [f"_{column.suffix}" for column in APPENDED]
    firsts = (name.removesuffix(suffixes[0]) for name in names if name.endswith(suffixes[0]))
    found = [first for first in firsts if {first + suffix for suffix in suffixes} <= set(names)]
    if not found:
        msg = f"{path}: has no columns of a scorer; join scores onto it first"
        raise JoinError(msg)
    appended = {first + suffix for first in found for suffix in (*suffixes, f"_{ALIGNED.suffix}")}
    return JoinedTable(
        path=path,
        key_column=choose_key_column(names, key_column, str(path)),
        columns=tuple(name for name in names if name not in appended),
        column_prefixes={first.removeprefix(f"{prefix}_"): first for first in found},
        sha256=None,
        version="",
    )
