"""What lies in a folder: feature tables, score files, and which of these belong together.

A first manifest is made of it. How it is told belongs to `report`; nothing is written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from second_opinion_assets.contract.columns import Status
from second_opinion_assets.contract.errors import JoinError, MachineError, UnnamedScorerError
from second_opinion_assets.contract.options import JoinOptions, KeyNormalize
from second_opinion_assets.join.explain import Explanation, explain, manifest_entry
from second_opinion_assets.matching.keys import Normalizer, choose_key_column
from second_opinion_assets.registry.facts import shipped_registry
from second_opinion_assets.scores.read import read_sidecar
from second_opinion_assets.scores.score_table import ScoreTable
from second_opinion_assets.scores.sidecar import Sidecar
from second_opinion_assets.storage.decompress import plain_name
from second_opinion_assets.storage.groups import FileGroup, NoFilesError
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.open import open_table
from second_opinion_assets.tables.table import TABLE_SUFFIXES

MANIFEST_NAME = "second-opinion.json"
SCHEMA_NAME = "second-opinion.schema.json"
_SCHEMA = Location(__file__).with_name("manifest.schema.json")
_SUFFIXES = {*TABLE_SUFFIXES, ".xml", ".log", ".txt"}
_OWN_FOLDERS = {"joined", "outputs", "node_modules", "__pycache__"}
_OWN_ENDINGS = (".audit.json", ".audit.failed.json", ".report.json", ".schema.json")
_OPTIONS = JoinOptions()
_MANIFEST_BYTES = 1 << 20


class FoundTable(msgspec.Struct, frozen=True):
    """A feature table, and what would come of joining its scores.

    Attributes:
        name: its path in the folder.
        explanation: with the score files that find any of its rows.
        entry: of the manifest.
    """

    name: str
    explanation: Explanation
    entry: dict[str, Any]


class Survey(msgspec.Struct, frozen=True):
    """What was recognised in a folder.

    Attributes:
        folder: where.
        tables: the feature tables that scores were found for.
        left_out: what is in no table, and why, by its path in the folder.
    """

    folder: Location
    tables: list[FoundTable]
    left_out: dict[str, str]

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest that joins what was found."""
        return {"$schema": f"./{SCHEMA_NAME}", "tables": [table.entry for table in self.tables]}

    @property
    def manifest_text(self) -> str:
        """The manifest as JSON, in the order in which a person would write it."""
        return json.dumps(self.manifest, indent=2, ensure_ascii=False) + "\n"


def shipped_schema() -> str:
    """Return the JSON Schema of a manifest, as it is shipped."""
    with Input(_SCHEMA) as file:
        return file.read().decode()


class _WithTables(msgspec.Struct):
    """What of a JSON document tells that it is a manifest."""

    tables: Any = None


class _Candidate(msgspec.Struct, frozen=True):
    """A file, or a folder of one file a clip, and what it may be.

    Attributes:
        name: its path in the folder.
        columns: how many it has as a feature table; 0 if it can be none.
        sidecar: it as scores; None if it can be none.
        tables: its scores.
        problem: why it is not taken as scores.
    """

    name: str
    columns: int = 0
    sidecar: Sidecar | None = None
    tables: tuple[ScoreTable, ...] = ()
    problem: str = ""


def survey(folder: Location) -> Survey:
    """Look at what lies in a folder, and one folder deeper.

    Raises:
        JoinError: the folder cannot be read, or no feature table with scores is in it.
    """
    candidates = list(_candidates(folder))
    features = _features(candidates)
    named = {found.name for found in features}
    scores = _of_clips_once([c for c in candidates if c.sidecar and c.name not in named])
    left_out = {c.name: c.problem for c in [*candidates, *scores] if c.name not in named}
    scores = [found for found in scores if not found.problem]
    if not features:
        raise _nothing(folder, "feature table", "a table with a column such as clip_id", left_out)
    if not scores:
        raise _nothing(folder, "score file", "a file with a key and a score in each row", left_out)
    tables: list[FoundTable] = []
    for found in features:
        explanation = _with_scores(folder / found.name, scores)
        if explanation is None:
            left_out[found.name] = "no score file finds any of its rows"
            continue
        entry = _entry(explanation, found.name, {table.entry["id"] for table in tables})
        tables.append(FoundTable(found.name, explanation, entry))
    used = {told.sidecar.written for table in tables for told in table.explanation.sidecars}
    left_out |= {c.name: "no feature table has its keys" for c in scores if c.name not in used}
    if not tables:
        msg = f"{folder}: no score file finds a row of {', '.join(sorted(named))}; see explain"
        raise JoinError(msg)
    return Survey(folder, tables, {name: why for name, why in sorted(left_out.items()) if why})


def _nothing(folder: Location, what: str, expected: str, left_out: Mapping[str, str]) -> JoinError:
    others = "".join(f"; {name}: {why}" for name, why in list(left_out.items())[:3])
    return JoinError(f"{folder}: no {what} is recognised, expected {expected}{others}")


def _candidates(folder: Location) -> Iterator[_Candidate]:
    """Yield what may be features or scores, in the order of their names."""
    own = [name for name in _names(folder, "") if _may_be_read(folder, name)]
    deeper = [name for name in _names(folder, "*/*") if _may_be_read(folder, name)]
    for name in own:
        yield _look(folder, name)
    for below, names in groupby(deeper, key=lambda name: name.partition("/")[0]):
        files = list(names)
        whole = _as_scores(folder, below) if len(files) > 1 else _Candidate(below)
        if whole.sidecar and _is_one_a_clip(whole.sidecar):
            yield whole
        else:
            yield from (_look(folder, name) for name in files)


def _names(folder: Location, pattern: str) -> list[str]:
    try:
        return FileGroup(folder, pattern).names()
    except NoFilesError:
        return []


