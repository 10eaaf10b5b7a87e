"""Keys: what is left of them once normalised, and who gets a score where they collide."""

from __future__ import annotations

import os.path
import re
import unicodedata
from collections.abc import Sequence
from typing import Literal, NamedTuple

from second_opinion_assets_tests.plain.contract import Unclear, holds

_MEDIA = (
    "264 265 3gp avc avi avif av1 bmp exr flv gif h264 h265 h266 heic hevc hm10 ivf jp2 jpeg jpg "
    "m2ts m2v m4v mkv mov mp4 mpeg mpg mts mxf nut nv12 obu ogv png ppm raw rgb tif tiff ts vob "
    "vp8 vp9 vvc webm webp wmv y4m yuv"
)
_LOGS = (
    "csv dat data json jsonl log ndjson out parquet pq psnr report res result results score scores "
    "ssim stats tsv txt vmaf xml"
)
MEDIA_SUFFIXES, LOG_SUFFIXES = set(_MEDIA.split()), set(_LOGS.split())
Gain = int | Literal["missing", "bad"]


def picked(key: str, pattern: str | None) -> str:
    """Return the part of a key that is reduced: what the pattern's group finds, or all of it."""
    found = re.search(pattern, key) if pattern else None
    return key if found is None or found[1] is None else found[1]


def mode_of(mode: str, key_field: str) -> str:
    """Return how keys of a field are reduced, once `auto` is decided."""
    if mode != "auto":
        return mode
    named = any(part in key_field.lower() for part in ("path", "file", "name"))
    return "basename" if named else "raw"


def normalized(key: str, mode: str, key_field: str, pattern: str | None = None) -> str:
    """Return a key as both sides compare it."""
    if unicodedata.normalize("NFC", key) != key and holds("key in NFC"):
        key = unicodedata.normalize("NFC", key)
    key, mode = picked(key, pattern).strip(), mode_of(mode, key_field)
    if mode == "raw":
        return key
    parts = [part for part in map(str.strip, re.split(r"[/\\]", key)) if part]
    if mode == "suffix":
        parts = [part for part in parts[:-1] if part != "."] + [in_lower(p) for p in parts[-1:]]
        return ("/" if parts and key[0] in "/\\" else "") + "/".join(parts)
    # What stands behind the last slash is the name, be it blank: then it is a key that is refused.
    name = re.split(r"[/\\]", key.rstrip("/\\"))[-1].strip()
    stem, suffix = known_suffix(name)
    if mode != "stem":
        return in_lower(name)
    if suffix.lower() in LOG_SUFFIXES and known_suffix(stem)[1].lower() in MEDIA_SUFFIXES:
        return known_suffix(stem)[0]
    return stem


def in_lower(name: str) -> str:
    """Return a name with the suffix of a clip, if it has one, in lower case."""
    stem, suffix = known_suffix(name)
    return f"{stem}.{suffix.lower()}" if suffix.lower() in MEDIA_SUFFIXES else name


def known_suffix(name: str) -> tuple[str, str]:
    """Return a name without the suffix of a clip or a log, and that suffix, maybe an empty one."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 (text, no path)
    known = suffix[1:].lower() in MEDIA_SUFFIXES | LOG_SUFFIXES
    return (stem, suffix[1:]) if known else (name, "")


class ClipPath(NamedTuple):
    """A path as its components, the last one first, and what it starts from."""

    name: str
    folders: tuple[str, ...]
    start: str

    @classmethod
    def of(cls, text: str) -> ClipPath:
        """Return a text as a path."""
        text = text.strip().replace("\\", "/")
        *folders, name = [part for part in map(str.strip, text.split("/")) if part] or [""]
        kept = [folder for folder in reversed(folders) if folder != "."]
        return cls(name, tuple(kept), "/" if text.startswith("/") else "relative")

    def differs_from(self, other: ClipPath) -> bool:
        """Return whether the two have different folders somewhere, seen from the end."""
        shorter = min(len(self.folders), len(other.folders))
        return self.folders[:shorter] != other.folders[:shorter]

    def likeness(self, other: ClipPath) -> tuple[int, bool]:
        """Return how many folders are the same, from the end, and whether the name is."""
        mine, others = ((*path.folders, path.start) for path in (self, other))
        same = 0
        while same < min(len(mine), len(others)) and mine[same] == others[same]:
            same += 1
        return same, self.name == other.name


class Key(NamedTuple):
    """A key of either side: what is compared of it, and the path that tells it from others."""

    compared: str
    path: ClipPath

    @classmethod
    def of(cls, raw: str, mode: str, key_field: str, pattern: str | None) -> Key:
        """Return a key that was read from a field."""
        text = normalized(raw, mode, key_field, pattern)
        compared = ClipPath.of(text).name if mode == "suffix" else text
        return cls(compared, ClipPath.of(raw))


def nearest(feature: Key, scores: Sequence[Key]) -> list[int]:
    """Return the score rows of a feature's key that are most like its path."""
    found = [n for n, score in enumerate(scores) if score.compared == feature.compared]
    folders = {n: feature.path.likeness(scores[n].path)[0] for n in found}
    return [n for n in found if folders[n] == max(folders.values())]


def gains(features: Sequence[Key], scores: Sequence[Key]) -> list[Gain]:
    """Return what each feature row gets: the number of a score row, `missing` or `bad`."""
    claims = {feature: nearest(feature, scores) for feature in features}
    return [gain(feature, claims, scores) for feature in features]


def gain(feature: Key, claims: dict[Key, list[int]], scores: Sequence[Key]) -> Gain:
    """Return what one feature row gets, where these keys claim those score rows."""
    mine = claims[feature]
    if not mine:
        return "missing"
    parted = all(feature.path.differs_from(scores[n].path) for n in mine)
    if len(mine) > 1:
        return "missing" if parted else "bad"
    rivals = [key.path for key, claim in claims.items() if claim == mine]
    likeness = [path.likeness(scores[mine[0]].path) for path in rivals if path != feature.path]
    own, best = feature.path.likeness(scores[mine[0]].path), max(likeness, default=(-1, False))
    if own > best:
        return mine[0]
    return "missing" if own < best and parted else "bad"


def clear(key: str, pattern: str | None, mode: str) -> str:
    """Return a key; Unclear where a pattern leaves open which path it stands for.

    The contract says that the whole key tells apart what a pattern makes one, and not what its
    folders are where the pattern's group is not the end of them.
    """
    found = re.search(pattern, key) if pattern else None
    if found and found[1] is not None and re.search(r"[/\\]", key):
        before, after = key[: found.start(1)], key[found.end(1) :]
        if re.search(r"[/\\]", after) or (mode == "suffix" and before + after):
            raise Unclear(key)
    return key
