"""The group of commands.

A command stands in the module of its name. Nothing here imports Dagster, pandas, matplotlib or
scipy: importing one of them takes longer than most joins.
"""

import click

from second_opinion_assets.cli.batch import batch_command
from second_opinion_assets.cli.explain import explain_command
from second_opinion_assets.cli.materialize import materialize_command
from second_opinion_assets.cli.verify import verify_command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="second-opinion-assets")
def main() -> None:
    """Join the scores of external video-quality scorers onto feature tables."""


for _command in (materialize_command, batch_command, explain_command, verify_command):
    main.add_command(_command)
