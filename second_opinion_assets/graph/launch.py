"""The main job from a shell: the whole graph of the manifest through Dagster, into its history.

`python -m second_opinion_assets.graph.launch` does what a person would do in the UI, many tables in
one run: a run costs seconds, whatever its work.
The join without Dagster is `second-opinion batch`.
"""

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
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
    FAILED_TABLES,
    INPUT_ROWS,
    JOINED_KEY,
    OUTPUT_ROWS,
    REPORT_HTML,
    REPORT_KEY,
)
from second_opinion_assets.graph.pages import pages
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import source_partitions
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.outcomes import BatchSummary
from second_opinion_assets.join.table_spec import TableSpec

_Result = dg.ExecuteInProcessResult
_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_CLEAR_LINE = "\r\x1b[K"
_SHOWN_TABLES = 10
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
    gc.freeze()  # looking through all of Dagster's modules again and again costs a tenth
    try:
        settings = Settings.from_environment()
        settings.apply()
        manifest = load_tables(settings)
    except JoinError as error:
        click.echo(printable(f"second-opinion: error: {error}"), err=True)
        sys.exit(2)
    with dg.DagsterInstance.get() as instance:
        progress = _Progress(len(manifest.tables))
        launched = launch(manifest, settings, instance, progress.say, progress.ended)
    click.echo(f"second-opinion batch materialize: {launched.summary}")
    sys.exit(0 if launched.complete else 1)


class _Progress:
    """Shows on stderr how many tables are done: in place on a terminal, else now and then."""

    def __init__(self, tables: int) -> None:
        self._tables = tables
        self._done = 0
        self._in_place = sys.stderr.isatty()

    def ended(self, _table_id: str) -> None:
        """Count a table."""
        self._done += 1
        text = f"{self._done} of {self._tables} tables"
        if self._in_place:
            click.echo(f"\r{text}", err=True, nl=False)
        elif self._done % _SHOWN_TABLES == 0 or self._done == self._tables > _SHOWN_TABLES:
            click.echo(text, err=True)

    def say(self, line: str) -> None:
        """Print a line of the answer, which takes the place of the count."""
        if self._in_place:
            click.echo(_CLEAR_LINE, err=True, nl=False)
        click.echo(printable(line))


def launch(
    manifest: Manifest,
    settings: Settings,
    instance: dg.DagsterInstance,
    say: Callable[[str], None],
    ended: Callable[[str], None] = lambda _: None,
) -> Launched:
    """Observe the sources, then join and compare the tables in shared runs, then report.

    Args:
        manifest: the tables.
        settings: of the graph.
        instance: where the history of runs is kept.
        say: takes a line for each table.
        ended: told of each table by its id as its join ends.
    """
    definitions = build_definitions(manifest, settings, ended=ended)
    job = definitions.resolve_implicit_global_asset_job_def()

    def run(assets: Sequence[dg.AssetKey], tables: Sequence[TableSpec] = ()) -> _Result:
        several = len(tables) > 1
        tags = {_RANGE_START: tables[0].id, _RANGE_END: tables[-1].id} if several else None
        return job.execute_in_process(
            instance=instance,
            asset_selection=list(assets),
            partition_key=tables[0].id if len(tables) == 1 else None,
            tags=tags,
            run_config=_QUIET,
            raise_on_error=False,
        )

    run(list(source_partitions(manifest)))
    done: list[_Table] = []
    for tables in pages(manifest.tables, settings.tables_per_run):
        joined = _tables(tables, run([JOINED_KEY], tables), JOINED_KEY)
        good = [table.spec for table in joined if table.event and not table.failure]
        compared = [
            table
            for neighbours in _neighbours(good, tables)
            for table in _tables(neighbours, run([AGREEMENT_KEY], neighbours), AGREEMENT_KEY)
        ]
        by_id = {table.spec.id: table for table in compared}
        for table in joined:
            for line in _table_lines(table, by_id.get(table.spec.id)):
                say(line)
        done += [*joined, *compared]
    report = run([REPORT_KEY])
    for line in _report_lines(report):
        say(line)
    return Launched(_summary(manifest, done), complete=_is_complete(done) and report.success)


class _Table(NamedTuple):
    """What a run made of one table: its materialization, and why there is none, or it is bad."""

    spec: TableSpec
    key: dg.AssetKey
    event: dg.AssetMaterialization | None
    failure: str


def _neighbours(
    good: Sequence[TableSpec], tables: Sequence[TableSpec]
) -> Iterator[Sequence[TableSpec]]:
    """Yield those of the tables that are good, in ranges without others between them."""
    ids = {table.id for table in good}
    for is_good, neighbours in groupby(tables, lambda table: table.id in ids):
        if is_good:
            yield list(neighbours)


def _tables(tables: Sequence[TableSpec], result: _Result, key: dg.AssetKey) -> list[_Table]:
    """Return what a run made of each of its tables."""
    made = result.asset_materializations_for_node(key.path[-1])
    events = {str(event.partition): event for event in made}
    failures = _failures_by_table(tables, result)
    return [_Table(t, key, events.get(t.id), failures.get(t.id, "")) for t in tables]


def _failures_by_table(tables: Sequence[TableSpec], result: _Result) -> dict[str, str]:
    """Return why tables failed; a run that failed as a whole did so for each."""
    for event in result.all_events:
        if event.is_step_failure:
            expected = event.step_failure_data.user_failure_data
            named = expected.metadata.get(FAILED_TABLES) if expected else None
            if isinstance(named, dg.JsonMetadataValue) and isinstance(named.value, dict):
                return {str(table_id): str(why) for table_id, why in named.value.items()}
    return {table.id: reason for table in tables for reason in _failures(result)}


def _summary(manifest: Manifest, done: Sequence[_Table]) -> BatchSummary:
    joined = [table.event for table in done if table.key == JOINED_KEY and table.event]
    rows = (
        sum(int(str(event.metadata[name].value)) for event in joined)
        for name in (INPUT_ROWS, OUTPUT_ROWS)
    )
    return BatchSummary(len(manifest.tables), len(manifest.tables) - len(joined), *rows)


def _is_complete(done: Sequence[_Table]) -> bool:
    return all(table.event and not table.failure for table in done)


def _table_lines(joined: _Table, compared: _Table | None) -> Iterator[str]:
    table = joined.spec
    if joined.event:
        yield one_line(f"{table.id}: {table.out}")
        if table.audit_json:
            yield one_line(f"{table.id}: {table.audit_json} (audit)")
    if compared and compared.event:
        yield f"{table.id}: {compared.event.metadata[AGREEMENT_JSON].value} (agreement)"
    for made in (joined, compared):
        if made and made.failure:
            yield f"{table.id}: failed: {made.failure}"


def _report_lines(result: _Result) -> Iterator[str]:
    for event in result.asset_materializations_for_node(REPORT_KEY.path[-1]):
        yield f"report: {event.metadata[REPORT_HTML].value} (to send)"
    yield from (f"report: failed: {reason}" for reason in _failures(result))


def _failures(result: _Result) -> Iterator[str]:
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            expected = failure.user_failure_data
            yield str(expected.description if expected else failure.error)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
