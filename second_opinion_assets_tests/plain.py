"""A plain reading of the contract of the join, to hold the package against.

Row by row, with dicts and exact arithmetic; it shares no code with the package. Files, blocks,
bytes and speed do not belong here. Where the contract leaves a case open it raises `Unclear`.
"""

from __future__ import annotations

import json
import math
import os.path
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

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
FURTHER_SCORE_NAMES = ("overall/final score", "overall", "video_score", "pred_score")
SCORE_NAMES = ("score", "mos", "predicted_mos", "predicted_vmaf_or_mos", "quality", "vmaf")
RUNTIME_NAMES = ("runtime_ms", "runtime_total_ms", "elapsed_ms")
JSON_SPACE = b" \t\r\n"
BOM = b"\xef\xbb\xbf"

Row = dict[str, Any]


class Refused(Exception):  # noqa: N818 (an outcome, not an error of the tests)
    """The contract calls for one error, and nothing written."""


class Unclear(Exception):  # noqa: N818 (an outcome, not an error of the tests)
    """The contract does not say what is to happen."""


@dataclass(frozen=True)
class Number:
    """A JSON number (or bare NaN, Infinity) as it stands in the file."""

    text: str

    @property
    def value(self) -> float:
        return float(self.text)


def loads(text: bytes | str, pairs: Callable[[list[tuple[str, Any]]], Any] = dict) -> Any:
    """Return a JSON value whose numbers keep their text; Refused if it is not JSON.

    Half a surrogate pair is `Unclear`: JSON's grammar has it, UTF-8 does not.
    """
    try:
        value = json.loads(
            text.decode() if isinstance(text, bytes) else text,
            parse_int=Number,
            parse_float=Number,
            parse_constant=Number,
            object_pairs_hook=pairs,
        )
    except (ValueError, RecursionError) as error:
        raise Refused(str(error)) from error
    try:
        json.dumps(value, ensure_ascii=False, default=vars).encode()
    except UnicodeEncodeError as error:
        raise Unclear(str(error)) from error
    return value


def loads_lines(text: bytes) -> list[Any]:
    """Return the values of a file of JSON lines; blank lines count for nothing."""
    lines = text.removeprefix(BOM).split(b"\n")
    return [loads(line) for line in lines if line.strip(JSON_SPACE)]


@dataclass(frozen=True)
class Options:
    """The options of a join, by the names of the contract."""

    missing_policy: str = "mark"
    key_column: str | None = None
    score_key_field: str | None = None
    score_field: str | None = None
    key_normalize: str = "auto"
    prefix: str = "second_opinion"
    overwrite: bool = False


@dataclass(frozen=True)
class ScoreFile:
    """A sidecar: its bytes, whether they are lines or one document, and how it was given."""

    text: bytes
    lines: bool
    written: str
    label: str | None = None


@dataclass(frozen=True)
class Score:
    """What one row of a sidecar says."""

    competitor: str
    key: str
    raw_key: str
    score: float | None
    status: str
    runtime_ms: float | None
    frames: int
    reason: str
    source: str = field(compare=False)


def first_of(place: Row, names: Iterable[str]) -> tuple[str, Any] | None:
    """Return field and value of the first name that has a value, whatever its case."""
    for name in names:
        values = [(f, v) for f, v in place.items() if f.lower() == name.lower() and v is not None]
        exact = [(f, v) for f, v in values if f == name]
        if len(values) > 1 and not exact:
            raise Unclear(name)
        if values:
            return (exact or values)[0]
    return None


def look_up(payload: Row, names: Iterable[str]) -> tuple[str, Any] | None:
    """Look for names at top level, then in the summary."""
    names = list(names)
    summary = payload.get("summary")
    return first_of(payload, names) or (
        first_of(summary, names) if isinstance(summary, dict) else None
    )


def number(value: Any) -> float | None:
    """Return a finite number, or the finite number that a text spells; else None."""
    if isinstance(value, Number):
        return value.value if math.isfinite(value.value) else None
    if isinstance(value, str) and value.isascii() and "_" not in value:
        try:
            return float(value) if math.isfinite(float(value)) else None
        except ValueError:
            return None
    return None


