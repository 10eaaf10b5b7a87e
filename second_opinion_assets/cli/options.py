"""Options that several commands share. An option of one command stands beside that command."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from second_opinion_assets.cli.console import Verbosity, set_verbosity
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import Duplicates, KeyNormalize
from second_opinion_assets.storage import confinement
from second_opinion_assets.storage.limits import SETTING as LIMITS_SETTING
from second_opinion_assets.storage.limits import limits_of, set_limits
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import LOCK_TIMEOUT_S

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Path(click.ParamType[Location]):
    """A path as it is written; what is there is looked at by the command."""

    name = "path"

    def convert(
        self, value: str | Location, param: click.Parameter | None, ctx: click.Context | None
    ) -> Location:
        """Return where the path leads."""
        try:
            return Location(value)
        except JoinError as error:
            self.fail(str(error), param, ctx)


LOCATION = _Path()

scores_option = click.option(
    "--scores",
    multiple=True,
    required=True,
    metavar="[SCORER=]PATH",
    help="Score file of any format, or a folder or pattern of score files. SCORER names the scorer "
    "where rows do not. PATH::FIELD names the field of the score. An object in JSON, as a manifest "
    "has it, gives any rule for reading the file. Repeatable.",
)

_READING_OPTIONS = (
    click.option("--key-column", help="Column of the feature table that holds the key."),
    click.option("--score-key-field", help="Field of a score row that holds the key."),
    click.option(
        "--score-field", help="Field of a score row that holds the score, in rows that have it."
    ),
    click.option(
        "--label-as-score", is_flag=True, help="Let --score-field name a label, such as gt_score."
    ),
    click.option(
        "--key-normalize",
        type=click.Choice(list(KeyNormalize)),
        default=KeyNormalize.auto,
        show_default=True,
        help="How keys are reduced on both sides. auto takes the basename in fields whose name "
        "has path, file or name in it.",
    ),
    click.option(
        "--key-pattern",
        metavar="REGEX",
        help="Regular expression with one group: the part of a key that is reduced, on both sides.",
    ),
    click.option(
        "--duplicates",
        type=click.Choice(list(Duplicates)),
        default=Duplicates.error,
        show_default=True,
        help="What is done about ok rows of one clip and scorer that differ. error refuses the "
        "table. first and last take one of them. mean takes the mean of their scores.",
    ),
)


def reading_options(command: _Command) -> _Command:
    """Add the options that say how keys and scores are read."""
    for option in reversed(_READING_OPTIONS):  # as decorators they apply from the last upwards
        command = option(command)
    return command


allow_empty_option = click.option(
    "--allow-empty",
    is_flag=True,
    help="Publish a table in which no row has an ok score from any scorer.",
)


def json_option(command: _Command) -> _Command:
    """Add the option of an answer for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(command)


_VERBOSITY = f"{__name__}.verbosity"
"""What was asked for, by the program's own options or those of the command: one or the other."""


def _say_so_much(context: click.Context, option: click.Parameter, given: bool) -> None:  # noqa: FBT001 (click's)
    asked: set[str] = context.meta.setdefault(_VERBOSITY, set())
    if given:
        asked.add(str(option.name))
    if len(asked) > 1:
        msg = "-q and -v exclude one another; leave out one"
        raise click.UsageError(msg, context)
    set_verbosity(Verbosity[next(iter(asked), Verbosity.usual.name)])


def verbosity_options(command: _Command) -> _Command:
    """Add the options that say how much is told."""
    flags = (
        ("-q", "--quiet", "Say nothing but errors and the answer."),
        ("-v", "--verbose", "Say also what was read and counted."),
    )
    for short, long, text in reversed(flags):
        option = click.option(
            short, long, is_flag=True, expose_value=False, callback=_say_so_much, help=text
        )
        command = option(command)
    return command


lock_option = click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=LOCK_TIMEOUT_S,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another run that writes the same output.",
)


def examples(*commands: str) -> str:
    """Return the end of a command's help: how it is used, each line to be copied as it stands."""
    return "\n".join(["\b", "Examples:", *(f"  second-opinion {command}" for command in commands)])


def _confine(context: click.Context, option: click.Parameter, folders: tuple[str, ...]) -> None:
    try:
        confinement.confine_to(folders)
    except JoinError as error:
        raise click.BadParameter(str(error), context, option) from None


confine_option = click.option(
    "--confine-to",
    type=click.Path(),
    multiple=True,
    metavar="FOLDER",
    envvar=confinement.SETTING,
    show_envvar=True,
    is_eager=True,
    expose_value=False,
    callback=_confine,
    help="Look at, read and write nothing but what lies below this folder, links followed. "
    "Repeatable.",
)


def _limit(context: click.Context, option: click.Parameter, entries: tuple[str, ...]) -> None:
    try:
        set_limits(limits_of(entries))
    except JoinError as error:
        raise click.BadParameter(str(error), context, option) from None


limit_option = click.option(
    "--limit",
    multiple=True,
    metavar="NAME=VALUE",
    envvar=LIMITS_SETTING,
    show_envvar=True,
    is_eager=True,
    expose_value=False,
    callback=_limit,
    help="The most that is taken of an input, as held_bytes=4GB. Repeatable.",
)
