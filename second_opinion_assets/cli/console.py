"""What every command does on the terminal: lines on stderr, errors, progress, exit status.

A command's own answer stands in its module; how a report reads is in `report`.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from second_opinion_assets.contract.errors import JoinError, ManifestError, MissingScoresError
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.manifest import TableSpec
from second_opinion_assets.join.provenance import Invocation
from second_opinion_assets.matching.key_hints import few_keys_found, key_hint
from second_opinion_assets.storage.groups import size_bytes
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Progress

EXIT_FAILED = 1
EXIT_USAGE = 2
LONG_WORK_BYTES = 32 << 20


def invocation(args: dict[str, Any]) -> Invocation:
    """Return this program and its arguments, for the provenance.

    Args:
        args: the arguments as they were understood.
    """
    return Invocation(Location(sys.argv[0]), tuple(sys.argv[1:]), args)


def say(line: str) -> None:
    """Print a line about the work, on stderr."""
    click.echo(f"second-opinion: {line}", err=True)


def say_totals(command: str, totals: object) -> None:
    """Print the last line of a command, on stderr."""
    click.echo(f"second-opinion {command}: {totals}", err=True)


def warn_of_keys(tally: Tally) -> None:
    """Print a warning for each scorer with few of its keys found."""
    for scorer in tally.scorers.values():
        if few_keys_found(scorer):
            say(f"warning: {key_hint(scorer)}")


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn what is wrong with the arguments into an error of usage."""
    try:
        yield
    except JoinError as error:
        raise click.UsageError(str(error)) from None


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """End the program with an error's one line; bugs keep their traceback."""
    try:
        yield
    except JoinError as error:
        if isinstance(error, MissingScoresError):
            warn_of_keys(error.tally)
        say(f"error: {error}")
        sys.exit(EXIT_USAGE if isinstance(error, ManifestError) else EXIT_FAILED)


@contextmanager
def progress_bar(specs: Sequence[TableSpec]) -> Iterator[Progress | None]:
    """Show a progress bar over the input bytes, on a terminal and for long work only."""
    total = sum(size_bytes(path) for spec in specs for path in spec.inputs)
    if total < LONG_WORK_BYTES or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=total, label="joining", file=sys.stderr) as bar:
        yield bar.update
