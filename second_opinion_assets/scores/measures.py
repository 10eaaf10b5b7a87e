"""Tables of how well scorers did: a row a method and none a clip."""

from __future__ import annotations

from collections.abc import Iterable

from second_opinion_assets.contract.errors import DoubtError
from second_opinion_assets.contract.fields import ALL_SCORE_NAMES

MEASURES = frozenset(("plcc", "lcc", "srcc", "srocc", "krcc", "krocc", "rmse"))
"""What tells how well a scorer did."""
_SEVERAL = 2


def refuse_measures(names: Iterable[str], where: object) -> None:
    """Raise a DoubtError if fields of these names tell of methods, and of no clips."""
    lower = {name.strip().lower() for name in names}
    measures = sorted(lower & MEASURES)
    if len(measures) >= _SEVERAL and not lower.intersection(ALL_SCORE_NAMES):
        shown = ", ".join(measures).upper()
        msg = (
            f"{where}: tells how well scorers did ({shown}), a row a method and none a clip; "
            "give the file with the scores of the clips"
        )
        raise DoubtError(msg)
