"""What a deployment chooses. The only reader of environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MANIFEST = Path("config/smoke.json")


@dataclass(frozen=True)
class Settings:
    """Which manifest the graph is made from.

    Attributes:
        manifest: ``SECOND_OPINION_MANIFEST``, by default the smoke manifest.
        base_dir: ``SECOND_OPINION_BASE_DIR``, what the manifest's paths are relative to;
            None for the manifest's own folder.
    """

    manifest: Path
    base_dir: Path | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; a relative manifest is sought in the working directory."""
        base_dir = environment.get("SECOND_OPINION_BASE_DIR")
        return cls(
            manifest=Path(environment.get("SECOND_OPINION_MANIFEST") or DEFAULT_MANIFEST),
            base_dir=Path(base_dir) if base_dir else None,
        )
