"""What a table's clips are grouped by: columns of subsets, and the source that a clip is of.

What is found out of the groups does not belong here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.key_pattern import compile_key_pattern
from second_opinion_assets.contract.options import refuse_unknown

GROUP_KEYS = ("subsets", "source_key")


class SourceKey(msgspec.Struct, frozen=True):
    """What tells the source of a clip.

    Attributes:
        column: holds it; None for the key column.
        pattern: a regular expression whose group takes it out of the column; None for all of it.
    """

    column: str | None = None
    pattern: str | None = None


class Groups(msgspec.Struct, frozen=True):
    """What clips are grouped by.

    Attributes:
        subsets: columns whose values each make a subset, of which coverage is told.
        source_key: what tells the source of a clip; None where sources are not known.
    """

    subsets: tuple[str, ...] = ()
    source_key: SourceKey | None = None


NO_GROUPS = Groups()


class ChosenGroups(NamedTuple):
    """The groups of one table.

    Attributes:
        subsets: the columns that it has.
        source_column: the column that tells the source; None for none.
        pattern: what takes the source out of it; None for all of it.
        absent: columns that it lacks, with a near name where there is one.
    """

    subsets: tuple[str, ...] = ()
    source_column: str | None = None
    pattern: str | None = None
    absent: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns to read, that of the source last."""
        return [*self.subsets, *([] if self.source_column is None else [self.source_column])]


NONE_CHOSEN = ChosenGroups()


def choose_groups(asked: Groups, columns: Iterable[str], key_column: str) -> ChosenGroups:
    """Return which of the columns that were asked for a table has."""
    columns = list(columns)
    absent = [name for name in asked.subsets if name not in columns]
    source = None
    if asked.source_key:
        source = asked.source_key.column or key_column
        if source not in (*columns, key_column):
            absent.append(source)
            source = None
    return ChosenGroups(
        tuple(name for name in asked.subsets if name in columns),
        source,
        asked.source_key.pattern if asked.source_key else None,
        tuple(_not_there(name, columns) for name in dict.fromkeys(absent)),
    )


def read_groups(entry: Mapping[str, object], name: str, where: str, usual: Groups) -> Groups:
    """Return what clips are grouped by, with what one key of a table or of the defaults says.

    Args:
        entry: the table, or the defaults.
        name: one of `GROUP_KEYS`.
        where: the place of the entry.
        usual: what is so if the key says nothing.

    Raises:
        JoinError: nothing that the key may say, with the place of it.
    """
    value = entry.get(name)
    if value is None:
        return usual
    where = f"{where}.{name}"
    if name == "subsets":
        return msgspec.structs.replace(usual, subsets=_subsets(value, where))
    return msgspec.structs.replace(usual, source_key=_source_key(value, where))


def _subsets(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        msg = f"{where}: is {json_text.shown(value)}, expected a list of columns"
        raise JoinError(msg)
    return tuple(dict.fromkeys(value))


def _source_key(value: object, where: str) -> SourceKey:
    parts = {"column": value} if isinstance(value, str) else value
    if not isinstance(parts, dict) or not parts:
        shown = json_text.shown(value)
        msg = f"{where}: is {shown}, expected a column, or an object with column, pattern or both"
        raise JoinError(msg)
    refuse_unknown(parts, SourceKey.__struct_fields__, where, "field")
    for name, part in parts.items():
        if not isinstance(part, str) or not part:
            msg = f"{where}.{name}: is {json_text.shown(part)}, expected text"
            raise JoinError(msg)
    if "pattern" in parts:
        try:
            compile_key_pattern(parts["pattern"])
        except ValueError as error:
            msg = f"{where}.pattern: {str(error).removeprefix('key_pattern ')}"
            raise JoinError(msg) from None
    return SourceKey(**parts)


def _not_there(column: str, columns: list[str]) -> str:
    near = difflib.get_close_matches(column, columns, n=1)
    return f"{column} (did you mean {near[0]}?)" if near else column
