"""Score files of every format: the join of one is what the plain reading makes of it, or refused.

Of the formats that the plain reading does not know, it is asked that the size of the blocks that
a file is read in changes nothing. Feature tables belong in `tables.py`.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Literal

from fuzz.judging import Case, Finding, Targets, as_parquet, folder
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.join import JoinResult
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets_tests import cases, plain, readings
from second_opinion_assets_tests.knobs import Knobs
from second_opinion_assets_tests.plain.scores import read_scores

Form = Literal["lines", "document", "csv", "parquet"]

KNOBS = (Knobs(4 << 20, 200), Knobs(64, 1))
LABELS = ("DOVER", None)
OPTIONS = (
    plain.Options(),
    plain.Options(key_normalize="stem"),
    plain.Options(score_field="mos"),
    plain.Options(score_field="deep.q"),
    plain.Options(score_key_field="name", key_normalize="raw"),
    plain.Options(key_pattern=r"c(\d+)"),
    plain.Options(missing_policy="drop", key_normalize="suffix"),
)
RULES = (
    plain.Rules(),
    plain.Rules(score_field="score"),
    plain.Rules(status_field="state"),
    plain.Rules(key_field="path", key_pattern=r"([^/]+)\.mp4"),
)
SUFFIXES: dict[Form, tuple[str, ...]] = {
    "lines": (".jsonl", ".ndjson"),
    "document": (".json",),
    "csv": (".csv", ".txt", ".tsv"),
    "parquet": (".parquet",),
}
_JSON = {Format.json_lines, Format.json_document, Format.json_concatenated}
FORMATS: dict[Form, set[Format]] = {
    "lines": _JSON,
    "document": _JSON,
    "csv": {Format.csv, Format.csv_headerless},
    "parquet": {Format.parquet},
}
FEATURES = 8


def _case(form: Form, data: bytes) -> cases.Case:
    case = Case(data)
    knobs, label = case.choose(KNOBS), case.choose(LABELS)
    options, rules = case.choose(OPTIONS), case.choose(RULES)
    name = "scores" + case.choose(SUFFIXES[form])
    content = as_parquet(case.content) if form == "parquet" else case.content
    file = plain.ScoreFile(content, form, name, label, rules)
    keys = _keys(file, options)
    features = [json.dumps({"clip_id": key}).encode() for key in (*keys, "c0", "elsewhere/x")]
    return cases.Case([file], features, options, knobs)


def _keys(file: plain.ScoreFile, options: plain.Options) -> list[str]:
    """Return the first keys of a sidecar, as far as the plain reading finds any."""
    try:
        scorers = read_scores([file], options)
    except (plain.Refused, plain.Unclear):
        return []
    return [score.key for scores in scorers.values() for score in scores][:FEATURES]


def _expected(case: cases.Case) -> list[plain.Row] | None:
    """Return the rows that the plain reading makes; None where it refuses to."""
    try:
        return plain.plain_join(list(map(plain.loads, case.features)), case.files, case.options)
    except plain.Refused:
        return None


def _joined(case: cases.Case) -> tuple[JoinResult, list[bytes]] | JoinError:
    with folder() as place:
        try:
            return readings.join(case, place)
        except JoinError as error:
            return error


def judged(form: Form, data: bytes) -> None:
    """Hold the join of a score file against the plain reading."""
    case = _case(form, data)
    found = _joined(case)
    try:
        expected = _expected(case)
    except plain.Unclear:
        return
    if isinstance(found, JoinError):
        if expected is not None:
            msg = f"refused, where the plain reading finds {expected}: {found}"
            raise Finding(msg)
        return
    result, lines = found
    if not FORMATS[form].issuperset(result.sidecars[0].formats):
        return
    rows = list(map(plain.loads, lines))
    if expected is None:
        msg = f"joined, where the plain reading refuses: {rows}"
        raise Finding(msg)
    if [list(row) for row in rows] != [list(row) for row in expected]:
        msg = f"the plain reading finds {expected}, the join {rows}"
        raise Finding(msg)
    for row, wanted in zip(rows, expected, strict=True):
        for name, value in row.items():
            if not readings.agrees(value, wanted[name]):
                msg = f"{name} is {value}, in the plain reading {wanted[name]}: {row}"
                raise Finding(msg)


def unjudged(data: bytes) -> None:
    """Hold the join of a score file against its join in blocks of other sizes."""
    case = Case(data)
    suffix = case.choose((".json", ".xml", ".csv", ".jsonl", ".log", ".json.gz", ".csv.zst"))
    label = case.choose(LABELS)
    file = plain.ScoreFile(case.content, "document", f"c0{suffix}", label)
    given = cases.Case([file], [b'{"clip_id": "c0"}'], plain.Options(), KNOBS[0])
    said = []
    for knobs in KNOBS:
        found = _joined(given._replace(knobs=knobs))
        said.append("refused" if isinstance(found, JoinError) else found[1])
    if said[0] != said[1]:
        msg = f"in one block {said[0]}, in many {said[1]}"
        raise Finding(msg)


TARGETS: Targets = {
    "scores_jsonl": partial(judged, "lines"),
    "scores_json": partial(judged, "document"),
    "scores_csv": partial(judged, "csv"),
    "scores_parquet": partial(judged, "parquet"),
    "scores_other": unjudged,
}
