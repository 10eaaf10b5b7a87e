"""What every report is made of: sections of sentences, tables and pictures, as plain values.

How they look is the business of `markdown` and `terminal`, and so is that no name breaks them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Link(msgspec.Struct, frozen=True):
    """A text that leads to a web address."""

    text: str
    address: str


class Share(msgspec.Struct, frozen=True):
    """How many rows of a table have an ok score of a scorer, a bad one, and none."""

    ok: int
    bad: int
    missing: int

    def __str__(self) -> str:
        """Return the share of ok rows; what only rounds to everything does not read so."""
        rows = self.ok + self.bad + self.missing
        if not rows:
            return "no rows"
        share = f"{self.ok / rows:.1%}"
        return ">99.9%" if share == "100.0%" and self.ok < rows else share


class Clip(msgspec.Struct, frozen=True):
    """A clip: its name, the address where it is, and the URL of a small picture of it; or none."""

    name: str
    address: str = ""
    picture: str = ""


Cell = str | Link | Share | Clip
"""A cell of a table; a text is as it was given."""


class Table(msgspec.Struct, frozen=True):
    """Rows of cells under a heading."""

    heading: Sequence[str]
    rows: Sequence[Sequence[Cell]]


class Picture(msgspec.Struct, frozen=True):
    """A picture: what it shows, and the URL where it is."""

    title: str
    url: str


class Strong(msgspec.Struct, frozen=True):
    """A sentence that stands out, as the title of what is below it."""

    text: str


class Listing(msgspec.Struct, frozen=True):
    """Sentences one below the other, each a point of its own."""

    points: Sequence[str]


class Folded(msgspec.Struct, frozen=True):
    """Parts under a title of their own, which are shown on demand, or at first as well."""

    title: str
    parts: Sequence[Part]
    is_open: bool = False


Part = str | Strong | Listing | Table | Picture | Folded
"""A part of a section; a plain sentence begins with a word of ours, so that it is no markup."""


class Section(msgspec.Struct, frozen=True):
    """Some parts under a title; one without parts is left out."""

    title: str
    parts: Sequence[Part]
