"""Page headers that lie about sizes and counts: an error in one line, or nothing comes of it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.tables.parquet_splice import Splice
from second_opinion_assets_tests.lying_pages import (
    CLIPS,
    SCORES,
    SETTINGS,
    lies,
    with_rows_of_groups,
    written,
)
from second_opinion_assets_tests.splices import ADDED, footer_of
from second_opinion_assets_tests.workspace import Workspace

SOME = ("dictionary", "none", "second version", "checksums", "small pages")
each = pytest.mark.parametrize("name", SOME)
columns = pytest.mark.parametrize("column", ["clip_id", "score"])
HUGE = (2**31 - 1,)


@pytest.fixture
def whole(work: Workspace) -> Workspace:
    """Return a workspace with all clips as features and as scores."""
    work.write_lines("features.jsonl", [{"clip_id": clip} for clip in CLIPS])
    rows = [{"clip_id": clip, "score": score} for clip, score in zip(CLIPS, SCORES, strict=True)]
    work.write_lines("scores.jsonl", rows)
    return work


@each
@columns
def test_score_files(whole: Workspace, name: str, column: str) -> None:
    """No score is lost or another one, whatever a header says."""
    for what, file in lies(written(column, **SETTINGS[name]), HUGE):
        whole.write("s.parquet", file)
        with suppress(JoinError):
            whole.join(scores=["S=s.parquet"], audit_json=None)
            assert [row["second_opinion_s_score"] for row in whole.rows()] == SCORES, what


@each
@columns
def test_feature_tables(whole: Workspace, name: str, column: str) -> None:
    """The pages are copied as they are, or the table is refused."""
    for what, file in lies(written(column, **SETTINGS[name]), HUGE):
        whole.write("features.parquet", file)
        with suppress(JoinError):
            whole.join(features="features.parquet", scores=["S=scores.jsonl"], out="out.parquet")
            copied = Splice(footer_of(file), len(file), ADDED).copied_bytes
            assert whole.read("out.parquet")[:copied] == file[:copied], what


def test_fewer_keys_than_rows(whole: Workspace) -> None:
    """Keys that would be those of other rows are an error that tells both numbers."""
    for what, file in lies(written("clip_id", **SETTINGS["small pages"])):
        if what.startswith("page 1, field 5.1: 49 for"):
            whole.write("features.parquet", file)
    said = r"its pages hold 299 rows, its footer tells of 300; write it again$"
    with pytest.raises(JoinError, match=said):
        whole.join(features="features.parquet", scores=["S=scores.jsonl"])


@pytest.mark.parametrize("rows", [[101, 100, 100], [101, 99, 100], [100, 100, 99]])
def test_row_groups_of_other_rows(whole: Workspace, rows: list[int]) -> None:
    """Row groups that are not as long as their columns would part what is appended wrongly."""
    file = written("clip_id", row_group_size=100)
    whole.write("features.parquet", with_rows_of_groups(file, rows))
    said = r"features\.parquet: its footer tells of different numbers of rows; write it again$"
    with pytest.raises(JoinError, match=said):
        whole.join(features="features.parquet", scores=["S=scores.jsonl"], out="out.parquet")
