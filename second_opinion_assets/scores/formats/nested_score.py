"""Which nested number of a payload is its score, where a form has many and one that is usual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from second_opinion_assets.contract.errors import NoScoreError
from second_opinion_assets.scores.asked_fields import near_field
from second_opinion_assets.scores.payload_fields import is_numeric
from second_opinion_assets.scores.rules import ReadRequest

_SHOWN_SCORES = 8


def nested_score(
    there: Sequence[str], usual: Sequence[str], asked: ReadRequest, where: object
) -> str:
    """Return the dotted path of a payload's score.

    Args:
        there: the paths of all its scores.
        usual: those that are taken where none is asked for; the first that is there counts.
        asked: what is asked for of the sidecar.
        where: the place of the scores, for the error message.

    Raises:
        NoScoreError: the score is not there.
    """
    own, of_table = asked.own.score_field, asked.rules.score_field
    by_lower = {path.lower(): path for path in reversed(there)}
    # Said of the whole table, a field may be one that another sidecar has.
    wanted = [own] if own else [of_table, *usual] if of_table else usual
    for path in wanted:
        if path and path.lower() in by_lower:
            return by_lower[path.lower()]
    shown = ", ".join(there[:_SHOWN_SCORES]) + (", …" if len(there) > _SHOWN_SCORES else "")
    missing = own or usual[0]
    near = near_field(missing, there) if own else ""
    msg = f"{where}: no {missing} among {shown or 'no scores'}; name one as score_field{near}"
    raise NoScoreError(msg, there[:_SHOWN_SCORES])


def numbers_in(value: object, outer: str = "") -> Iterator[str]:
    """Yield the dotted path of each number in a value; a null is one that is not known."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        if isinstance(inner, dict):
            yield from numbers_in(inner, f"{outer}{name}.")
        elif inner is None or is_numeric(inner):
            yield f"{outer}{name}"
