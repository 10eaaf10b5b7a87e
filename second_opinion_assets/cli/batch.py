"""`second-opinion batch`: every table of a manifest."""

import sys

import click

from second_opinion_assets.cli.console import (
    EXIT_FAILED,
    answer,
    errors_in_one_line,
    invocation,
    progress_bar,
    say,
    say_detail,
    say_error,
    say_totals,
    warn,
)
from second_opinion_assets.cli.options import (
    LOCATION,
    allow_empty_option,
    confine_option,
    examples,
    limit_option,
    lock_option,
    verbosity_options,
)
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.batch import BatchInterrupted, allowing_empty, materialize_batch
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.join.outcomes import TableOutcome, TableStatus
from second_opinion_assets.report.joined import scorer_lines
from second_opinion_assets.report.report import Report, ReportFiles
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import LockWait


@click.command(
    "batch",
    epilog=examples(
        "batch --manifest config/clips.json --dry-run",
        "batch --manifest config/clips.json --report-md outputs/clips/report.md",
    ),
)
@click.option(
    "--manifest", type=LOCATION, required=True, help="Batch manifest: JSON, YAML or TOML."
)
@click.option(
    "--base-dir",
    type=LOCATION,
    help="Folder that the manifest's paths are relative to.  [default: the manifest's own]",
)
@click.option("--report-json", type=LOCATION, help="Where the report goes as JSON.")
@click.option("--report-md", type=LOCATION, help="Where the report goes as Markdown.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Read and match everything, tell what would be joined, and write nothing.",
)
@click.option("--fail-fast", is_flag=True, help="Stop after the first table that fails.")
@allow_empty_option
@lock_option
@verbosity_options
@confine_option
@limit_option
def batch_command(
    manifest: Location,
    base_dir: Location | None,
    report_json: Location | None,
    report_md: Location | None,
    *,
    dry_run: bool,
    fail_fast: bool,
    allow_empty: bool,
    lock_timeout: float,
) -> None:
    """Join every table of a manifest. A table that fails does not affect other tables.

    The exit status is 0, or 1 if a table failed, or 2 for a manifest or usage error, or 130 if
    Ctrl-C ended it; the tables before are then complete, and the report tells of all.
    """
    files = ReportFiles(report_json, report_md)
    if dry_run and (report_json or report_md):
        msg = "a dry run writes nothing; leave out the reports"
        raise click.UsageError(msg)
    paths = {
        "manifest": manifest,
        "base_dir": base_dir,
        "report_json": report_json,
        "report_md": report_md,
    }
    args = {name: path and str(path) for name, path in paths.items()}
    asked = invocation({**args, "fail_fast": fail_fast, "allow_empty": allow_empty})
    interrupt = None
    with errors_in_one_line():
        loaded = load_manifest(manifest, base_dir)
        files.refuse_shared(loaded)
        if allow_empty:
            loaded = allowing_empty(loaded)
        with progress_bar(loaded.tables) as progress:
            try:
                outcomes = materialize_batch(
                    loaded,
                    asked,
                    fail_fast=fail_fast,
                    dry_run=dry_run,
                    progress=progress,
                    ended=_tell_what_would_be if dry_run else _say_how_it_ended,
                    wait=LockWait(lock_timeout, say),
                )
            except BatchInterrupted as error:
                outcomes, interrupt = error.outcomes, error
        report = Report(loaded, outcomes, asked, files)
        report.write()
    say_totals("batch dry run" if dry_run else "batch materialize", report.summary)
    if interrupt:
        _say_where_it_ended(interrupt)
        sys.exit(interrupt.exit_status)
    sys.exit(EXIT_FAILED if report.summary.failed_tables else 0)


def _say_where_it_ended(interrupt: BatchInterrupted) -> None:
    names = [o.spec.id for o in interrupt.outcomes if o.status is TableStatus.not_begun]
    say(f"interrupted; not begun: {', '.join(names) or 'none'}")


def _say_how_it_ended(outcome: TableOutcome, tally: Tally | None) -> None:
    if outcome.error is not None:
        say_error(f"table {outcome.spec.id}", outcome.error)
    if tally is not None:
        for line in scorer_lines(tally):
            say_detail(f"table {outcome.spec.id}: {line}")
        warn(tally, lambda message: f"table {outcome.spec.id}: {message}")


def _tell_what_would_be(outcome: TableOutcome, tally: Tally | None) -> None:
    if tally is not None and outcome.error is None:
        rows = f"{tally.output_rows} of {tally.input_rows} rows"
        answer([f"{outcome.spec.id}: {rows}, to {outcome.spec.out}"])
        answer(f"  {line}" for line in scorer_lines(tally))
    _say_how_it_ended(outcome, tally)
