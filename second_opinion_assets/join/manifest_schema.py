"""The JSON Schema of a manifest, for completion in editors: made of what a manifest is decoded to.

As a program it prints the schema that is shipped as `manifest.schema.json`.
"""

from __future__ import annotations

import re
import sys
from inspect import cleandoc
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo, fields

from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.registry.facts import ScorerFacts
from second_opinion_assets.registry.groups import SourceKey
from second_opinion_assets.registry.references import Reference
from second_opinion_assets.registry.scales import Scale
from second_opinion_assets.scores.sidecar import SidecarRules

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Text = Annotated[str, Meta(pattern=r"\S")]
_References = Annotated[list[Text | Reference], Meta(min_length=1)] | None
_GROUPS = [("subsets", list[Text] | None, None), ("source_key", Text | SourceKey | None, None)]
_CLIPS = [("clip_url", Text | None, None), ("clip_path", Text | None, None)]
_ATTRIBUTE = re.compile(r"^    (\w+(?:, \w+)*): (.*(?:\n {8}.*)*)", re.MULTILINE)
_OF_TABLES = {
    "id": "names the table in reports, in the UI and in the launcher; each table has its own",
    "features": "the feature table: parquet, JSON lines, JSON, CSV or TSV",
    "scores": "score files, folders of one file a clip, or patterns; SCORER=path names the scorer",
    "out": "the joined table; its suffix decides its format",
    "audit_json": "where the audit goes: the counts, and from which exact bytes they came",
    "scale": "the scale that a scorer's scores are on, by its name",
    "references": "columns that scorers are held against; those of usual names by default",
    "subsets": "columns by whose values coverage is told",
    "clip_url": "where a report leads for a clip: {clip} is its key, other names are columns",
    "clip_path": "the column that holds the path of a clip's file, for small pictures of it",
    "source_key": "what tells the source of a clip: a column, or a pattern of one (of the key)",
}
_OF_SCORES = {
    "path": "the file, folder or pattern",
    "label": "the scorer's name for rows that do not name one",
    "scale": "the scale that this scorer's scores are on",
}


def _given(field: FieldInfo) -> tuple[str, Any, Any]:
    """Return a field as it is defined."""
    return field.name, field.type, field.default


def _struct(name: str, own: list[Any], *others: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return a class of some fields and of those of other classes, which may all be left out."""
    of_others = [_given(field) for other in others for field in fields(other)]
    return msgspec.defstruct(name, [*own, *of_others], kw_only=True, forbid_unknown_fields=True)


ScoreEntry = _struct(
    "ScoreEntry",
    [("path", Text), ("label", Text | None, None), ("scale", Text | None, None)],
    SidecarRules,
)
TableEntry = _struct(
    "TableEntry",
    [
        ("id", Text),
        ("features", Text),
        ("scores", Annotated[list[Text | ScoreEntry], Meta(min_length=1)]),  # type: ignore[valid-type]
        ("out", Text),
        ("audit_json", Text | None, None),
        ("scale", dict[str, Text] | None, None),
        ("references", _References, None),
        *_GROUPS,
        *_CLIPS,
    ],
    JoinOptions,
)
Defaults = _struct("Defaults", [("references", _References, None), *_GROUPS, *_CLIPS], JoinOptions)


class ManifestDocument(msgspec.Struct, kw_only=True):
    """The manifest of a batch: feature tables, and the score files that are joined onto them.

    Paths are relative to the manifest.

    Attributes:
        tables: the tables; each is joined on its own.
        defaults: options of every table that does not say otherwise.
        scorers: what is known of your own scorers: entries, and paths of files of such.
    """

    tables: Annotated[list[TableEntry], Meta(min_length=1)]  # type: ignore[valid-type]
    defaults: Defaults | None = None  # type: ignore[valid-type]
    scorers: Text | list[Text | ScorerFacts] | None = None


def schema() -> dict[str, Any]:
    """Return the schema, as plain JSON values."""
    made = msgspec.json.schema(ManifestDocument)
    definitions = made["$defs"]
    told = {
        "TableEntry": {**_described(JoinOptions), **_OF_TABLES},
        "ScoreEntry": {**_described(SidecarRules), **_OF_SCORES},
        "Defaults": {**_described(JoinOptions), **_OF_TABLES},
        **{
            kind.__name__: _described(kind)
            for kind in (ManifestDocument, Reference, ScorerFacts, Scale, SourceKey)
        },
    }
    for name, definition in definitions.items():
        _describe(definition, told.get(name, {}))
    root = definitions.pop("ManifestDocument")
    properties = {"$schema": {"type": "string"}, **root.pop("properties")}
    return {
        "$schema": SCHEMA_DIALECT,
        **root,
        "title": "Manifest of second-opinion-assets",
        "properties": properties,
        "$defs": definitions,
    }


def _describe(definition: dict[str, Any], told: dict[str, str]) -> None:
    """Put what is told of fields where an editor shows it."""
    text = definition.get("description", "")
    if text:
        definition["description"] = " ".join(text.partition("Attributes:")[0].split())
    for name, field in definition.get("properties", {}).items():
        if name in told:
            field["description"] = told[name]


def _described(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Return what the docstring of a class tells of its attributes."""
    attributes = cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    return {
        name: " ".join(text.split()).replace("``", "`")
        for names, text in _ATTRIBUTE.findall(attributes)
        for name in names.split(", ")
    }


def shipped_text() -> str:
    """Return the schema as the text that is shipped."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(shipped_text())
