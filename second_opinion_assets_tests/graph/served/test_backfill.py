"""A backfill as the UI launches it: what it leaves joined, compared, failed and fresh."""

from __future__ import annotations

import pytest

from second_opinion_assets_tests.graph.served.clips import Clips

pytestmark = pytest.mark.e2e


def test_a_backfill_of_joins_and_agreements(clips: Clips) -> None:
    """A table that fails to join has no agreement; all others have theirs, and all are fresh.

    After it exactly the tables whose input changed are stale.
    """
    server = clips.server
    *others, promoted = tables = [str(table["id"]) for table in clips.project.tables]
    assert server.launch_job("observe_sources") == "SUCCESS"
    evidence = ("second_opinion_features", "second_opinion_agreement")
    assert server.backfill(tables, evidence) == "COMPLETED_FAILED"
    assert server.partitions() == {"materialized": sorted(others), "failed": [promoted]}
    assert server.partitions("second_opinion_agreement")["materialized"] == sorted(others)
    fresh = {**dict.fromkeys(others, "FRESH"), promoted: "MISSING"}
    assert server.stale(tables) == fresh
    assert all(server.check("rows_kept", table)["success"] for table in others)
    assert not server.check("promotion_gate", promoted)["success"]
    for name in ("gaps.jsonl", "brisque_headerless.csv"):
        with (clips.folder / name).open("a") as scores:
            scores.write("\n")
    assert server.launch_job("observe_sources") == "SUCCESS"
    changed = [table for table in others if "wrapper" in table]
    assert server.stale(tables) == {**fresh, **dict.fromkeys(changed, "STALE")}
