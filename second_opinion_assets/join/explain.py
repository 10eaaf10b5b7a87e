"""What the join would make of some files, and how their keys would have to be read: for a person.

Nothing is written. How an explanation reads on a terminal is in `explain_report`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from second_opinion_assets.contract.columns import Status
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import ALL_KEY_NAMES, find_name
from second_opinion_assets.contract.options import JoinOptions, KeyNormalize
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.manifest_sidecars import as_written
from second_opinion_assets.matching.counts import count
from second_opinion_assets.matching.keys import KeyColumn, Normalizer, choose_key_column
from second_opinion_assets.matching.match import match
from second_opinion_assets.scores.keyed_scorers import KeyedScorers, Scorer, key_scorers
from second_opinion_assets.scores.read import read_sidecar
from second_opinion_assets.scores.score_table import ScoreTable, one_table_a_scorer
from second_opinion_assets.scores.sidecar import Format, Sidecar
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.open import open_table
from second_opinion_assets.tables.table import read_key_columns, read_keys

_AS_WRITTEN = JoinOptions(key_normalize=KeyNormalize.raw)
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
    """What was recognised of one scorer in one sidecar; samples are the first few."""

    competitor: str
    named_by: NamedBy
    key_fields: list[str]
    score_fields: list[str]
    rows: int
    ok_rows: int
    bad_rows: int
    duplicate_rows: int
    frame_scores: int
    keys: list[str]
    bad: list[BadRow]


class ExplainedSidecar(msgspec.Struct, frozen=True):
    """What was recognised of one sidecar, or why it cannot be used.

    Attributes:
        sidecar: as it was asked for; where nothing names its scorer, labelled by its file's name.
        ignored: hidden files and leftovers of a folder, which are passed over.
    """

    sidecar: Sidecar
    reader: Format | None = None
    rows: int = 0
    score_fields: list[str] = []
    ignored: list[str] = []
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


class Reading(msgspec.Struct, frozen=True):
    """One way of reading keys, and what the join would count by it.

    Attributes:
        key_column: column of the feature table.
        key_normalize: the mode.
        resolved: the mode that `auto` comes to for the key column; else the mode itself.
        tally: what would be counted; None where it would not get that far.
        problem: why it would not.
    """

    key_column: str
    key_normalize: KeyNormalize
    resolved: KeyNormalize
    tally: Tally | None = None
    problem: str | None = None

    @property
    def found_rows(self) -> int:
        """Rows with a score, ok or bad, whose key is not in doubt, added up over scorers."""
        if self.tally is None:
            return -1
        tally = self.tally
        return tally.matched_rows + tally.bad_rows - tally.ambiguous_rows


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
    def problems(self) -> list[str]:
        """What keeps the files from being joined as asked."""
        found = [sidecar.problem for sidecar in self.sidecars]
        found += [reading.problem for reading in self.readings[:1]]
        return [problem for problem in found if problem]


def explain(features: Location, sidecars: Sequence[Sidecar], options: JoinOptions) -> Explanation:
    """Look at a feature table and its sidecars; each file is read once.

    Args:
        features: the feature table.
        sidecars: the score files; one that cannot be used is told of and left out.
        options: of the join, as asked.

    Raises:
        JoinError: the feature table cannot be read, or has no key column.
    """
    looks = [_look(sidecar, options) for sidecar in sidecars]
    keys = _read_keys(features, options)
    first = next(iter(keys.values()))
    usable = [tables for _, tables in looks if tables]
    readings = list(_readings(keys, usable, options)) if usable else []
    filled = (key for key in map(first.key, range(len(first.codes))) if key)
    return Explanation(
        options=options,
        features=ExplainedFeatures(
            features, len(first.codes), list(keys), list(islice(filled, SAMPLES))
        ),
        sidecars=[told for told, _ in looks],
        readings=readings,
        best=max(readings, key=lambda reading: reading.found_rows, default=None),
    )


def _look(sidecar: Sidecar, options: JoinOptions) -> tuple[ExplainedSidecar, list[ScoreTable]]:
    """Return what a sidecar holds, its keys taken as they are written, and its rows."""
    # Where no row names its scorer, the file's name stands in.
    is_wide = sidecar.rules.scorers is not None
    label = None if is_wide else sidecar.scorer_name
    try:
        scores = read_sidecar(replace(sidecar, label=label), options)
        scorers = key_scorers([table.as_written() for table in scores.tables], _AS_WRITTEN).scorers
    except JoinError as error:
        return ExplainedSidecar(sidecar, problem=str(error)), []
    named_by = NamedBy.label if sidecar.label or is_wide else NamedBy.file
    if label and sidecar.label is None and scores.label_used:
        sidecar = replace(sidecar, label=label, spec=f"{label}={sidecar.spec}")
    told = ExplainedSidecar(
        sidecar=sidecar,
        reader=scores.given.formats[0],
        rows=scores.given.rows,
        score_fields=scores.given.score_fields,
        ignored=list(scores.given.ignored),
        scorers=[
            _explain_scorer(
                scorer,
                named_by if scores.label_used and label in (None, scorer.name) else NamedBy.rows,
            )
            for scorer in scorers
        ],
    )
    return told, scores.tables


def _explain_scorer(scorer: Scorer, named_by: NamedBy) -> ExplainedScorer:
    table = scorer.rows
    bad = np.flatnonzero(table.columns.status == Status.bad).tolist()
    return ExplainedScorer(
        competitor=scorer.name,
        named_by=named_by,
        key_fields=table.used_key_fields(),
        score_fields=sorted(table.score_fields),
        rows=len(table),
        ok_rows=len(table) - len(bad),
        bad_rows=len(bad),
        duplicate_rows=scorer.repeats.repeated,
        frame_scores=int(table.columns.frames.sum()),
        keys=[table.raw_key(row) for row in range(min(SAMPLES, len(table)))],
        bad=[
            BadRow(table.raw_key(row), table.reason(row).reason, table.where(row))
            for row in bad[:SAMPLES]
        ],
    )


def _read_keys(features: Location, options: JoinOptions) -> dict[str, KeyColumn]:
    """Return the columns that may hold the key: the one the join would take, and other usual ones.

    Raises:
        JoinError: there is none.
    """
    with Input(features) as file:
        table = open_table(file)
        names = [column.name for column in table.columns]
        asked = options.key_column
        if asked and not find_name(names, [asked]):
            return read_keys(table, asked, features)
        chosen = choose_key_column(names, asked, str(features))
        usual = [find_name(names, [name]) for name in ALL_KEY_NAMES]
        columns = list(dict.fromkeys(name for name in (chosen, *usual) if name))
        return read_key_columns(table, columns)


def _readings(
    keys: dict[str, KeyColumn], sidecars: Sequence[Sequence[ScoreTable]], options: JoinOptions
) -> Iterator[Reading]:
    """Yield what each key column and mode would find, what was asked for first."""
    first = options.key_normalize
    modes = [first, *(mode for mode in KeyNormalize if mode is not first)]
    by_mode = {mode: _keyed(sidecars, replace(options, key_normalize=mode)) for mode in modes}
    for column, column_keys in keys.items():
        for mode in modes:
            keyed = by_mode[mode]
            resolved = Normalizer(mode, column).mode
            if isinstance(keyed, str):
                yield Reading(column, mode, resolved, problem=keyed)
            else:
                asked = replace(options, key_normalize=mode)
                tally = _tally(keyed, column, column_keys, asked)
                yield Reading(column, mode, resolved, tally)


def _keyed(sidecars: Sequence[Sequence[ScoreTable]], options: JoinOptions) -> KeyedScorers | str:
    """Return the scorers with their keys as these options read them, or why that cannot be."""
    try:
        return key_scorers(one_table_a_scorer(sidecars, options.prefix), options)
    except JoinError as error:
        return str(error)


def _tally(keyed: KeyedScorers, column: str, keys: KeyColumn, options: JoinOptions) -> Tally:
    """Return what the join would count."""
    found = match(keyed.numbering, keyed.scorers, keys, column, options)
    columns = [scorer.columns(rows) for scorer, rows in zip(keyed.scorers, found.rows, strict=True)]
    return count(found, keyed.scorers, columns, options.prefix, kept=None)


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
    joined = features.path.with_stem(f"{features.path.stem}.with-second-opinion")
    return {
        "id": features.path.stem,
        "features": str(features.path),
        "scores": [as_written(told.sidecar) for told in explanation.sidecars],
        "out": f"joined/{joined.name}",
        "audit_json": f"joined/{features.path.stem}.audit.json",
        **options,
    }
