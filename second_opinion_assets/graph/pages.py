"""Many items, some at a time: as many as a database, or a run, takes at once."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def pages(items: Sequence[_Item], most: int) -> Iterator[Sequence[_Item]]:
    """Yield the items in their order, so many at a time."""
    yield from (items[first : first + most] for first in range(0, len(items), most))
