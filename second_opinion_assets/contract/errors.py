"""The errors of the join: what a person can mend, each as one line.

Bugs are not wrapped here; they keep their own exception and traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from second_opinion_assets.matching.tally import Tally


class JoinError(Exception):
    """Bad input: the message says what was found, where, and what to do about it."""


class ManifestError(JoinError):
    """The manifest itself is unusable, so that no table of it can be tried."""


class MissingScoresError(JoinError):
    """Policy ``fail`` met rows without an ``ok`` score; nothing was published.

    Attributes:
        tally: the counts and samples of the whole table, for a report or a check.
    """

    def __init__(self, message: str, tally: Tally) -> None:
        super().__init__(message)
        self.tally = tally
