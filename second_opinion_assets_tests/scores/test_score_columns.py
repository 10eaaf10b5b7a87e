"""Which column of a table of scores is what, in CSV and parquet alike."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests.workspace import Workspace

FORMS = ("csv", "tsv", "semicolons.csv", "parquet")


def write(work: Workspace, form: str, names: list[str], rows: list[list[Any]]) -> str:
    """Write a table of scores in a form; return its name."""
    name = f"scores.{form}"
    if form == "parquet":
        columns = [pa.array(list(column)) for column in zip(*rows, strict=True)]
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_arrays(columns, names), sink)
        work.write(name, sink.getvalue())
    else:
        mark = {"csv": ",", "tsv": "\t", "semicolons.csv": ";"}[form]
        work.write(name, "".join(mark.join(map(str, row)) + "\n" for row in [names, *rows]))
    return name


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["name", "MOS", "Predicted MOS"], "'MOS' beside 'Predicted MOS' may be the label"),
        (["video_id", "mos", "pred_score"], "'mos' beside 'pred_score' may be the label"),
        (["video_id", "mos", "DOVER"], "'mos' beside 'DOVER' may be the label"),
        (["model_output", "Mos", "name"], "'Mos' beside 'model_output' may be the label"),
    ],
)
def test_a_label_beside_a_prediction(
    work: Workspace, form: str, names: list[str], message: str
) -> None:
    """A `mos` beside a column that tells of a prediction is refused until one is asked for."""
    name = write(work, form, names, [["a", 3.68, 3.59] if names[1] != "Mos" else [3.59, 3.68, "a"]])
    with pytest.raises(JoinError, match=f"{message}; name the score as score_field"):
        work.join(scores=[f"DOVER={name}"])
    for asked in names:
        if asked not in ("name", "video_id"):
            work.join(scores=[{"path": name, "label": "DOVER", "score_field": asked}])
            score = work.rows()[0]["second_opinion_dover_score"]
            assert score == (3.68 if asked.lower() == "mos" else 3.59)


@pytest.mark.parametrize("form", FORMS)
def test_a_mos_by_itself_is_a_score(work: Workspace, form: str) -> None:
    """A `mos` beside columns that tell of no prediction is the score."""
    name = write(work, form, ["video_id", "mos", "width", "gt_score"], [["a", 3.68, 960, 4.5]])
    work.join(scores=[f"DOVER={name}"])
    assert work.rows()[0]["second_opinion_dover_score"] == 3.68


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("twin", ["video_name", "score"])
def test_two_columns_of_one_name(work: Workspace, form: str, twin: str) -> None:
    """Two columns that might be the key, or the score, are refused."""
    name = write(work, form, ["video_name", "score", twin], [["a", 0.5, "b"]])
    with pytest.raises(JoinError, match=f"two columns are called '{twin}'"):
        work.join(scores=[f"DOVER={name}"])


def test_numbers_in_lists(work: Workspace) -> None:
    """A parquet cell that is a list of one number is the number; of more, none."""
    name = write(work, "parquet", ["clip_id", "score"], [["a", [0.5]], ["b", [0.5, 0.6]]])
    work.join(scores=[f"DOVER={name}"])
    rows = work.rows()
    assert [row["second_opinion_dover_score"] for row in rows] == [0.5, None]
    assert rows[1]["second_opinion_dover_status"] == "bad"


def test_a_folder_of_doubts_is_refused(work: Workspace) -> None:
    """What may be the label is no defect of one clip: it stops the table in a folder too."""
    work.write("runs/one.csv", "name,MOS,Predicted MOS\na,3.68,3.59\n")
    work.write("runs/two.csv", "name,score\nb,0.5\n")
    with pytest.raises(JoinError, match=r"one\.csv:1: 'MOS' beside 'Predicted MOS'"):
        work.join(scores=["DOVER=runs"])


def test_a_field_of_no_column_is_told_before_a_doubt(work: Workspace) -> None:
    """Where two columns might be the score, one that is asked for and is not there is named."""
    work.write("s.csv", "clip_id,score,overall\na,1,2\n")
    with pytest.raises(JoinError, match=r"s\.csv:1: no score column 'overal' among clip_id, "):
        work.join(scores=["S=s.csv"], score_field="overal")
