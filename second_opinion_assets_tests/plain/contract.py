"""What a join is asked for, and how the plain reading says that there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Row = dict[str, Any]


class Refused(Exception):  # noqa: N818 (an outcome, not an error of the tests)
    """The contract calls for one error, and nothing written."""


class Unclear(Exception):  # noqa: N818 (an outcome, not an error of the tests)
    """The contract does not say what is to happen."""


PENDING = {
    "frames beyond float64": "runtimes of frames are summed though a part of the sum is too large",
}
"""Rules of the contract that the package does not follow yet: taken out here, they hold."""


def holds(rule: str) -> bool:
    """Return whether a rule of the contract is one that the package follows."""
    return rule not in PENDING


@dataclass(frozen=True)
class Options:
    """The options of a join, by the names of the contract."""

    missing_policy: str = "mark"
    key_column: str | None = None
    score_key_field: str | None = None
    score_field: str | None = None
    key_normalize: str = "auto"
    key_pattern: str | None = None
    prefix: str = "second_opinion"
    overwrite: bool = False
    aligned_scores: bool = False


@dataclass(frozen=True)
class Rules:
    """What is asked for of one sidecar alone, by the names of the contract."""

    score_field: str | None = None
    key_field: str | None = None
    status_field: str | None = None
    key_pattern: str | None = None


@dataclass(frozen=True)
class ScoreFile:
    """A sidecar: its bytes, what they are, and how it was given."""

    text: bytes
    form: Literal["lines", "document", "csv", "parquet"]
    written: str
    label: str | None = None
    rules: Rules = Rules()
