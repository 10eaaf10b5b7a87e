"""`second-opinion report`: the evidence on all tables of a manifest, as one page to send."""

from datetime import UTC, datetime
from functools import partial

import click

from second_opinion_assets.cli.console import (
    errors_in_one_line,
    invocation,
    say_totals,
    tables_bar,
)
from second_opinion_assets.cli.no_pandas import allow_pandas
from second_opinion_assets.cli.options import (
    LOCATION,
    confine_option,
    examples,
    limit_option,
    verbosity_options,
)
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.join.standing import audits_by_table, standings
from second_opinion_assets.report.report import Report, ReportFiles
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import publish_text


@click.command(
    "report",
    epilog=examples(
        "report --manifest config/clips.json --html outputs/clips/report.html",
        "report --manifest config/clips.json --html report.html --table clips_jsonl",
    ),
)
@click.option("--manifest", type=LOCATION, required=True, help="Manifest: JSON, YAML or TOML.")
@click.option(
    "--base-dir",
    type=LOCATION,
    help="Folder that the manifest's paths are relative to.  [default: the manifest's own]",
)
@click.option("--html", type=LOCATION, required=True, metavar="FILE", help="Where the page goes.")
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="ID",
    help="Show the answers of this table with pictures. Repeatable.  [default: all of up to twenty "
    "tables, the first three of more]",
)
@verbosity_options
@confine_option
@limit_option
def report_command(
    manifest: Location, base_dir: Location | None, html: Location, tables: tuple[str, ...]
) -> None:
    """Write one HTML page on all tables of a manifest, from the audits and outputs that are there.

    It needs no network and no other file, so that it can be sent. Nothing is joined: a table that
    was never joined, or that is not what its audit says, stands in the page as such. The exit
    status is 0, or 2 for a manifest or usage error.
    """
    allow_pandas()
    # Here, since it loads pandas, scipy and matplotlib, which takes seconds.
    from second_opinion_assets.agreement.evidence import evidence_page  # noqa: PLC0415

    paths = {"manifest": manifest, "base_dir": base_dir, "html": html}
    asked = invocation({name: path and str(path) for name, path in paths.items()})
    files = ReportFiles(report_html=html)
    with errors_in_one_line():
        loaded = load_manifest(manifest, base_dir)
        files.refuse_shared(loaded)
        if unknown := sorted({*tables} - {table.id for table in loaded.tables}):
            msg = f"{manifest} has no table {', '.join(map(repr, unknown))}; name one that it has"
            raise click.UsageError(msg)
        found = list(standings(loaded))
        report = Report(loaded, [standing.outcome for standing in found], asked, files)
        audits = partial(audits_by_table, found)
        with tables_bar("comparing", len(found)) as looked_at:
            page = evidence_page(report, audits, datetime.now(UTC), tables, looked_at)
        publish_text(html, page)
    say_totals("report", f"{report.summary} html={html}")
