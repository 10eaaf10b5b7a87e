"""Fields that are asked for and are nowhere, labels beside predictions, keys of one name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.explain import explain
from second_opinion_assets.join.join import JoinResult
from second_opinion_assets_tests.score_forms import Row, write
from second_opinion_assets_tests.workspace import Workspace

FORMS = ["s.jsonl", "s.json", "s.csv", "s.parquet", "folder"]


def join(work: Workspace, form: str, label: str = "S", **rules: Any) -> JoinResult:
    """Join a sidecar with rules of its own."""
    return work.join(scores=[{"path": form, "label": label, **rules}])


ROWS: list[Row] = [
    {"clip_id": "a", "score": 1.5, "overall": 2.5},
    {"clip_id": "b", "score": 3.5, "overall": 4.5},
]


@pytest.mark.parametrize("form", FORMS)
def test_a_sidecars_own_field_that_no_row_has(work: Workspace, form: str) -> None:
    """A typo in a sidecar's score field is an error that names the fields there are."""
    write(work, form, ROWS)
    with pytest.raises(JoinError, match=r"'overal'.*overall"):
        join(work, form, score_field="overal")
    join(work, form, score_field="Overall")
    assert work.rows()[0]["second_opinion_s_score"] == 2.5


@pytest.mark.parametrize("form", FORMS)
def test_a_tables_field_that_no_row_has(work: Workspace, form: str) -> None:
    """A typo in a table's score field is an error where no sidecar has it, and no other score."""
    write(work, form, [{key: row[key] for key in ("clip_id", "score")} for row in ROWS])
    with pytest.raises(JoinError, match=r"no row has 'scor', .* did you mean 'score'\?"):
        work.join(scores=[f"S={form}"], score_field="scor")
    work.write_lines("other.jsonl", [{"clip_id": "a", "scor": 7}])
    work.join(scores=[f"S={form}", "T=other.jsonl"], score_field="scor")
    row = work.rows()[0]
    assert (row["second_opinion_s_score"], row["second_opinion_t_score"]) == (1.5, 7.0)


def test_explain_tells_of_a_field_that_no_row_has(work: Workspace) -> None:
    """What a join refuses is told before it."""
    write(work, "s.jsonl", ROWS)
    spec = work.spec(scores=["S=s.jsonl"], score_field="overal")
    (problem,) = explain(spec.features, spec.scores, spec.options).problems
    assert "no row has 'overal', asked for as score_field; did you mean 'overall'?" in problem


@pytest.mark.parametrize("form", ["s.jsonl", "s.json"])
def test_a_key_field_that_no_row_has(work: Workspace, form: str) -> None:
    """A typo in the field of the key is answered with the one that was meant."""
    write(work, form, ROWS)
    with pytest.raises(JoinError, match=r"no key field 'clip_ids' .*; did you mean 'clip_id'\?"):
        join(work, form, key_field="clip_ids")


@pytest.mark.parametrize("form", ["s.jsonl", "s.json", "folder"])
def test_a_status_field_that_no_row_has(work: Workspace, form: str) -> None:
    """A status field that is asked for and is nowhere is an error."""
    write(work, form, [{**row, "state": "failed"} for row in ROWS])
    with pytest.raises(JoinError, match="'states', asked for as status_field; did you mean 'state"):
        join(work, form, status_field="states")


def test_a_field_of_some_rows(work: Workspace) -> None:
    """Rows that lack the field asked for have their usual one, if another row has it."""
    write(work, "s.jsonl", [{"clip_id": "a", "score": 1}, {"clip_id": "b", "q": 2, "score": 9}])
    join(work, "s.jsonl", score_field="q")
    assert [row["second_opinion_s_score"] for row in work.rows()] == [1.0, 2.0]


def test_a_field_of_frames_or_a_path(work: Workspace) -> None:
    """A field that frames have, or that a path leads to, is there."""
    write(work, "s.jsonl", [{"clip_id": "a", "frames": [{"q": 1}, {"q": 2}]}])
    join(work, "s.jsonl", score_field="q")
    assert work.rows()[0]["second_opinion_s_score"] == 1.5
    write(work, "s.jsonl", [{"clip_id": "a", "x": {"y": {"z": 4}}}])
    join(work, "s.jsonl", score_field="x.y.z")
    assert work.rows()[0]["second_opinion_s_score"] == 4.0
    with pytest.raises(JoinError, match=r"there are clip_id, x\.y\.z"):
        join(work, "s.jsonl", score_field="w")


