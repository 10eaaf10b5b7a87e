"""Sections as Markdown. Anybody may have chosen a name: none breaks a table or becomes markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from second_opinion_assets.report.sections import (
    Cell,
    Clip,
    Folded,
    Link,
    Listing,
    Part,
    Picture,
    Section,
    Strong,
    Table,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]#!|~$])")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Signs that turn the direction of what follows, so that it reads as something else."""


def printable(text: str) -> str:
    """Return a text with U+FFFD for what neither Markdown, XML nor UTF-8 has a way to show."""
    return _TURNING.sub("\ufffd", _UNPRINTABLE.sub("\ufffd", text))


def escaped(text: str) -> str:
    """Return a text that shows as itself in Markdown, on one line."""
    one_line = printable(" ".join(text.split()))
    return html.escape(_SPECIAL.sub(r"\\\1", one_line), quote=False)


def document(title: str, parts: Iterable[Part], sections: Iterable[Section]) -> str:
    """Return a whole document: its title, what comes first, and its sections."""
    blocks = [f"# {escaped(title)}", render(*parts)]
    blocks += [f"## {escaped(s.title)}\n\n{render(*s.parts)}" for s in sections if s.parts]
    return "\n\n".join(blocks) + "\n"


def render(*parts: Part) -> str:
    """Return parts of a section, one below the other; empty for none."""
    return "\n\n".join(map(_part, parts))


def _part(part: Part) -> str:
    if isinstance(part, Table):
        cells = [part.heading, ["---"] * len(part.heading), *part.rows]
        return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in cells)
    if isinstance(part, Listing):
        return "\n".join(f"- {escaped(point)}" for point in part.points)
    if isinstance(part, Folded):
        return render(Strong(part.title), *part.parts)
    if isinstance(part, Picture):
        return f"![{escaped(part.title)}]({part.url})"
    return f"**{escaped(part.text)}**" if isinstance(part, Strong) else escaped(part)


def _cell(cell: Cell) -> str:
    if isinstance(cell, Link):
        return f"[{escaped(cell.text)}]({cell.address})"
    return escaped(cell.name if isinstance(cell, Clip) else str(cell))
