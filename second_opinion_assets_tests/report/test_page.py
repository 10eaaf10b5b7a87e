"""The page to send, as a renderer of sections: what names cannot do, and what a browser may."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion_assets.report.page import Page
from second_opinion_assets.report.sections import (
    Clip,
    Folded,
    Link,
    Listing,
    Part,
    Picture,
    Section,
    Share,
    Strong,
    Table,
)

NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a\u202eb",
    "{{ 7*7 }}",
    "\0",
]


class Found(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, set[str]] = {}
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def page(*parts: Part, title: str = "Title") -> Found:
    """Return a page of these parts."""
    section = Section("Section", parts)
    sections = [section, Section("Empty", [])]
    return Found(Page(title, "ok", good=True, head=[], sections=sections, foot=["foot"]).html())


def every_part(text: str) -> list[Part]:
    """Return a part of each kind that shows a text wherever it can."""
    table = Table(
        [text], [[text], [Link(text, "https://x.example")], [Clip(text, "https://x", "")]]
    )
    return [text, Strong(text), Listing([text]), table, Folded(text, [Picture(text, "data:,")])]


@pytest.mark.parametrize("name", NASTY)
def test_no_name_is_markup(name: str) -> None:
    """Whatever anybody called a clip, a table or a scorer is text, and nothing that runs."""
    plain, nasty = page(*every_part("x"), title="x"), page(*every_part(name), title=name)
    assert nasty.tags == plain.tags
    assert nasty.attributes.keys() == plain.attributes.keys()
    assert "onerror" not in nasty.attributes
    assert "49" not in nasty.text
    assert not set("\0\u202e") & set(nasty.text)


@given(st.text(max_size=30))
def test_no_text_breaks_the_page(text: str) -> None:
    """Any text leaves the tags as they are."""
    assert page(*every_part(text)).tags == page(*every_part("x")).tags


def test_nothing_is_fetched() -> None:
    """The page forbids itself everything but pictures that it holds; it has no script."""
    found = page(*every_part("x"))
    (policy,) = (text for text in found.attributes["content"] if "default-src" in text)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert not {"script", "link", "iframe", "object"} & set(found.tags)
    assert all(url.startswith("data:") for url in found.attributes["src"])


def test_a_section_without_parts_is_left_out() -> None:
    """It stands neither in the page nor in its contents."""
    assert page("one").attributes["href"] == {"#section"}


@pytest.mark.parametrize(
    ("share", "text", "widths"),
    [
        (Share(10, 0, 0), "100.0%", {"width:100%"}),
        (Share(9_999, 0, 1), ">99.9%", {"width:98.0%"}),
        (Share(1, 999, 0), "0.1%", {"width:2.0%", "width:98.0%"}),
        (Share(0, 0, 5), "0.0%", {"width:0%"}),
        (Share(0, 0, 0), "no rows", {"width:0%"}),
    ],
)
def test_a_bar_that_is_not_full_is_seen_to_be(share: Share, text: str, widths: set[str]) -> None:
    """Beside each bar stands its share; what is little is seen, what is not all leaves a gap."""
    found = page(Table(["a"], [[share]]))
    assert text in found.text
    assert found.attributes["style"] == widths


def test_a_clip() -> None:
    """It is a link where it has an address, with its picture where it has one."""
    shown = page(Table(["a"], [[Clip("c", "https://x.example/c", "data:image/jpeg;base64,AA==")]]))
    assert "https://x.example/c" in shown.attributes["href"]
    assert shown.attributes["src"] == {"data:image/jpeg;base64,AA=="}
    assert "a" not in page(Table(["a"], [[Clip("c")]])).tags[page("x").tags.index("main") :]


def test_what_is_folded_may_be_open() -> None:
    """The first of several tables is shown without a click."""
    assert "open" in page(Folded("t", ["x"], is_open=True)).attributes
    assert "open" not in page(Folded("t", ["x"])).attributes
