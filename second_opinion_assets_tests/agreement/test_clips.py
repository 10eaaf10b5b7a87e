"""Reading: ok scores and references of a joined table, one value a clip."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from second_opinion_assets.agreement.clips import read_clips
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests.agreement.opinions import Opinions

FORMS = ["out.jsonl", "out.parquet", "out.csv"]


def values(column: Any) -> list[float | None]:
    """Return a column with None for NaN."""
    return [None if np.isnan(value) else float(value) for value in column]


@pytest.mark.parametrize("name", FORMS)
def test_only_ok_scores_count(opinions: Opinions, name: str) -> None:
    """A missing or bad score is none, whatever stands in its place."""
    columns = {"clip_id": ["a", "b", "c"], "mos": [1.0, None, 3.0]}
    table = opinions.joined(columns, {"DOVER": [5.0, "bad", None], "MUSIQ": [7, 8, 9]}, name)
    clips = read_clips(table, ["mos"])
    assert list(clips.opinions.index) == ["a", "b", "c"]
    assert values(clips.opinions["DOVER"]) == [5.0, None, None]
    assert values(clips.opinions["MUSIQ"]) == [7.0, 8.0, 9.0]
    assert values(clips.references["mos"]) == [1.0, None, 3.0]
    assert (clips.rows, clips.many_rows, clips.no_numbers) == (3, False, {})


def test_a_bad_row_with_a_finite_score_does_not_count(opinions: Opinions) -> None:
    """The contract lets a bad row keep its score; it is no opinion."""
    table = opinions.joined({"clip_id": ["a"], "mos": [1.0]}, {"DOVER": [5.0]})
    path = Path(table.path)
    path.write_text(path.read_text().replace('"ok"', '"bad"'))
    assert values(read_clips(table, ["mos"]).opinions["DOVER"]) == [None]


@pytest.mark.parametrize("name", FORMS)
def test_rows_of_one_clip_are_averaged(opinions: Opinions, name: str) -> None:
    """A per-frame table gives means by clip over its values; rows without a key are left out."""
    columns = {
        "clip_id": ["b", "a", "b", None, "a"],
        "vmaf": [10.0, 50.0, 20.0, 99.0, None],
    }
    clips = read_clips(
        opinions.joined(columns, {"DOVER": [1.0, 2.0, 1.0, None, 2.0]}, name), ["vmaf"]
    )
    assert list(clips.opinions.index) == ["b", "a"]
    assert values(clips.references["vmaf"]) == [15.0, 50.0]
    assert values(clips.opinions["DOVER"]) == [1.0, 2.0]
    assert (clips.rows, clips.rows_without_key, clips.many_rows) == (5, 1, True)


def test_one_row_a_clip_and_some_of_none(opinions: Opinions) -> None:
    """Rows without a key do not make a table a per-frame one."""
    columns = {"clip_id": ["a", None, None], "vmaf": [1.0, 2.0, 3.0]}
    clips = read_clips(opinions.joined(columns, {"DOVER": [1.0, None, None]}), ["vmaf"])
    assert list(clips.opinions.index) == ["a"]
    assert not clips.many_rows


def test_texts_that_are_numbers_count(opinions: Opinions) -> None:
    """Decimal text is a number; other text, truth values and infinities are none, and counted."""
    given: Sequence[Any] = ["81.5", " 7 ", "n/a", True, [1], 10**400, "inf", None, "", 3]
    columns = {"clip_id": [str(n) for n in range(10)], "mos": given}
    clips = read_clips(opinions.joined(columns, {"DOVER": [1.0] * 10}), ["mos"])
    assert values(clips.references["mos"]) == [81.5, 7.0, *[None] * 7, 3.0]
    assert clips.no_numbers == {"mos": 6}


def test_parquet_decimals_and_nan(opinions: Opinions) -> None:
    """A decimal is a number; NaN stands for no value and is no complaint, infinity is one."""
    columns = {
        "clip_id": ["a", "b"],
        "dmos": [Decimal("1.25"), None],
        "vmaf": [float("nan"), float("inf")],
    }
    clips = read_clips(
        opinions.joined(columns, {"DOVER": [1.0, 2.0]}, "o.parquet"), ["dmos", "vmaf"]
    )
    assert values(clips.references["dmos"]) == [1.25, None]
    assert values(clips.references["vmaf"]) == [None, None]
    assert clips.no_numbers == {"vmaf": 1}


@pytest.mark.parametrize("name", FORMS)
def test_a_table_without_rows(opinions: Opinions, name: str) -> None:
    """No rows give no clips."""
    columns: dict[str, list[Any]] = {"clip_id": [], "mos": []}
    clips = read_clips(opinions.joined(columns, {"DOVER": []}, name), ["mos"])
    assert (len(clips.opinions), clips.rows) == (0, 0)
    assert list(clips.opinions) == ["DOVER"]


def test_the_digest_is_of_the_file(opinions: Opinions) -> None:
    """What was read is what was hashed."""
    table = opinions.joined({"clip_id": ["a"], "mos": [1.0]}, {"DOVER": [5.0]})
    assert read_clips(table, ["mos"]).digest.sha256 == table.sha256


def test_a_damaged_table(opinions: Opinions) -> None:
    """A line that is no JSON is named."""
    table = opinions.joined({"clip_id": ["a"], "mos": [1.0]}, {"DOVER": [5.0]})
    path = Path(table.path)
    path.write_text(path.read_text() + "{nonsense\n")
    with pytest.raises(JoinError, match=r"out\.jsonl:2: not JSON"):
        read_clips(table, ["mos"])
