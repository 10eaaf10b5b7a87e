"""What readers hand to writers: blocks of rows, in the form that either side needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from second_opinion_assets.storage.digests import FileDigest
    from second_opinion_assets.tables.text_rows import TextRows

LINE_END = b"}\n"


@dataclass(frozen=True)
class JsonRows:
    """Rows as JSON objects that are open at their end, so that members can be put there.

    Attributes:
        bodies: each object's own bytes before its closing brace.
        ends: its closing brace and what follows it, a line feed included.
        empty: numbers of the rows that have no member, which take no comma before the first.
    """

    bodies: list[bytes]
    ends: list[bytes]
    empty: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.bodies)


class Column(NamedTuple):
    """Name and type of one column of a table, the type as its form of file calls it."""

    name: str
    type: str


class Block(Protocol):
    """Some rows of a feature table."""

    @property
    def keys(self) -> list[str | None]:
        """The text of each row's key, None for null."""

    def json_rows(self) -> JsonRows | TextRows:
        """Return the rows as open JSON objects."""

    def arrow(self, schema: Any) -> Any:  # noqa: ANN401 (pyarrow is imported only where used)
        """Return the rows as a pyarrow table of this schema."""


class FeatureTable(Protocol):
    """A feature table that is being read."""

    @property
    def columns(self) -> list[Column]:
        """The columns, as far as they are known before all rows are read."""

    @property
    def digest(self) -> FileDigest:
        """Digest of the file, complete once `blocks` is exhausted."""

    @property
    def non_finite_values(self) -> int:
        """Bare NaN and Infinity of the rows read so far that became null."""

    def blocks(self, key_column: str) -> Iterator[Block]:
        """Yield all rows in order, once only."""

    def has_column(self, name: str) -> bool:
        """Say whether a column is there, if need be by reading all rows."""

    def arrow_schema(self, key_column: str) -> Any:  # noqa: ANN401 (pyarrow only where used)
        """Return the pyarrow schema of the input columns that are kept.

        Raises:
            JoinError: a column that no one type holds, or a key that is none.
        """


class Joined(NamedTuple):
    """What the join found for the rows of a block.

    Attributes:
        key_numbers: the number of each row's key among the keys of all scorers.
        kept: which rows go into the output; None for all.
    """

    key_numbers: list[int]
    kept: list[bool] | None


class Writer(Protocol):
    """An output table that is being written."""

    @property
    def rows(self) -> int:
        """Rows written so far, counted in what was written."""

    def write(self, block: Block, joined: Joined) -> None:
        """Write a block's rows with what the join found for them."""

    def finish(self) -> None:
        """Write what ends the table."""

    def close(self) -> None:
        """Let go of what the writer holds, finished or not."""
