"""Rows of sidecars: their key, scorer, score, runtime and status, and what may stand twice."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from second_opinion_assets_tests.plain.contract import (
    Options,
    Refused,
    Row,
    ScoreFile,
    Unclear,
    holds,
)
from second_opinion_assets_tests.plain.csv_files import csv_table, with_points
from second_opinion_assets_tests.plain.files import (
    Table,
    as_row,
    parquet_table,
    payloads_of,
)
from second_opinion_assets_tests.plain.keys import ClipPath, Key, clear, mode_of, normalized
from second_opinion_assets_tests.plain.names import (
    FURTHER_KEY_NAMES,
    FURTHER_SCORE_NAMES,
    KEY_NAMES,
    RUNTIME_NAMES,
    SCORE_NAMES,
)
from second_opinion_assets_tests.plain.values import (
    Members,
    Number,
    first_of,
    has_field,
    has_twins,
    look_up,
    look_up_asked,
    named,
    number,
    own_text,
    to_float,
    total,
)

USUAL_NAMES = {
    *(*KEY_NAMES, *FURTHER_KEY_NAMES, *SCORE_NAMES, *FURTHER_SCORE_NAMES, *RUNTIME_NAMES),
    *("competitor", "summary", "frames"),
}
LABELS = ("gt_score", "gt", "mos_gt", "label")
PREDICTION_WORDS = {"score", "scores", "estimate", "estimated", "estimation", "inferred", "hat"}
PREDICTION_ENDS = (["output"], ["outputs"], ["quality"])

Found = tuple[str, Any] | None


@dataclass(frozen=True)
class Score:
    """What one row of a sidecar says."""

    competitor: str
    key: str
    raw_key: str
    compared: Key = field(compare=False)
    score: float | None
    status: str
    runtime_ms: float | None
    frames: int
    reason: str
    source: str = field(compare=False)


def slug(competitor: str) -> str:
    """Return what a scorer's columns are named after."""
    return "_".join(re.findall("[a-z0-9]+", competitor.lower()))