LEAKS: list[Row] = [
    {"mos": 3.68, "pred_score": 3.59},
    {"MOS": 3.68, "Predicted MOS": "3.59"},
    {"mos": 3.68, "model_output": [3.59]},
    {"mos": 3.68, "summary": {"prediction": 3.59}},
    {"summary": {"mos": 3.68, "prediction": 3.59}},
    {"frames": [{"mos": 3.68, "pred": 3.59}]},
    {"mos": 3.68, "frames": [{"pred": 3.59}]},
    {"mos": 3.68, "my_scorer": 3.59},
]


@pytest.mark.parametrize("label", ["My-Scorer", None])
@pytest.mark.parametrize("form", ["s.jsonl", "s.json", "folder"])
@pytest.mark.parametrize("fields", LEAKS, ids=json.dumps)
def test_a_label_beside_a_prediction(
    work: Workspace, fields: Row, form: str, label: str | None
) -> None:
    """`mos` beside a field that tells of a prediction is refused until one of them is named."""
    named = {} if label else {"competitor": "My Scorer"}
    write(work, form, [{"clip_id": clip, **named, **fields} for clip in "ab"])
    sidecar = f"{label}={form}" if label else form
    with pytest.raises(JoinError, match=r"(?i)'\S*mos' beside '.*' may be the label; name the sco"):
        work.join(scores=[sidecar])
    work.join(scores=[sidecar], score_field="mos")
    assert work.rows()[0]["second_opinion_my_scorer_score"] == 3.68


@pytest.mark.parametrize(
    "fields",
    [
        {"mos": 3.5, "quality": 2, "vmaf": 90},
        {"mos": 3.5, "prediction_note": "fine"},
        {"mos": 3.5, "gt_score": 4},
        {"mos": 3.5, "psnr": 30},
        {"score": 3.5, "mos": 1, "pred": 2},
    ],
    ids=json.dumps,
)
def test_a_mos_that_is_the_score(work: Workspace, fields: Row) -> None:
    """`mos` is the score beside other usual names, texts, labels and features."""
    write(work, "s.jsonl", [{"clip_id": "a", **fields}])
    work.join(scores=["S=s.jsonl"])
    assert work.rows()[0]["second_opinion_s_score"] == 3.5


def test_a_label_far_down(work: Workspace) -> None:
    """A prediction that comes late in a long file is found, and its line named."""
    rows: list[Row] = [{"clip_id": f"c{n}", "mos": n} for n in range(500)]
    write(work, "s.jsonl", [*rows, {"clip_id": "z", "mos": 1, "pred": 2}])
    with pytest.raises(JoinError, match=r"s\.jsonl:501: 'mos' beside 'pred'"):
        work.join(scores=["S=s.jsonl"])


def test_a_key_name_that_stands_elsewhere_too(work: Workspace) -> None:
    """A nested field or a text that is like the key's name is no second key."""
    rows = [{"name": key, "model": {"name": "m"}, "note": "name", "score": 1} for key in "ab"]
    work.write_lines("features.jsonl", [{"name": key} for key in "ab"])
    work.write_lines("s.jsonl", rows)
    work.join(scores=["S=s.jsonl"])
    assert [row["second_opinion_s_status"] for row in work.rows()] == ["ok", "ok"]


@pytest.mark.parametrize("form", ["s.jsonl", "s.json", "folder"])
def test_numeric_fields_of_rows_without_a_score(work: Workspace, form: str) -> None:
    """What might have been the score is known, keys and labels left out."""
    rows = [
        {"clip_id": clip, "uvq1p5_score": 3.5, "gt_score": 4, "deep": {"q": 1, "per_frame": [1, 2]}}
        for clip in "ab"
    ]
    write(work, form, rows)
    tally = join(work, form).tally.scorers["S"]
    assert tally.bad_rows == 2
    assert sorted(tally.numeric_fields) == ["deep.per_frame", "deep.q", "uvq1p5_score"]
