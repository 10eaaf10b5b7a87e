"""What a look at the graph comes to: what to record, what to run, and what has to wait.

How each of the looks comes to it belongs to `refresh` and `evidence`.
"""

from typing import NamedTuple, Protocol

import dagster as dg

from second_opinion_assets.graph.own_events import SourceEvent

SHOWN_NOTES = 20
TICK_SECONDS = 15.0
"""How long a look takes at most."""
MOST_REQUESTS = 20
"""Runs that a look asks for at most: the daemon makes them one after another."""
MOST_EVENTS = 1500
"""Events that a look records at most: the daemon writes them one by one, 18 ms each in SQLite.

Together with the look that is some 45 s; Dagster waits 60 s for a look.
"""


class RefreshPlan(NamedTuple):
    """What a look gives: events and checks to record, runs to ask for, and what has to wait.

    Attributes:
        goes_on_with: the table that the next look begins with; None for the first.
    """

    events: list[SourceEvent]
    requests: list[dg.RunRequest]
    notes: list[str]
    checks: tuple[dg.AssetCheckEvaluation, ...] = ()
    goes_on_with: str | None = None

    @property
    def skip_reason(self) -> str | None:
        """Why no run is asked for, in one line; None if there is one."""
        if self.requests:
            return None
        notes = list(dict.fromkeys(self.notes))  # of a file that several scorers share, but one
        more = len(notes) - SHOWN_NOTES
        shown = notes[:SHOWN_NOTES] + ([f"and {more} more"] if more > 0 else [])
        return "; ".join(shown) or "nothing changed"


class Planner(Protocol):
    """Looks again and again, for one instance, and remembers what it read there."""

    def plan(
        self, instance: dg.DagsterInstance, now: float, after: str | None = None, /
    ) -> RefreshPlan:
        """Compare what there is with what it was made from.

        Args:
            instance: whose history tells.
            now: seconds since the epoch.
            after: the table that the last look went on with, as far as that is known.
        """
