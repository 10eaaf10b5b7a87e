"""Payloads that are a file by themselves: which of them are of a known kind, and what that means.

Such a file is about one clip, whose key, if it is not inside, is the stem of the file's name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import SCORE_NAMES, matching_fields
from second_opinion_assets.scores.formats import (
    external_bench,
    ffmpeg_quality_metrics,
    libvmaf,
    p1204_3,
)
from second_opinion_assets.scores.rules import ReadRequest, RowRules
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.location import Location


class _Kind(NamedTuple):
    """A kind of payload: what it has, whether members are its, and how they are then read."""

    expected: str
    recognises: Callable[[dict[str, bytes]], bool]
    rules: Callable[[dict[str, bytes], ReadRequest, Location], RowRules]


_KINDS: dict[Format, _Kind] = {
    Format.libvmaf: _Kind(libvmaf.EXPECTED, libvmaf.recognises, libvmaf.rules),
    Format.ffmpeg_quality_metrics: _Kind(
        ffmpeg_quality_metrics.EXPECTED,
        ffmpeg_quality_metrics.recognises,
        ffmpeg_quality_metrics.rules,
    ),
    Format.p1204_3: _Kind(p1204_3.EXPECTED, p1204_3.recognises, p1204_3.rules),
    Format.external_bench: _Kind(
        external_bench.EXPECTED, external_bench.recognises, lambda _, asked, __: asked.rules
    ),
    Format.json_document: _Kind("any members", lambda _: True, lambda _, asked, __: asked.rules),
}
_OF_ONE_CLIP = (Format.libvmaf, Format.ffmpeg_quality_metrics)
_LISTED = (Format.p1204_3,)
"""Payloads that are found in lists too."""


def payload_rules(
    members: dict[str, bytes], content: Content, asked: ReadRequest, forced: Format | None
) -> tuple[Format, RowRules]:
    """Return the format of a payload, and the rules it is read by.

    Args:
        members: of the payload, with the text of their values.
        content: the file that it is.
        asked: what is asked for of it.
        forced: the format that is asked for; None to be told by the members.

    Raises:
        JoinError: the payload is not of the kind asked for, or lacks the score asked for.
    """
    kind = _KINDS.get(forced) if forced else None
    if kind and not kind.recognises(members):
        msg = f"{content.path}: is no {forced} payload, which has {kind.expected}"
        raise JoinError(msg)
    found = forced or _recognised(members)
    if asked.stem_is_key or found in _OF_ONE_CLIP:
        asked = asked._replace(rules=asked.rules._replace(stem=content.stem))
    return found, _KINDS[found].rules(members, asked, content.path)


def list_rules(
    rows: list[bytes], path: Location, asked: ReadRequest
) -> tuple[Format, RowRules] | None:
    """Return the format and rules of a list of payloads of a known kind; None for other rows.

    Raises:
        JoinError: they lack the score asked for.
    """
    if not rows or not rows[0].startswith(b"{"):
        return None
    members = json_text.members(rows[0], str(path))
    found = next((kind for kind in _LISTED if _KINDS[kind].recognises(members)), None)
    return (found, _KINDS[found].rules(members, asked, path)) if found else None


def _recognised(members: dict[str, bytes]) -> Format:
    """Return the format of a payload; one with a usual score at its top says enough by itself."""
    scores = (members[field] for field in matching_fields(tuple(members), SCORE_NAMES))
    if any(score != b"null" and score[:1] not in (b"[", b"{") for score in scores):
        return Format.json_document
    return next(found for found, kind in _KINDS.items() if kind.recognises(members))
