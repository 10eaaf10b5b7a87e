"""The evaluation results of VBench: for each dimension its mean and a list of clips.

Source: the results that evaluate.py of https://github.com/Vchitect/VBench saves:
`{"dimension": [mean, [{"video_path": "a.mp4", "video_results": 0.97}, …]], …}`. Each dimension is a
score of its own; a file of several has none that is usual.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import DoubtError
from second_opinion_assets.scores.asked_fields import no_such_field
from second_opinion_assets.scores.rules import ReadRequest, RowRules
from second_opinion_assets.storage.location import Location

EXPECTED = "for each dimension a list of its mean and a list of clips"
CLIP_FIELD, SCORE_FIELD = "video_path", "video_results"
_PARTS = 2


class Dimension(NamedTuple):
    """The clips of one dimension: its name, and a row each with the score under that name."""

    name: str
    rows: list[bytes]


def recognises(members: dict[str, bytes]) -> bool:
    """Return whether a document with these members is of VBench."""
    return bool(members) and all(_clips(text) is not None for text in members.values())


def dimension(members: dict[str, bytes], asked: ReadRequest, path: Location) -> Dimension:
    """Return the dimension that is asked for, or the only one.

    Raises:
        DoubtError: it is not there, or there are several and none is asked for.
    """
    own, of_table = asked.own.score_field, asked.rules.score_field
    by_lower = {name.lower(): name for name in members}
    name = by_lower.get((own or of_table or "").lower())
    if name is None and own:
        raise DoubtError(no_such_field(path, "score_field", own, members))
    if name is None and len(members) > 1:
        msg = f"{path}: has the dimensions {', '.join(members)}; name one as score_field"
        raise DoubtError(msg)
    name = name or next(iter(members))
    return Dimension(name, [_row(name, text) for text in _clips(members[name]) or ()])


def rules(name: str, asked: ReadRequest) -> RowRules:
    """Return how the rows of a dimension are read."""
    key = asked.rules.key_field or CLIP_FIELD
    return asked.rules._replace(score_field=name, only_asked=True, key_field=key)


def _clips(text: bytes) -> list[bytes] | None:
    """Return the texts of a dimension's clips; None where this is no dimension."""
    parts = json_text.elements(text, "") if text.startswith(b"[") else []
    if len(parts) != _PARTS or parts[0][:1] in b"[{" or not parts[1].startswith(b"["):
        return None
    clips = json_text.elements(parts[1], "")
    first = json_text.members(clips[0], "") if clips and clips[0].startswith(b"{") else {}
    return clips if {CLIP_FIELD, SCORE_FIELD} <= first.keys() else None


def _row(name: str, clip: bytes) -> bytes:
    """Return a clip as a row, whose score goes by the dimension's name."""
    members = json_text.members(clip, "")
    score = members.pop(SCORE_FIELD, b"null")
    row = {name: msgspec.Raw(score), **{key: msgspec.Raw(text) for key, text in members.items()}}
    return msgspec.json.encode(row)
