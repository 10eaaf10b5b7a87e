"""What every command does on the terminal: lines on stderr, errors, progress, exit status.

A command's own answer stands in its module; how a report reads is in `report`.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import click

from second_opinion_assets.cli.flags import in_flags
from second_opinion_assets.contract.errors import JoinError, ManifestError
from second_opinion_assets.contract.printable import (
    one_line,
    printable,
    printable_json,
    without_secrets,
)
from second_opinion_assets.contract.refusals import EmptyJoinError, NotPublishedError
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.provenance import Invocation
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.matching.doubts import doubts
from second_opinion_assets.report.joined import scorer_lines
from second_opinion_assets.storage.groups import size_bytes
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import json_document
from second_opinion_assets.storage.reading import Progress
from second_opinion_assets.storage.shortage import reason_of
from second_opinion_assets.storage.streams import give_up_output, write_output

EXIT_FAILED = 1
EXIT_USAGE = 2
LONG_WORK_BYTES = 32 << 20

Words = Callable[[str], str]
"""Puts a message into the words of a command."""


class Verbosity(IntEnum):
    """How much a command says of its work, on stderr. Its answer and errors are always told."""

    quiet = 0
    usual = 1
    verbose = 2


_verbosity = Verbosity.usual


def set_verbosity(verbosity: Verbosity) -> None:
    """Say from now on so much, in the whole process."""
    global _verbosity  # noqa: PLW0603 (a policy of the whole process)
    _verbosity = verbosity


def invocation(args: dict[str, Any]) -> Invocation:
    """Return this program and its arguments, for the provenance.

    Args:
        args: the arguments as they were understood.
    """
    return Invocation(Location(sys.argv[0]), tuple(map(without_secrets, sys.argv[1:])), args)


def say(line: str, at: Verbosity = Verbosity.usual) -> None:
    """Print a line about the work, on stderr, if as much is to be said."""
    if _verbosity >= at:
        _print(one_line(f"second-opinion: {line}"))


def say_detail(line: str) -> None:
    """Print a line that only who asked for more wants to see."""
    say(line, Verbosity.verbose)


def say_error(what: str, message: str) -> None:
    """Print what went wrong with something, on stderr, a line for each thing."""
    _print(printable(f"second-opinion: {one_line(what)}: {message}"))


def answer(lines: Iterable[str]) -> None:
    """Print a command's own answer for a person; JoinError where standard output takes none."""
    _answer("\n".join(map(one_line, lines)) + "\n")


def answer_json(value: object) -> None:
    """Print a command's own answer for a program, whose strings do nothing to a terminal either."""
    _answer(printable_json(json_document(value).decode()))


def _answer(text: str) -> None:
    try:
        write_output(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        msg = f"standard output: cannot be written: {reason_of(error)}"
        raise JoinError(msg) from None


def say_totals(command: str, totals: object) -> None:
    """Print the last line of a command, on stderr."""
    if _verbosity >= Verbosity.usual:
        _print(one_line(f"second-opinion {command}: {totals}"))


def _print(text: str) -> None:
    """Print on stderr; work does not fail for want of who would hear of it."""
    try:
        click.echo(text, err=True)
    except OSError:
        give_up_output()


def warn(tally: Tally, words: Words = str) -> None:
    """Print a warning for whatever is doubtful about a scorer's counts."""
    for scorer in tally.scorers.values():
        for doubt in doubts(scorer):
            say(words(f"warning: {doubt}"))


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn what is wrong with the arguments into an error of usage."""
    try:
        yield
    except JoinError as error:
        raise click.UsageError(in_flags(str(error))) from None


@contextmanager
def errors_in_one_line(words: Words = str) -> Iterator[None]:
    """End the program with an error's one line; bugs keep their traceback.

    Args:
        words: puts a message into the words of the command.
    """
    try:
        yield
    except JoinError as error:
        if isinstance(error, NotPublishedError):
            for line in scorer_lines(error.tally):
                say(line)
            if not isinstance(error, EmptyJoinError):  # which is made of the same doubts
                warn(error.tally, words)
        say_error("error", words(str(error)))
        sys.exit(EXIT_USAGE if isinstance(error, ManifestError) else EXIT_FAILED)


@contextmanager
def progress_bar(specs: Sequence[TableSpec]) -> Iterator[Progress | None]:
    """Show a progress bar over the input bytes, on a terminal and for long work only."""
    # Where no bar is shown, no folder is looked through for it.
    total = sum(size_bytes(path) for spec in specs for path in spec.inputs) if _shows_bars() else 0
    if total < LONG_WORK_BYTES:
        yield None
        return
    with click.progressbar(length=total, label="joining", file=sys.stderr) as bar:
        yield bar.update


@contextmanager
def tables_bar(label: str, tables: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar over tables, on a terminal only; what is returned counts one."""
    if not _shows_bars():
        yield lambda: None
        return
    with click.progressbar(length=tables, label=label, file=sys.stderr) as bar:
        yield lambda: bar.update(1)


def _shows_bars() -> bool:
    return _verbosity >= Verbosity.usual and sys.stderr.isatty()
