"""What is refreshed elsewhere: feature tables, scorer sidecars and the manifest's entries.

They are observable source assets with one partition a table. Looking at files belongs here;
joining them does not.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

import dagster as dg
import msgspec

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import slug
from second_opinion_assets.graph.metadata import described, facts_metadata
from second_opinion_assets.graph.names import (
    DATA_VERSION_TAG,
    ENTRIES_KEY,
    FEATURES_KEY,
    MANIFEST,
    OBSERVE_JOB,
    PARTITION_ROWS,
    ROLE_TAG,
    SIDECARS_PREFIX,
    SOURCES_GROUP,
    STAMP,
    Metadata,
)
from second_opinion_assets.graph.own_events import Seals, SourceEvent
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.provenance import table_args
from second_opinion_assets.join.source_files import SourceFile, read_source_file
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.registry.facts import ScorerFacts
from second_opinion_assets.scores.sidecar import Sidecar
from second_opinion_assets.storage.decompress import plain_name
from second_opinion_assets.storage.location import Location


class PartitionState(NamedTuple):
    """What one partition of a source holds: its data version, and what the UI shows of it."""

    version: str
    metadata: Metadata


@cache
def scorer_key(scorer_name: str) -> dg.AssetKey:
    """Return the asset of a scorer, as a sidecar names it without being read."""
    return dg.AssetKey([SIDECARS_PREFIX, slug(scorer_name) or "unnamed"])


def source_files(manifest: Manifest) -> dict[dg.AssetKey, dict[str, list[Location]]]:
    """Return the files of every source asset of files, by table id."""
    files: dict[dg.AssetKey, dict[str, list[Location]]] = {FEATURES_KEY: {}}
    for table in manifest.tables:
        files[FEATURES_KEY][table.id] = [table.features]
        for name, sidecar in _scorers(table):
            files.setdefault(scorer_key(name), {}).setdefault(table.id, []).append(sidecar.path)
    return files


def source_partitions(manifest: Manifest) -> dict[dg.AssetKey, list[str]]:
    """Return the tables that each source asset has a partition for."""
    partitions = {key: list(files) for key, files in source_files(manifest).items()}
    return {ENTRIES_KEY: [table.id for table in manifest.tables], **partitions}


def source_deps(manifest: Manifest) -> list[dg.AssetDep]:
    """Return the sources that a joined table depends on, each table on its own partitions."""
    every = [table.id for table in manifest.tables]

    def mapping(tables: list[str]) -> dg.PartitionMapping:
        if tables == every:
            return dg.IdentityPartitionMapping()
        return dg.StaticPartitionMapping({table: table for table in tables})

    return [
        dg.AssetDep(key, partition_mapping=mapping(tables))
        for key, tables in source_partitions(manifest).items()
    ]


def source_assets(manifest: Manifest, problem: str = "") -> list[dg.SourceAsset]:
    """Return the observable source assets: entries, feature tables, and one for each scorer.

    Args:
        manifest: the tables.
        problem: shown on the page of each, before its description.
    """
    assets = [_entries_asset(manifest, problem)]
    facts = _scorer_facts(manifest)
    for key, files in source_files(manifest).items():
        assets.append(_files_asset(key, files, facts.get(key), problem))
    return assets


def _scorer_facts(manifest: Manifest) -> dict[dg.AssetKey, ScorerFacts]:
    """Return what is known of the scorer of each asset that has one, by its first label."""
    facts: dict[dg.AssetKey, ScorerFacts] = {}
    for table in manifest.tables:
        for name, _ in _scorers(table):
            if (key := scorer_key(name)) not in facts:
                facts[key] = manifest.registry.facts(name)
    return facts


def _scorers(table: TableSpec) -> Iterator[tuple[str, Sidecar]]:
    """Yield the scorers of a table as its sidecars name them, each with its sidecar."""
    for sidecar in table.scores:
        for name in sidecar.scorer_names:
            yield name, sidecar


def files_state(files: Sequence[SourceFile]) -> PartitionState:
    """Return the state of a partition that consists of these files."""
    hashes = [file.digest.sha256 for file in files]
    rows = [file.rows for file in files if file.rows is not None]
    modified_ns = max(file.stamp.modified_ns for file in files)
    metadata: Metadata = {
        "path": dg.MetadataValue.path(", ".join(str(file.path) for file in files)),
        "bytes": dg.MetadataValue.int(sum(file.digest.bytes for file in files)),
        "modified": dg.MetadataValue.timestamp(modified_ns / 1e9),
        "sha256": dg.MetadataValue.text(", ".join(hashes)),
    }
    if rows:
        metadata["rows"] = dg.MetadataValue.int(sum(rows))
        metadata[PARTITION_ROWS] = dg.MetadataValue.int(sum(rows))
    if len(files) == 1:
        metadata[STAMP] = dg.MetadataValue.json(msgspec.to_builtins(files[0].stamp))
    return PartitionState(files_version(files), metadata)


def files_version(files: Sequence[SourceFile]) -> str:
    """Return the data version of a partition that consists of these files."""
    if len(files) == 1:
        return files[0].digest.sha256
    return _hash("\n".join(file.digest.sha256 for file in files))


def entry_state(table: TableSpec) -> PartitionState:
    """Return the state of a table's entry in the manifest: its paths and options."""
    metadata: Metadata = {"entry": dg.MetadataValue.json(table_args(table))}
    return PartitionState(entry_version(table), metadata)


