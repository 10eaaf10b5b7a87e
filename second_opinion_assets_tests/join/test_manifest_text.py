"""Manifests in JSON, YAML and TOML say the same, and what is wrong with one is one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from second_opinion_assets.contract.errors import ManifestError
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import Workspace

JSON = """{
  "defaults": {"missing_policy": "drop", "min_coverage": {"DOVER": 0.9}},
  "tables": [
    {"id": "2024-01-02", "features": "f.jsonl", "out": "o.jsonl",
     "scores": ["DOVER=d.csv", {"path": "m.csv", "scorers": {"MUSIQ": "musiq"}}]}
  ]
}"""
YAML = """
# What tables have in common.
defaults:
  missing_policy: drop
  min_coverage: {DOVER: 0.9}
tables:
  - id: 2024-01-02
    features: f.jsonl
    out: o.jsonl
    scores:
      - DOVER=d.csv
      - path: m.csv
        scorers: {MUSIQ: musiq}
"""
TOML = """
[defaults]
missing_policy = "drop"
min_coverage = {DOVER = 0.9}

[[tables]]
id = 2024-01-02
features = "f.jsonl"
out = "o.jsonl"
scores = ["DOVER=d.csv", {path = "m.csv", scorers = {MUSIQ = "musiq"}}]
"""
MANIFESTS = {
    "m.yaml": YAML,
    "m.yml": YAML,
    "m.YAML": YAML,
    "m.toml": TOML,
    "m.json": "\ufeff" + JSON,
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_says_the_same_in_every_format(work: Workspace, name: str) -> None:
    """The suffix tells the format, and dates without quotes are texts."""
    work.write("batch.json", JSON)
    work.write(name, MANIFESTS[name])
    found, expected = (load_manifest(Location(work.folder / n)) for n in (name, "batch.json"))
    assert found.tables == expected.tables
    assert found.tables[0].id == "2024-01-02"


BROKEN: dict[str, tuple[str, str | bytes, str]] = {
    "a cut list": ("m.yaml", "tables:\n  - id: [a\n", "m.yaml:3: not a manifest in YAML: "),
    "a tab": ("m.yaml", "tables:\n\t- id: a\n", "m.yaml:2: .*cannot start any token"),
    "a key twice": ("m.yaml", "tables: []\ntables: []\n", "m.yaml:2: .*'tables' is there twice"),
    "a number as key": ("m.yaml", "1: []\n", "m.yaml:1: .*the key 1 is no text"),
    "an alias": ("m.yaml", "a: &a [x]\nb: *a\n", r"m.yaml:2: .*the alias \*a is not read"),
    "an object": ("m.yaml", "tables: !!python/name:os.system x\n", "m.yaml:1: .*tag:yaml.org"),
    "two documents": ("m.yaml", "tables: []\n---\ntables: []\n", "m.yaml:2: .*another document"),
    "a control character": ("m.yaml", "tables: '\x00'\n", "m.yaml: .*unacceptable character"),
    "deep YAML": ("m.yaml", "[" * 5000, "m.yaml: nested too deeply to be read"),
    "nothing": ("m.yaml", "", "m.yaml: the manifest is null, expected an object with tables"),
    "YAML that is no text": ("m.yaml", b"tables:\n- \xff\n", "m.yaml:2: not UTF-8 text"),
    "a value in YAML": (
        "m.yaml",
        "tables:\n- id: no\n  features: f.csv\n  scores: [s.csv]\n  out: o.csv\n",
        r"m.yaml::\$.tables\[0\].id: is false, expected text",
    ),
    "no value": ("m.toml", "tables = \n", "m.toml:1: not TOML: Invalid value"),
    "a name twice": ("m.toml", "a = 1\na = 2\n", "m.toml:2: not TOML: Cannot overwrite a value"),
    "cut TOML": ("m.toml", 'a = "x', "m.toml:1: not TOML: "),
    "TOML that is no text": ("m.toml", b"a = 1\nb = '\xff'\n", "m.toml:2: not UTF-8 text"),
    "deep TOML": ("m.toml", "a=" + "[" * 5000, "m.toml: nested too deeply to be read"),
    "an option in TOML": (
        "m.toml",
        "[defaults]\nkey_colum = 'a'\n",
        r"m.toml::\$.defaults: unknown option 'key_colum'; did you mean key_column",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_manifest_is_told_by_its_line(work: Workspace, case: str) -> None:
    """What is wrong is told with the file and the line, or the place in it."""
    name, text, message = BROKEN[case]
    work.write(name, text)
    with pytest.raises(ManifestError, match=message) as error:
        load_manifest(Location(work.folder / name))
    assert not any("\n" in line for line in error.value.lines)


def test_only_who_has_yaml_imports_it(work: Workspace) -> None:
    """A manifest in JSON costs no import of the readers of others."""
    work.write("batch.json", JSON)
    program = (
        "import sys\n"
        "from second_opinion_assets.join.manifest import load_manifest\n"
        "from second_opinion_assets.storage.location import Location\n"
        "load_manifest(Location(sys.argv[1]))\n"
        "print({'yaml', 'tomllib'} & set(sys.modules))\n"
    )
    command = [sys.executable, "-c", program, str(work.folder / "batch.json")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "set()\n"
