"""What is refreshed elsewhere: feature tables and scorer sidecars, as observable source assets.

Each table's file is one partition. Looking at files belongs here; joining them does not.
"""

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import msgspec

from second_opinion_assets.join.errors import JoinError
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.scores import slug
from second_opinion_assets.join.sidecars import Sidecar
from second_opinion_assets.join.source_files import SourceFile, read_source_file

OWNERS = ["team:video-quality"]
SOURCES_GROUP = "sources"
FEATURES_KEY = dg.AssetKey("feature_tables")
SIDECARS_PREFIX = "scorer_sidecars"
STAMP = "stamp"
DATA_VERSION_TAG = "dagster/data_version"


def scorer_key(sidecar: Sidecar) -> dg.AssetKey:
    """Return the asset of a sidecar's scorer, named by its label, else by the file's stem."""
    return dg.AssetKey([SIDECARS_PREFIX, slug(sidecar.label or sidecar.path.stem) or "unnamed"])


def source_files(manifest: Manifest) -> dict[dg.AssetKey, dict[str, list[Path]]]:
    """Return the files of every source asset, by table id."""
    files: dict[dg.AssetKey, dict[str, list[Path]]] = {FEATURES_KEY: {}}
    for table in manifest.tables:
        files[FEATURES_KEY][table.id] = [table.features]
        for sidecar in table.scores:
            files.setdefault(scorer_key(sidecar), {}).setdefault(table.id, []).append(sidecar.path)
    return files


def source_assets(manifest: Manifest) -> list[dg.SourceAsset]:
    """Return one observable source asset for the feature tables and one for each scorer."""
    with _beta_accepted():
        return [_source_asset(key, files) for key, files in source_files(manifest).items()]


def source_deps(manifest: Manifest) -> list[dg.AssetDep]:
    """Return the sources that a joined table depends on, each table on its own files."""
    return [
        dg.AssetDep(key, partition_mapping=dg.StaticPartitionMapping({t: t for t in files}))
        for key, files in source_files(manifest).items()
    ]


def observation_events(
    key: dg.AssetKey, table_id: str, files: Sequence[SourceFile]
) -> Iterator[dg.AssetObservation | dg.AssetMaterialization]:
    """Return what is reported of one source partition.

    The observation, with its data version, drives staleness; the materialization after it, with
    the same version, is what makes the UI show the partition as present.
    """
    metadata = _metadata(files)
    tags = {DATA_VERSION_TAG: data_version(files)}
    yield dg.AssetObservation(key, partition=table_id, metadata=metadata, tags=tags)
    yield dg.AssetMaterialization(key, partition=table_id, metadata=metadata, tags=tags)


def data_version(files: Sequence[SourceFile]) -> str:
    """Return the hash that stands for the content of one source partition."""
    hashes = [file.digest.sha256 for file in files]
    if len(hashes) == 1:
        return hashes[0]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _metadata(files: Sequence[SourceFile]) -> dict[str, dg.MetadataValue]:
    rows = [file.rows for file in files if file.rows is not None]
    metadata: dict[str, dg.MetadataValue] = {
        "path": dg.MetadataValue.path(", ".join(str(file.path) for file in files)),
        "bytes": dg.MetadataValue.int(sum(file.digest.bytes for file in files)),
        "modified": dg.MetadataValue.timestamp(
            max(file.stamp.modified_ns for file in files) / 1e9
        ),
        "sha256": dg.MetadataValue.text(", ".join(file.digest.sha256 for file in files)),
    }
    if len(files) == 1:
        metadata[STAMP] = dg.MetadataValue.json(msgspec.to_builtins(files[0].stamp))
    if rows:
        metadata["rows"] = dg.MetadataValue.int(sum(rows))
        metadata["dagster/partition_row_count"] = dg.MetadataValue.int(sum(rows))
    return metadata


def _source_asset(key: dg.AssetKey, files: dict[str, list[Path]]) -> dg.SourceAsset:
    kinds = {path.suffix.lstrip(".").lower() for paths in files.values() for path in paths}
    is_scorer = key != FEATURES_KEY
    what = (
        f"Score files (sidecars) that the scorer `{key.path[-1]}` left, one partition a table."
        if is_scorer
        else "Feature tables as they are refreshed elsewhere, one partition a table."
    )

    @dg.observable_source_asset(
        key=key,
        group_name=SOURCES_GROUP,
        description=f"{what} Observing one records path, bytes, rows and sha256.",
        partitions_def=dg.StaticPartitionsDefinition(list(files)),
        metadata={"tables": len(files)},
        tags={
            "second_opinion/role": "scorer" if is_scorer else "features",
            **{f"dagster/kind/{kind}": "" for kind in sorted(kinds) if kind},
        },
    )
    def observe(context: dg.OpExecutionContext) -> dg.DataVersionsByPartition:
        for table_id in context.partition_keys if context.has_partition_key else files:
            try:
                found = [read_source_file(path) for path in files[table_id]]
            except JoinError as error:
                context.log.warning("%s: %s", table_id, error)
                continue
            if is_news(context.instance, key, table_id, data_version(found)):
                for event in observation_events(key, table_id, found):
                    context.log_event(event)
        with _beta_accepted():
            return dg.DataVersionsByPartition({})

    return observe


def is_news(instance: dg.DagsterInstance, key: dg.AssetKey, table_id: str, version: str) -> bool:
    """Say whether a source partition's content differs from what was observed last."""
    latest = instance.fetch_observations(
        dg.AssetRecordsFilter(asset_key=key, asset_partitions=[table_id]), limit=1
    ).records
    if not latest or latest[0].asset_observation is None:
        return True
    return latest[0].asset_observation.tags.get(DATA_VERSION_TAG) != version


@contextmanager
def _beta_accepted() -> Iterator[None]:
    """Silence one warning: the only source that drives staleness and automation is a beta."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield
