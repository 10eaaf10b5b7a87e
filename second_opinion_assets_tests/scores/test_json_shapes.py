"""The shapes of JSON documents: maps, pairs, tables of pandas, results of VBench, reports."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets_tests.workspace import Workspace

CLIPS = ["a.mp4", "b.mp4"]


@pytest.fixture
def clips(work: Workspace) -> Workspace:
    """Return a workspace whose features are two clips with a suffix."""
    work.write_lines("features.jsonl", [{"video_name": clip} for clip in CLIPS])
    return work


def scores(work: Workspace, path: str, **rules: Any) -> list[float | None]:
    """Join a sidecar; return the scores of the clips."""
    work.join(scores=[{"path": path, "label": "S", **rules}])
    return [row["second_opinion_s_score"] for row in work.rows()]


READ: dict[str, Any] = {
    "names-to-numbers": {"a.mp4": 0.5, "b.mp4": 0.75},
    "names-to-texts": {"a.mp4": "0.5", "b.mp4": " 0.75 "},
    "names-to-lists": {"a.mp4": [0.25, 0.75], "b.mp4": [0.75]},
    "names-to-rows": {"a.mp4": {"score": 0.5}, "b.mp4": {"score": 0.75, "fps": 25}},
    "paths-to-rows": {"/x/a.mp4": {"mos": 0.5}, "/x/b.mp4": {"mos": 0.75}},
    "results-by-name": {"model": "x", "results": {"a.mp4": 0.5, "b.mp4": 0.75}},
    "pairs": [["a.mp4", 0.5], ["b.mp4", "0.75"]],
    "records": [{"video_name": "a.mp4", "score": 0.5}, {"video_name": "b.mp4", "score": 0.75}],
    "table": {
        "schema": {"fields": [{"name": "index", "type": "integer"}], "pandas_version": "1.4.0"},
        "data": [
            {"index": 0, "video_name": "a.mp4", "score": 0.5},
            {"index": 1, "video_name": "b.mp4", "score": 0.75},
        ],
    },
}


@pytest.mark.parametrize("name", ["s.json", "s.txt", "s.jsonl", "s.json.gz"])
@pytest.mark.parametrize("shape", READ)
def test_shapes_of_many_rows(clips: Workspace, shape: str, name: str) -> None:
    """Every shape says the same, whatever the file is called."""
    text = json.dumps(READ[shape], indent=None if name == "s.txt" else 1).encode()
    clips.write(name, gzip.compress(text) if name.endswith(".gz") else text)
    assert scores(clips, name) == [0.5, 0.75]


@pytest.mark.parametrize("shape", ["names-to-numbers", "names-to-rows", "pairs"])
def test_shapes_in_a_folder(clips: Workspace, shape: str) -> None:
    """A folder may hold a part of a map in each file."""
    whole = READ[shape]
    parts = (
        [[pair] for pair in whole] if isinstance(whole, list) else [{k: whole[k]} for k in whole]
    )
    for number, part in enumerate(parts):
        clips.write(f"parts/{number}.json", json.dumps(part))
    assert scores(clips, "parts") == [0.5, 0.75]


def test_names_without_a_suffix(work: Workspace) -> None:
    """Names of clips need no suffix to be told from the fields of a row."""
    work.write("s.json", '{"a": "56.02", "b": null}')
    assert scores(work, "s.json") == [56.02, None]
    assert work.rows()[1]["second_opinion_s_status"] == "bad"


@pytest.mark.parametrize("value", ['"failed"', "null", "NaN", "nan", "true", "[]", '""'])
def test_a_clip_of_a_map_without_a_score(clips: Workspace, value: str) -> None:
    """What is no number in a map is one bad row."""
    clips.write("s.json", f'{{"a.mp4": {value}, "b.mp4": 0.75}}')
    assert scores(clips, "s.json") == [None, 0.75]
    assert clips.rows()[0]["second_opinion_s_status"] == "bad"


def test_a_map_with_a_name_twice(clips: Workspace) -> None:
    """A clip that a map has twice, with different scores, is refused."""
    clips.write("s.json", '{"a.mp4": 0.5, "b.mp4": 1, "a.mp4": 0.6}')
    with pytest.raises(JoinError, match=r"s\.json::\$\.\*\[2\]: a second, different row"):
        scores(clips, "s.json")


@pytest.mark.parametrize(
    "payload", [{"dover": 0.5, "musiq": 61.0}, {"uvq1p5_score": 3.5}, {"score": 4}]
)
def test_numbers_of_one_clip_are_no_map(work: Workspace, payload: dict[str, float]) -> None:
    """In a folder of one file a clip numbers by name are fields, and no clips."""
    work.write("logs/a.json", json.dumps(payload))
    result = work.join(scores=["S=logs"])
    assert result.tally.scorers["S"].scores_loaded == 1
    assert work.rows()[0]["second_opinion_s_status"] == ("ok" if "score" in payload else "bad")


def test_nested_numbers_of_one_clip_are_no_table(work: Workspace) -> None:
    """In a folder of one file a clip a score may stand in an object that is called like one."""
    work.write("logs/a.json", '{"vmaf": {"mean": 90.5, "min": 80}, "psnr": {"mean": 40}}')
    assert scores(work, "logs", score_field="vmaf.mean") == [90.5, None]
    assert scores(work, "logs") == [None, None]
    assert work.rows()[0]["second_opinion_s_status"] == "bad"


ORIENTS: dict[str, Any] = {
    "split": {"columns": ["video_name", "score"], "index": [0], "data": [["a.mp4", 0.5]]},
    "default": {"video_name": {"0": "a.mp4", "1": "b.mp4"}, "score": {"0": 0.5, "1": 0.6}},
    "columns": {"score": {"a.mp4": 0.5, "b.mp4": 0.6}},
    "scorers": {"DOVER": {"a.mp4": 0.5, "b.mp4": 0.6}, "MUSIQ": {"a.mp4": 50, "b.mp4": 60}},
    "index": {"0": {"video_name": "a.mp4", "score": 0.5}, "1": {"video_name": "b.mp4", "score": 1}},
}


@pytest.mark.parametrize("orient", ORIENTS)
@pytest.mark.parametrize("name", ["s.json", "s.txt"])
def test_tables_that_are_not_written_row_by_row(clips: Workspace, orient: str, name: str) -> None:
    """A table of pandas that is no list of rows is refused with a shape that is read."""
    clips.write(name, json.dumps(ORIENTS[orient]))
    with pytest.raises(JoinError, match=r's\.(json|txt): is a table .*orient="records"'):
        scores(clips, name)


VBENCH = {
    "motion": [0.6, [{"video_path": "x/a.mp4", "video_results": 0.5}]],
    "colour": [0.9, [{"video_path": "x/a.mp4", "video_results": 0.75, "cor": 3}]],
}


def test_vbench_of_one_dimension(clips: Workspace) -> None:
    """The results of one dimension are the scores of its clips."""
    clips.write("s.json", json.dumps({"motion": VBENCH["motion"]}))
    result = clips.join(scores=["S=s.json"])
    assert clips.rows()[0]["second_opinion_s_score"] == 0.5
    assert result.sidecars[0].formats == [Format.vbench]
    assert result.sidecars[0].score_fields == ["motion"]


def test_a_bad_result_of_vbench(clips: Workspace) -> None:
    """A bad result is told with its place in the list of its dimension."""
    ok, bad = {"video_path": "b.mp4", "video_results": 1}, {"video_path": "a.mp4"}
    clips.write("s.json", json.dumps({"motion": [0.6, [ok, {**bad, "video_results": "n/a"}]]}))
    assert scores(clips, "s.json") == [None, 1.0]
    (sample,) = clips.document()["competitors"]["S"]["bad"]
    assert sample["where"].endswith("s.json::$['motion'][1][1]")


def test_vbench_of_several_dimensions(clips: Workspace) -> None:
    """Of several dimensions the score field names the one that is read."""
    clips.write("s.txt", json.dumps(VBENCH, indent=2))
    assert scores(clips, "s.txt", score_field="Colour") == [0.75, None]
    with pytest.raises(JoinError, match=r"/s\.txt: has the dimensions motion, colour; name one as"):
        scores(clips, "s.txt")
    with pytest.raises(JoinError, match=r"'colours', asked for as score_field; did you mean 'colo"):
        scores(clips, "s.txt", score_field="colours")


REPORT = {
    "debug": {"rf_pred": 4.01},
    "features": {"predicted_mos_mode3_baseline": 4.16},
    "per_second": [4.1, 3.9],
    "per_sequence": 4.0875,
    "video_basename": "a.mp4",
    "video_full_path": "videos/a.mp4",
}


@pytest.mark.parametrize("listed", [False, True])
def test_reports_of_p1204_3(clips: Workspace, listed: bool) -> None:  # noqa: FBT001 (a parameter)
    """The score of a report is that of the sequence, its key the clip's own path."""
    clips.write("s.json", json.dumps([REPORT, REPORT] if listed else REPORT, indent=4))
    clips.write("reports/other_name.json", json.dumps(REPORT))
    assert scores(clips, "s.json") == [4.0875, None]
    assert scores(clips, "reports") == [4.0875, None]
    assert scores(clips, "s.json", score_field="debug.rf_pred") == [4.01, None]


