"""The group of commands.

A command stands in the module of its name. Nothing here imports Dagster, pandas, matplotlib or
scipy: importing one of them takes longer than most joins.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from second_opinion_assets.cli.batch import batch_command
from second_opinion_assets.cli.explain import explain_command
from second_opinion_assets.cli.init import init_command
from second_opinion_assets.cli.materialize import materialize_command
from second_opinion_assets.cli.options import examples, verbosity_options
from second_opinion_assets.cli.outermost import one_line_at_the_end
from second_opinion_assets.cli.report import report_command
from second_opinion_assets.cli.serve import run_command, ui_command
from second_opinion_assets.cli.verify import verify_command
from second_opinion_assets.contract.printable import printable


@contextmanager
def _printable_errors() -> Iterator[None]:
    """Let no error of usage do things to the terminal by what it quotes."""
    try:
        yield
    except click.ClickException as error:
        error.message = printable(error.message)  # type: ignore[misc]  # there is no other way
        raise


class _Commands(click.Group):
    """The commands, whose errors of usage quote anything."""

    def make_context(self, *given: Any, **named: Any) -> click.Context:  # noqa: ANN401 (click's own)
        with _printable_errors():
            return super().make_context(*given, **named)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (what a command returns)
        with one_line_at_the_end(), _printable_errors():
            return super().invoke(ctx)


@click.group(
    cls=_Commands,
    epilog=examples("init", "batch --manifest second-opinion.json"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="second-opinion-assets")
@verbosity_options
def main() -> None:
    """Join the scores of external video-quality scorers onto feature tables.

    Begin with init in a folder of yours. Ctrl-C ends any command with status 130; what is published
    is whole, and the rest as it was.
    """


for _command in (
    init_command,
    explain_command,
    materialize_command,
    batch_command,
    verify_command,
    report_command,
    run_command,
    ui_command,
):
    main.add_command(_command)
