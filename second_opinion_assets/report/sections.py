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


class Table(msgspec.Struct, frozen=True):
    """Rows of cells under a heading; a cell is a text as it was given, or a link."""

    heading: Sequence[str]
    rows: Sequence[Sequence[str | Link]]


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


Part = str | Strong | Listing | Table | Picture
"""A part of a section; a plain sentence begins with a word of ours, so that it is no markup."""


class Section(msgspec.Struct, frozen=True):
    """Some parts under a title; one without parts is left out."""

    title: str
    parts: Sequence[Part]
