"""Which columns of a table second opinions are held against: as a manifest says, else usual ones.

What comes of holding them against each other does not belong here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError, Problems
from second_opinion_assets.contract.options import refuse_unknown
from second_opinion_assets.registry.facts import Direction, Registry

_SPREAD = re.compile(r".*[_ .-](std|stdev|stddev|sd|var|variance|iqr|ci|n|num|count|votes)")
_LOWER_IS_BETTER = "dmos*"
_PEOPLE = ("mos*", _LOWER_IS_BETTER)


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns that opinions are held against.

    Attributes:
        column: a name, or a pattern with `*` and `?`; letter case does not matter.
        direction: whether higher or lower values are better; None for what is known of the name.
        people: whether they hold what people say; None for what the name says.
    """

    column: str
    direction: Direction | None = None
    people: bool | None = None


USUAL = (Reference("vmaf*"), Reference("mos*"), Reference(_LOWER_IS_BETTER))


class ChosenReferences(NamedTuple):
    """The references of one table.

    Attributes:
        directions: each column that was found, in the table's order, and which way it gets better.
        absent: what was asked for and is not in the table, with a near name where there is one.
        people: those columns that hold what people say.
    """

    directions: dict[str, Direction]
    absent: list[str]
    people: frozenset[str] = frozenset()


def choose_references(
    asked: Sequence[Reference], columns: Iterable[str], registry: Registry
) -> ChosenReferences:
    """Return the columns of a table to hold opinions against.

    Args:
        asked: what the manifest asks for; nothing asks for the usual names. Of these, columns that
            tell of the spread or the number of votes (`mos_std`) are none.
        columns: of the table, without those of the scorers.
        registry: tells which way a column named like a scorer gets better.
    """
    columns = list(columns)
    found: dict[str, Direction] = {}
    people: dict[str, bool] = {}
    absent = []
    for reference in asked or USUAL:
        names = [name for name in columns if _matches(name, reference.column)]
        if not asked:
            names = [name for name in names if not _SPREAD.fullmatch(name.lower())]
        elif not names:
            absent.append(_not_there(reference.column, columns))
        for name in names:
            found.setdefault(name, reference.direction or _usual_direction(name, registry))
            by_name = any(_matches(name, usual) for usual in _PEOPLE)
            people.setdefault(name, by_name if reference.people is None else reference.people)
    return ChosenReferences(
        {name: found[name] for name in columns if name in found},
        absent,
        frozenset(name for name in people if people[name]),
    )


def read_references(entry: Mapping[str, object], where: str) -> tuple[Reference, ...]:
    """Return the references that a table, or the defaults of all tables, ask for; maybe none.

    Raises:
        JoinError: no list of names and objects, with the place in it.
    """
    value = entry.get("references")
    return () if value is None else parse_references(value, f"{where}.references")


def parse_references(value: object, where: str) -> tuple[Reference, ...]:
    """Build references from plain values.

    Raises:
        JoinError: no list of names and objects, with the place in it.
    """
    if not isinstance(value, list) or not value:
        msg = f"{where}: is {json_text.shown(value)}, expected a list of at least one column"
        raise JoinError(msg)
    references = []
    problems = Problems()
    for number, item in enumerate(value):
        with problems.at():
            references.append(_reference(item, f"{where}[{number}]"))
    problems.refuse()
    return tuple(references)


def _reference(value: object, where: str) -> Reference:
    parts = {"column": value} if isinstance(value, str) else value
    if not isinstance(parts, dict):
        msg = f"{where}: is {json_text.shown(value)}, expected a column, or an object with one"
        raise JoinError(msg)
    refuse_unknown(parts, Reference.__struct_fields__, where, "field")
    column, direction, people = (parts.get(name) for name in Reference.__struct_fields__)
    if not isinstance(column, str) or not column.strip():
        msg = f"{where}.column: is {json_text.shown(column)}, expected the name of a column"
        raise JoinError(msg)
    if direction not in (*Direction, None):
        shown = json_text.shown(direction)
        msg = f"{where}.direction: is {shown}, expected {' or '.join(Direction)}"
        raise JoinError(msg)
    if not isinstance(people, bool | None):
        msg = f"{where}.people: is {json_text.shown(people)}, expected true or false"
        raise JoinError(msg)
    return Reference(column, direction and Direction(direction), people)


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name.lower(), pattern.lower())


def _usual_direction(name: str, registry: Registry) -> Direction:
    if _matches(name, _LOWER_IS_BETTER):
        return Direction.LOWER
    return registry.direction(name) or Direction.HIGHER


def _not_there(column: str, columns: list[str]) -> str:
    near = difflib.get_close_matches(column, columns, n=1)
    return f"{column} (did you mean {near[0]}?)" if near else column