def own_text(value: Any) -> str | None:
    """Return the own text of a key; None for null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    raise Refused(value)


def normalized(key: str, mode: str, key_field: str) -> str:
    """Return a key as both sides compare it."""
    key = key.strip()
    if mode == "auto":
        named = any(part in key_field.lower() for part in ("path", "file", "name"))
        mode = "basename" if named else "raw"
    if mode == "raw":
        return key
    parts = [part for part in re.split(r"[/\\]", key) if part]
    if mode == "suffix":
        parts = [part for part in parts[:-1] if part != "."] + parts[-1:]
        return ("/" if parts and key[0] in "/\\" else "") + "/".join(parts)
    name = parts[-1] if parts else ""
    return os.path.splitext(name)[0] if mode == "stem" else name  # noqa: PTH122 (text, no path)


def slug(competitor: str) -> str:
    """Return what a scorer's columns are named after."""
    return "_".join(re.findall("[a-z0-9]+", competitor.lower()))


def to_float(exact: Fraction) -> float | None:
    """Return the nearest float64; None beyond its range."""
    try:
        return float(exact)
    except OverflowError:
        return None


def total(numbers: Iterable[float]) -> Fraction:
    """Return an exact sum."""
    return sum(map(Fraction, numbers), Fraction(0))


def score_of(payload: Row, asked: str | None) -> tuple[float | None, int]:
    """Return score and number of frames averaged; None for a score that is a defect."""
    names = [*([asked] if asked else []), *SCORE_NAMES, *FURTHER_SCORE_NAMES]
    found = (look_up(payload, [asked]) if asked else None) or look_up(payload, SCORE_NAMES)
    if found:
        return number(found[1]), 0
    frames = payload.get("frames")
    if frames is None and (found := look_up(payload, FURTHER_SCORE_NAMES)):
        return number(found[1]), 0
    if not isinstance(frames, list) or not frames:
        return None, 0
    scores = []
    for frame in frames:
        found = first_of(frame, names) if isinstance(frame, dict) else None
        score = number(found[1]) if found else None
        if score is None:
            return None, 0
        scores.append(score)
    return to_float(total(scores) / len(scores)), len(scores)


def runtime_of(payload: Row) -> float | None:
    """Return the runtime reported, else the sum over frames, else None."""
    found = look_up(payload, RUNTIME_NAMES)
    if found:
        return number(found[1])
    frames = payload.get("frames")
    reported = [
        number(frame_found[1])
        for frame in (frames if isinstance(frames, list) else [])
        if isinstance(frame, dict) and (frame_found := first_of(frame, RUNTIME_NAMES))
    ]
    runtimes = [runtime for runtime in reported if runtime is not None]
    return to_float(total(runtimes)) if runtimes else None


def competitor_of(payload: Row, label: str | None) -> str:
    """Return the name of the scorer that a row is from."""
    found = look_up(payload, ["competitor"])
    if found and not isinstance(found[1], str):
        raise Unclear(found)
    name = found[1].strip() if found else ""
    if found and not name and "summary" in payload:
        raise Unclear(found)
    if not name and not label:
        msg = "no competitor and no label"
        raise Refused(msg)
    return name or str(label)


def read_score(payload: Any, file: ScoreFile, options: Options) -> Score:
    """Return what a row of a sidecar says."""
    if not isinstance(payload, dict):
        raise Refused(payload)
    competitor = competitor_of(payload, file.label)
    asked = options.score_key_field
    found = look_up(payload, [asked] if asked else KEY_NAMES)
    if not found and not asked:
        found = look_up(payload, FURTHER_KEY_NAMES)
    raw_key = own_text(found[1]) if found else None
    key = normalized(raw_key, options.key_normalize, found[0]) if found and raw_key else ""
    if not raw_key or not key:
        raise Refused(found)
    score, frames = score_of(payload, options.score_field)
    status = look_up(payload, ["status"])
    told = status[1] if status else ""
    ok = isinstance(told, str) and told.strip().lower() in ("", "ok", "pass", "success")
    reason = "" if ok and score is not None else json.dumps(payload, default=str, sort_keys=True)
    return Score(
        competitor,
        key,
        raw_key,
        score,
        "bad" if reason else "ok",
        runtime_of(payload),
        frames,
        reason,
        file.written,
    )


