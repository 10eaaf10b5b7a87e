"""Names of fields: which of them tell what a field holds."""

from __future__ import annotations

import pytest

from second_opinion_assets.contract.fields import tells_of_prediction


@pytest.mark.parametrize(
    "field",
    [
        *("Predicted MOS", "pred_mos", "pred", "preds", "y_pred", "MOS_Pred", "mosPred", "PRED"),
        *("prediction2", "prediction_raw", "Prediction.MOS", "PredictedMOS", "model_predictions"),
        *("final_score", "pred_score", "Score (norm)", "overall score", "raw scores", "QScore"),
        *("overall/final score", "Overall", "video_score", "mos_hat", "estimated_mos"),
        *("MOS estimate", "inferred-mos", "model_output", "output_1", "modelOutput"),
        *("video quality", "OverallQuality"),
    ],
)
def test_names_that_tell_of_a_prediction(field: str) -> None:
    """A name with a word for a prediction tells of one, whatever stands between the words."""
    assert tells_of_prediction(field)


@pytest.mark.parametrize(
    "field",
    [
        *("score", "Score", "mos", "MOS", "predicted_mos", "predicted_vmaf_or_mos", "quality"),
        *("vmaf", "gt_score", "GT_Score", "mos_gt", "gt", "label", "a.gt_score"),
        *("preset", "scored_by", "output_path", "quality_level", "underscored", "hatch"),
        *("video_name", "width", "std", "", "質", "DMOS", "chat"),
    ],
)
def test_names_that_tell_of_no_prediction(field: str) -> None:
    """The usual names of scores, labels and all other names tell of none."""
    assert not tells_of_prediction(field)
