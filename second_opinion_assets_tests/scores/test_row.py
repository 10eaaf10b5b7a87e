"""One row of a sidecar by the contract. Whole files are in `test_read.py`."""

from __future__ import annotations

import math
from typing import Any

import pytest

from second_opinion_assets.contract.columns import Status
from second_opinion_assets.contract.fields import slug
from second_opinion_assets.scores.payload import (
    NO_SCORE,
    Defect,
    Found,
    find_further_keys,
    find_key,
    further_key_text,
    mean,
    read_number,
    read_row,
    read_score_field,
    read_scorer_name,
)
from second_opinion_assets.scores.rules import RowRules


@pytest.mark.parametrize(
    ("competitor", "part"),
    [
        ("DOVER-Mobile", "dover_mobile"),
        ("dover_mobile", "dover_mobile"),
        ("  Q-Align (8 bit)!", "q_align_8_bit"),
        ("FAST--VQA", "fast_vqa"),
        ("CLIP-IQA+", "clip_iqa"),
        ("Größe", "gr_e"),
        ("品質", ""),
        ("???", ""),
    ],
)
def test_slug(competitor: str, part: str) -> None:
    """A slug is lower case, with one underscore for each run of other than a-z and 0-9."""
    assert slug(competitor) == part


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *[(72, 72.0), (0.1, 0.1), (-3, -3.0), ("72.5", 72.5), (" 1e2 ", 100.0), ("-.5", -0.5)],
        *[("np.float64(0.5)", 0.5), ("np.float32(-1e-3)", -0.001), ("tensor(0.53)", 0.53)],
        *[("tensor(0.53, device='cuda:0')", 0.53), ("tensor([[5.]], dtype=torch.float64)", 5.0)],
        *[("tensor(3., grad_fn=<MeanBackward0>)", 3.0), ("[0.53]", 0.53), ("[[0.53]]", 0.53)],
        *[("array([0.5], dtype=float32)", 0.5), (" [ 7 ] ", 7.0)],
    ],
)
def test_read_number(value: object, number: float) -> None:
    """A finite number is read from a number or from its decimal text."""
    assert read_number(value, "score") == number


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("n/a", '"n/a"'),
        ("", '""'),
        ("nan", '"nan"'),
        ("inf", '"inf"'),
        ("1_0", '"1_0"'),
        ("\uff10", '"\uff10"'),
        ("1,234.5", '"1,234.5"'),
        ("tensor(nan)", '"tensor(nan)"'),
        ("[1, 2]", '"[1, 2]"'),
        ("[1", '"[1"'),
        (True, "true"),
        (None, "null"),
        ([1], "a list"),
        ({}, "an object"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        ("1e999", "inf"),
        (10**400, "inf"),
    ],
)
def test_read_number_says_what_it_found(value: object, found: str) -> None:
    """What is no finite number is a defect that shows the value."""
    defect = read_number(value, "mos")
    assert isinstance(defect, Defect)
    assert defect.reason == f"mos is {found}, expected a finite number"


@pytest.mark.parametrize("text", ["0,53", "1.234,5", "-7,1e3"])
def test_a_decimal_comma_is_told(text: str) -> None:
    """A number with a decimal comma is a defect that says so."""
    reason = f'mos is "{text}", a number with a decimal comma; expected a decimal point'
    assert read_number(text, "mos") == Defect("decimal comma", reason)


def test_long_value_is_cut_in_the_reason() -> None:
    """A long text in the place of a score does not flood the reason."""
    defect = read_number("x" * 1000, "score")
    assert isinstance(defect, Defect)
    assert len(defect.reason) < 120


@pytest.mark.parametrize(
    ("payload", "label", "competitor"),
    [
        ({"competitor": "A", "summary": {"competitor": "B"}}, "C", "A"),
        ({"summary": {"competitor": "B"}}, "C", "B"),
        ({"competitor": None, "summary": {"competitor": "B"}}, "C", "B"),
        ({}, "C", "C"),
        ({"summary": {}}, "C", "C"),
        ({"summary": "B"}, "C", "C"),
        ({"competitor": " A "}, None, "A"),
        ({"competitor": ""}, "C", "C"),
        ({}, None, None),
    ],
)
def test_read_scorer_name(payload: dict[str, Any], label: str, competitor: str | None) -> None:
    """The scorer is named by the row, then by its summary, then by the label."""
    assert (read_scorer_name(payload) or label) == competitor


def test_empty_competitor_is_no_name() -> None:
    """An empty competitor leaves it to the summary to name the scorer."""
    assert read_scorer_name({"competitor": "", "summary": {"competitor": "B"}}) == "B"


