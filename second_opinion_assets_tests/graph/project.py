"""A small project in a temporary folder: a manifest with its tables and sidecars."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.storage.location import Location


@dataclass
class Project:
    """Writes inputs and a manifest; each table has the key `clip_id`.

    Attributes:
        folder: holds all of it.
        tables: of the manifest.
        others: what the manifest says beside its tables.
    """

    folder: Path
    tables: list[dict[str, Any]] = field(default_factory=list)
    others: dict[str, Any] = field(default_factory=dict)

    @property
    def manifest_path(self) -> Path:
        return self.folder / "manifest.json"

    def add_table(
        self,
        table_id: str,
        clips: list[str],
        scores: dict[str, dict[str, float | None]],
        sidecars: Sequence[str | dict[str, Any]] = (),
        **options: Any,
    ) -> None:
        """Write a feature table of these clips and one sidecar a scorer, clip to score.

        What the manifest says of further sidecars may be given.
        """
        features = self.folder / f"{table_id}.features.jsonl"
        features.write_text(
            "".join(
                json.dumps({"clip_id": clip, "ssim": n / 10}) + "\n" for n, clip in enumerate(clips)
            )
        )
        for scorer, by_clip in scores.items():
            self.write_scores(table_id, scorer, by_clip)
        self.tables.append(
            {
                "id": table_id,
                "features": features.name,
                "scores": [
                    *(f"{scorer}={table_id}.{scorer}.jsonl" for scorer in scores),
                    *sidecars,
                ],
                "out": f"out/{table_id}.jsonl",
                "audit_json": f"out/{table_id}.audit.json",
                **options,
            }
        )

    def write_scores(self, table_id: str, scorer: str, scores: dict[str, float | None]) -> Path:
        """Write one sidecar; a score of None is a row that says the scorer failed."""
        path = self.folder / f"{table_id}.{scorer}.jsonl"
        path.write_text(
            "".join(
                json.dumps(
                    {"clip_id": clip, "status": "error"}
                    if score is None
                    else {"clip_id": clip, "score": score}
                )
                + "\n"
                for clip, score in scores.items()
            )
        )
        return path

    def save(self) -> Manifest:
        """Write the manifest and read it."""
        self.manifest_path.write_text(json.dumps({**self.others, "tables": self.tables}))
        return load_manifest(Location(self.manifest_path))

    def out(self, table_id: str) -> Path:
        return self.folder / "out" / f"{table_id}.jsonl"
