"""Markdown that no name can break."""

from __future__ import annotations

import pytest

from second_opinion_assets.report.markdown import document, escaped, render
from second_opinion_assets.report.sections import (
    Link,
    Listing,
    Picture,
    Section,
    Strong,
    Table,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("smoke a", "smoke a"),
        ("a|b", r"a\|b"),
        ("a\nb\r\n  c", "a b c"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("snake_case", r"snake\_case"),
        ("[x](y)", r"\[x\](y)"),
        ("`code`", r"\`code\`"),
        ("back\\slash", r"back\\slash"),
        ("", ""),
        ("nul \0, escape \x1b[1m", r"nul �, escape �\[1m"),
        ("csi \x9b1m, backspace \x08", "csi �1m, backspace �"),
        ("turned \u202egnp.exe\u2066", "turned �gnp.exe�"),
        ("line\u2028separator", "line separator"),
        ("a path of other bytes: \udcff", "a path of other bytes: �"),
    ],
)
def test_escaped(text: str, shown: str) -> None:
    """A text shows as itself, on one line, and is no markup."""
    assert escaped(text) == shown


def test_table() -> None:
    """A table has a heading, a rule and one line a row, whatever its cells are called."""
    table = Table(["a", "b|c"], [["1", "2"], ["*", Link("x|y", "https://z/")]])
    assert render(table) == (
        "| a | b\\|c |\n| --- | --- |\n| 1 | 2 |\n| \\* | [x\\|y](https://z/) |"
    )


def test_parts() -> None:
    """Parts stand apart from one another, and names in them are no markup."""
    listing, picture = Listing(["one", "two *"]), Picture("seen *", "p.svg")
    assert render("text *", Strong("bold *"), listing, picture) == (
        "text \\*\n\n**bold \\***\n\n- one\n- two \\*\n\n![seen \\*](p.svg)"
    )


def test_document() -> None:
    """A document has a title and its sections; one of which there is nothing to say is left out."""
    sections = [Section("Some", ["text"]), Section("None", [])]
    assert document("All", ["first"], sections) == "# All\n\nfirst\n\n## Some\n\ntext\n"
