"""`second-opinion explain`: what the join would make of some files."""

import sys

import click

from second_opinion_assets.cli.console import (
    EXIT_FAILED,
    answer,
    answer_json,
    errors_in_one_line,
    usage_errors,
)
from second_opinion_assets.cli.flags import in_flags
from second_opinion_assets.cli.options import (
    LOCATION,
    confine_option,
    examples,
    json_option,
    limit_option,
    reading_options,
    scores_option,
    verbosity_options,
)
from second_opinion_assets.contract.options import parse_options
from second_opinion_assets.join.explain import explain
from second_opinion_assets.join.manifest_sidecars import parse_sidecars
from second_opinion_assets.report.explain import document, lines
from second_opinion_assets.storage.location import Location


@click.command(
    "explain",
    epilog=examples(
        "explain features.jsonl --scores DOVER=dover.csv --scores VMAF=vmaf_logs",
        "explain data/clips/features.jsonl --scores data/clips/piqe.jsonl --json",
    ),
)
@click.argument("features", type=LOCATION)
@scores_option
@reading_options
@json_option
@verbosity_options
@confine_option
@limit_option
def explain_command(
    features: Location, scores: tuple[str, ...], *, as_json: bool, **options: object
) -> None:
    """Explain what is recognised of a feature table and its score files.

    The answer tells how each score file is read, how many rows find a score under each way of
    reading keys, and why others do not. It ends with a manifest to be saved. No file is written.
    The exit status is 0, or 1 if the files cannot be joined as asked, or 2 for a usage error.
    """
    with usage_errors():
        sidecars, _ = parse_sidecars(scores)
        asked = parse_options(options, "")
    with errors_in_one_line(in_flags):
        explanation = explain(features, sidecars, asked)
        if as_json:
            answer_json(document(explanation))
        else:
            answer(lines(explanation, in_flags))
    sys.exit(EXIT_FAILED if explanation.problems else 0)
