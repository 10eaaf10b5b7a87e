"""Which nested number of a payload is its score, where a form has many and one that is usual."""

from __future__ import annotations

from collections.abc import Iterator

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import NoScoreError
from second_opinion_assets.scores.payload import find_asked
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.storage.location import Location

_SHOWN_SCORES = 8


def nested_score(
    members: dict[str, bytes], name: str, usual: str, asked: ReadRequest, path: Location
) -> str:
    """Return the dotted path of a payload's score.

    Args:
        members: of the payload, with the text of their values.
        name: the member that holds the scores.
        usual: the path of the score that is taken where none is asked for, from the top.
        asked: what is asked for of the sidecar.
        path: the file.

    Raises:
        NoScoreError: the score is not there.
    """
    scores = json_text.decode(members[name], str(path))
    payload = {**members, name: scores}
    wanted = asked.own.score_field or usual
    if not asked.own.score_field and asked.rules.score_field:
        # Said of the whole table, whose other sidecars may be the ones that have such a field.
        wanted = asked.rules.score_field if find_asked(payload, asked.rules.score_field) else usual
    if find_asked(payload, wanted):
        return wanted
    there = [f"{name}.{score}" for score in _numbers_in(scores)]
    shown = ", ".join(there[:_SHOWN_SCORES]) + (", …" if len(there) > _SHOWN_SCORES else "")
    msg = f"{path}::$.{name}: no {wanted} among {shown or 'no scores'}; name one as score_field"
    raise NoScoreError(msg)


def _numbers_in(value: object) -> Iterator[str]:
    """Yield the dotted path of each number in a value."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        if isinstance(inner, dict):
            yield from (f"{name}.{path}" for path in _numbers_in(inner))
        elif isinstance(inner, int | float):
            yield name
