"""What the join would make of some files, and how their keys would have to be read: for a person.

Nothing is written. How an explanation reads on a terminal is in `explain_report`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from second_opinion_assets.contract.columns import Status
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import find_name
from second_opinion_assets.contract.options import Duplicates, JoinOptions, KeyNormalize
from second_opinion_assets.contract.tally import ScorerTally
from second_opinion_assets.join.key_remedies import read_usual_columns
from second_opinion_assets.join.manifest_sidecars import as_written
from second_opinion_assets.join.readings import Reading, read_by_clip
from second_opinion_assets.matching.counts import bad_reasons
from second_opinion_assets.matching.doubts import few_ok, not_aligned
from second_opinion_assets.matching.keys import KeyColumn, choose_key_column
from second_opinion_assets.registry.aligned import unknown_ends
from second_opinion_assets.registry.facts import shipped_registry
from second_opinion_assets.scores.broken_files import shown_name
from second_opinion_assets.scores.keyed_scorers import Scorer, key_scorers
from second_opinion_assets.scores.read import SidecarScores, read_sidecar, refuse_score_field
from second_opinion_assets.scores.sidecar import Format, Sidecar
from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.machine import machine_errors
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.open import open_keys
from second_opinion_assets.tables.table import read_keys

_AS_WRITTEN = JoinOptions(key_normalize=KeyNormalize.raw, duplicates=Duplicates.first)
_LIKE_A_STREAM = Location("features.jsonl")  # a manifest names files alone
SAMPLES = 3


class NamedBy(StrEnum):
    """What gave a scorer its name."""

    rows = "rows"
    label = "label"
    file = "file"


class BadRow(msgspec.Struct, frozen=True):
    """A score row without a good score: its key, why, and file and line."""

    key: str
    reason: str
    where: str


class ExplainedScorer(msgspec.Struct, frozen=True):
    """What was recognised of one scorer in one sidecar; samples are the first few.

    Attributes:
        replaced_rows: bad rows beside an ok one of the same key, which counts.
        numeric_fields: numeric fields of rows that have no score.
        warnings: what is doubtful about its rows.
    """

    competitor: str
    named_by: NamedBy
    key_fields: list[str]
    score_fields: list[str]
    rows: int
    ok_rows: int
    bad_rows: int
    duplicate_rows: int
    replaced_rows: int
    frame_scores: int
    numeric_fields: list[str]
    keys: list[str]
    bad: list[BadRow]
    warnings: list[str]


class ExplainedSidecar(msgspec.Struct, frozen=True):
    """What was recognised of one sidecar, or why it cannot be used.

    Attributes:
        sidecar: as it was asked for; where nothing names its scorer, labelled by its file's name.
        ignored: hidden files and leftovers of a folder, which are passed over.
        skipped_lines: how many lines that are no score rows are passed over.
        skipped: the first few of them, each with its place.
    """

    sidecar: Sidecar
    reader: Format | None = None
    rows: int = 0
    score_fields: list[str] = []
    ignored: list[str] = []
    skipped_lines: int = 0
    skipped: list[str] = []
    scorers: list[ExplainedScorer] = []
    problem: str | None = None


class ExplainedFeatures(msgspec.Struct, frozen=True):
    """What was recognised of the feature table.

    Attributes:
        key_columns: the columns that may hold the key, the one that would be taken first.
        keys: the first few keys of that column.
    """

    path: Location
    rows: int
    key_columns: list[str]
    keys: list[str]


class Explanation(msgspec.Struct, frozen=True):
    """All that there is to say.

    Attributes:
        options: as asked.
        readings: ways of reading keys, first the one that was asked for.
        best: the one that finds most rows; of equals the one nearest to what was asked for.
    """

    options: JoinOptions
    features: ExplainedFeatures
    sidecars: list[ExplainedSidecar]
    readings: list[Reading]
    best: Reading | None

    @property
    def is_of_files(self) -> bool:
        """Whether there is nothing among them that a manifest cannot name."""
        paths = [self.features.path, *(told.sidecar.path for told in self.sidecars)]
        return not any(isinstance(path, Frame) for path in paths)

    @property
    def problems(self) -> list[str]:
        """What keeps the files from being joined as asked."""
        found = [sidecar.problem for sidecar in self.sidecars]
        found += [reading.problem for reading in self.readings[:1]]
        return [problem for problem in found if problem]


def explain(features: Location, sidecars: Sequence[Sidecar], options: JoinOptions) -> Explanation:
    """Look at a feature table and its sidecars; each file is read once.

    Args:
        features: the feature table, a file or a frame.
        sidecars: the scores, likewise; one that cannot be used is told of and left out.
        options: of the join, as asked.

    Raises:
        JoinError: the feature table cannot be read, or has no key column.
    """
    with machine_errors(features):
        return _explain(features, sidecars, options)


def _explain(features: Location, sidecars: Sequence[Sidecar], options: JoinOptions) -> Explanation:
    found = _read_all(sidecars, options)
    with features if isinstance(features, Frame) else Input(features) as file:
        asked, keys = _read_keys(file, options)
    usable = [each.scores.tables for each in found if each.scores]
    column, readings = read_by_clip(asked, keys, usable, options) if usable else (asked, [])
    keys = {column: keys[column], **keys}
    first = keys[column]
    filled = (key for key in map(first.key, range(len(first.codes))) if key)
    return Explanation(
        options=options,
        features=ExplainedFeatures(
            features, len(first.codes), list(keys), list(islice(filled, SAMPLES))
        ),
        sidecars=[
            _explain_sidecar(each, column if column != asked else None, options) for each in found
        ],
        readings=readings,
        best=max(readings, key=lambda reading: reading.ok_rows, default=None),
    )


class _Found(NamedTuple):
    """What was read of a sidecar, or why it cannot be."""

    sidecar: Sidecar
    scores: SidecarScores | None = None
    problem: str | None = None


def _read_all(sidecars: Sequence[Sidecar], options: JoinOptions) -> list[_Found]:
    found = [_read(sidecar, options) for sidecar in sidecars]
    try:
        refuse_score_field([each.scores for each in found if each.scores], options)
    except JoinError as error:
        problem = str(error)
        return [each._replace(scores=None, problem=each.problem or problem) for each in found]
    return found


def _read(sidecar: Sidecar, options: JoinOptions) -> _Found:
    # Where no row names its scorer, the file's name stands in.
    try:
        return _Found(sidecar, read_sidecar(replace(sidecar, label=_label(sidecar)), options))
    except JoinError as error:
        return _Found(sidecar, problem=str(error))


def _label(sidecar: Sidecar) -> str | None:
    """Return the scorer of rows that name none; none where each scorer has a field of its own."""
    return None if sidecar.rules.scorers is not None else sidecar.scorer_name


def _explain_sidecar(found: _Found, column: str | None, options: JoinOptions) -> ExplainedSidecar:
    """Return what a sidecar holds, its keys taken as they are written.

    Args:
        found: what was read.
        column: the column that its keys are of, where that is another than they were read by.
        options: of the join, as asked.
    """
    sidecar, scores, problem = found
    if scores is None:
        return ExplainedSidecar(sidecar, problem=problem)
    tables = [table.keyed_by(column.lower()) if column else table for table in scores.tables]
    try:
        scorers = key_scorers([table.reduced_by(None) for table in tables], _AS_WRITTEN).scorers
    except JoinError as error:
        return ExplainedSidecar(sidecar, problem=str(error))
    label = _label(sidecar)
    named_by = NamedBy.label if sidecar.label or label is None else NamedBy.file
    if label and sidecar.label is None and scores.label_used:
        sidecar = replace(sidecar, label=label, spec=f"{label}={sidecar.spec}")
    return ExplainedSidecar(
        sidecar=sidecar,
        reader=next(iter(scores.given.formats), None),
        rows=scores.given.rows,
        score_fields=scores.given.score_fields,
        ignored=list(map(shown_name, scores.given.ignored)),
        skipped_lines=scores.given.skipped_lines,
        skipped=[line for file in scores.given.files for line in file.skipped][:SAMPLES],
        scorers=[
            _explain_scorer(
                scorer,
                named_by if scores.label_used and label in (None, scorer.name) else NamedBy.rows,
                options,
            )
            for scorer in scorers
        ],
    )


def _explain_scorer(scorer: Scorer, named_by: NamedBy, options: JoinOptions) -> ExplainedScorer:
    table = scorer.rows
    bad = np.flatnonzero(table.columns.status == Status.bad).tolist()
    counts = _row_counts(scorer, bad)
    if options.aligned_scores:
        counts.not_aligned = unknown_ends(shipped_registry().facts(scorer.name))
    return ExplainedScorer(
        competitor=scorer.name,
        named_by=named_by,
        key_fields=table.used_key_fields(),
        score_fields=sorted(table.score_fields),
        rows=len(table),
        ok_rows=len(table) - len(bad),
        bad_rows=len(bad),
        duplicate_rows=scorer.repeats.repeated,
        replaced_rows=scorer.repeats.replaced,
        frame_scores=int(table.columns.frames.sum()),
        numeric_fields=sorted(table.numeric_fields),
        keys=[table.raw_key(row) for row in range(min(SAMPLES, len(table)))],
        bad=[
            BadRow(table.raw_key(row), table.reason(row).reason, table.where(row))
            for row in bad[:SAMPLES]
        ],
        warnings=[*few_ok(counts), *not_aligned(counts)],
    )


def _row_counts(scorer: Scorer, bad: list[int]) -> ScorerTally:
    """Return the counts of a scorer's own rows, without those of any feature table."""
    return ScorerTally(
        scorer.name,
        "",
        scores_loaded=len(scorer.rows),
        duplicate_rows=scorer.repeats.repeated,
        bad_scores=bad_reasons(bad, scorer.rows),
        numeric_fields=sorted(scorer.rows.numeric_fields),
    )


