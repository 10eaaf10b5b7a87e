"""The JSON output of ffmpeg-quality-metrics: one file a clip.

Source: tests/response.json of
https://github.com/slhck/ffmpeg-quality-metrics/tree/005239267f255ccc75ad1d541c749ea1abaab479
It has the values of each frame in a list named after the metric, `vmaf` among them, and over all
frames in `global.<metric>.<value>` the `average`, `median`, `stdev`, `min` and `max`;
`input_file_dist` is the clip.
"""

from __future__ import annotations

from second_opinion_assets.contract import json_text
from second_opinion_assets.scores.formats.nested_score import nested_score, numbers_in
from second_opinion_assets.scores.rules import ReadRequest, RowRules
from second_opinion_assets.storage.location import Location

EXPECTED = "an object global and a text input_file_dist"
USUAL_SCORE = "global.vmaf.vmaf.average"
CLIP_FIELD = "input_file_dist"


def recognises(members: dict[str, bytes]) -> bool:
    """Return whether a payload with these members is such an output."""
    return members.get("global", b"").startswith(b"{") and CLIP_FIELD in members


def rules(members: dict[str, bytes], asked: ReadRequest, path: Location) -> RowRules:
    """Return how such an output is read: one score for all frames of its metric.

    Raises:
        JoinError: it lacks the metric.
    """
    there = list(numbers_in({"global": json_text.decode(members["global"], str(path))}))
    score = nested_score(there, [USUAL_SCORE], asked, f"{path}::$.global")
    metric = score.split(".")[1]
    return asked.rules._replace(score_field=score, only_asked=True, frames_field=metric)
