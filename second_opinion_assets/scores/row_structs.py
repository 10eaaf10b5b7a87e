"""The Structs that JSON rows which are alike are decoded to, and how many members they have.

Which field has which role belongs to `row_schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec

from second_opinion_assets.scores.twins import count_members

_SCALAR = int | float | str | bool | None
ROLE_TYPES: dict[str, Any] = {
    "key": str | None,
    "score": float | None,
    "scorer": str | None,
    "status": str | None,
    "runtime": float | None,
}


def row_type(
    names: Iterable[str],
    roles: Mapping[str, str],
    kinds: Mapping[str, Any],
    nesting: set[str],
    absent: Callable[[], None],
) -> type[msgspec.Struct]:
    """Return a Struct with one attribute for each role; of other fields nothing is kept."""
    members = []
    for number, name in enumerate(names):
        other = msgspec.Raw if name in nesting else _SCALAR  # a scalar is read in less time
        kept = Members.RAW if name in nesting else "other_"
        role = roles.get(name, f"{kept}{number}")
        members.append(
            (role, kinds.get(role, other), msgspec.field(name=name, default_factory=absent))
        )
    return msgspec.defstruct(
        "AlikeRow",
        members,
        forbid_unknown_fields=True,
        gc=False,
    )


class Members:
    """Counts the members that rows have which were decoded to Structs, and those of their text.

    The fields of the Structs have `absent` as their default, and those that are kept as text have
    names that begin with `RAW`; what is decoded further is in `summary` and `frames`.
    """

    RAW = "raw_"

    def __init__(self) -> None:
        self._absent = 0

    def start(self) -> None:
        """Begin to count, before rows are decoded."""
        self._absent = 0

    def absent(self) -> None:
        """Take note of a member that a row lacks; its value is None then."""
        self._absent += 1

    def are_all_of(self, text: bytes, rows: Sequence[Any]) -> bool:
        """Return whether the rows have all members of their text, so that none is a twin."""
        levels = list(_levels(rows))
        count = sum(len(level) * len(_fields(level)) for level in levels) - self._absent
        if text.count(b":") == count:
            return True
        kept = chain.from_iterable(
            filter(None, map(attrgetter(field), level))
            for level in levels
            for field in _fields(level)
            if field.startswith(self.RAW)
        )
        return count_members(text) == count + count_members(b",".join(kept))


def _levels(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield the Structs of rows: themselves, their summaries and their frames."""
    yield rows
    if "summary" in _fields(rows):
        yield [row.summary for row in rows if row.summary is not None]
    if "frames" in _fields(rows):
        yield [frame for row in rows for frame in row.frames or ()]


def _fields(structs: Sequence[Any]) -> tuple[str, ...]:
    return structs[0].__struct_fields__ if structs else ()
