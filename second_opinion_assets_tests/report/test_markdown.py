"""Markdown that no name can break."""

from __future__ import annotations

import pytest

from second_opinion_assets.report.markdown import cell, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("smoke a", "smoke a"),
        ("a|b", r"a\|b"),
        ("a\nb\r\n  c", "a b c"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("snake_case", r"snake\_case"),
        ("[x](y)", r"\[x\]\(y\)"),
        ("`code`", r"\`code\`"),
        ("back\\slash", r"back\\slash"),
        ("", ""),
        ("nul \0, escape \x1b[1m", r"nul �, escape �\[1m"),
        ("a path of other bytes: \udcff", "a path of other bytes: �"),
    ],
)
def test_cell(text: str, shown: str) -> None:
    """A text shows as itself, on one line, and is no markup."""
    assert cell(text) == shown


def test_table() -> None:
    """A table has a heading, a rule and one line a row."""
    assert table(["a", "b"], [["1", "2"], ["3", ""]]) == (
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 |  |\n"
    )
