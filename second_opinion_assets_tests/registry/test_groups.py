"""What a manifest groups clips by: defaults, tables of their own, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets.contract.errors import ManifestError
from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.registry.groups import Groups, SourceKey, choose_groups
from second_opinion_assets.storage.location import Location

TABLE = {"features": "f.jsonl", "scores": ["a.jsonl"]}


def load(folder: Path, own: dict[str, Any], shared: dict[str, Any]) -> Manifest:
    """Return a manifest of two tables, of which the first says something of its own."""
    tables = [{**TABLE, "id": name, "out": f"{name}.jsonl"} for name in ("one", "two")]
    document = {"defaults": shared, "tables": [{**tables[0], **own}, tables[1]]}
    path = folder / "manifest.json"
    path.write_text(json.dumps(document))
    return load_manifest(Location(path))


def test_groups_of_a_manifest(tmp_path: Path) -> None:
    """A table takes what the defaults say, key by key, or says its own."""
    shared = {"subsets": ["split", "codec"], "source_key": "content_id"}
    own = {"source_key": {"column": "path", "pattern": "([a-z]+)_.*"}}
    one, two = load(tmp_path, own, shared).tables
    assert one.groups == Groups(("split", "codec"), SourceKey("path", "([a-z]+)_.*"))
    assert two.groups == Groups(("split", "codec"), SourceKey("content_id"))


@pytest.mark.parametrize(
    ("own", "message"),
    [
        pytest.param(
            {"subsets": "split"},
            r'tables\[0\].subsets: is "split", expected a list of columns',
            id="no-list",
        ),
        pytest.param(
            {"source_key": 3},
            r"tables\[0\].source_key: is 3, expected a column, or an object with column",
            id="number",
        ),
        pytest.param(
            {"source_key": {"pattern": "a"}},
            r"tables\[0\].source_key.pattern: is 'a' with 0 groups, expected exactly one",
            id="no-group",
        ),
        pytest.param(
            {"source_key": {"colum": "a"}}, r"source_key: .*colum.*column", id="unknown-field"
        ),
    ],
)
def test_groups_that_are_none(tmp_path: Path, own: dict[str, Any], message: str) -> None:
    """A mistake is told with its place, in a table and in the defaults alike."""
    with pytest.raises(ManifestError, match=message):
        load(tmp_path, own, {})
    with pytest.raises(ManifestError, match=message.replace(r"tables\[0\]", "defaults")):
        load(tmp_path, {}, own)


def test_the_key_column_tells_the_source_by_a_pattern() -> None:
    """A pattern without a column is that of the key."""
    chosen = choose_groups(Groups(("a",), SourceKey(pattern="(x)")), ["id", "a"], "id")
    assert (chosen.columns, chosen.pattern, chosen.absent) == (["a", "id"], "(x)", ())
