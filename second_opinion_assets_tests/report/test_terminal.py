"""Columns for a terminal."""

from __future__ import annotations

from second_opinion_assets.report.terminal import columns


def test_columns_are_aligned() -> None:
    """Texts start and numbers end below one another, and no line ends with spaces."""
    assert list(columns([["a", "10", "x"], ["bcd", "7", ""]], numbers=[1])) == [
        "  a    10  x",
        "  bcd   7",
    ]


def test_least_widths() -> None:
    """A column is as wide as is asked for, whatever is in it, so that many tables look alike."""
    assert list(columns([["a", "b", "c"]], least=(3,))) == ["  a    b  c"]


def test_no_rows() -> None:
    """Of nothing there is no line."""
    assert list(columns([], least=(3, 2))) == []
