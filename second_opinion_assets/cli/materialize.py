"""`second-opinion materialize`: one table."""

import click

from second_opinion_assets.cli.console import (
    errors_in_one_line,
    invocation,
    progress_bar,
    say,
    say_totals,
    usage_errors,
    warn_of_keys,
)
from second_opinion_assets.cli.options import LOCATION, reading_options, scores_option
from second_opinion_assets.contract.options import DEFAULT_PREFIX, MissingPolicy, parse_options
from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.manifest import TableSpec
from second_opinion_assets.join.manifest_scorers import table_registry
from second_opinion_assets.join.manifest_sidecars import parse_sidecars
from second_opinion_assets.join.provenance import table_args
from second_opinion_assets.matching.drift import FIRST_JOIN
from second_opinion_assets.registry.facts import shipped_registry
from second_opinion_assets.storage.location import Location


@click.command("materialize")
@click.option(
    "--features",
    type=LOCATION,
    required=True,
    help="Feature table: parquet, JSONL, JSON, CSV or TSV; - for JSONL from standard input.",
)
@scores_option
@click.option(
    "--out",
    type=LOCATION,
    required=True,
    help="Joined table. Its suffix decides its format; - for JSONL to standard output.",
)
@click.option("--audit-json", type=LOCATION, help="Where the audit, with its run_provenance, goes.")
@reading_options
@click.option(
    "--missing-policy",
    type=click.Choice(list(MissingPolicy)),
    default=MissingPolicy.mark,
    show_default=True,
    help="mark keeps every row. drop drops the rows that lack a scorer. fail publishes nothing "
    "unless every row has an ok score from every scorer.",
)
@click.option(
    "--prefix",
    default=DEFAULT_PREFIX,
    show_default=True,
    help="First part of the name of every appended column.",
)
@click.option(
    "--overwrite", is_flag=True, help="Replace columns of these names that the table already has."
)
@click.option("--canonical-names", is_flag=True, help="Give each known scorer its canonical name.")
def materialize_command(
    features: Location,
    scores: tuple[str, ...],
    out: Location,
    audit_json: Location | None,
    **options: object,
) -> None:
    """Join score files onto one feature table."""
    with usage_errors():
        sidecars, scale = parse_sidecars(scores)
        spec = TableSpec(
            id=features.stem,
            features=features,
            scores=sidecars,
            out=out,
            audit_json=audit_json,
            options=parse_options(options, "options"),
            scale=scale,
            registry=table_registry(shipped_registry(), scale, "scores"),
        )
    with errors_in_one_line(), progress_bar([spec]) as progress:
        result = materialize(spec, invocation(table_args(spec)), progress)
    tally = result.tally
    warn_of_keys(tally)
    if result.drift.not_compared != FIRST_JOIN:
        say(f"since the previous join: {result.drift}")
    say_totals(
        "materialize",
        f"input_rows={tally.input_rows} output_rows={tally.output_rows} "
        f"matched={tally.matched_rows} missing={tally.missing_rows} bad={tally.bad_rows} out={out}",
    )
