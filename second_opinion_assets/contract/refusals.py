"""Joins that came to counts with which their table is not to be published.

When that is so belongs to the join.
"""

from __future__ import annotations

from second_opinion_assets.contract.audit import Audit
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.tally import Tally


class NotPublishedError(JoinError):
    """A join came to counts with which its table is not to be published, and was not.

    Attributes:
        tally: the counts and samples of the whole table, for a report or a check.
        audit: of the attempt; None where nothing was to be published.
    """

    def __init__(self, message: str, tally: Tally, audit: Audit | None = None) -> None:
        super().__init__(message)
        self.tally = tally
        self.audit = audit


class MissingScoresError(NotPublishedError):
    """Policy ``fail`` met rows without an ``ok`` score."""


class CoverageError(NotPublishedError):
    """A scorer has an ``ok`` score for fewer rows than `min_coverage` asks."""


class EmptyJoinError(NotPublishedError):
    """No row has an ``ok`` score from any scorer, and `allow_empty` was not said."""
