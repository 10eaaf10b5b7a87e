"""The usual names of fields, in the order in which they are looked for, and in lower case."""

from __future__ import annotations

KEY_NAMES = (
    *("clip_id", "video_id", "chug_video_id", "content_id", "file_name", "filename", "basename"),
    *("name", "distorted_path", "dis_path", "path"),
)
FURTHER_KEY_NAMES = (
    *("clip_name", "clip_key", "key", "src", "img_path", "image", "video_name", "video"),
    *("input_file_dist", "flickr_id"),
)
SCORE_NAMES = ("score", "mos", "predicted_mos", "predicted_vmaf_or_mos", "quality", "vmaf")
FURTHER_SCORE_NAMES = ("overall/final score", "overall", "video_score", "pred_score")
RUNTIME_NAMES = ("runtime_ms", "runtime_total_ms", "elapsed_ms")
PAYLOAD_FIELDS = {
    *(*KEY_NAMES, *FURTHER_KEY_NAMES, *SCORE_NAMES, *FURTHER_SCORE_NAMES, *RUNTIME_NAMES),
    *("competitor", "status", "summary", "frames", "rows", "results"),
}
