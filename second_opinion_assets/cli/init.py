"""`second-opinion init`: a first manifest of what lies in a folder."""

import click

from second_opinion_assets.cli.console import answer, errors_in_one_line
from second_opinion_assets.cli.options import (
    LOCATION,
    confine_option,
    examples,
    limit_option,
    verbosity_options,
)
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.example import write_example
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.join.survey import (
    MANIFEST_NAME,
    SCHEMA_NAME,
    shipped_schema,
    survey,
)
from second_opinion_assets.report.survey import example_lines, lines
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import publish_text


@click.command(
    "init",
    epilog=examples(
        "init",
        "init --example try",
    ),
)
@click.argument("folder", type=LOCATION, default=".")
@click.option("--force", is_flag=True, help="Write over a manifest that is there.")
@click.option(
    "--example",
    is_flag=True,
    help="Write an example with its data instead, to try everything on: config/smoke.json.",
)
@verbosity_options
@confine_option
@limit_option
def init_command(folder: Location, *, force: bool, example: bool) -> None:
    """Write a first manifest of the feature tables and score files in FOLDER.

    The answer tells what was recognised, which choices were made, and what to run next. Files one
    folder deeper are looked at too. Beside the manifest goes its JSON Schema, by which editors
    complete and check it.
    """
    with errors_in_one_line(_in_flags):
        if example:
            answer(example_lines(folder, write_example(folder, force=force)))
            return
        manifest = folder / MANIFEST_NAME
        if manifest.is_there() and not force:
            msg = f"{manifest}: is there already; edit it, or use force to write it anew"
            raise JoinError(msg)
        found = survey(folder)
        publish_text(folder / SCHEMA_NAME, shipped_schema())
        publish_text(manifest, found.manifest_text)
        load_manifest(manifest)  # what was written is one
        answer(lines(found, manifest))


def _in_flags(message: str) -> str:
    return message.replace("use force", "use --force")
