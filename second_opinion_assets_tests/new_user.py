"""What a new user has: a feature table of 500 clips, and what three scorers left of them.

DOVER wrote CSV and Q-Align JSON objects one after another; libvmaf left a log a clip. Three clips
were never measured by libvmaf, and of two it left broken logs. Nobody has edited a file.
"""

from __future__ import annotations

import json
from pathlib import Path

CLIPS = [f"ugc_{number:03}" for number in range(500)]
NOT_MEASURED = CLIPS[7:10]
EMPTY_LOG, CUT_LOG = CLIPS[41], CLIPS[300]


def quality(clip: str) -> float:
    """Return how good a clip is, from 0 to 1."""
    return int(clip.removeprefix("ugc_")) * 7919 % 500 / 500


def write_inputs(folder: Path) -> None:
    """Write the feature table and the score files of a new user."""
    (folder / "vmaf_logs").mkdir(parents=True)
    rows = [
        {"clip_name": f"{clip}.mp4", "sharpness": round(quality(clip) * 9, 2), "fps": 30}
        for clip in CLIPS
    ]
    (folder / "features.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "dover.csv").write_text(
        "path, aesthetic score, technical score, overall/final score\n"
        + "".join(map(_dover_row, CLIPS))
    )
    (folder / "q_align.json").write_text("".join(map(_q_align_object, CLIPS)))
    for clip in CLIPS:
        if clip not in NOT_MEASURED:
            (folder / f"vmaf_logs/{clip}.json").write_text(_vmaf_log(clip))
    (folder / f"vmaf_logs/{EMPTY_LOG}.json").write_text("")
    cut = (folder / f"vmaf_logs/{CUT_LOG}.json").read_text()[:180]
    (folder / f"vmaf_logs/{CUT_LOG}.json").write_text(cut)
    (folder / "vmaf_logs/.DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1")


def _dover_row(clip: str) -> str:
    score = quality(clip) * 100
    return f"/data/ugc/{clip}.mp4, {score:.2f}, {score:.2f},{score:.2f}\n"


def _q_align_object(clip: str) -> str:
    row = {"img_path": f"{clip}.mp4", "gt_score": 3.1, "logits": {"good": 17.5, "poor": 12.25}}
    return json.dumps({**row, "score": quality(clip)})


def _vmaf_log(clip: str) -> str:
    frames = [
        {"frameNum": n, "metrics": {"integer_adm2": 0.96, "vmaf": quality(clip) * 100}}
        for n in range(3)
    ]
    mean = {"min": 1.0, "max": 100.0, "mean": quality(clip) * 100, "harmonic_mean": 1.0}
    log = {"version": "3.0.0", "fps": 24.1, "frames": frames, "pooled_metrics": {"vmaf": mean}}
    return json.dumps(log, indent=2)
