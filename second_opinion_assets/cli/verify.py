"""`second-opinion verify`: whether audits still hold."""

import sys

import click

from second_opinion_assets.cli.console import (
    EXIT_FAILED,
    answer,
    answer_json,
    errors_in_one_line,
    say_totals,
)
from second_opinion_assets.cli.options import (
    LOCATION,
    confine_option,
    examples,
    json_option,
    limit_option,
    verbosity_options,
)
from second_opinion_assets.join.in_toto import write_statements
from second_opinion_assets.join.verify import Verifier
from second_opinion_assets.report.verify import AuditOutcome, document, lines, summary
from second_opinion_assets.storage.location import Location


@click.command(
    "verify",
    epilog=examples(
        "verify outputs/clips/clips_jsonl.audit.json",
        "verify outputs/clips/*.audit.json --json",
    ),
)
@click.argument("audits", type=LOCATION, nargs=-1, required=True, metavar="AUDIT.json...")
@click.option(
    "--base-dir",
    type=LOCATION,
    help="Folder that the paths in an audit are relative to.  [default: told by the audit's "
    "own place]",
)
@json_option
@click.option(
    "--in-toto",
    type=LOCATION,
    metavar="FOLDER",
    help="Write an in-toto Statement for the output of each audit that holds.",
)
@verbosity_options
@confine_option
@limit_option
def verify_command(
    audits: tuple[Location, ...],
    base_dir: Location | None,
    in_toto: Location | None,
    *,
    as_json: bool,
) -> None:
    """Verify that files named in audits are unchanged and that the counts are right.

    Every input and output is hashed again, and each scorer's statuses are counted in the output.
    The exit status is 0 if every audit holds, else 1, or 2 for a usage error.
    """
    verifier = Verifier(base_dir)
    outcomes, holding = [], []
    with errors_in_one_line():
        for location in audits:
            audit, verification = verifier.verify_file(location)
            outcomes.append(AuditOutcome(location, verification))
            if audit is not None and verification.holds:
                holding.append(audit)
            if not as_json:
                answer(lines(outcomes[-1]))
        if as_json:
            answer_json(document(outcomes))
        if in_toto is not None:
            write_statements(holding, in_toto)
    totals = summary(outcomes)
    say_totals("verify", " ".join(f"{name}={count}" for name, count in totals.items()))
    sys.exit(EXIT_FAILED if totals["failed_audits"] else 0)
