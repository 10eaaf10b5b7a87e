"""Joins of feature paths to score paths, and who got which score.

The features have a `path` and nothing else; DOVER's scores are the numbers of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from second_opinion_assets.contract.tally import ScorerTally
from second_opinion_assets.join.join import JoinResult
from second_opinion_assets_tests.workspace import Workspace

BAD, MISSING = "bad", "missing"


def write_scores(work: Workspace, keys: Sequence[str], name: str = "scores.jsonl") -> None:
    """Write a sidecar of DOVER whose scores are the numbers of its rows, from 0."""
    rows = ({"path": key, "competitor": "DOVER", "score": n} for n, key in enumerate(keys))
    work.write_lines(name, rows)


def join(
    work: Workspace, features: Sequence[str | None], scores: Sequence[str], **options: Any
) -> JoinResult:
    """Join feature rows with these keys to score rows with those."""
    work.write_lines("features.jsonl", ({"path": key} for key in features))
    write_scores(work, scores)
    return work.join(**options)


def gains(rows: Sequence[dict[str, Any]]) -> list[Any]:
    """Return what each row got of DOVER: the number of the score row, or else the status."""
    got = []
    for row in rows:
        score, status = row["second_opinion_dover_score"], row["second_opinion_dover_status"]
        assert (score is not None) == (status == "ok")
        assert bool(row["second_opinion_dover_source"]) == (status == "ok")
        got.append(score if status == "ok" else status)
    return got


def dover(result: JoinResult) -> ScorerTally:
    """Return what was counted of DOVER."""
    return result.tally.scorers["DOVER"]
