"""The command line: `second-opinion materialize`, `batch`, `explain`, `verify`.

What is joined and how is the business of `join`; Dagster and pandas are not imported here.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import environ  # noqa: TID251 (no file)
from typing import Any, TypeVar

import click

from second_opinion_assets.contract.errors import JoinError, ManifestError, MissingScoresError
from second_opinion_assets.contract.options import (
    DEFAULT_PREFIX,
    KeyNormalize,
    MissingPolicy,
    parse_options,
)
from second_opinion_assets.join.batch import materialize_batch
from second_opinion_assets.join.explain import explain
from second_opinion_assets.join.in_toto import write_statements
from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.key_hints import few_keys_found, key_hint
from second_opinion_assets.join.manifest import TableSpec, load_manifest
from second_opinion_assets.join.manifest_sidecars import parse_sidecar
from second_opinion_assets.join.outcomes import TableOutcome
from second_opinion_assets.join.provenance import Invocation, table_args
from second_opinion_assets.join.verify import Verifier
from second_opinion_assets.matching.drift import FIRST_JOIN
from second_opinion_assets.matching.tally import Tally
from second_opinion_assets.report import explain as explain_report
from second_opinion_assets.report.report import Report, ReportFiles
from second_opinion_assets.report.verify import AuditOutcome, lines, report, summary
from second_opinion_assets.storage.groups import size_bytes
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import json_document
from second_opinion_assets.storage.reading import Progress

LONG_WORK_BYTES = 32 << 20
EXIT_FAILED = 1
EXIT_USAGE = 2

_path = click.Path(path_type=Location)
_Command = TypeVar("_Command", bound="Callable[..., object]")


class _NoPandas:
    """Makes pandas as good as not installed, for pyarrow.

    pyarrow imports pandas, where there is one, to convert its first Python value: half a second
    for nothing.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Raise for pandas, and leave all else to the finders that come after."""
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def run() -> None:
    """Start the program, in a process that is its own."""
    sys.meta_path.insert(0, _NoPandas())
    environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's other threads spin, for nothing
    environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # returns what is not needed
    gc.disable()  # a join makes no cycles; looking for them costs a tenth of its time
    main()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="second-opinion-assets")
def main() -> None:
    """Join the scores of external video-quality scorers onto feature tables."""


_scores = click.option(
    "--scores",
    multiple=True,
    required=True,
    metavar="[LABEL=]PATH",
    help="Score file of any form, or a folder or pattern of them; LABEL names the scorer where "
    "rows do not. Repeatable.",
)


def _reading_options(command: _Command) -> _Command:
    """Add the options that say how keys and scores are read."""
    for option in (
        click.option(
            "--key-pattern",
            metavar="REGEX",
            help="Regular expression with one group: the part of a key, on both sides, that is "
            "reduced.",
        ),
        click.option(
            "--key-normalize",
            type=click.Choice(list(KeyNormalize)),
            default=KeyNormalize.auto,
            show_default=True,
            help="How keys are reduced on both sides; auto: basename for path, file and name "
            "fields.",
        ),
        click.option(
            "--label-as-score", is_flag=True, help="Let --score-field name a label (gt_score)."
        ),
        click.option(
            "--score-field", help="Field of a score row that holds the score, where it has it."
        ),
        click.option("--score-key-field", help="Field of a score row that holds the key."),
        click.option("--key-column", help="Column of the feature table that holds the key."),
    ):
        command = option(command)
    return command


@main.command("materialize")
@click.option(
    "--features", type=_path, required=True, help="Feature table: parquet, JSONL or JSON."
)
@_scores
@click.option("--out", type=_path, required=True, help="Joined table; its suffix tells its form.")
@click.option("--audit-json", type=_path, help="Where to write the audit with run_provenance.")
@_reading_options
@click.option(
    "--missing-policy",
    type=click.Choice(list(MissingPolicy)),
    default=MissingPolicy.mark,
    show_default=True,
    help="mark: keep every row. drop: drop rows that lack a scorer. fail: publish nothing.",
)
@click.option("--prefix", default=DEFAULT_PREFIX, show_default=True, help="Of appended columns.")
@click.option("--overwrite", is_flag=True, help="Replace such columns that the table has already.")
@click.option("--canonical-names", is_flag=True, help="Call a known scorer by its one name.")
def materialize_command(
    features: Location,
    scores: tuple[str, ...],
    out: Location,
    audit_json: Location | None,
    **options: object,
) -> None:
    """Join score files onto one feature table."""
    with _usage_errors():
        spec = TableSpec(
            id=features.stem,
            features=features,
            scores=tuple(map(parse_sidecar, scores)),
            out=out,
            audit_json=audit_json,
            options=parse_options(options, "options"),
        )
    with _errors_in_one_line(), _progress([spec]) as progress:
        result = materialize(spec, _invocation(table_args(spec)), progress)
    _warn_of_keys(result.tally)
    tally = result.tally
    if result.drift.not_compared != FIRST_JOIN:
        click.echo(f"second-opinion: since the join before: {result.drift}", err=True)
    click.echo(
        f"second-opinion materialize: input_rows={tally.input_rows} "
        f"output_rows={tally.output_rows} matched={tally.matched_rows} "
        f"missing={tally.missing_rows} bad={tally.bad_rows} out={out}",
        err=True,
    )


@main.command("explain")
@click.argument("features", type=_path)
@_scores
@_reading_options
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def explain_command(
    features: Location, scores: tuple[str, ...], *, as_json: bool, **options: object
) -> None:
    """Explain what is recognised of a feature table and its score files.

    Says how each score file is read, how many rows find a score under each way of reading keys and
    why others do not, and gives the entry of a manifest to paste. Writes no file. Exit status: 0,
    or 1 if the files cannot be joined as asked, or 2 for a usage error.
    """
    with _usage_errors():
        sidecars = tuple(map(parse_sidecar, scores))
        asked = parse_options(options, "options")
    with _errors_in_one_line():
        explanation = explain(features, sidecars, asked)
    if as_json:
        click.echo(json_document(explain_report.document(explanation)), nl=False)
    else:
        click.echo("\n".join(explain_report.lines(explanation)))
    sys.exit(EXIT_FAILED if explanation.problems else 0)


@main.command("batch")
@click.option("--manifest", type=_path, required=True, help="Batch manifest, JSON.")
@click.option(
    "--base-dir", type=_path, help="What its paths are relative to.  [default: its folder]"
)
@click.option("--report-json", type=_path, help="Where to write the report as JSON.")
@click.option("--report-md", type=_path, help="Where to write the report as Markdown.")
@click.option("--fail-fast", is_flag=True, help="Stop after the first table that fails.")
def batch_command(
    manifest: Location,
    base_dir: Location | None,
    report_json: Location | None,
    report_md: Location | None,
    *,
    fail_fast: bool,
) -> None:
    """Join every table of a manifest; a table that fails hurts no other.

    Exit status: 0, or 1 if a table failed, or 2 for a manifest or usage error.
    """
    files = ReportFiles(report_json, report_md)
    args = {
        "manifest": manifest,
        "base_dir": base_dir,
        "report_json": report_json,
        "report_md": report_md,
    }
    invocation = _invocation(
        {**{name: path and str(path) for name, path in args.items()}, "fail_fast": fail_fast}
    )
    with _errors_in_one_line():
        loaded = load_manifest(manifest, base_dir)
        files.refuse_shared(loaded)
        with _progress(loaded.tables) as progress:
            outcomes = materialize_batch(
                loaded, invocation, fail_fast=fail_fast, progress=progress, ended=_say_how_it_ended
            )
        report = Report(loaded, outcomes, invocation, files)
        report.write()
    summary = report.summary
    click.echo(f"second-opinion batch materialize: {summary}", err=True)
    sys.exit(EXIT_FAILED if summary.failed_tables else 0)


@main.command("verify")
@click.argument("audits", type=_path, nargs=-1, required=True, metavar="AUDIT.json...")
@click.option(
    "--base-dir",
    type=_path,
    help="What relative paths in an audit are relative to.  [default: told by the audit's place]",
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.option(
    "--in-toto",
    type=_path,
    metavar="FOLDER",
    help="Write an in-toto Statement for the output of each audit that holds.",
)
def verify_command(
    audits: tuple[Location, ...],
    base_dir: Location | None,
    in_toto: Location | None,
    *,
    as_json: bool,
) -> None:
    """Verify that the files which audits name are what they were, and that the counts are right.

    Hashes every input and output anew, and counts each scorer's statuses in the output. Exit
    status: 0 if every audit holds, else 1, or 2 for a usage error.
    """
    verifier = Verifier(base_dir)
    outcomes, records = [], []
    for audit in audits:
        record, verification = verifier.verify_audit(audit)
        outcomes.append(AuditOutcome(audit, verification))
        if record is not None and verification.holds:
            records.append(record)
        if not as_json:
            click.echo("\n".join(lines(outcomes[-1])))
    if as_json:
        click.echo(json_document(report(outcomes)), nl=False)
    with _errors_in_one_line():
        if in_toto is not None:
            write_statements(records, in_toto)
    totals = summary(outcomes)
    counts = " ".join(f"{name}={count}" for name, count in totals.items())
    click.echo(f"second-opinion verify: {counts}", err=True)
    sys.exit(EXIT_FAILED if totals["failed_audits"] else 0)


def _invocation(args: dict[str, Any]) -> Invocation:
    return Invocation(Location(sys.argv[0]), tuple(sys.argv[1:]), args)


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Turn what is wrong with the arguments into an error of usage."""
    try:
        yield
    except JoinError as error:
        raise click.UsageError(str(error)) from None


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    """End the program with an error's one line; bugs keep their traceback."""
    try:
        yield
    except JoinError as error:
        if isinstance(error, MissingScoresError):
            _warn_of_keys(error.tally)
        click.echo(f"second-opinion: error: {error}", err=True)
        sys.exit(EXIT_USAGE if isinstance(error, ManifestError) else EXIT_FAILED)


@contextmanager
def _progress(specs: tuple[TableSpec, ...] | list[TableSpec]) -> Iterator[Progress | None]:
    """Show a progress bar over the input bytes, on a terminal and for long work only."""
    paths = [path for spec in specs for path in spec.inputs]
    total = sum(map(size_bytes, paths))
    if total < LONG_WORK_BYTES or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=total, label="joining", file=sys.stderr) as bar:
        yield bar.update


def _say_how_it_ended(outcome: TableOutcome, tally: Tally | None) -> None:
    if outcome.error is not None:
        click.echo(f"second-opinion: table {outcome.spec.id}: {outcome.error}", err=True)
    if tally is not None:
        _warn_of_keys(tally)


def _warn_of_keys(tally: Tally) -> None:
    for scorer in tally.scorers.values():
        if few_keys_found(scorer):
            click.echo(f"second-opinion: warning: {key_hint(scorer)}", err=True)
