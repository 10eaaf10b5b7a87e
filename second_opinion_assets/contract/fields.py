"""The names that scorers and feature tables use for keys, scores, runtimes and statuses.

How a row is read by these names belongs to `scores`; how a table's key column is chosen, to
`tables`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

KEY_NAMES = (
    "clip_id",
    "video_id",
    "chug_video_id",
    "content_id",
    "file_name",
    "filename",
    "basename",
    "name",
    "distorted_path",
    "dis_path",
    "path",
)
FURTHER_KEY_NAMES = (
    "clip_name",
    "clip_key",
    "key",
    "src",
    "img_path",
    "image",
    "video_name",
    "video",
    "input_file_dist",
    "flickr_id",
)
"""Names that scorers and tables use too, taken where there is none of the usual names."""
ALL_KEY_NAMES = (*KEY_NAMES, *FURTHER_KEY_NAMES)
SCORE_NAMES = ("score", "mos", "predicted_mos", "predicted_vmaf_or_mos", "quality", "vmaf")
FURTHER_SCORE_NAMES = ("overall/final score", "overall", "video_score", "pred_score")
"""Names that scorers write too, taken where a row has none of the usual names, nor frames."""
ALL_SCORE_NAMES = (*SCORE_NAMES, *FURTHER_SCORE_NAMES)
LABEL_NAMES = ("gt_score", "gt", "mos_gt", "label")
"""What a scorer was measured against: never a second opinion."""
LABEL_OR_SCORE = "mos"
"""A usual name of a score, but of the label where another field tells of a prediction."""
_PREDICTION_WORDS = frozenset(
    ("score", "scores", "estimate", "estimated", "estimation", "inferred", "hat")
)
_PREDICTION_ENDS = frozenset(("output", "outputs", "quality"))
_WORD = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
SCORER_FIELD = "competitor"
STATUS_FIELD = "status"
STEM_FIELD = "name of the file"
"""Stands for a key's field where the key is the stem of a file's name."""
RUNTIME_NAMES = ("runtime_ms", "runtime_total_ms", "elapsed_ms")
GOOD_STATUSES = frozenset({"", "ok", "pass", "success"})
_MEDIA = (
    "264 265 3gp avc avi avif av1 bmp exr flv gif h264 h265 h266 heic hevc hm10 ivf jp2 jpeg jpg "
    "m2ts m2v m4v mkv mov mp4 mpeg mpg mts mxf nut nv12 obu ogv png ppm raw rgb tif tiff ts vob "
    "vp8 vp9 vvc webm webp wmv y4m yuv"
)
MEDIA_SUFFIXES = frozenset(_MEDIA.split())
"""Suffixes of what scorers score."""
_LOGS = (
    "csv dat data json jsonl log ndjson out parquet pq psnr report res result results score scores "
    "ssim stats tsv txt vmaf xml"
)
LOG_SUFFIXES = frozenset(_LOGS.split())
"""Suffixes of what scorers write."""


@lru_cache(maxsize=4096)
def matching_fields(fields: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields that match one of `names`, whatever their case, in the order of names.

    Of two fields that differ in case alone, the one written like the name goes first.
    """
    return tuple(
        field
        for name in names
        for field in sorted(fields, key=lambda field: field != name)
        if field.lower() == name.lower()
    )


def find_name(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    """Return the name that matches the first of `wanted`, whatever its case, or None."""
    return next(iter(matching_fields(tuple(names), tuple(wanted))), None)


def is_label(field: str) -> bool:
    """Return whether a field, or what a path leads to, is named like a label."""
    return field.rpartition(".")[2].lower() in LABEL_NAMES


def tells_of_prediction(field: str) -> bool:
    """Return whether a field, by its name, is what a scorer predicted: `mos` beside it is a label.

    The usual names of scores are none: among them their order says which is the score.
    """
    if field.lower() in SCORE_NAMES or is_label(field):
        return False
    words = [word.lower() for word in _WORD.findall(field)]
    if field.lower() in FURTHER_SCORE_NAMES or _PREDICTION_ENDS.intersection(words[-1:]):
        return True
    return any(word.startswith("pred") or word in _PREDICTION_WORDS for word in words)


def slug(scorer: str) -> str:
    """Return the part of a column name that stands for a scorer, maybe an empty one."""
    return re.sub(r"[^a-z0-9]+", "_", scorer.lower()).strip("_")


def without_suffix(name: str) -> str:
    """Return a file's name without its suffix, where that is one of a clip or of a log.

    Names have dots of their own (`clip_59.94fps_h264`); dots at a name's start begin no suffix.
    """
    stem, _, suffix = name.rpartition(".")
    known = suffix.lower() in MEDIA_SUFFIXES or suffix.lower() in LOG_SUFFIXES
    return stem if known and stem.strip(".") else name


def clip_stem(name: str) -> str:
    """Return what names the clip in the name of a file: of `a.mp4` and `a.mp4.json` it is `a`."""
    stem = without_suffix(name)
    was_log = stem != name and name.rpartition(".")[2].lower() in LOG_SUFFIXES
    if was_log and stem.rpartition(".")[2].lower() in MEDIA_SUFFIXES:
        return without_suffix(stem)
    return stem


def with_lower_suffix(name: str) -> str:
    """Return a name whose suffix, if it is one of a clip, is in lower case."""
    stem, dot, suffix = name.rpartition(".")
    lower = suffix.lower()
    if lower == suffix or lower not in MEDIA_SUFFIXES or not stem.rpartition("/")[2].strip("."):
        return name
    return f"{stem}{dot}{lower}"
