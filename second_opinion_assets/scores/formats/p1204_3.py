"""The report of the reference implementation of ITU-T P.1204.3: one file a clip, or a list of them.

Source: test_videos/reports of
https://github.com/Telecommunication-Telemedia-Assessment/bitstream_mode3_p1204_3/tree/1e4fddbbfc4063ee81bcc9c77413a95e34d75d1b
It has the score of the clip in `per_sequence`, from 1 to 5, one for each second in `per_second`,
and the clip in `video_full_path`.
"""

from __future__ import annotations

from second_opinion_assets.contract import json_text
from second_opinion_assets.scores.formats.nested_score import nested_score, numbers_in
from second_opinion_assets.scores.rules import ReadRequest, RowRules
from second_opinion_assets.storage.location import Location

EXPECTED = "a number per_sequence and a text video_full_path"
USUAL_SCORE = "per_sequence"
CLIP_FIELD = "video_full_path"


def recognises(members: dict[str, bytes]) -> bool:
    """Return whether a payload with these members is such a report."""
    return USUAL_SCORE in members and CLIP_FIELD in members


def rules(members: dict[str, bytes], asked: ReadRequest, path: Location) -> RowRules:
    """Return how such a report is read.

    Raises:
        JoinError: it lacks the score asked for.
    """
    report = {name: json_text.decode(text, str(path)) for name, text in members.items()}
    score = nested_score(list(numbers_in(report)), [USUAL_SCORE], asked, path)
    key = asked.rules.key_field or CLIP_FIELD
    return asked.rules._replace(score_field=score, only_asked=True, key_field=key)
