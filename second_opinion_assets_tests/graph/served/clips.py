"""The real clips in a folder of their own, and the one server of a test run that serves them.

Tests that launch and look share it; what a test does to files or manifest is undone before the
next. A server that is to be set up otherwise, or to fail, is a test's own.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.webserver import PROJECT, Webserver

PROMOTED = {
    "id": "promoted",
    "features": "../data/clips/features.jsonl",
    "scores": ["piqe=../data/clips/piqe.jsonl", "ffmpeg-blurdetect=../data/clips/gaps.jsonl"],
    "out": "../outputs/clips/promoted.jsonl",
    "missing_policy": "fail",
}


def copy_clips(root: Path) -> Project:
    """Write the real clips and their manifest, with gaps, as if nothing had touched them.

    The blur scorer lacks one clip of the others; of the promotion-grade table `promoted` it lacks
    two and failed on a third.
    """
    for name in ("config", "data"):
        shutil.copytree(PROJECT / name, root / name, dirs_exist_ok=True)
    blur = root / "data/clips/blur.jsonl"
    lines = blur.read_text().splitlines(keepends=True)
    failed = {**json.loads(lines[2]), "score": None, "status": "error"}
    (root / "data/clips/gaps.jsonl").write_text("".join([json.dumps(failed) + "\n", *lines[3:]]))
    blur.write_text("".join(lines[1:]))
    manifest = json.loads((root / "config/clips.json").read_text())
    tables = [*manifest.pop("tables"), PROMOTED]
    project = Project(root / "config", tables, manifest)
    project.save()
    return project


@dataclass
class Clips:
    """The real clips, served.

    Attributes:
        server: answers for them.
        root: the folder that holds `config`, `data` and `outputs`.
        project: their manifest.
    """

    server: Webserver
    root: Path
    project: Project

    def reset(self) -> None:
        """Undo what was done to files and manifest; history and outputs stay."""
        found = self.project.manifest_path.read_bytes()
        self.project = copy_clips(self.root)
        if self.project.manifest_path.read_bytes() != found:
            self.server.reload()

    @property
    def folder(self) -> Path:
        """The folder of the clips' features and scores."""
        return self.root / "data/clips"

    @property
    def outputs(self) -> Path:
        """The folder of the joined tables."""
        return self.root / "outputs/clips"