def payloads_of(file: ScoreFile) -> list[Any]:
    """Return the rows of a sidecar."""
    if file.lines:
        return loads_lines(file.text)
    document = loads(file.text.removeprefix(BOM))
    if isinstance(document, dict):
        for name in ("rows", "results"):
            if isinstance(document.get(name), list):
                document = document[name]
                break
    return document if isinstance(document, list) else [document]


def read_scores(files: Sequence[ScoreFile], options: Options) -> dict[str, dict[str, Score]]:
    """Return each scorer's rows by key, the scorers by name in slug order."""
    scorers: dict[str, dict[str, Score]] = {}
    rows = 0
    for file in files:
        payloads = payloads_of(file)
        rows += len(payloads)
        for payload in payloads:
            score = read_score(payload, file, options)
            of_scorer = scorers.setdefault(score.competitor, {})
            known = of_scorer.setdefault(score.key, score)
            refuse_different(known, score)
        if not payloads and file.label:
            scorers.setdefault(file.label, {})
    slugs = [slug(name) for name in scorers]
    if not rows or "" in slugs or len(set(slugs)) < len(slugs):
        raise Refused(slugs)
    return {name: scorers[name] for name in sorted(scorers, key=slug)}


def refuse_different(known: Score, score: Score) -> None:
    """Raise Refused if two rows of one key differ, Unclear if only what is not joined does."""
    if known == score:
        return
    joined = [
        (row.raw_key, row.score, row.status, row.runtime_ms, row.frames) for row in (known, score)
    ]
    if joined[0] == joined[1]:
        raise Unclear(joined)
    raise Refused(joined)


def key_column_of(rows: Sequence[Row], asked: str | None) -> str:
    """Return the column that holds the key of a feature table."""
    columns = dict.fromkeys(name for row in rows for name in row)
    for name in [asked] if asked else [*KEY_NAMES, *FURTHER_KEY_NAMES]:
        if name in columns:
            return name
        alike = [column for column in columns if column.lower() == name.lower()]
        if len(alike) > 1:
            raise Unclear(alike)
        if alike:
            return alike[0]
    raise Refused(columns)


def appended(prefix: str, competitor: str, score: Score | None) -> Row:
    """Return the five columns of one scorer for one row."""
    start = f"{prefix}_{slug(competitor)}"
    return {
        f"{start}_score": score.score if score else None,
        f"{start}_status": score.status if score else "missing",
        f"{start}_runtime_ms": score.runtime_ms if score else None,
        f"{start}_frames": score.frames if score else 0,
        f"{start}_source": score.source if score else "",
    }


def plain_join(rows: Sequence[Row], files: Sequence[ScoreFile], options: Options) -> list[Row]:
    """Return the joined rows: input columns, numbers as `Number`, then five columns a scorer.

    Raises:
        Refused: the table is to be refused.
        Unclear: the contract leaves it open.
    """
    scorers = read_scores(files, options)
    names = {name for scorer in scorers for name in appended(options.prefix, scorer, None)}
    if any(names & row.keys() for row in rows) and not options.overwrite:
        raise Refused(names)
    kept = [{name: value for name, value in row.items() if name not in names} for row in rows]
    key_column = key_column_of(kept, options.key_column)
    joined = []
    for row in kept:
        raw_key = own_text(row.get(key_column))
        key = normalized(raw_key, options.key_normalize, key_column) if raw_key else ""
        found = {name: scores.get(key) for name, scores in scorers.items()}
        missing = [name for name, score in found.items() if score is None]
        bad = [name for name, score in found.items() if score and score.status == "bad"]
        if options.missing_policy == "fail" and (missing or bad):
            raise Refused(missing, bad)
        if options.missing_policy == "drop" and missing:
            continue
        joined.append(dict(row))
        for name, score in found.items():
            joined[-1].update(appended(options.prefix, name, score))
    return joined