def tells_of_prediction(name: str, competitor: str) -> bool:
    """Say whether a name is that of a scorer's output, in general or of this scorer."""
    lower = name.lower()
    words = [word.lower() for word in re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    if lower in SCORE_NAMES:
        return False
    if slug(name) and slug(name) == slug(competitor):
        return True
    if lower.rpartition(".")[2] in LABELS:
        return False
    general = PREDICTION_WORDS.intersection(words) or any(w.startswith("pred") for w in words)
    return bool(general) or lower in FURTHER_SCORE_NAMES or words[-1:] in PREDICTION_ENDS


def refuse_label_of(payload: Row, name: str, asked: str | None, competitor: str) -> None:
    """Refuse a row whose score is a `mos` that nobody asked for beside a number of a prediction."""
    if name.lower() != "mos" or (asked or "").rpartition(".")[2].lower() == "mos":
        return
    frames = payload.get("frames")
    for place in [payload, payload.get("summary"), *(frames if isinstance(frames, list) else [])]:
        for other, value in place.items() if isinstance(place, dict) else ():
            if tells_of_prediction(other, competitor) and is_numeric(value):
                raise Refused(name, other)


def refuse_twins(payload: Row, asked: Sequence[str | None]) -> None:
    """Refuse a row that has several members of one name among those that are looked for.

    They are looked for in the row, in its summary, and in its frames where these are read.

    Unclear: twins deeper in the row, where a path that is asked for may lead.
    """
    known = {*USUAL_NAMES, *(name.lower() for name in asked if name)}
    paths = [name for name in asked if name and "." in name]
    parts = {part for path in paths for part in path.lower().split(".")}
    found = look_up_asked(payload, asked[0]) if asked[0] else None
    found = found or look_up(payload, SCORE_NAMES)
    if not found and payload.get("frames") is None:
        found = look_up(payload, FURTHER_SCORE_NAMES)
    frames = payload.get("frames")
    read = (
        frames
        if isinstance(frames, list) and not (found and look_up(payload, RUNTIME_NAMES))
        else []
    )
    for place in [payload, payload.get("summary"), *read]:
        if isinstance(place, Members) and {name.lower() for name in place.twice} & (known | parts):
            raise Refused(place.twice)
    if paths and has_twins(payload):
        raise Unclear(payload)


def is_numeric(value: Any) -> bool:
    """Say whether a value is a number, NaN too, a text of one, or a list of such."""
    if isinstance(value, list):
        return bool(value) and all(map(is_numeric, value))
    return number(value) is not None or (isinstance(value, Number) and not is_huge(value))


def is_huge(value: Number) -> bool:
    """Say whether a number is whole, and beyond float64."""
    return value.text.lstrip("-").isdigit() and math.isinf(value.value)


def score_of(payload: Row, asked: str | None, competitor: str) -> tuple[float | None, int]:
    """Return score and number of frames averaged; None for a score that is a defect."""
    names = [*([asked] if asked else []), *SCORE_NAMES, *FURTHER_SCORE_NAMES]
    found = look_up_asked(payload, asked) if asked else None
    if not found:
        found = look_up(payload, SCORE_NAMES)
    if found:
        refuse_label_of(payload, found[0], asked, competitor)
        return mean_of(found[1])
    frames = payload.get("frames")
    if frames is None and (found := look_up(payload, FURTHER_SCORE_NAMES)):
        return mean_of(found[1])
    if not isinstance(frames, list) or not frames:
        return None, 0
    scores = []
    first = first_of(frames[0], names) if isinstance(frames[0], dict) else None
    refuse_label_of(payload, first[0] if first else "", asked, competitor)
    for frame in frames:
        found = first_of(frame, names) if isinstance(frame, dict) else None
        score = number(one_of(found[1])) if found else None
        if score is None:
            return None, 0
        scores.append(score)
    return to_float(total(scores) / len(scores)), len(scores)


def one_of(value: Any) -> Any:
    """Return the one value of a list that has one, or what is no such list."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def mean_of(value: Any) -> tuple[float | None, int]:
    """Return the mean of a list of frame scores and how many there are, or a score by itself."""
    value = one_of(value)
    if not isinstance(value, list) or not value:
        return number(value), 0
    scores = [score for score in map(number, value) if score is not None]
    if len(scores) < len(value):
        return None, 0
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
    if not holds("frames beyond float64") and any(map(math.isinf, accumulate(runtimes))):
        raise Unclear(runtimes)
    return to_float(total(runtimes)) if runtimes else None


def competitor_of(found: Found, label: str | None, *, in_summary: bool = False) -> str:
    """Return the name of the scorer that a row is from."""
    if found and not isinstance(found[1], str):
        raise Unclear(found)
    name = found[1].strip() if found else ""
    if found and not name and in_summary:
        raise Unclear(found)
    if not name and not label:
        msg = "no competitor and no label"
        raise Refused(msg)
    return name or str(label)


def is_good(status: Any) -> bool:
    """Return whether a row of this status is ok."""
    if status is None:
        return True
    return isinstance(status, str) and status.strip().lower() in ("", "ok", "pass", "success")


@dataclass(frozen=True)
class Reader:
    """Reads the rows of one sidecar as it and the table ask."""

    file: ScoreFile
    options: Options

    @property
    def key_field(self) -> str | None:
        return self.file.rules.key_field or self.options.score_key_field

    @property
    def score_field(self) -> str | None:
        return self.file.rules.score_field or self.options.score_field

    @property
    def status_field(self) -> str:
        return self.file.rules.status_field or "status"

    def scores(self) -> list[Score]:
        """Return what each row says."""
        if self.file.form in ("csv", "parquet"):
            return self.of_table()
        payloads = payloads_of(self.file)
        rows = [row for row in payloads if isinstance(row, dict)]
        for name in (self.file.rules.score_field, self.file.rules.status_field):
            if name and rows and not any(has_field(row, name) for row in rows):
                raise Refused(name)
        return [self.of_payload(payload) for payload in payloads]

    def has_score_field(self) -> bool:
        """Say whether a row has the score field that the table asks for; without rows, it may."""
        asked = self.options.score_field or ""
        if self.file.form in ("csv", "parquet"):
            usual = (*KEY_NAMES, *FURTHER_KEY_NAMES, *SCORE_NAMES, *FURTHER_SCORE_NAMES)
            known = {name.lower() for name in (*usual, asked, self.key_field or "") if name}
            table = (
                csv_table(self.file, known) if self.file.form == "csv" else parquet_table(self.file)
            )
            if not table.has_header:
                return asked.lower() == "score"
            score = self.score_column(table, self.key_column(table))
            statuses = set(named(table.columns, self.status_field)) - {score}
            return asked.lower() in {name.lower() for name in (score, *statuses)}
        return any(has_field(row, asked) for row in payloads_of(self.file))

    def of_payload(self, payload: Any) -> Score:
        """Return what a JSON row says."""
        if not isinstance(payload, dict):
            raise Refused(payload)
        found = look_up(payload, ["competitor"])
        competitor = competitor_of(found, self.file.label, in_summary="summary" in payload)
        if self.key_field:
            key = look_up_asked(payload, self.key_field)
        else:
            key = look_up(payload, KEY_NAMES) or look_up(payload, FURTHER_KEY_NAMES)
        refuse_twins(payload, (self.score_field, self.key_field, self.status_field))
        score, frames = score_of(payload, self.score_field, competitor)
        status = look_up_asked(payload, self.status_field)
        ok = is_good(status[1]) if status else True
        return self.score(competitor, key, (score, frames), runtime_of(payload), payload, ok=ok)

    def of_table(self) -> list[Score]:
        """Return what the rows of a CSV or parquet sidecar say."""
        rules, file = self.file.rules, self.file
        asked = [name for name in (self.key_field, self.score_field) if name]
        usual = (*KEY_NAMES, *FURTHER_KEY_NAMES, *SCORE_NAMES, *FURTHER_SCORE_NAMES)
        known = {name.lower() for name in (*usual, *asked)}
        table = csv_table(file, known) if file.form == "csv" else parquet_table(file)
        if not table.has_header:
            if rules.key_field or rules.score_field or rules.status_field:
                raise Refused(rules)
            table = with_points(table, "score", ())
            return [self.of_cells(as_row(table, row), "file_name", "score") for row in table.rows]
        key = self.key_column(table)
        score = self.score_column(table, key)
        if rules.status_field and not {*named(table.columns, rules.status_field)} - {key, score}:
            raise Refused(rules.status_field)
        runtimes = [name for name in table.columns if name.lower() in RUNTIME_NAMES]
        table = with_points(table, score, [name for name in runtimes if name != key])
        rows = [as_row(table, cells) for cells in table.rows]
        if file.form == "parquet":  # a row of no clip is passed over
            rows = [row for row in rows if row[key] is not None]
        return [self.of_cells(row, key, score) for row in rows]

    def key_column(self, table: Table) -> str:
        """Return the column that holds the key."""
        for wanted in [self.key_field] if self.key_field else [*KEY_NAMES, *FURTHER_KEY_NAMES]:
            for name in named(table.columns, wanted):
                if table.columns.count(name) > 1:
                    raise Refused(name)
                return name
        raise Refused(table.columns)

    def score_column(self, table: Table, key: str) -> str:
        """Return the one column that may be the score."""
        own, columns = self.file.rules.score_field, [n for n in table.columns if n != key]
        if own:
            found = [own] if own in columns else alike(columns, own)
        else:
            asked = self.options.score_field
            found = named(columns, asked)[:1] if asked else []
            if not found:
                usual = (*SCORE_NAMES, *FURTHER_SCORE_NAMES)
                found = [name for wanted in usual for name in alike(columns, wanted)]
                rivals = [n for n in columns if tells_of_prediction(n, self.file.label or "")]
                if rivals and "mos" in map(str.lower, found):
                    raise Refused(rivals)
        if len(found) != 1 or columns.count(found[0]) > 1:
            raise Refused(found)
        return found[0]

    def of_cells(self, row: Row, key: str, score: str) -> Score:
        """Return what a row of a table says; the columns of key and score are nothing else."""
        others = {name: value for name, value in row.items() if name not in (key, score)}
        competitor = competitor_of(first_of(others, ["competitor"]), self.file.label)
        runtime = first_of(others, RUNTIME_NAMES)
        status = first_of(others, [self.status_field])
        found = number(row[score])
        return self.score(
            competitor,
            (key, row[key]) if row[key] is not None else None,
            (found, 0),
            number(runtime[1]) if runtime else None,
            row,
            ok=is_good(status[1]) if status else True,
        )

    def score(
        self,
        competitor: str,
        found: Found,
        score: tuple[float | None, int],
        runtime: float | None,
        row: Row,
        *,
        ok: bool,
    ) -> Score:
        """Return what a row says, its key normalised."""
        raw = own_text(found[1]) if found else None
        if not found or not raw:
            raise Refused(found)
        pattern = self.file.rules.key_pattern or self.options.key_pattern
        mode = mode_of(self.options.key_normalize, found[0])
        key = normalized(raw, mode, found[0], pattern)
        if not key:
            raise Refused(found)
        reason = "" if ok and score[0] is not None else json.dumps(row, default=str, sort_keys=True)
        return Score(
            competitor,
            key,
            raw,
            Key.of(clear(raw, pattern, mode), mode, found[0], pattern),
            score[0],
            "bad" if reason else "ok",
            runtime,
            score[1],
            reason,
            f"./{self.file.written}" if self.file.written[0] in "=+-@\t\r" else self.file.written,
        )


def alike(columns: Sequence[str], wanted: str) -> list[str]:
    """Return all columns that may be the wanted one, whatever their case."""
    return [name for name in dict.fromkeys(columns) if name.lower() == wanted.lower()]


def read_scores(files: Sequence[ScoreFile], options: Options) -> dict[str, list[Score]]:
    """Return each scorer's rows, one a key, the scorers by name in slug order."""
    scorers: dict[str, dict[str, Score]] = {}
    rows = 0
    asks: list[bool] = []
    for file in files:
        scores = Reader(file, options).scores()
        rows += len(scores)
        if options.score_field and scores and not file.rules.score_field:
            asks.append(Reader(file, options).has_score_field())
        for score in scores:
            of_scorer = scorers.setdefault(score.competitor, {})
            of_scorer[score.key] = settled(of_scorer.get(score.key, score), score)
        if not scores and file.label:
            scorers.setdefault(file.label, {})
    if asks and not any(asks):
        raise Refused(options.score_field)
    slugs = [slug(name) for name in scorers]
    if not rows or "" in slugs or len(set(slugs)) < len(slugs):
        raise Refused(slugs)
    return {name: list(scorers[name].values()) for name in sorted(scorers, key=slug)}


def settled(known: Score, score: Score) -> Score:
    """Return the one that counts of two rows of one key; of two bad ones the first does."""
    if known == score:
        return known
    if ClipPath.of(known.raw_key) != ClipPath.of(score.raw_key):
        raise Refused(known, score)
    said = [(row.score, row.status, row.frames) for row in (known, score)]
    if known.status == score.status == "bad":
        return known
    if said[0] == said[1] and (known.runtime_ms == score.runtime_ms or holds("runtime alone")):
        return known
    if known.status != score.status and holds("a resumed run"):
        return known if known.status == "ok" else score
    raise Refused(known, score)