@pytest.mark.parametrize(
    ("field", "value", "score", "frames"),
    [
        ("score", "[80, 90, 100]", 90.0, 3),
        ("VMAF", "[0.53]", 0.53, 0),
        ("vmaf", '["80", 90]', 85.0, 2),
        ("mos", "[1, null]", None, 0),
        ("mos", "[1, NaN]", None, 0),
        ("score", "[]", None, 0),
    ],
)
@pytest.mark.parametrize("name", ["s.json", "s.jsonl", "clips/a.json"])
def test_a_list_as_a_score(
    work: Workspace, name: str, field: str, value: str, score: float | None, frames: int
) -> None:
    """A list of numbers is the scores of frames, a list of one is that number."""
    work.write(name, f'{{"clip_id": "a", "{field}": {value}}}\n')
    work.join(scores=[f"S={name.split('/', maxsplit=1)[0]}"])
    row = work.rows()[0]
    assert (row["second_opinion_s_score"], row["second_opinion_s_frames"]) == (score, frames)


def test_lists_of_other_names_are_no_scores(work: Workspace) -> None:
    """A list under no usual name is read where it is asked for alone."""
    row = {"clip_id": "a", "per_frame": [1, 3]}
    work.write_lines("s.jsonl", [row])
    assert scores(work, "s.jsonl")[0] is None
    assert scores(work, "s.jsonl", score_field="per_frame")[0] == 2.0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.csv", "method,PLCC,SRCC,KRCC\nDOVER,0.8,0.7,0.6\n"),
        ("s.txt", "Method,SROCC,PLCC\nDOVER,0.8,0.7\n"),
        ("s.jsonl", '{"method": "DOVER", "plcc": 0.8, "srcc": 0.7}\n'),
        ("s.json", '[{"method": "DOVER", "plcc": 0.8, "srcc": 0.7}]'),
        ("s.json", '{"DOVER": {"PLCC": 0.8, "SRCC": 0.7}}'),
        ("s.json", '{"PLCC": 0.8, "SRCC": 0.7}'),
    ],
)
def test_tables_of_methods(work: Workspace, name: str, text: str) -> None:
    """How well scorers did is no score of a clip."""
    work.write(name, text)
    with pytest.raises(JoinError, match=r"tells how well scorers did .*a row a method"):
        scores(work, name)
