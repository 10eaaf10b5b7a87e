"""The real clips in a folder of their own, and the one server of a test run that serves them.

Tests that launch and look share it; what a test does to files or manifest is undone before the
next. A server that is to be set up otherwise, or to fail, is a test's own.
"""

from __future__ import annotations

import json
import random
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
RATED = {
    "id": "rated",
    "features": "../data/clips/rated.csv",
    "scores": ["piqe=../data/clips/rated_piqe.csv"],
    "out": "../outputs/clips/rated.csv",
    "references": ["vmaf", "mos"],
    "subsets": ["height"],
}


def copy_clips(root: Path) -> Project:
    """Write the real clips and their manifest, with gaps, as if nothing had touched them.

    The blur scorer lacks one clip of the others; of the promotion-grade table `promoted` it lacks
    two and failed on a third. The table `rated` is made up, so that it has what the real one lacks:
    clips whose quality people rated.
    """
    for name in ("config", "data"):
        shutil.copytree(PROJECT / name, root / name, dirs_exist_ok=True)
    blur = root / "data/clips/blur.jsonl"
    lines = blur.read_text().splitlines(keepends=True)
    failed = {**json.loads(lines[2]), "score": None, "status": "error"}
    (root / "data/clips/gaps.jsonl").write_text("".join([json.dumps(failed) + "\n", *lines[3:]]))
    blur.write_text("".join(lines[1:]))
    manifest = json.loads((root / "config/clips.json").read_text())
    _write_rated(root / "data/clips")
    tables = [*manifest.pop("tables"), RATED, PROMOTED]
    project = Project(root / "config", tables, manifest)
    project.save()
    return project


def _write_rated(folder: Path) -> None:
    """Write 150 clips of five sources: VMAF saturates, where people and the scorer still see."""
    chance = random.Random(7)  # noqa: S311 (values, not secrets)
    features, scores = ["clip_id,height,vmaf,mos"], ["clip_id,score"]
    for number in range(150):
        quality = chance.random()
        clip = f"{'abcde'[number % 5] * 3}_{number}"
        vmaf = min(99.0, 40 + 90 * quality) + chance.gauss(0, 12)
        mos = 1 + 4 * quality + chance.gauss(0, 0.2)
        features.append(f"{clip},{(720, 1080)[number % 2]},{vmaf:.3f},{mos:.3f}")
        scores.append(f"{clip},{80 - 60 * quality + chance.gauss(0, 3):.4f}")
    (folder / "rated.csv").write_text("\n".join(features) + "\n")
    (folder / "rated_piqe.csv").write_text("\n".join(scores) + "\n")


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
