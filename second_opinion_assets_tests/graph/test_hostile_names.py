"""What the UI renders and what runs log: names of anybody's are no markup, no program, no line."""

from __future__ import annotations

import json
import logging
import time
from html.parser import HTMLParser

import dagster as dg
import pytest
from markdown_it import MarkdownIt

from second_opinion_assets.contract.errors import ManifestError
from second_opinion_assets.graph.current import load_tables
from second_opinion_assets.graph.refresh import RefreshPlanner
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import source_assets
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import Join, checks_of

HOSTILE = "D\x1b[2J\x9b\u202e\n# forged\n<img src=x onerror=alert(1)>[x](javascript:alert(1))|"
CONTROLS = [*map(chr, range(9)), *map(chr, range(11, 32)), *map(chr, range(127, 160)), "\u202e"]


class _Tags(HTMLParser):
    """Gathers the tags of a page, and where they lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]


def test_markdown_of_a_joined_table(project: Project, join: Join) -> None:
    """Tallies, gaps, preview and checks are tables and sentences, and nothing else."""
    project.add_table("t", ["a", f"b{HOSTILE}"], {})
    scores = [{"clip_id": "a", "competitor": HOSTILE, "score": 1, "status": "ok"}]
    scores += [{"clip_id": f"b{HOSTILE}", "competitor": HOSTILE, "score": 2, "status": HOSTILE}]
    sidecar = project.folder / "s.jsonl"
    sidecar.write_text("".join(json.dumps(row) + "\n" for row in scores))
    project.tables[0]["scores"] = [sidecar.name]
    result = join(project.save(), "t")
    assert result.success
    (event,) = result.get_asset_materialization_events()
    values = event.materialization.metadata.values()
    texts = [str(value.value) for value in values if isinstance(value, dg.MarkdownMetadataValue)]
    texts += [check.description or "" for check in checks_of(result).values()]
    assert any("forged" in str(text) for text in texts)
    page = _Tags()
    for text in texts:
        assert not [sign for sign in CONTROLS if sign in str(text)]
        page.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(str(text)))
    allowed = {"table", "thead", "tbody", "tr", "th", "td", "p", "strong", "ul", "li", "em", "hr"}
    assert page.found <= allowed
    assert page.addresses == []


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "javascript://x/%0aalert(1)", "data:text/html,x", "file:///etc"],
)
def test_addresses_of_a_registry(project: Project, address: str) -> None:
    """An address that is none of the web is text; nobody can press it."""
    project.others["scorers"] = [
        {"name": "DOVER", "homepage": address, "sources": {"note": address}}
    ]
    project.add_table("t", ["a"], {"DOVER": {"a": 1.0}})
    (asset,) = [a for a in source_assets(project.save()) if a.key.path[-1] == "dover"]
    assert isinstance(asset.metadata["homepage"], dg.TextMetadataValue)
    assert "](" not in str(asset.metadata["verified_at"].value)


def test_secrets_of_a_registrys_addresses(project: Project) -> None:
    """Neither user and password nor a query of an address reach the UI."""
    address = "https://user:hunter2@host/page?sig=hunter2"
    project.others["scorers"] = [
        {"name": "DOVER", "homepage": address, "sources": {"note": address}}
    ]
    project.add_table("t", ["a"], {"DOVER": {"a": 1.0}})
    (asset,) = [a for a in source_assets(project.save()) if a.key.path[-1] == "dover"]
    assert "hunter2" not in str(asset.metadata)


def test_logs_have_lines_of_ours_alone(
    project: Project, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    """What a run logs does nothing to the terminal that the server runs in."""
    project.add_table("t", ["a"], {"DOVER": {"a": 1.0}})
    (project.folder / "t.DOVER.jsonl").write_text(
        json.dumps({"clip_id": "a", "competitor": HOSTILE, "score": 1}) + "\n"
    )
    project.tables[0]["scores"] = ["t.DOVER.jsonl"]
    with caplog.at_level(logging.DEBUG):
        assert join(project.save(), "t").success
        (project.folder / "t.DOVER.jsonl").unlink()
        assert not join(project.save(), "t").success
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert not [sign for sign in CONTROLS if sign in said.replace("\r", "")]
    assert "\n# forged" not in said


def test_ticks_say_lines_of_ours_alone(project: Project, instance: dg.DagsterInstance) -> None:
    """What a tick says of a path stands in one line."""
    project.add_table("t", ["a"], {"DOVER": {"a": 1.0}})
    project.tables[0]["features"] = "gone\x1b\n.jsonl"
    plan = RefreshPlanner(project.save(), 0).plan(instance, time.time() + 60)
    (note,) = plan.notes
    assert note.isprintable()


@pytest.mark.parametrize("table_id", ["a\x1b", "a\n", "a\x9b", "a\u202e", "a...b"])
def test_ids_of_tables(project: Project, table_id: str) -> None:
    """What no partition may have, or does not show, no table has as its id."""
    project.add_table("t", ["a"], {"DOVER": {"a": 1.0}})
    project.tables[0]["id"] = table_id
    project.save()
    with pytest.raises(ManifestError, match="has what no partition may have"):
        load_tables(Settings(Location(project.manifest_path)))
