"""Joined tables, small ones, written from columns, and their comparison."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.agreement.clips import Clips, read_clips
from second_opinion_assets.agreement.compare import compare
from second_opinion_assets.agreement.joined_table import JoinedTable
from second_opinion_assets.registry.facts import Registry, shipped_registry
from second_opinion_assets.registry.groups import NO_GROUPS, Groups, choose_groups
from second_opinion_assets.registry.references import Reference, choose_references
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import digest_file
from second_opinion_assets_tests.workspace import Workspace


class Opinions:
    """Joined tables of a workspace, written from columns."""

    def __init__(self, work: Workspace) -> None:
        self.work = work

    def joined(
        self,
        columns: Mapping[str, Any],
        scores: Mapping[str, Any],
        name: str = "out.jsonl",
    ) -> JoinedTable:
        """Write a joined table; a score of None is missing, and of text is bad and has none.

        Args:
            columns: of the table, `clip_id` among them.
            scores: of each scorer, a value a row.
            name: of the file; its suffix tells the form.
        """
        appended: dict[str, Sequence[Any]] = {}
        for scorer, values in scores.items():
            appended[f"so_{scorer.lower()}_score"] = [
                None if isinstance(value, str) else value for value in values
            ]
            appended[f"so_{scorer.lower()}_status"] = [
                "missing" if value is None else "bad" if isinstance(value, str) else "ok"
                for value in values
            ]
        every = {**columns, **appended}
        if name.endswith(".parquet"):
            import pyarrow as pa  # noqa: PLC0415 (most tests do without)

            path = self.work.write_table(name, pa.table(every))
        elif name.endswith(".csv"):
            text = io.StringIO(newline="")
            csv.writer(text).writerows([every, *zip(*every.values(), strict=True)])
            path = self.work.write(name, text.getvalue())
        else:
            rows = [dict(zip(every, row, strict=True)) for row in zip(*every.values(), strict=True)]
            path = self.work.write_lines(name, rows)
        return JoinedTable(
            path=Location(path),
            key_column="clip_id",
            columns=tuple(columns),
            column_prefixes={scorer: f"so_{scorer.lower()}" for scorer in scores},
            sha256=digest_file(Location(path)).sha256,
            version="1",
        )

    def compared(
        self,
        columns: Mapping[str, Any],
        scores: Mapping[str, Any],
        references: Sequence[Reference] = (),
        registry: Registry | None = None,
        dataset_hints: Sequence[str] = (),
        groups: Groups = NO_GROUPS,
    ) -> tuple[Agreement, Clips]:
        """Write a joined table, read it and compare; without clip ids each row is a clip."""
        rows = len(next(iter(scores.values())))
        columns = {"clip_id": [f"c{row}" for row in range(rows)], **columns}
        table = self.joined(columns, scores)
        return self.compared_table(table, groups, references, registry, dataset_hints)

    def compared_table(
        self,
        table: JoinedTable,
        groups: Groups = NO_GROUPS,
        references: Sequence[Reference] = (),
        registry: Registry | None = None,
        dataset_hints: Sequence[str] = (),
    ) -> tuple[Agreement, Clips]:
        """Read a joined table and compare."""
        registry = registry or shipped_registry()
        chosen = choose_references(references, table.columns, registry)
        chosen_groups = choose_groups(groups, table.columns, table.key_column)
        clips = read_clips(table, chosen.directions, chosen_groups)
        return compare(clips, chosen, registry, dataset_hints), clips
