"""Markdown from names that anybody may have chosen: no name breaks a table or becomes markup."""

from __future__ import annotations

import html
import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """Return a text with U+FFFD for what neither Markdown, XML nor UTF-8 has a way to show."""
    return _UNPRINTABLE.sub("\ufffd", text)


def cell(text: str) -> str:
    """Return a text that shows as itself in Markdown, on one line."""
    one_line = printable(" ".join(text.split()))
    return html.escape(_SPECIAL.sub(r"\\\1", one_line), quote=False)


def table(heading: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; the cells are Markdown already."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
