"""Markdown from names that anybody may have chosen: no name breaks a table or becomes markup."""

from __future__ import annotations

import html
import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$])")


def cell(text: str) -> str:
    """Return a text that shows as itself in Markdown, on one line."""
    one_line = " ".join(text.split())
    return html.escape(_SPECIAL.sub(r"\\\1", one_line), quote=False)


def table(heading: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; the cells are Markdown already."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