def _read_keys(file: Input | Frame, options: JoinOptions) -> tuple[str, dict[str, KeyColumn]]:
    """Return the column that the join would take for the key, and all that may hold it.

    Raises:
        JoinError: there is none.
    """
    table = open_keys(file)
    names = [column.name for column in table.columns]
    asked = options.key_column
    if asked and not find_name(names, [asked]):
        keys = read_keys(table, asked, file.location)
        return asked, keys
    chosen = choose_key_column(names, asked, str(file.location))
    return chosen, read_usual_columns(file, chosen)


def manifest_entry(explanation: Explanation) -> dict[str, Any]:
    """Return the entry of a manifest that joins these files in the best way that was found."""
    features, best = explanation.features, explanation.best
    options = {
        field.name: value
        for field in msgspec.structs.fields(JoinOptions)
        if (value := getattr(explanation.options, field.name)) != field.default
    }
    if best is not None:
        options.pop("key_normalize", None)
        if best.key_normalize is not KeyNormalize.auto:
            options["key_normalize"] = best.key_normalize
        if best.key_column != features.key_columns[0]:
            options["key_column"] = best.key_column
        if best.score_key_field:
            options["score_key_field"] = best.score_key_field
        if best.key_pattern:
            options["key_pattern"] = best.key_pattern
    path = _LIKE_A_STREAM if features.path.is_stream else features.path
    joined = path.with_stem(f"{path.stem}.with-second-opinion")
    return {
        "id": path.stem,
        "features": str(path),
        "scores": [as_written(told.sidecar) for told in explanation.sidecars],
        "out": f"joined/{joined.name}",
        "audit_json": f"joined/{path.stem}.audit.json",
        **options,
    }
