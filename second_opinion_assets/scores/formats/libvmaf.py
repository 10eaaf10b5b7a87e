"""The log of libvmaf, of `vmaf` and of ffmpeg's filter: one file a clip.

Source: https://github.com/Netflix/vmaf/blob/d7dac56da07a229dfe6d9ee29d9e310d5668fbd1/libvmaf/src/output.c
It has the metrics of each frame in `frames[].metrics`, and over all frames in
`pooled_metrics.<metric>` the `min`, `max`, `mean` and `harmonic_mean`. Up to 1.3.15 the one pooled
value was called `VMAF score`; some wrappers keep the frames alone. It names no clip. How a log in
XML is read belongs to `libvmaf_xml`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import DoubtError
from second_opinion_assets.scores.formats.nested_score import nested_score, numbers_in
from second_opinion_assets.scores.rules import ReadRequest, RowRules
from second_opinion_assets.storage.location import Location

EXPECTED = "a list frames, and an object pooled_metrics or metrics in each frame"
USUAL_METRIC = "vmaf"
OLD_SCORE = "VMAF score"
_POOLED, _FRAMES, _METRICS = "pooled_metrics", "frames", "metrics"
_OF_EACH_FRAME = "frames[].metrics."
_MODEL = re.compile("vmaf_(?!.*(?:bagging|stddev|ci_p95_lo|ci_p95_hi)$).*")
"""What a model goes by that was given a name; the ends are those of a bootstrap's spread."""


def recognises(members: dict[str, bytes]) -> bool:
    """Return whether a payload with these members is such a log."""
    if not members.get(_FRAMES, b"").startswith(b"["):
        return False
    return members.get(_POOLED, b"").startswith(b"{") or bool(_first_metrics(members))


def rules(members: dict[str, bytes], asked: ReadRequest, path: Location) -> RowRules:
    """Return how such a log is read: one score for all its frames.

    Raises:
        NoScoreError: it lacks the metric.
        DoubtError: it is not certain which of two it is.
    """
    flat = {name: text for name, text in members.items() if name != _FRAMES}
    log = {name: json_text.decode(text, str(path)) for name, text in flat.items()}
    pooled = log.get(_POOLED)
    of_frame = {} if pooled else _first_metrics(members)
    metrics = list(pooled if isinstance(pooled, dict) and pooled else of_frame)
    metric = USUAL_METRIC
    if not (asked.own.score_field or OLD_SCORE in log):
        metric = _vmaf_like(metrics, path)
    usual = [f"{_POOLED}.{metric}.mean", OLD_SCORE, f"{_OF_EACH_FRAME}{metric}"]
    there = [*numbers_in(log), *(f"{_OF_EACH_FRAME}{name}" for name in of_frame)]
    there = [name for name in there if name not in ("version", "fps", "ExecFps")]
    where = f"{path}::$.{_POOLED if pooled else _FRAMES}"
    score = nested_score(there, usual[:1] if pooled else usual, asked, where)
    if score.startswith(_OF_EACH_FRAME):
        frame_score = score.removeprefix("frames[].")
        return asked.rules._replace(score_field=None, frame_score=frame_score)
    return asked.rules._replace(score_field=score, only_asked=True, frames_field=_FRAMES)


def _first_metrics(members: dict[str, bytes]) -> dict[str, Any]:
    """Return the metrics of the first frame, none where its frames are none of libvmaf's."""
    frame = next(iter(json_text.children(members[_FRAMES])), b"null")
    values = json_text.decode(frame, "")
    metrics = values.get(_METRICS) if isinstance(values, dict) else None
    return metrics if isinstance(metrics, dict) else {}


def _vmaf_like(metrics: Collection[str], path: Location) -> str:
    """Return the metric that is VMAF's: `vmaf`, or the one model with a name like that.

    Raises:
        DoubtError: there are two.
    """
    models = [name for name in metrics if _MODEL.fullmatch(name)]
    if USUAL_METRIC in metrics or not models:
        return USUAL_METRIC
    if len(models) > 1:
        msg = (
            f"{path}: {models[0]!r} and {models[1]!r} might both be the score; name one as "
            f"score_field, such as {_POOLED}.{models[0]}.mean"
        )
        raise DoubtError(msg)
    return models[0]
