"""The main job from a shell: the whole graph of the manifest through Dagster, into its history.

`python -m second_opinion_assets.graph.launch` does what a person would do in the UI, table after
table.
The join without Dagster is `second-opinion batch`.
"""

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import click
import dagster as dg

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.printable import one_line, printable
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.current import load_tables
from second_opinion_assets.graph.names import (
    AGREEMENT_JSON,
    AGREEMENT_KEY,
    INPUT_ROWS,
    JOINED_KEY,
    OUTPUT_ROWS,
    REPORT_KEY,
    REPORT_MD,
)
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import source_partitions
from second_opinion_assets.join.manifest import Manifest, TableSpec
from second_opinion_assets.join.outcomes import BatchSummary

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Launched(NamedTuple):
    """How a launch ended.

    Attributes:
        summary: what was joined.
        complete: whether the agreements and the report were made as well.
    """

    summary: BatchSummary
    complete: bool


def main() -> None:
    """Do the main job, and say where the outputs are."""
    try:
        settings = Settings.from_environment()
        settings.apply()
        manifest = load_tables(settings)
    except JoinError as error:
        click.echo(printable(f"second-opinion: error: {error}"), err=True)
        sys.exit(2)
    with dg.DagsterInstance.get() as instance:
        launched = launch(manifest, settings, instance, _say)
    click.echo(f"second-opinion batch materialize: {launched.summary}")
    sys.exit(0 if launched.complete else 1)


def _say(line: str) -> None:
    click.echo(printable(line))


def launch(
    manifest: Manifest,
    settings: Settings,
    instance: dg.DagsterInstance,
    say: Callable[[str], None],
) -> Launched:
    """Observe the sources, then join and compare every table in a run of its own, then report.

    Args:
        manifest: the tables.
        settings: of the graph.
        instance: where the history of runs is kept.
        say: takes a line for each table.
    """
    job = build_definitions(manifest, settings).resolve_implicit_global_asset_job_def()

    def run(*assets: dg.AssetKey, table_id: str | None = None) -> dg.ExecuteInProcessResult:
        return job.execute_in_process(
            instance=instance,
            asset_selection=list(assets),
            partition_key=table_id,
            run_config=_QUIET,
            raise_on_error=False,
        )

    job.execute_in_process(
        instance=instance, asset_selection=list(source_partitions(manifest)), run_config=_QUIET
    )
    rows = [0, 0]
    failed = 0
    complete = True
    for table in manifest.tables:
        result = run(JOINED_KEY, AGREEMENT_KEY, table_id=table.id)
        joined = result.asset_materializations_for_node(JOINED_KEY.path[-1])
        for event in joined:
            rows[0] += int(str(event.metadata[INPUT_ROWS].value))
            rows[1] += int(str(event.metadata[OUTPUT_ROWS].value))
        failed += not joined
        complete = complete and result.success
        for line in _table_lines(table, result):
            say(line)
    report = run(REPORT_KEY)
    for line in _report_lines(report):
        say(line)
    return Launched(
        BatchSummary(len(manifest.tables), failed, *rows), complete=complete and report.success
    )


def _table_lines(table: TableSpec, result: dg.ExecuteInProcessResult) -> Iterator[str]:
    done = {event.asset_key for event in result.get_asset_materialization_events()}
    if JOINED_KEY in done:
        yield one_line(f"{table.id}: {table.out}")
        if table.audit_json:
            yield one_line(f"{table.id}: {table.audit_json} (audit)")
    for event in result.asset_materializations_for_node(AGREEMENT_KEY.path[-1]):
        yield f"{table.id}: {event.metadata[AGREEMENT_JSON].value} (agreement)"
    yield from (f"{table.id}: failed: {reason}" for reason in _failures(result))


def _report_lines(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.asset_materializations_for_node(REPORT_KEY.path[-1]):
        yield f"report: {event.metadata[REPORT_MD].value}"
    yield from (f"report: failed: {reason}" for reason in _failures(result))


def _failures(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            expected = failure.user_failure_data
            yield str(expected.description if expected else failure.error)


if __name__ == "__main__":
    main()
