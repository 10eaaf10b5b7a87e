"""Sections as one HTML page that needs nothing else: no network, no script, no other file.

Anybody may have chosen a name: jinja2 escapes each, and what turns or hides text is made visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import jinja2
import msgspec

from second_opinion_assets.report.markdown import printable
from second_opinion_assets.report.sections import Part, Section
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input

_TEMPLATE = Location(__file__).with_name("page.html.jinja")
_ONE_LINE = 48
"""Letters of a cell that are not broken into lines."""


class Page(msgspec.Struct, frozen=True):
    """A page.

    Attributes:
        title: what it is of.
        status: how things stand, in one word.
        good: whether that is as it should be.
        head: what comes first.
        sections: with a table of contents; one without parts is left out.
        foot: how it was made.
    """

    title: str
    status: str
    good: bool
    head: Sequence[Part]
    sections: Sequence[Section]
    foot: Sequence[str]

    def html(self) -> str:
        """Return the page as a document."""
        return _template().render(page=self, sections=[s for s in self.sections if s.parts])


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["plain"] = _plain
    environment.filters["anchor"] = _anchor
    environment.filters["percent"] = _percent
    environment.tests["long"] = lambda cell: isinstance(cell, str) and len(cell) > _ONE_LINE
    environment.filters["kind"] = lambda value: type(value).__name__
    with Input(_TEMPLATE) as file:
        return environment.from_string(file.read().decode())


def _plain(text: str) -> str:
    return printable(" ".join(str(text).split()))


def _anchor(title: str) -> str:
    """Return the name of a place of the page; titles of sections are our own."""
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())


def _percent(count: int, counts: Iterable[int]) -> str:
    """Return a share as CSS takes it. A few are seen, and what is not all leaves a gap."""
    rows = sum(counts)
    if not rows or not count or count == rows:
        return "100%" if rows and count else "0%"
    return f"{min(98.0, max(2.0, 100 * count / rows)):.1f}%"
