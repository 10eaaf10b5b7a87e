"""Tables that are not published for want of ok scores, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.refusals import (
    CoverageError,
    EmptyJoinError,
    MissingScoresError,
)
from second_opinion_assets.join.verify import Verifier
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import Workspace

SHARES = [0.5, 0.3, {"DOVER": 0.5}, {}, None]


@pytest.fixture
def two(work: Workspace) -> Workspace:
    """Return a workspace with clips a and b, DOVER of both, MUSIQ of a, a bad one of b."""
    rows = [{"clip_id": clip, "competitor": "DOVER", "score": 1} for clip in "ab"]
    rows += [{"clip_id": "a", "competitor": "MUSIQ", "score": 1}]
    rows += [{"clip_id": "b", "competitor": "MUSIQ", "score": "n/a"}]
    work.write_lines("scores.jsonl", rows)
    return work


@pytest.mark.parametrize("share", SHARES)
def test_enough_coverage(two: Workspace, share: Any) -> None:
    """A table whose scorers reach the share that is asked of them is published."""
    two.join(min_coverage=share)
    assert len(two.rows()) == 2


@pytest.mark.parametrize("share", [0.6, 1, {"MUSIQ": 0.51}])
def test_too_little_coverage(two: Workspace, share: Any) -> None:
    """Below it nothing is published; the scorer, its share and its first clips are named."""
    two.write("out.jsonl", "as it was")
    two.write("audit.json", "as it was")
    with pytest.raises(
        CoverageError,
        match=r"^min_coverage is not reached: MUSIQ has 1 of 2 rows ok \(0\.5, asked \S+\); "
        r"bad of MUSIQ: 'b' \(score is \"n/a\", expected a finite number\)$",
    ):
        two.join(min_coverage=share)
    assert (two.read(), two.read("audit.json")) == (b"as it was", b"as it was")
    assert two.document("audit.failed.json")["published"] is False


@pytest.mark.parametrize(
    ("share", "message"),
    [
        ({"DOVRE": 0.5}, "min_coverage: unknown scorer 'DOVRE'; did you mean DOVER"),
        (50, "min_coverage is 50, expected a share of the rows, from 0 to 1"),
        (-0.1, "min_coverage is -0.1, expected"),
        ("0.5", 'min_coverage is "0.5", expected'),
        ({"DOVER": 2}, "min_coverage of DOVER is 2, expected"),
    ],
)
def test_a_share_that_is_none(two: Workspace, share: Any, message: str) -> None:
    """A share beyond 0 and 1, and one of a scorer that the table has not, are refused."""
    with pytest.raises(JoinError, match=message):
        two.join(min_coverage=share)


def test_nothing_found_is_not_published(work: Workspace) -> None:
    """A table in which no row gets an ok score is not published unless that is said to be meant."""
    work.write_lines("scores.jsonl", [{"clip_id": "z", "competitor": "DOVER", "score": 1}])
    with pytest.raises(EmptyJoinError, match=r"no row gets an ok score, .* say allow_empty: true"):
        work.join(allow_empty=False)
    assert not (work.folder / "out.jsonl").exists()
    work.join(allow_empty=True)
    assert len(work.rows()) == 2


def test_why_nothing_was_found_names_numeric_fields(work: Workspace) -> None:
    """Where rows have no score, the numeric fields that they have are named."""
    rows = [{"clip_id": clip, "uvq1p5_score": 3.5, "note": "x"} for clip in "ab"]
    work.write_lines("scores.jsonl", rows)
    with pytest.raises(
        EmptyJoinError,
        match=r"0 of 2 score rows are ok \(no score: 2\); numeric fields there are uvq1p5_score: "
        "name the one that is the score as score_field",
    ):
        work.join(scores=["UVQ=scores.jsonl"], allow_empty=False)


def test_a_table_without_rows_is_published(work: Workspace) -> None:
    """A table that has no rows lacks nothing."""
    work.write("features.jsonl", '{"clip_id": null}\n')
    work.write("empty.json", '{"rows": []}')
    with pytest.raises(JoinError, match="no rows, so there is no key column"):
        work.join(features="empty.json", out="o.json", allow_empty=False)


def test_the_audit_of_what_failed(two: Workspace) -> None:
    """A failed table has its audit beside the good one; the next good join removes it."""
    two.join()
    good = two.read("audit.json")
    with pytest.raises(MissingScoresError, match=r"^bad second-opinion scores: MUSIQ=1; bad of "):
        two.join(missing_policy="fail")
    failed = two.document("audit.failed.json")
    assert (failed["published"], failed["output_rows"]) == (False, 0)
    assert failed["competitors"]["MUSIQ"]["bad"][0]["key"] == "b"
    assert "output_digests" not in failed["run_provenance"]
    assert two.read("audit.json") == good
    audit, verification = Verifier().verify_file(Location(two.folder / "audit.failed.json"))
    assert audit is not None
    assert not verification.holds
    assert str(verification.refused).startswith("bad second-opinion scores: MUSIQ=1")
    two.join()
    assert not (two.folder / "audit.failed.json").exists()


def test_another_file_of_that_name_stays(two: Workspace) -> None:
    """A file that is no audit of a failed join is not removed."""
    two.write("audit.failed.json", "mine")
    two.join()
    assert two.read("audit.failed.json") == b"mine"


def test_without_an_audit_nothing_is_written(two: Workspace) -> None:
    """A failed table for which no audit is asked leaves nothing."""
    before = two.contents()
    with pytest.raises(MissingScoresError, match="MUSIQ=1"):
        two.join(missing_policy="fail", audit_json=None)
    assert two.contents() == before
