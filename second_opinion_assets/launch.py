"""The main job from a shell: every table of the manifest through Dagster, into its history.

`python -m second_opinion_assets.launch` does what a person would do in the UI, table after table.
The join without Dagster is `second-opinion batch`.
"""

import sys
from collections.abc import Callable, Iterator

import click
import dagster as dg

from second_opinion_assets.assets.features import JOINED_KEY
from second_opinion_assets.assets.sources import source_partitions
from second_opinion_assets.graph import build_definitions
from second_opinion_assets.join.errors import JoinError
from second_opinion_assets.join.manifest import Manifest, TableSpec, load_manifest
from second_opinion_assets.join.outcomes import BatchSummary
from second_opinion_assets.settings import Settings

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def main() -> None:
    """Observe the sources, join every table, and say where the outputs are."""
    try:
        settings = Settings.from_environment()
        manifest = load_manifest(settings.manifest, settings.base_dir)
    except JoinError as error:
        click.echo(f"second-opinion: error: {error}", err=True)
        sys.exit(2)
    with dg.DagsterInstance.get() as instance:
        summary = launch(manifest, settings, instance, click.echo)
    click.echo(f"second-opinion batch materialize: {summary}")
    sys.exit(1 if summary.failed_tables else 0)


def launch(
    manifest: Manifest,
    settings: Settings,
    instance: dg.DagsterInstance,
    say: Callable[[str], None],
) -> BatchSummary:
    """Observe the sources, then join every table in a run of its own.

    Args:
        manifest: the tables.
        settings: of the graph.
        instance: where the history of runs is kept.
        say: takes a line for each table.
    """
    job = build_definitions(manifest, settings).resolve_implicit_global_asset_job_def()
    job.execute_in_process(
        instance=instance, asset_selection=list(source_partitions(manifest)), run_config=_QUIET
    )
    rows = [0, 0]
    failed = 0
    for table in manifest.tables:
        result = job.execute_in_process(
            instance=instance,
            asset_selection=[JOINED_KEY],
            partition_key=table.id,
            run_config=_QUIET,
            raise_on_error=False,
        )
        for event in result.get_asset_materialization_events():
            metadata = event.materialization.metadata
            rows[0] += int(str(metadata["input_rows"].value))
            rows[1] += int(str(metadata["output_rows"].value))
        failed += not result.success
        for line in _table_lines(table, result):
            say(line)
    return BatchSummary(len(manifest.tables), failed, *rows)


def _table_lines(table: TableSpec, result: dg.ExecuteInProcessResult) -> Iterator[str]:
    if result.success:
        yield f"{table.id}: {table.out}"
        if table.audit_json:
            yield f"{table.id}: {table.audit_json} (audit)"
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            expected = failure.user_failure_data
            yield f"{table.id}: failed: {expected.description if expected else failure.error}"


if __name__ == "__main__":
    main()
