"""The JSON Schema of a manifest is that of what a manifest is decoded to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import fields

from second_opinion_assets.join.manifest import TABLE_KEYS
from second_opinion_assets.join.manifest_schema import ScoreEntry, TableEntry, shipped_text
from second_opinion_assets.join.manifest_sidecars import SCORE_KEYS
from second_opinion_assets.join.survey import shipped_schema

PROJECT = Path(__file__).parents[2]
SHIPPED = json.loads(shipped_schema())
VALIDATOR = Draft202012Validator(SHIPPED)
DOCUMENTS = [*(PROJECT / "docs").glob("*.md"), PROJECT / "README.md"]
TEXTS = {
    **{path.name: path.read_text() for path in sorted((PROJECT / "config").glob("*.json"))},
    **{
        f"{document.name}-{number}": text
        for document in DOCUMENTS
        for number, text in enumerate(
            re.findall(r"```json\n(.*?)```", document.read_text(), re.DOTALL)
        )
        if '"tables"' in text
    },
}
TABLE = {"id": "a", "features": "f.csv", "scores": ["s.csv"], "out": "o.csv"}


def test_the_shipped_schema_is_that_of_the_code() -> None:
    """`python -m second_opinion_assets.join.manifest_schema` prints what is shipped."""
    assert shipped_schema() == shipped_text()
    Draft202012Validator.check_schema(SHIPPED)


def test_the_schema_knows_the_keys_that_are_read() -> None:
    """Tables and score files have the keys that a manifest may have, and no others."""
    keys = {field.name for field in fields(TableEntry)}
    assert set(TABLE_KEYS) <= keys
    assert {field.name for field in fields(ScoreEntry)} == set(SCORE_KEYS)


def test_every_key_is_explained() -> None:
    """An editor has something to say of each key."""
    definitions = {
        name: SHIPPED["$defs"][name] for name in ("TableEntry", "ScoreEntry", "Defaults")
    }
    dumb = [
        (name, key)
        for name, definition in definitions.items()
        for key, field in definition["properties"].items()
        if not field.get("description")
    ]
    assert dumb == []


@pytest.mark.parametrize("name", TEXTS)
def test_manifests_that_are_shown_are_right(name: str) -> None:
    """The schema has nothing against a manifest that is shipped or shown."""
    VALIDATOR.validate(json.loads(TEXTS[name]))


def test_a_manifest_may_name_its_schema() -> None:
    """What an editor completes by is a key of the root like others."""
    VALIDATOR.validate({"$schema": "./second-opinion.schema.json", "tables": [TABLE]})


@pytest.mark.parametrize(
    "wrong",
    [
        {"key_colum": "a"},
        {"missing_policy": "skip"},
        {"scores": []},
        {"scores": [{"path": "s.csv", "reader": "excel"}]},
        {"scores": [{"label": "A"}]},
        {"id": " "},
        {"overwrite": "yes"},
    ],
    ids=str,
)
def test_mistakes_are_marked(wrong: dict[str, Any]) -> None:
    """A key or value that a manifest cannot have is against the schema."""
    assert list(VALIDATOR.iter_errors({"tables": [{**TABLE, **wrong}]}))
