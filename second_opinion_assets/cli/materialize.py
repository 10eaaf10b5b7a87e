"""`second-opinion materialize`: one table."""

from collections.abc import Sequence

import click

from second_opinion_assets.cli.console import (
    errors_in_one_line,
    invocation,
    progress_bar,
    say,
    say_detail,
    say_totals,
    usage_errors,
    warn,
)
from second_opinion_assets.cli.flags import in_flags
from second_opinion_assets.cli.options import (
    LOCATION,
    allow_empty_option,
    confine_option,
    examples,
    limit_option,
    lock_option,
    reading_options,
    scores_option,
    verbosity_options,
)
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import DEFAULT_PREFIX, MissingPolicy, parse_options
from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.manifest_scorers import table_registry
from second_opinion_assets.join.manifest_sidecars import parse_sidecars
from second_opinion_assets.join.provenance import table_args
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.matching.drift import FIRST_JOIN
from second_opinion_assets.registry.facts import shipped_registry
from second_opinion_assets.report.joined import scorer_lines, skipped_lines
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import LockWait


@click.command(
    "materialize",
    epilog=examples(
        "materialize --features features.jsonl --scores DOVER=dover.csv --out joined.jsonl",
        "materialize --features f.parquet --scores logs/ --out joined.parquet --audit-json a.json",
    ),
)
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
@click.option(
    "--min-coverage",
    multiple=True,
    metavar="[SCORER=]SHARE",
    help="Least share of the rows, 0 to 1, that must have an ok score: of every scorer, or of "
    "SCORER. Below it nothing is published. Repeatable for several scorers.",
)
@allow_empty_option
@click.option("--canonical-names", is_flag=True, help="Give each known scorer its canonical name.")
@click.option(
    "--aligned-scores",
    is_flag=True,
    help="Append also each score on one scale, 0 worst and 100 best, of the scorers whose "
    "scale and direction are known.",
)
@lock_option
@verbosity_options
@confine_option
@limit_option
def materialize_command(
    features: Location,
    scores: tuple[str, ...],
    out: Location,
    audit_json: Location | None,
    min_coverage: tuple[str, ...],
    lock_timeout: float,
    **options: object,
) -> None:
    """Join score files onto one feature table."""
    with usage_errors():
        coverage = parse_min_coverage(min_coverage)
        sidecars, scale = parse_sidecars(scores)
        spec = TableSpec(
            id=features.stem,
            features=features,
            scores=sidecars,
            out=out,
            audit_json=audit_json,
            options=parse_options({**options, "min_coverage": coverage}, ""),
            scale=scale,
            registry=table_registry(shipped_registry(), scale, "scores"),
        )
    with errors_in_one_line(in_flags), progress_bar([spec]) as progress:
        wait = LockWait(lock_timeout, say)
        result = materialize(spec, invocation(table_args(spec)), progress, wait)
    tally = result.tally
    say_detail(f"read {features}: {tally.input_rows} rows, key {result.key_column}")
    for given in result.sidecars:
        fields = ", ".join(given.score_fields) or "none"
        read_as = ", ".join(given.formats).replace("_", " ")
        say_detail(f"read {given.sidecar.written}: {read_as}, {given.rows} rows, score {fields}")
    for line in (*scorer_lines(tally), *skipped_lines(result.sidecars)):
        say(line)
    warn(tally, in_flags)
    if result.drift.not_compared != FIRST_JOIN:
        say(f"since the previous join: {result.drift}")
    say_totals(
        "materialize",
        f"input_rows={tally.input_rows} output_rows={tally.output_rows} "
        f"matched={tally.matched_rows} missing={tally.missing_rows} bad={tally.bad_rows} out={out}",
    )


def parse_min_coverage(given: Sequence[str]) -> float | dict[str, float] | None:
    """Return the least coverage that is asked for, of every scorer or by scorer; None for none.

    Raises:
        JoinError: what is no share, a scorer that is named twice, or one of several shares that
            names none.
    """
    shares: dict[str, float] = {}
    for text in given:
        scorer, _, written = text.rpartition("=")
        try:
            share = float(written)
        except ValueError:
            msg = f"min_coverage is {text!r}, expected a share, as 0.9, or SCORER=0.9"
            raise JoinError(msg) from None
        if scorer in shares:
            whose = f"of {scorer}" if scorer else "of every scorer"
            msg = f"min_coverage {whose} is given twice; leave out one"
            raise JoinError(msg)
        shares[scorer] = share
    if "" in shares and len(shares) > 1:
        msg = "min_coverage is given for every scorer and by scorer; name the scorer of each share"
        raise JoinError(msg)
    return shares.get("", shares or None)
