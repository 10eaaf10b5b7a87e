"""The group of commands, and how the program starts.

A command stands in the module of its name. Nothing here imports Dagster, pandas, matplotlib or
scipy: importing one of them takes longer than most joins.
"""

import gc
import sys
from os import environ  # noqa: TID251 (environment variables are no files)

import click

from second_opinion_assets.cli.batch import batch_command
from second_opinion_assets.cli.explain import explain_command
from second_opinion_assets.cli.materialize import materialize_command
from second_opinion_assets.cli.verify import verify_command


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


for _command in (materialize_command, batch_command, explain_command, verify_command):
    main.add_command(_command)
