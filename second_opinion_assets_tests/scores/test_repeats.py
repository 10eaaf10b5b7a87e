"""Several score rows of one clip: repeats, resumed runs, and rows that differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.tally import ScorerTally
from second_opinion_assets_tests.workspace import Workspace

FORMS = ("lines", "document", "csv", "parquet")
Row = dict[str, Any]


def write_scores(work: Workspace, form: str, rows: Sequence[Row]) -> str:
    """Write score rows in a form; return the file's name."""
    if form == "lines":
        return work.write_lines("s.jsonl", rows).name
    if form == "document":
        return work.write("s.json", json.dumps(rows)).name
    if form == "parquet":
        return work.write_table("s.parquet", pa.Table.from_pylist(list(rows))).name
    lines = [",".join(rows[0])]
    lines += [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
    return work.write("s.csv", "\n".join(lines)).name


def join(work: Workspace, form: str, rows: Sequence[Row], **options: Any) -> ScorerTally:
    """Join score rows of DOVER; return what was counted of it."""
    written = write_scores(work, form, rows)
    return work.join(scores=[f"DOVER={written}"], **options).tally.scorers["DOVER"]


def row(score: float | None, status: str = "ok", runtime_ms: float = 3.0) -> Row:
    """Return a score row of clip a."""
    return {"clip_id": "a", "score": score, "runtime_ms": runtime_ms, "status": status}


def of_clip_a(work: Workspace) -> tuple[Any, ...]:
    """Return score, status and runtime that clip a got."""
    joined = work.rows()[0]
    names = ("score", "status", "runtime_ms")
    return tuple(joined[f"second_opinion_dover_{name}"] for name in names)


@pytest.mark.parametrize("form", FORMS)
def test_another_runtime_is_a_repeat(work: Workspace, form: str) -> None:
    """Rows that differ in their runtime alone are one score, that of the first row."""
    tally = join(work, form, [row(72.5), row(72.5, runtime_ms=3.4)])
    assert of_clip_a(work) == (72.5, "ok", 3.0)
    assert (tally.scores_loaded, tally.duplicate_rows) == (1, 1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("order", [1, -1], ids=["bad-first", "ok-first"])
def test_an_ok_row_replaces_a_bad_one(work: Workspace, form: str, order: int) -> None:
    """A resumed run leaves a bad row and an ok one: the ok one counts, and that is counted."""
    tally = join(work, form, [row(None, "error"), row(72.5)][::order])
    assert of_clip_a(work) == (72.5, "ok", 3.0)
    assert (tally.scores_loaded, tally.duplicate_rows, tally.replaced_rows) == (1, 0, 1)


@pytest.mark.parametrize("form", FORMS)
def test_a_clip_that_failed_twice_is_bad_once(work: Workspace, form: str) -> None:
    """Different bad rows of a clip leave it bad, for the first reason, and stop nothing."""
    tally = join(work, form, [row(None, "timeout"), row(None, "killed")])
    assert of_clip_a(work) == (None, "bad", 3.0)
    assert (tally.scores_loaded, tally.bad_rows) == (1, 1)


@pytest.mark.parametrize("form", FORMS)
def test_rows_that_differ_are_refused(work: Workspace, form: str) -> None:
    """Two ok scores of a clip are refused; both places and the option are named."""
    with pytest.raises(
        JoinError, match=r"s\.\S+: a second, .*'a', 61; the first is 72\.5 at \S+; .*duplicates: f"
    ):
        join(work, form, [row(72.5), row(61.0)])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("duplicates", "score", "runtime_ms"),
    [("first", 72.0, 1.0), ("last", 62.0, 3.0), ("mean", 67.0, 1.0)],
)
def test_the_option_says_which_row_counts(
    work: Workspace, form: str, duplicates: str, score: float, runtime_ms: float
) -> None:
    """Of different rows the first or the last counts, or the mean of their different scores."""
    rows = [row(72.0, runtime_ms=1.0), row(72.0, runtime_ms=2.0), row(62.0), row(None, "error")]
    tally = join(work, form, rows, duplicates=duplicates)
    assert of_clip_a(work) == (score, "ok", runtime_ms)
    counts = (tally.duplicate_rows, tally.settled_rows, tally.replaced_rows)
    assert counts == (1, 1, 1)


@pytest.mark.parametrize("duplicates", ["first", "last", "mean"])
def test_two_clips_of_one_name_are_never_settled(work: Workspace, duplicates: str) -> None:
    """Rows of two folders' files of one name are two clips, whatever the option says."""
    rows = [{"path": f"{folder}/a.mp4", "score": n} for n, folder in enumerate("xy")]
    with pytest.raises(JoinError, match=r"'y/a\.mp4' is 'a\.mp4' once normalised"):
        join(work, "lines", rows, duplicates=duplicates)


def test_the_error_names_the_field_that_tells_rows_apart(work: Workspace) -> None:
    """Where another usual key field tells the rows apart, the error names it."""
    rows = [{"src": "a", "video_name": f"a_{n}k.mp4", "score": n} for n in (200, 750)]
    with pytest.raises(JoinError, match="video_name tells them apart, name it as score_key_field"):
        join(work, "lines", rows)
