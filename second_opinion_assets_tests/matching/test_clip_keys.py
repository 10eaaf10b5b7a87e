"""The clip is the key: a score of one encode is never given to another of the same source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests.workspace import Workspace

FORMS = ("lines", "document", "csv", "parquet")
NAMES = [("src", "video_name"), ("content_id", "filename"), ("content_id", "path")]
ENCODES = [("x", "x_200.mp4"), ("x", "x_750.mp4"), ("y", "y_200.mp4")]
Row = dict[str, Any]


def rows_of(names: Sequence[str], encodes: Sequence[Sequence[str]], **more: Any) -> list[Row]:
    """Return a row for each encode, numbered."""
    return [
        {**dict(zip(names, encode, strict=True)), **{k: v + n for k, v in more.items()}}
        for n, encode in enumerate(encodes)
    ]


def write(work: Workspace, form: str, stem: str, rows: Sequence[Row]) -> str:
    """Write rows in a form; return the file's name."""
    if form == "lines":
        return work.write_lines(f"{stem}.jsonl", rows).name
    if form == "document":
        return work.write(f"{stem}.json", json.dumps(rows)).name
    if form == "parquet":
        return work.write_table(f"{stem}.parquet", pa.Table.from_pylist(list(rows))).name
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    return work.write(f"{stem}.csv", "\n".join(lines) + "\n").name


def scores(work: Workspace) -> list[float | None]:
    """Return what each feature row got of S."""
    return [row["second_opinion_s_score"] for row in work.rows()]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("table", ["lines", "parquet"])
def test_the_finer_key_of_both_sides_is_used(
    work: Workspace, table: str, form: str, names: tuple[str, str]
) -> None:
    """Where several encodes share the usual key, a finer one that both sides have is the key."""
    features = write(work, table, "f", rows_of(names, ENCODES))
    sidecar = write(work, form, "s", rows_of(names, ENCODES[1:], score=5.0))
    result = work.join(features=features, scores=[f"S={sidecar}"])
    assert scores(work) == [None, 5.0, 6.0]
    assert result.key_column == names[1]
    assert work.document()["key_column"] == names[1]


def test_a_finer_key_may_be_matched_by_its_last_parts(work: Workspace) -> None:
    """With key_normalize suffix it is the key too, if its paths end alike on both sides."""
    names = ("content_id", "path")
    encodes = [(source, f"a/{encode}") for source, encode in ENCODES]
    stored = [(source, f"/mnt/shard/{encode}") for source, encode in encodes]
    features = write(work, "lines", "f", rows_of(names, stored))
    sidecar = write(work, "lines", "s", rows_of(names, encodes[1:], score=5.0))
    result = work.join(features=features, scores=[f"S={sidecar}"], key_normalize="suffix")
    assert scores(work) == [None, 5.0, 6.0]
    assert result.key_column == "path"


def test_one_encode_of_each_source_was_scored(work: Workspace) -> None:
    """A sidecar of one row a source tells by its finer key which encode each score is of."""
    names = ("src", "video_name")
    work.write_lines("f.jsonl", rows_of(names, ENCODES))
    work.write_lines("s.jsonl", rows_of(names, ENCODES[::2], score=5.0))
    work.join(features="f.jsonl", scores=["S=s.jsonl"])
    assert scores(work) == [5.0, None, 6.0]


def test_a_score_of_the_source_is_of_all_its_encodes(work: Workspace) -> None:
    """Where score rows have no finer key, a score of the source goes to each encode."""
    work.write_lines("f.jsonl", rows_of(("src", "video_name"), ENCODES))
    work.write_lines("s.jsonl", [{"src": "x", "score": 5.0}])
    work.join(features="f.jsonl", scores=["S=s.jsonl"])
    assert scores(work) == [5.0, 5.0, None]


def test_frames_of_a_clip_share_its_score(work: Workspace) -> None:
    """Rows that share all of their usual keys share a score."""
    names = ("clip_id", "path")
    work.write_lines("f.jsonl", rows_of(names, [("x", "x.mp4"), ("x", "/d/x.mp4"), ("y", "y.mp4")]))
    work.write_lines("s.jsonl", rows_of(names, [("x", "x.mp4"), ("y", "y.mp4")], score=5.0))
    assert work.join(features="f.jsonl", scores=["S=s.jsonl"]).key_column == "clip_id"
    assert scores(work) == [5.0, 5.0, 6.0]


def test_finer_keys_of_two_names_are_refused(work: Workspace) -> None:
    """Where the finer keys have two names, the table is refused by a line that names both."""
    work.write_lines("f.jsonl", rows_of(("content_id", "filename"), ENCODES))
    work.write_lines("s.jsonl", rows_of(("content_id", "path"), ENCODES[::2], score=5.0))
    with pytest.raises(
        JoinError, match="key_column: filename and score_key_field: path for a score each"
    ):
        work.join(features="f.jsonl", scores=["S=s.jsonl"])
    named = {"key_column": "filename", "score_key_field": "path"}
    work.join(features="f.jsonl", scores=["S=s.jsonl"], **named)
    assert scores(work) == [5.0, None, 6.0]


def test_one_scorer_without_the_finer_key_is_refused(work: Workspace) -> None:
    """Where one scorer has the finer key and another has not, no key serves both."""
    names = ("src", "video_name")
    work.write_lines("f.jsonl", rows_of(names, ENCODES))
    work.write_lines("s.jsonl", rows_of(names, ENCODES, score=5.0))
    work.write_lines("t.jsonl", [{"src": "x", "score": 1.0}])
    with pytest.raises(JoinError, match="rows of S have src and video_name, and feature rows of"):
        work.join(features="f.jsonl", scores=["S=s.jsonl", "T=t.jsonl"])


def test_frames_against_clips_are_refused(work: Workspace) -> None:
    """A finer field that names frames on one side and clips on the other is not used."""
    frames = [("x", "x/0001.png"), ("x", "x/0002.png")]
    work.write_lines("f.jsonl", rows_of(("clip_id", "path"), frames))
    work.write_lines("s.jsonl", rows_of(("clip_id", "path"), [("x", "x.mp4")], score=5.0))
    with pytest.raises(JoinError, match="score_key_field: clip_id for one score of all"):
        work.join(features="f.jsonl", scores=["S=s.jsonl"])
    named = {"key_column": "clip_id", "score_key_field": "clip_id"}
    work.join(features="f.jsonl", scores=["S=s.jsonl"], **named)
    assert scores(work) == [5.0, 5.0]


@pytest.mark.parametrize("named", [{"key_column": "src"}, {"score_key_field": "src"}])
def test_what_is_named_is_not_overruled(work: Workspace, named: dict[str, str]) -> None:
    """A key that is named on one side alone is refused, and not replaced by a finer one."""
    names = ("src", "video_name")
    work.write_lines("f.jsonl", rows_of(names, ENCODES))
    work.write_lines("s.jsonl", rows_of(names, ENCODES[::2], score=5.0))
    with pytest.raises(JoinError, match="key_column: src and score_key_field: src for one score"):
        work.join(features="f.jsonl", scores=["S=s.jsonl"], **named)