def entry_version(table: TableSpec) -> str:
    """Return the data version of a table's entry in the manifest."""
    return _hash(msgspec.json.encode(table_args(table), order="sorted").decode())


def state_events(key: dg.AssetKey, table_id: str, state: PartitionState) -> Iterator[SourceEvent]:
    """Return what is reported of a source partition whose content changed.

    The observation, with its data version, drives staleness; the materialization after it, with
    the same version, is what makes the UI show the partition as present.
    """
    tags = {DATA_VERSION_TAG: state.version}
    yield dg.AssetObservation(key, partition=table_id, metadata=state.metadata, tags=tags)
    yield dg.AssetMaterialization(key, partition=table_id, metadata=state.metadata, tags=tags)


def observe_job(manifest: Manifest) -> dg.JobDefinition:
    """Return the job that observes all sources.

    It has a step of its own: a job of assets would need one set of partitions for them all, and a
    scorer has those of the tables that list it.
    """

    @dg.op(name="observe_every_source")
    def observe(context: dg.OpExecutionContext) -> None:
        ids = [table.id for table in manifest.tables]
        _observe(context, ENTRIES_KEY, ids, _entries_reader(manifest))
        for key, files in source_files(manifest).items():
            _observe(context, key, list(files), _files_reader(files))

    @dg.job(
        name=OBSERVE_JOB, description="Records path, bytes, rows and sha256 of every input file."
    )
    def job() -> None:
        observe()

    return job


def _entries_asset(manifest: Manifest, problem: str) -> dg.SourceAsset:
    return _source_asset(
        ENTRIES_KEY,
        [table.id for table in manifest.tables],
        _entries_reader(manifest),
        role="manifest",
        kinds=["json"],
        description=described(
            problem,
            "What the manifest says of each table: its paths and options. An edit makes the tables "
            "concerned stale, and no others.",
        ),
        metadata={MANIFEST: dg.MetadataValue.path(str(manifest.path))},
    )


def _files_asset(
    key: dg.AssetKey, files: dict[str, list[Location]], facts: ScorerFacts | None, problem: str
) -> dg.SourceAsset:
    what = (
        f"Score files (sidecars) that the scorer `{key.path[-1]}` left, one partition a table."
        if facts
        else "Feature tables as they are refreshed elsewhere, one partition a table."
    )
    return _source_asset(
        key,
        list(files),
        _files_reader(files),
        role="scorer" if facts else "features",
        kinds=_kinds(path for paths in files.values() for path in paths),
        description=described(
            problem, f"{what} Observing one records path, bytes, rows and sha256."
        ),
        metadata={
            "tables": dg.MetadataValue.int(len(files)),
            **(facts_metadata(facts) if facts else {}),
        },
    )


def _entries_reader(manifest: Manifest) -> Callable[[str], PartitionState]:
    tables = {table.id: table for table in manifest.tables}
    return lambda table_id: entry_state(tables[table_id])


def _files_reader(files: dict[str, list[Location]]) -> Callable[[str], PartitionState]:
    return lambda table_id: files_state([read_source_file(path) for path in files[table_id]])


def _kinds(paths: Iterable[Location]) -> list[str]:
    """Return what the UI shows as the formats of files; Dagster takes three at most."""
    kinds = {plain_name(path).suffix[1:].lower() or "folder" for path in paths}
    return sorted(kinds)[:3]


def _source_asset(
    key: dg.AssetKey,
    table_ids: list[str],
    read: Callable[[str], PartitionState],
    *,
    role: str,
    kinds: list[str],
    description: str,
    metadata: Metadata,
) -> dg.SourceAsset:
    def observe(context: dg.OpExecutionContext) -> dg.DataVersionsByPartition:
        asked = context.partition_keys if context.has_partition_key else table_ids
        _observe(context, key, asked, read)
        with _beta_accepted():
            return dg.DataVersionsByPartition({})

    with _beta_accepted():
        return dg.observable_source_asset(
            key=key,
            group_name=SOURCES_GROUP,
            description=description,
            partitions_def=dg.StaticPartitionsDefinition(table_ids),
            metadata=metadata,
            tags={
                ROLE_TAG: role,
                **{f"dagster/kind/{kind}": "" for kind in kinds},
            },
        )(observe)


def _observe(
    context: dg.OpExecutionContext,
    key: dg.AssetKey,
    table_ids: Sequence[str],
    read: Callable[[str], PartitionState],
) -> None:
    """Record those partitions of a source whose content changed; a broken file affects no other."""
    seals = Seals.of(context.instance)
    for table_id in table_ids:
        try:
            state = read(table_id)
        except JoinError as error:
            context.log.warning("%s: %s", table_id, error)
            continue
        if _is_news(context.instance, key, table_id, state.version):
            for event in seals.put_on(state_events(key, table_id, state)):
                context.log_event(event)


def _is_news(instance: dg.DagsterInstance, key: dg.AssetKey, table_id: str, version: str) -> bool:
    """Return whether a source partition's content differs from what was observed last."""
    latest = instance.fetch_observations(
        dg.AssetRecordsFilter(asset_key=key, asset_partitions=[table_id]), limit=1
    ).records
    if not latest or latest[0].asset_observation is None:
        return True
    return latest[0].asset_observation.tags.get(DATA_VERSION_TAG) != version


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _beta_accepted() -> Iterator[None]:
    """Silence one warning: what has no other way in Dagster is a beta."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield
