"""Where clips can be looked at: addresses that no name in a table can turn elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.registry.clip_links import NO_LINKS, ClipLinks, read_clip_links


def links(url: object) -> ClipLinks:
    """Return what a table says of its clips' addresses."""
    return read_clip_links({"clip_url": url}, "clip_url", "m.json::$.tables[0]", NO_LINKS)


@pytest.mark.parametrize(
    ("template", "row", "address"),
    [
        ("https://clips.example/{clip}.mp4", {"clip": "a b"}, "https://clips.example/a%20b.mp4"),
        (
            "https://clips.example/{src}/{clip}",
            {"clip": "a", "src": "ü/x"},
            "https://clips.example/%C3%BC/x/a",
        ),
        ("clips/{clip}", {"clip": "a?b#c&d"}, "clips/a%3Fb%23c%26d"),
        ("{clip}", {"clip": "javascript:alert(1)"}, "javascript%3Aalert%281%29"),
        ("{clip}", {"clip": "//elsewhere.example/x"}, "/elsewhere.example/x"),
        ("https://clips.example/{clip}", {"clip": "../../secret"}, None),
        ("https://clips.example/{src}", {"clip": "a"}, None),
        ("https://clips.example/{src}", {"clip": "a", "src": ""}, None),
    ],
    ids=["space", "columns", "signs", "script", "host", "upwards", "no-column", "no-value"],
)
def test_addresses(template: str, row: dict[str, str], address: str | None) -> None:
    """A value is quoted as a part of a path; where it is not there, so is no address."""
    assert links(template).address(row) == address


@given(st.text(min_size=1))
def test_no_value_chooses_the_host(clip: str) -> None:
    """Whatever a clip is called, its address begins as the manifest says."""
    address = links("https://clips.example/x/{clip}").address({"clip": clip})
    assert address is None or address.startswith("https://clips.example/x/")
    assert address is None or not set(address) & set("\"<>' \n")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (7, "clip_url: is 7, expected text"),
        ("javascript:alert({clip})", "neither relative nor begins"),
        ("https://{clip}/x", "no value may stand for the host"),
        ("//{clip}", "no value may stand for the host"),
        ("https://clips.example/{clip", "a brace without its other half"),
    ],
)
def test_what_is_no_template(url: object, message: str) -> None:
    """An address that could run something, or lead anywhere, is refused where the manifest is."""
    with pytest.raises(JoinError, match=message):
        links(url)


def test_columns() -> None:
    """What must be read are the columns of template and path, each once, without the key."""
    assert ClipLinks("https://h/{src}/{clip}?c={crf}", "src").columns == ["src", "crf"]
