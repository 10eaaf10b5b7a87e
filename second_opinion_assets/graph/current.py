"""The manifest that the graph works by: the one on the disk, or the last one that could be used.

Of each that can be used a copy is kept in Dagster's home, with copies of the files of scorers that
it names, so that code server and runs that start while one of them is broken have it too. Who works
by such copies says so.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple
from unicodedata import category

import dagster as dg
import msgspec

from second_opinion_assets.contract.errors import JoinError, ManifestError
from second_opinion_assets.graph.names import ENTRIES_KEY, MANIFEST, MANIFEST_TAG, MANIFEST_USABLE
from second_opinion_assets.graph.plan import Planner, RefreshPlan
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import source_partitions
from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.report.markdown import escaped
from second_opinion_assets.storage.folders import files_of
from second_opinion_assets.storage.location import FileStat, Location
from second_opinion_assets.storage.publishing import publish_text, remove
from second_opinion_assets.storage.reading import Input

Copies = Mapping[Location, Location]
"""What is read in the place of some files, by their paths."""
_INDEX = "index.json"
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Kinds of characters that control something or part lines."""
_SHOWN_TABLES = 5
_USED = "The manifest can be used; tables are refreshed by it."


class CurrentManifest(NamedTuple):
    """The manifest to work by.

    Attributes:
        manifest: the last one that could be used.
        problem: why the one on the disk cannot be, in one line; empty if it is this one.
    """

    manifest: Manifest
    problem: str = ""


def load_tables(settings: Settings, copies: Copies = MappingProxyType({})) -> Manifest:
    """Return the manifest that the settings name, if its tables can be partitions.

    Args:
        settings: name the manifest.
        copies: what to read in the place of it and of its files of scorers.

    Raises:
        JoinError: a manifest that cannot be used, or a table whose id Dagster does not take.
    """
    manifest = load_manifest(settings.manifest, settings.base_dir, copies)
    for table in manifest.tables:
        if "..." in table.id or _UNSEEN & set(map(category, table.id)):
            msg = (
                f"{manifest.path}: the id {table.id!r} has what no partition may have, three dots "
                "or a control character; give the table another one"
            )
            raise ManifestError(msg)
    return manifest


def load_current(settings: Settings) -> CurrentManifest:
    """Return the manifest on the disk, or the copy of the last one that could be used.

    Raises:
        JoinError: neither can be used.
    """
    kept = _place_of_copies(settings)
    try:
        manifest = load_tables(settings)
    except JoinError as error:
        copies = _copies(kept)
        if not copies:
            raise
        return CurrentManifest(load_tables(settings, copies), _problem(error))
    if kept is not None:
        _keep(manifest, kept)
    return CurrentManifest(manifest)


class ManifestWatch:
    """Looks at the manifest again and again; it is read only when it has changed.

    Args:
        settings: name the manifest.
        loaded: what was loaded before.
    """

    def __init__(self, settings: Settings, loaded: CurrentManifest) -> None:
        self._settings = settings
        self._current = loaded
        self._stamps: list[FileStat] | None = None

    def look(self) -> CurrentManifest:
        """Return the manifest to work by now."""
        stamps = _stamps(self._current.manifest)
        if stamps is not None and stamps == self._stamps:
            return self._current
        before = self._current.manifest
        try:
            now = load_current(self._settings)
        except JoinError as error:
            now = CurrentManifest(before, _problem(error))
        is_same = now.manifest == before
        self._current = CurrentManifest(before if is_same else now.manifest, now.problem)
        self._stamps = None if now.problem else stamps
        return self._current


class CurrentPlanner:
    """Plans by the manifest as it is at each look, as far as the graph has its tables.

    Args:
        watch: looks at the manifest.
        graph: the manifest that the graph was made from.
        make: makes the planner for a manifest, given how many tables may share a run.
        most_tables: how many tables share a run, where the graph has those of the manifest.
    """

    def __init__(
        self,
        watch: ManifestWatch,
        graph: Manifest,
        make: Callable[[Manifest, int], Planner],
        most_tables: int = 1,
    ) -> None:
        self._watch = watch
        self._graph_manifest = graph
        self._make = make
        self._most_tables = most_tables
        self._manifest: Manifest | None = None
        self._planner: Planner | None = None
        self._differs = ""
        self._told: str | None = None

    @cached_property
    def _graph(self) -> set[tuple[dg.AssetKey, str | None]]:
        return _pairs(self._graph_manifest)

    def plan(
        self, instance: dg.DagsterInstance, now: float, after: str | None = None, /
    ) -> RefreshPlan:
        current = self._watch.look()
        if self._planner is None or current.manifest is not self._manifest:
            self._planner = self._planner_of(current.manifest)
            self._manifest = current.manifest
            self._differs = _difference(self._graph, _pairs(current.manifest))
        plan = self._planner.plan(instance, now, after)
        events = [e for e in plan.events if (e.asset_key, e.partition) in self._graph]
        told, self._told = self._told, current.problem
        checks = () if told == current.problem else (manifest_evaluation(current),)
        notes = [*filter(None, [current.problem, self._differs]), *plan.notes]
        requests = [_for_manifest(request, current.manifest) for request in plan.requests]
        return plan._replace(events=events, requests=requests, notes=notes, checks=checks)

    def _planner_of(self, manifest: Manifest) -> Planner:
        """Return what plans by a manifest, as far as the graph has its tables.

        A run over several has what stands between the first and the last, which is the same for
        graph and run only if both have the same tables.
        """
        ids = [table.id for table in manifest.tables]
        is_same = ids == [table.id for table in self._graph_manifest.tables]
        tables = [t for t in manifest.tables if (ENTRIES_KEY, t.id) in self._graph]
        known = msgspec.structs.replace(manifest, tables=tuple(tables))
        return self._make(known, self._most_tables if is_same else 1)