@pytest.mark.parametrize(
    ("payload", "asked", "path"),
    [
        ({"path": "p", "clip_id": "c"}, None, ["clip_id"]),
        ({"Path": "p", "summary": {"clip_id": "c"}}, None, ["Path"]),
        ({"summary": {"clip_id": "c"}}, None, ["summary", "clip_id"]),
        ({"img_path": "i", "summary": {"clip_id": "c"}}, None, ["summary", "clip_id"]),
        ({"img_path": "i", "Key": "k"}, None, ["Key"]),
        ({"clip_id": "c", "src": "s"}, "src", ["src"]),
        ({"clip": {"id": "c"}}, "clip.id", ["clip", "id"]),
        ({"clip": {"id": "c"}, "clip.id": "d"}, "clip.id", ["clip.id"]),
        ({"a": {"v0.6": {"b.c": "d"}}}, "a.v0.6.b.c", ["a", "v0.6", "b.c"]),
        ({"clip_id": "c"}, "src", None),
        ({"clip_id": None}, None, None),
        ({"clip": "c"}, "clip.id", None),
    ],
)
def test_find_key(payload: dict[str, Any], asked: str | None, path: list[str] | None) -> None:
    """A key is looked up at top level, in the summary, by further names, or as asked for."""
    found = find_key(payload, RowRules(key_field=asked))
    assert (list(found.path) if found else None) == path


@pytest.mark.parametrize(
    ("payload", "asked", "field"),
    [
        ({"score": 1, "overall": 2}, None, "score"),
        ({"overall": 2, "summary": {"mos": 1}}, None, "summary.mos"),
        ({"overall": 2, "Overall/Final Score": 1}, None, "Overall/Final Score"),
        ({"frames": [{"mos": 1}], "overall": 2}, None, "frames[].mos"),
        ({"frames": [{"pred_score": 1}]}, None, "frames[].pred_score"),
        ({"pooled": {"vmaf": {"mean": 1}}, "score": 2}, "pooled.vmaf.mean", "pooled.vmaf.mean"),
        ({"gt_score": 1}, None, None),
        ({"frames": []}, None, None),
    ],
)
def test_read_score_field(payload: dict[str, Any], asked: str | None, field: str | None) -> None:
    """A score is taken as asked, by a usual name, over frames, or by a further name."""
    rules = RowRules(score_field=asked)
    assert read_score_field(payload, rules) == field
    assert (read_row(payload, rules).status is Status.ok) == (field is not None)


def test_bad_status_keeps_a_finite_score() -> None:
    """A row that its scorer calls failed is bad and keeps its score."""
    row = read_row({"score": 3, "status": "error", "runtime_ms": 2}, RowRules())
    assert (row.score, row.status, row.runtime_ms) == (3.0, Status.bad, 2.0)


def test_ok_row_has_no_reason() -> None:
    """An ok row gives no reason, and NaN stands for the runtime that it lacks."""
    row = read_row({"score": 3}, RowRules())
    assert (row.status, row.frames, row.defect) == (Status.ok, 0, None)
    assert math.isnan(row.runtime_ms)


def test_score_goes_before_status_in_the_reason() -> None:
    """A failed row without a score says that it has none."""
    assert read_row({"status": "error"}, RowRules()).defect == NO_SCORE


def test_mean_is_rounded_once() -> None:
    """The mean of equal frame scores is that score."""
    assert mean([0.1] * 10) == 0.1


def test_mean_of_large_scores() -> None:
    """Frame scores whose sum is beyond float64 still have their mean."""
    assert mean([1e308, 1e308]) == 1e308


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *(("a/é.mp4", "a/é.mp4"), ("a", "a"), ("", ""), (7, "7"), (-(10**30), "-1" + 30 * "0")),
        *(("é\ud800", None), (True, None), (1.5, None), (None, None), (["a"], None)),
    ],
)
def test_a_key_that_is_only_looked_at(value: object, text: str | None) -> None:
    """A further key is any text that can be written, or an integer."""
    assert further_key_text(value) == text


def test_what_else_a_row_calls_its_clip() -> None:
    """Other keys are found at top level, then in the summary, by names in lower case."""
    key = Found(("clip_id",), "a")
    summary = {"Filename": "a.mp4", "video_id": "later"}
    payload = {"clip_id": "a", "Video_ID": 7, "score": 1, "summary": summary}
    assert find_further_keys(payload, key) == {"video_id": "7", "filename": "a.mp4"}
    assert find_further_keys({"clip_id": "a", "summary": "b"}, key) == {}
