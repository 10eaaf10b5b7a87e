"""Assets with a partition a table, and the events of a run over one table or several.

Dagster's own result of a step stands for all of a run's partitions or for none, so what it does
for a run of one table is done here for each: its own materialization, checks, failure. What a table
gives belongs to its asset.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import dagster as dg
from dagster import AssetCheckSeverity

from second_opinion_assets.contract.printable import one_line
from second_opinion_assets.graph.checks import check_specs
from second_opinion_assets.graph.names import (
    ATTEMPT,
    DATA_VERSION_TAG,
    FAILED_TABLES,
    JOINED_GROUP,
    MANIFEST,
    MANIFEST_TAG,
    OWNERS,
    ROLE_TAG,
    TRANSIENT,
    TRANSIENT_TABLES,
    Metadata,
)
from second_opinion_assets.join.manifest import Manifest

_UNKNOWN = "UNKNOWN"
_SHOWN_FAILURES = 20
Event = (
    dg.AssetCheckResult
    | dg.AssetCheckEvaluation
    | dg.AssetMaterialization
    | dg.AssetObservation
    | dg.MaterializeResult[None]
    | dg.Output[None]
)


class Outcome(NamedTuple):
    """What became of one table.

    Attributes:
        checks: the results of its checks; none if it could not be read.
        metadata: of its materialization, or of its failure.
        version: the data version that was published, or None.
        failure: why nothing was published, in one line; empty if all is well.
        transient: whether the same files may be joined another time.
        attempt: what is known of one that published nothing, for the table's page.
    """

    checks: list[dg.AssetCheckResult]
    metadata: Metadata
    version: str | None = None
    failure: str = ""
    transient: bool = False
    attempt: Metadata = {}  # noqa: RUF012 (nobody changes it)


def asset_of_tables(
    manifest: Manifest,
    make: Callable[..., Iterator[Event]],
    key: dg.AssetKey,
    *,
    role: str,
    description: str,
    deps: Iterable[dg.AssetDep],
    checks: Mapping[str, str],
    code_version: str,
    most_tables: int,
    kinds: set[str],
    metadata: Mapping[str, object] | None = None,
) -> dg.AssetsDefinition:
    """Return an asset with one partition for each table of a manifest.

    Args:
        manifest: the tables.
        make: makes those of a run and yields their events, by `events_of_run`.
        key: names the asset.
        role: what the asset is to the graph, in one word.
        description: for people.
        deps: what it is made from.
        checks: what each of its checks says, by name.
        code_version: changes whenever the same inputs would give something else.
        most_tables: how many of a backfill share a run.
        kinds: shown on the asset in the UI.
        metadata: beside the manifest.
    """
    partitions = dg.StaticPartitionsDefinition([table.id for table in manifest.tables])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # the backfill policy is one
        return dg.asset(
            key=key,
            deps=deps,
            partitions_def=partitions,
            check_specs=check_specs(key, partitions, checks),
            code_version=code_version,
            backfill_policy=dg.BackfillPolicy.multi_run(most_tables),
            output_required=False,  # of several tables each yields its own events
            group_name=JOINED_GROUP,
            owners=OWNERS,
            kinds=kinds,
            tags={ROLE_TAG: role},
            metadata={MANIFEST: dg.MetadataValue.path(str(manifest.path)), **(metadata or {})},
            description=description,
        )(make)


def tag_run(context: dg.AssetExecutionContext, manifest: Manifest) -> dict[str, str]:
    """Let a run say which manifest it is for; return the tags of events that say so."""
    tags = {MANIFEST_TAG: manifest.name}
    if context.run.tags.get(MANIFEST_TAG) != manifest.name:
        context.instance.add_run_tags(context.run.run_id, tags)
    return tags


def events_of_run(
    context: dg.AssetExecutionContext, manifest: Manifest, make: Callable[[str], Outcome]
) -> Iterator[Event]:
    """Make each table of a run, by its id, and yield its events.

    A table that fails does not affect other tables.

    Raises:
        dg.Failure: a table failed; see `_events_of_tables` for several.
    """
    tags = tag_run(context, manifest)
    if not context.has_partition_key:  # a range of them
        yield from _events_of_tables(context, tags, make)
        return
    outcome = make(context.partition_key)
    if outcome.failure:
        yield from outcome.checks
        yield _attempt(context.asset_key, context.partition_key, outcome, tags)
        metadata = dict(outcome.metadata)
        if outcome.transient:
            metadata[TRANSIENT] = dg.MetadataValue.bool(True)
        # Its one line; trying again at once would not help.
        raise dg.Failure(outcome.failure, metadata, allow_retries=False)
    yield dg.MaterializeResult(
        metadata=outcome.metadata,
        data_version=dg.DataVersion(outcome.version or ""),
        check_results=outcome.checks,
        tags=tags,
    )


def _attempt(
    key: dg.AssetKey, table_id: str, outcome: Outcome, tags: Mapping[str, str]
) -> dg.AssetObservation:
    """Return what the table's page shows of an attempt that published nothing.

    Dagster shows no other event of a partition there. What was published before stays beside it,
    so that each name says of which of the two it is.
    """
    why = dg.MetadataValue.text(outcome.failure)
    parts = {f"{ATTEMPT}/{name}": value for name, value in outcome.attempt.items()}
    return dg.AssetObservation(
        key, partition=table_id, metadata={ATTEMPT: why, **parts}, tags=dict(tags)
    )


def _events_of_tables(
    context: dg.AssetExecutionContext, tags: Mapping[str, str], make: Callable[[str], Outcome]
) -> Iterator[Event]:
    """Make each table of a run and yield its events.

    Raises:
        dg.Failure: once all tables are done; names those that failed, and has a bug as its cause.
    """
    specs = {spec.name: spec for spec in context.assets_def.check_specs}
    provenance = {**_provenance_tags(context), **tags}
    failures: dict[str, str] = {}
    transient: list[str] = []
    bug: Exception | None = None
    for table_id in context.partition_keys:
        try:
            outcome = make(table_id)
        except Exception as error:  # noqa: BLE001 (raised once the other tables are done)
            bug = error
            outcome = Outcome([], {}, failure=one_line(f"{type(error).__name__}: {error}"))
        if outcome.version is not None:
            yield dg.AssetMaterialization(
                context.asset_key,
                partition=table_id,
                metadata=outcome.metadata,
                tags={**provenance, DATA_VERSION_TAG: outcome.version},
            )
        for result in outcome.checks:
            evaluation = _evaluation(specs[result.check_name or ""], table_id, result)
            yield evaluation
            if evaluation.blocking and _is_error(evaluation):
                failures[table_id] = f"published, but its {evaluation.check_name} failed"
        if outcome.failure:
            yield _attempt(context.asset_key, table_id, outcome, tags)
            failures[table_id] = outcome.failure
            transient += [table_id] if outcome.transient else []
            context.log.error("%s: %s", table_id, outcome.failure)
    if failures:
        raise _failure(failures, transient, len(context.partition_keys)) from bug
    # The step has an output for each check, which says nothing; its own one would stand for a
    # materialization of every table once more.
    outputs = context.op_execution_context.selected_output_names
    for name in sorted(outputs - set(context.assets_def.keys_by_output_name)):
        yield dg.Output(None, name)


def _evaluation(
    spec: dg.AssetCheckSpec, table_id: str, result: dg.AssetCheckResult
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        spec.asset_key,
        spec.name,
        result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
        blocking=spec.blocking,
        partition=table_id,
    )


def _is_error(evaluation: dg.AssetCheckEvaluation) -> bool:
    return not evaluation.passed and evaluation.severity is AssetCheckSeverity.ERROR


def _failure(failures: Mapping[str, str], transient: list[str], tables: int) -> dg.Failure:
    """Return the failure of a run that names the tables that failed, and those it may pass of.

    Trying again at once is no use.
    """
    shown = [f"{table_id}: {why}" for table_id, why in failures.items()][:_SHOWN_FAILURES]
    if len(failures) > len(shown):
        shown.append(f"and {len(failures) - len(shown)} more")
    return dg.Failure(
        description=f"{len(failures)} of {tables} tables failed\n" + "\n".join(shown),
        metadata={
            FAILED_TABLES: dg.MetadataValue.json(dict(failures)),
            **({TRANSIENT_TABLES: dg.MetadataValue.json(transient)} if transient else {}),
        },
        allow_retries=False,
    )


def _provenance_tags(context: dg.AssetExecutionContext) -> dict[str, str]:
    """Return the tags by which Dagster tells later whether an input changed.

    An input's event pointer is the latest event that the step could have known of. Its data
    version is looked up by that pointer where the input is partitioned, as all of ours are.
    """
    tags = {
        "dagster/code_version": str(context.assets_def.code_versions_by_key[context.asset_key]),
        "dagster/data_version_is_user_provided": "true",
    }
    inputs = context.assets_def.asset_deps[context.asset_key]
    records = context.instance.get_asset_records(list(inputs))
    latest = {r.asset_entry.asset_key: r.asset_entry.last_materialization_record for r in records}
    for key in inputs:
        record = latest.get(key)
        if record is None:
            record = next(iter(context.instance.fetch_observations(key, limit=1).records), None)
        name = key.to_user_string()
        tags[f"dagster/input_data_version/{name}"] = _UNKNOWN
        tags[f"dagster/input_event_pointer/{name}"] = str(record.storage_id) if record else "NULL"
    return tags
