"""The joined tables: the asset that performs the join, one partition a table.

Turning run config into options and results into events belongs here; the join does not.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import dagster as dg
import msgspec
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # has no public name
)
from pydantic import Field

from second_opinion_assets.contract.errors import JoinError, TransientError
from second_opinion_assets.contract.options import (
    Duplicates,
    KeyNormalize,
    MissingPolicy,
    parse_options,
)
from second_opinion_assets.contract.printable import one_line
from second_opinion_assets.contract.refusals import NotPublishedError
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.graph.checks import JOIN_CHECKS, check_results
from second_opinion_assets.graph.metadata import (
    attempt_metadata,
    count_metadata,
    described,
    join_metadata,
    summary_metadata,
    warnings_metadata,
)
from second_opinion_assets.graph.names import (
    JOIN_JOB,
    JOINED_KEY,
    MANIFEST_FINGERPRINT,
    OUTPUT_ROWS,
)
from second_opinion_assets.graph.runs import (
    Event,
    Outcome,
    asset_of_tables,
    events_of_run,
)
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import scorer_key, source_deps
from second_opinion_assets.join.join import JoinResult, materialize
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.provenance import JOIN_VERSION, Invocation, fingerprint, table_args
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.report.joined import tally_lines
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import LockWait

_DESCRIPTION = (
    "Feature tables with the second opinions of external scorers: for each scorer a score, its "
    "status (ok, bad, missing), runtime, frames and source, joined by key. Run config may set any "
    "option of the join for one launch; what it leaves out is as the manifest says."
)


class JoinConfig(dg.Config):
    """Options of the join for one launch; what is left out is as the manifest says.

    Dagster takes an enum by its members' names, which are their values here.
    """

    missing_policy: MissingPolicy | None = Field(
        default=None,
        description="mark keeps every row, drop drops the rows that lack a scorer, fail publishes "
        "nothing unless every row has an ok score from every scorer.",
    )
    key_column: str | None = Field(
        default=None, description="Column of the feature table that holds the key."
    )
    score_key_field: str | None = Field(
        default=None, description="Field of a score row that holds the key."
    )
    score_field: str | None = Field(
        default=None, description="Field of a score row that holds the score, where it has it."
    )
    label_as_score: bool | None = Field(
        default=None, description="Let score_field name a label, such as gt_score."
    )
    key_normalize: KeyNormalize | None = Field(
        default=None,
        description="How keys are reduced on both sides before they are compared: auto takes the "
        "basename in fields named after paths or files; raw, basename, stem and suffix do for all.",
    )
    key_pattern: str | None = Field(
        default=None,
        description="Regular expression with one group: the part of a key that is reduced. A key "
        "that does not match keeps its own text.",
    )
    duplicates: Duplicates | None = Field(
        default=None,
        description="What is done about ok rows of one clip and scorer that differ: error refuses "
        "the table, first and last take one of them, mean takes the mean of their scores.",
    )
    prefix: str | None = Field(
        default=None, description="First part of the name of every appended column."
    )
    overwrite: bool | None = Field(
        default=None, description="Replace columns of these names that the table has already."
    )
    canonical_names: bool | None = Field(
        default=None, description="Call a scorer that the registry knows by its one canonical name."
    )
    aligned_scores: bool | None = Field(
        default=None,
        description="Append also each score on one scale, 0 worst and 100 best, of the scorers "
        "whose scale and direction are known.",
    )

    min_coverage: Any = Field(
        default=None,
        description="Least share of the rows, 0 to 1, that must have an ok score: a number for "
        "every scorer, or an object, {DOVER: 0.9}. Below it nothing is published.",
    )
    allow_empty: bool | None = Field(
        default=None, description="Publish a table in which no row has an ok score."
    )

    def overrides(self) -> dict[str, Any]:
        """Return the options that this launch sets, as plain values."""
        return {
            name: value.value if isinstance(value, Enum) else value
            for name, value in self
            if value is not None
        }


def joined_tables(
    manifest: Manifest,
    settings: Settings,
    problem: str = "",
    ended: Callable[[str], None] = lambda _: None,
) -> dg.AssetsDefinition:
    """Return the asset of the joined tables of a manifest.

    Args:
        manifest: the tables.
        settings: of the graph.
        problem: why the manifest on the disk is another one; each run says it.
        ended: told of each table by its id as its join ends.
    """
    kinds = {table.out.suffix.lstrip(".").lower() for table in manifest.tables}

    def second_opinion_features(
        context: dg.AssetExecutionContext, config: JoinConfig
    ) -> Iterator[Event]:
        if problem:
            context.log.warning(problem)
        wait = LockWait(settings.lock_timeout_seconds, context.log.info)

        def join(table_id: str) -> Outcome:
            try:
                return _join(context, manifest.table(table_id), config, wait)
            except JoinError as error:
                return Outcome([], {}, failure=str(error))
            finally:
                ended(table_id)

        yield from events_of_run(context, manifest, join)

    return asset_of_tables(
        manifest,
        second_opinion_features,
        JOINED_KEY,
        role="joined",
        description=described(problem, _DESCRIPTION),
        deps=source_deps(manifest),
        checks=JOIN_CHECKS,
        code_version=JOIN_VERSION,
        most_tables=settings.tables_per_run,
        kinds={"python", *sorted(kinds)[:2]},
        metadata={"promotion_grade_tables": [t.id for t in manifest.tables if t.promotion_grade]},
    )


def join_job() -> UnresolvedAssetJobDefinition:
    """Return the job whose launchpad shows every option; what is null there changes nothing."""
    options = dict.fromkeys(JoinConfig.model_fields)
    return dg.define_asset_job(
        JOIN_JOB,
        selection=[JOINED_KEY],
        config={"ops": {JOINED_KEY.path[-1]: {"config": options}}},
        description="Joins tables, with other options than the manifest's for one launch: what is "
        "null stays as the manifest says. Each option's choices are told as it is typed.",
    )


def _join(
    context: dg.AssetExecutionContext, table: TableSpec, config: JoinConfig, wait: LockWait
) -> Outcome:
    """Join one table and return what became of it."""
    grade = table.promotion_grade
    try:
        spec = _with_overrides(table, config)
        result = materialize(spec, _invocation(spec, config), wait=wait)
    except NotPublishedError as error:
        _log(context, table, error.tally)
        checks = list(check_results(error.tally, spec, promotion_grade=grade, published=False))
        counts = {**warnings_metadata(error.tally), **count_metadata(error.tally)}
        del counts[OUTPUT_ROWS]  # nothing was published
        counts.update(summary_metadata(error.tally, published=False))
        return Outcome(checks, counts, failure=str(error), attempt=attempt_metadata(error))
    except JoinError as error:
        return Outcome([], {}, failure=str(error), transient=isinstance(error, TransientError))
    _log(context, table, result.tally)
    # What the manifest would have made of these inputs: a launch that overrides it is left alone
    # by automation until its inputs or the manifest change.
    by_manifest = fingerprint(table, result.features, [given.digest for given in result.sidecars])
    return Outcome(
        list(check_results(result.tally, spec, promotion_grade=grade, published=True)),
        {
            **join_metadata(result, _scorer_keys(result)),
            MANIFEST_FINGERPRINT: dg.MetadataValue.text(by_manifest),
        },
        version=result.fingerprint,
    )


def _with_overrides(table: TableSpec, config: JoinConfig) -> TableSpec:
    options = {**table.options.as_dict(), **config.overrides()}
    return msgspec.structs.replace(table, options=parse_options(options, "run config"))


def _invocation(spec: TableSpec, config: JoinConfig) -> Invocation:
    """Return what asked for the join: a Dagster run has no command line of its own."""
    return Invocation(
        entrypoint=Location(__file__),
        argv=(),
        args={**table_args(spec), "partition": spec.id, "run_config": config.overrides()},
    )


def _scorer_keys(result: JoinResult) -> dict[str, dg.AssetKey]:
    """Return which asset each scorer's rows came from; a file without rows stands for its label."""
    keys = {}
    for given in result.sidecars:
        sidecar = given.sidecar
        for name in sidecar.scorer_names:
            if sidecar.label or sidecar.rules.scorers:
                keys[result.spec.scorer_name(name)] = scorer_key(name)
    for given in result.sidecars:
        if not given.sidecar.rules.scorers:
            keys.update(dict.fromkeys(given.scorers, scorer_key(given.sidecar.scorer_name)))
    return keys


def _log(context: dg.AssetExecutionContext, table: TableSpec, tally: Tally) -> None:
    """Log the counts of a table, all in one event: many tables may share a run."""
    context.log.info("\n".join(map(one_line, [table.id, *tally_lines(tally)])))