def _for_manifest(request: dg.RunRequest, manifest: Manifest) -> dg.RunRequest:
    """Return a request whose run says which manifest it is for, even if it dies at once."""
    return request.with_replaced_attrs(tags={**request.tags, MANIFEST_TAG: manifest.name})


def manifest_evaluation(current: CurrentManifest) -> dg.AssetCheckEvaluation:
    """Return what the check of the manifest says."""
    return dg.AssetCheckEvaluation(
        ENTRIES_KEY,
        MANIFEST_USABLE,
        passed=not current.problem,
        description=escaped(current.problem) or _USED,
        metadata={MANIFEST: dg.MetadataValue.path(str(current.manifest.path))},
    )


def manifest_check(settings: Settings) -> dg.AssetChecksDefinition:
    """Return the check whether the manifest can be used; the sensor answers it at each look."""

    @dg.asset_check(
        asset=ENTRIES_KEY,
        name=MANIFEST_USABLE,
        description=(
            "The manifest can be read, and nothing in it is wrong. While it cannot be used, tables "
            "are refreshed by the last one that could."
        ),
    )
    def manifest_usable() -> dg.AssetCheckResult:
        current = load_current(settings)
        return dg.AssetCheckResult(
            passed=not current.problem,
            description=escaped(current.problem) or _USED,
            metadata={MANIFEST: dg.MetadataValue.path(str(current.manifest.path))},
        )

    return manifest_usable


def _problem(error: JoinError) -> str:
    why = "; ".join(error.lines)
    return f"the manifest cannot be used; tables are refreshed by its last usable version: {why}"


def _place_of_copies(settings: Settings) -> Location | None:
    """Return the folder of a manifest's copies; one of other paths has another."""
    if settings.kept_dir is None:
        return None
    base = settings.base_dir or settings.manifest.parent
    told = f"{settings.manifest.absolute()}\n{base.absolute()}"
    name = hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()[:16]
    return settings.kept_dir / f"manifest-{name}"


def _copies(place: Location | None) -> Copies:
    """Return the copies that are kept of a manifest and of its files of scorers, by their paths."""
    if place is None or not (place / _INDEX).exists():
        return {}
    index = msgspec.json.decode(_read(place / _INDEX), type=dict[str, str])
    return {Location(path): place / name for path, name in index.items()}


def _keep(manifest: Manifest, place: Location) -> None:
    """Keep copies of a manifest's files; who cannot keep them works without.

    Each is named by what it holds, and an index of them is written last, so that they are of one
    moment.
    """
    files = [(manifest.path, manifest.digest), *manifest.registry.files]
    names = {str(path): f"{digest.sha256}.json" for path, digest in files}
    index = msgspec.json.encode(names)
    with suppress(JoinError):
        if (place / _INDEX).exists() and _read(place / _INDEX) == index:
            return
        for path, digest in files:
            with Input(path) as file:
                text = file.read()
            if file.digest != digest:
                return
            publish_text(place / names[str(path)], text.decode())
        publish_text(place / _INDEX, index.decode())
        for name in {*files_of(place)}.difference(names.values(), [_INDEX]):
            remove(place / name)


def _read(place: Location) -> bytes:
    with Input(place) as file:
        return file.read()


def _stamps(manifest: Manifest) -> list[FileStat] | None:
    """Return what tells that a manifest's files have not changed; None if one is not there."""
    with suppress(OSError, JoinError):
        paths = [manifest.path, *(path for path, _ in manifest.registry.files)]
        return [path.stat() for path in paths]
    return None


def _pairs(manifest: Manifest) -> set[tuple[dg.AssetKey, str | None]]:
    """Return the source partitions that a graph has."""
    return {(key, id_) for key, ids in source_partitions(manifest).items() for id_ in ids}


def _difference(
    graph: set[tuple[dg.AssetKey, str | None]], now: set[tuple[dg.AssetKey, str | None]]
) -> str:
    """Return which tables or scorers the graph has not, or too many, in one line."""
    tables = sorted({str(table_id) for _, table_id in graph ^ now})
    if not tables:
        return ""
    more = len(tables) - _SHOWN_TABLES
    named = ", ".join(tables[:_SHOWN_TABLES]) + (f" and {more} more" if more > 0 else "")
    return f"reload the definitions: the manifest has other tables or scorers ({named})"