def _may_be_read(folder: Location, name: str) -> bool:
    path = plain_name(Location(name))
    above = name.partition("/")[0] if "/" in name else ""
    is_own = above in _OWN_FOLDERS or name.endswith(_OWN_ENDINGS) or ".agreement." in name
    suffix = path.suffix.lower()
    return suffix in _SUFFIXES and not is_own and not _is_manifest(folder / name, suffix)


def _is_manifest(path: Location, suffix: str) -> bool:
    """Return whether a file tells of tables, as this program's own manifests do."""
    if suffix != ".json":
        return False
    try:
        with Input(path) as file:
            return file.size < _MANIFEST_BYTES and isinstance(_tables_of(file.read()), list)
    except JoinError:
        return False


def _tables_of(text: bytes) -> object:
    try:
        return msgspec.json.decode(text, type=_WithTables).tables
    except msgspec.DecodeError:
        return None


def _look(folder: Location, name: str) -> _Candidate:
    """Return what one file may be."""
    found = _as_scores(folder, name)
    try:
        with Input(folder / name) as file:
            columns = [column.name for column in open_table(file).columns]
        choose_key_column(columns, None, name)
    except MachineError:
        raise
    except JoinError:
        return found
    return msgspec.structs.replace(found, columns=len(columns))


def _as_scores(folder: Location, name: str) -> _Candidate:
    """Return a file or folder as scores, under its own name where nothing in it names a scorer."""
    sidecar = Sidecar(folder / name, name, name)
    try:
        try:
            found = read_sidecar(sidecar, _OPTIONS)
        except UnnamedScorerError:
            label = shipped_registry().canonical(sidecar.scorer_name)
            named = msgspec.structs.replace(sidecar, label=label, spec=f"{label}={name}")
            sidecar, found = named, read_sidecar(named, _OPTIONS)
    except MachineError:
        raise
    except JoinError as error:
        return _Candidate(name, problem=_why(error, folder / name))
    if not any((table.columns.status == Status.ok).any() for table in found.tables):
        return _Candidate(name, problem="no row has a score")
    return _Candidate(name, sidecar=sidecar, tables=tuple(found.tables))


def _why(error: JoinError, path: Location) -> str:
    """Return what is wrong with a file, without what would be done if it were to be read."""
    return error.lines[0].removeprefix(f"{path}: ").partition("; ")[0]


def _of_clips_once(found: Sequence[_Candidate]) -> list[_Candidate]:
    """Return score files, those with a problem that have a scorer's clips once more."""
    seen: dict[str, list[_Candidate]] = {}
    for candidate in found:
        for table in candidate.tables:
            seen.setdefault(table.scorer, []).append(candidate)
    told = {}
    for scorer, files in seen.items():
        clips: dict[str, str] = {}  # to the file that has them
        for candidate in files if len(files) > 1 else ():
            own = _clips(candidate, scorer)
            first = next((clips[clip] for clip in own if clip in clips), None)
            if first:
                told[candidate.name] = f"has clips of {scorer} that {first} has too"
            else:
                clips.update(dict.fromkeys(own, candidate.name))
    return [msgspec.structs.replace(c, problem=told.get(c.name, "")) for c in found]


def _clips(candidate: _Candidate, scorer: str) -> set[str]:
    """Return the clips that a file has scores of a scorer for, by their stems."""
    stem = Normalizer(KeyNormalize.stem, "").one
    tables = (table for table in candidate.tables if table.scorer == scorer)
    return {stem(table.raw_key(row)) for table in tables for row in range(len(table))}


def _is_one_a_clip(sidecar: Sidecar) -> bool:
    return all(file.rows == 1 for file in read_sidecar(sidecar, _OPTIONS).given.files)


def _features(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Return the feature tables: those that are named so, else those without a score, or widest."""
    tables = [found for found in candidates if found.columns]
    named = [found for found in tables if "feature" in found.name.lower()]
    unscored = [found for found in tables if not found.sidecar]
    widest = sorted(tables, key=lambda found: -found.columns)[:1]
    return named or unscored or widest


def _with_scores(features: Location, scores: Sequence[_Candidate]) -> Explanation | None:
    """Return how a table is joined with the scores that find any of its rows; None without any."""
    sidecars = [found.sidecar for found in scores if found.sidecar]
    explanation = explain(features, sidecars, _OPTIONS)
    if explanation.problems:
        sidecars = _compatible(features, sidecars)
        explanation = explain(features, sidecars, _OPTIONS)
    tally = explanation.best.tally if explanation.best else None
    matched = {name for name, s in tally.scorers.items() if s.matched_rows} if tally else set()
    kept = [
        told.sidecar
        for told in explanation.sidecars
        if any(scorer.competitor in matched for scorer in told.scorers)
    ]
    if not kept:
        return None
    return explanation if len(kept) == len(sidecars) else explain(features, kept, _OPTIONS)


def _compatible(features: Location, sidecars: Sequence[Sidecar]) -> list[Sidecar]:
    """Return the score files that can be joined together, the first ones first."""
    kept: list[Sidecar] = []
    for sidecar in sidecars:
        if not explain(features, [*kept, sidecar], _OPTIONS).problems:
            kept.append(sidecar)
    return kept


def _entry(explanation: Explanation, name: str, taken: set[str]) -> dict[str, Any]:
    """Return the entry of a manifest in the folder, under an id of its own."""
    entry = manifest_entry(explanation)
    path = Location(name)
    own = path.stem if path.stem not in taken else name.replace("/", "_").replace(".", "_")
    suffix = path.suffix
    return {
        **entry,
        "id": own,
        "features": name,
        "out": f"joined/{own}.with-second-opinion{suffix}",
        "audit_json": f"joined/{own}.audit.json",
    }
