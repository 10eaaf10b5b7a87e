"""The JSON log of libvmaf, of `vmaf --json` and of ffmpeg's filter: one file a clip.

Source: https://github.com/Netflix/vmaf/blob/d7dac56da07a229dfe6d9ee29d9e310d5668fbd1/libvmaf/src/output.c
It has the metrics of each frame in `frames[].metrics`, and over all frames in
`pooled_metrics.<metric>` the `min`, `max`, `mean` and `harmonic_mean`. It names no clip.
"""

from __future__ import annotations

from second_opinion_assets.scores.formats.nested_score import nested_score
from second_opinion_assets.scores.rules import ReadRequest, RowRules
from second_opinion_assets.storage.location import Location

EXPECTED = "an object pooled_metrics and a list frames"
USUAL_SCORE = "pooled_metrics.vmaf.mean"


def recognises(members: dict[str, bytes]) -> bool:
    """Return whether a payload with these members is such a log."""
    pooled, frames = members.get("pooled_metrics", b""), members.get("frames", b"")
    return pooled.startswith(b"{") and frames.startswith(b"[")


def rules(members: dict[str, bytes], asked: ReadRequest, path: Location) -> RowRules:
    """Return how such a log is read: one score for all its frames.

    Raises:
        JoinError: it lacks the metric.
    """
    score = nested_score(members, "pooled_metrics", USUAL_SCORE, asked, path)
    return asked.rules._replace(score_field=score, frames_field="frames")
