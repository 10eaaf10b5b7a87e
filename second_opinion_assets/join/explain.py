"""What the join would make of some files, and how their keys would have to be read: for a person.

Nothing is written. How an explanation reads on a terminal is in `explain_report`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import JoinOptions, KeyNormalize, MissingPolicy
from second_opinion_assets.matching.claims import read_claims
from second_opinion_assets.matching.collisions import FeatureKeys, KeysCollide
from second_opinion_assets.matching.keys import KEY_NAMES, Normalizer, find_key_column, find_name
from second_opinion_assets.matching.matching import Matching
from second_opinion_assets.matching.tally import Tally
from second_opinion_assets.scores import Reader, Sidecar, read_sidecars
from second_opinion_assets.scores.payload import Status
from second_opinion_assets.scores.scorers import Scorer, find_by_last_component
from second_opinion_assets.storage.location import Location
from second_opinion_assets.tables import open_table
from second_opinion_assets.tables.json_table import AppendedNames

SAMPLES = 3
KeyBlock = list[str | None]


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
    """

    sidecar: Sidecar
    reader: Reader | None = None
    rows: int = 0
    score_fields: list[str] = []
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
    """Look at a feature table and its sidecars.

    Args:
        features: the feature table.
        sidecars: the score files; one that cannot be used is told of and left out.
        options: of the join, as asked.

    Raises:
        JoinError: the feature table cannot be read, or has no key column.
    """
    explained = [_explain_sidecar(sidecar, options, NamedBy.label) for sidecar in sidecars]
    usable = [told.sidecar for told in explained if not told.problem]
    columns = _key_columns(features, options)
    blocks = {column: _key_blocks(features, column) for column in columns}
    keys = [key for block in blocks[columns[0]] for key in block]
    readings = list(_readings(blocks, usable, options)) if usable else []
    return Explanation(
        options=options,
        features=ExplainedFeatures(
            features, len(keys), columns, [key for key in keys if key][:SAMPLES]
        ),
        sidecars=explained,
        readings=readings,
        best=max(readings, key=lambda reading: reading.found_rows, default=None),
    )


def _explain_sidecar(sidecar: Sidecar, options: JoinOptions, named_by: NamedBy) -> ExplainedSidecar:
    """Return what a sidecar holds, its keys taken as they are written."""
    as_written = replace(options, key_normalize=KeyNormalize.raw, key_pattern=None)
    try:
        scorers, (given,) = read_sidecars([sidecar], as_written)
    except JoinError as error:
        if sidecar.label is None:
            # Maybe no row names its scorer; if the fault is another one, it shows again.
            return _explain_sidecar(_with_label(sidecar), options, NamedBy.file)
        return ExplainedSidecar(sidecar, problem=str(error))
    return ExplainedSidecar(
        sidecar=sidecar,
        reader=given.reader,
        rows=given.rows,
        score_fields=given.score_fields,
        scorers=[_explain_scorer(scorer, sidecar, named_by) for scorer in scorers],
    )


def _with_label(sidecar: Sidecar) -> Sidecar:
    """Return a sidecar whose rows need not name a scorer: its file names it then."""
    label = sidecar.scorer_name
    return replace(sidecar, label=label, spec=f"{label}={sidecar.spec}")


def _explain_scorer(scorer: Scorer, sidecar: Sidecar, named_by: NamedBy) -> ExplainedScorer:
    bad = [row for row, status in enumerate(scorer.status) if status == Status.bad]
    return ExplainedScorer(
        competitor=scorer.competitor,
        named_by=named_by if scorer.competitor == sidecar.label else NamedBy.rows,
        key_fields=sorted(scorer.key_fields),
        rows=scorer.rows,
        ok_rows=scorer.rows - len(bad),
        bad_rows=len(bad),
        duplicate_rows=scorer.duplicates,
        frame_scores=sum(scorer.frames),
        keys=scorer.raw_keys[:SAMPLES],
        bad=[
            BadRow(scorer.raw_keys[row], scorer.reasons[row], scorer.where(row))
            for row in bad[:SAMPLES]
        ],
    )


def _key_columns(features: Location, options: JoinOptions) -> list[str]:
    """Return the columns that may hold the key: the one the join would take, and other usual ones.

    Raises:
        JoinError: there is none.
    """
    with open_table(features, _nothing_appended()) as table:
        names = [column.name for column in table.columns]
        chosen = find_key_column(table, options.key_column, str(features))
    usual = [find_name(names, [name]) for name in KEY_NAMES]
    return list(dict.fromkeys(name for name in (chosen, *usual) if name))


def _key_blocks(features: Location, column: str) -> list[KeyBlock]:
    with open_table(features, _nothing_appended()) as table:
        return [block.keys for block in table.blocks(column)]


def _nothing_appended() -> AppendedNames:
    return AppendedNames([], overwrite=False)


def _readings(
    blocks: dict[str, list[KeyBlock]], sidecars: list[Sidecar], options: JoinOptions
) -> Iterator[Reading]:
    """Yield what each key column and mode would find, what was asked for first."""
    first = options.key_normalize
    modes = [first, *(mode for mode in KeyNormalize if mode is not first)]
    options = replace(options, missing_policy=MissingPolicy.mark)
    for column, key_blocks in blocks.items():
        for mode in modes:
            yield _reading(column, key_blocks, sidecars, replace(options, key_normalize=mode))


def _reading(
    column: str, blocks: list[KeyBlock], sidecars: list[Sidecar], options: JoinOptions
) -> Reading:
    mode = options.key_normalize
    resolved = Normalizer(mode, column).mode
    try:
        scorers, _ = read_sidecars(sidecars, options)
    except JoinError as error:
        return Reading(column, mode, resolved, problem=str(error))
    if mode is KeyNormalize.suffix:
        find_by_last_component(scorers)
    return Reading(column, mode, resolved, _tally(scorers, column, blocks, options))


def _tally(
    scorers: list[Scorer], column: str, blocks: list[KeyBlock], options: JoinOptions
) -> Tally:
    """Return what the join would count."""
    try:
        matching = Matching(scorers, options, column)
        for keys in blocks:
            matching.take(keys)
    except KeysCollide:
        claims = read_claims(scorers, blocks, FeatureKeys(options, column))
        matching = Matching(scorers, options, column, claims)
        for keys in blocks:
            matching.take(keys)
    return matching.tally()


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
        "scores": [told.sidecar.spec for told in explanation.sidecars],
        "out": f"joined/{joined.name}",
        "audit_json": f"joined/{features.path.stem}.audit.json",
        **options,
    }
