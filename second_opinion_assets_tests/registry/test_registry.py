"""The registry of scorers: the shipped facts, a user's own, and by example what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from second_opinion_assets.contract.errors import JoinError, ManifestError
from second_opinion_assets.contract.fields import slug
from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.registry.facts import (
    FACT_NAMES,
    SHIPPED,
    Direction,
    ScorerFacts,
    read_entries,
    shipped_registry,
)
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input
from second_opinion_assets_tests.examples import example_message, examples
from second_opinion_assets_tests.workspace import Workspace

TABLE = {"id": "t", "features": "f.jsonl", "scores": ["DOVER=s.jsonl"], "out": "o.jsonl"}
UNSOURCED = {"name", "aliases", "scales", "homepage", "note", "sources"}


def _load(work: Workspace, scorers: Any = None, **table: Any) -> Manifest:
    document = {"tables": [{**TABLE, **table}], "scorers": scorers}
    return load_manifest(Location(work.write("manifest.json", json.dumps(document))))


def _labels(facts: ScorerFacts) -> list[str]:
    return [scale.label for scale in facts.scales]


@pytest.mark.parametrize("facts", shipped_registry().entries, ids=lambda facts: facts.name)
def test_every_shipped_fact_has_its_source(facts: ScorerFacts) -> None:
    """What the shipped registry says was verified somewhere; what was not is null, unsourced."""
    known = {name for name in FACT_NAMES if getattr(facts, name) is not None} - UNSOURCED
    assert set(facts.sources) - UNSOURCED == known
    assert all(scale.source for scale in facts.scales)
    assert known or facts.scales


def test_the_shipped_file_is_a_registry() -> None:
    """The shipped file would be accepted from a user: fields known, names of one scorer each."""
    with Input(SHIPPED) as file:
        entries = read_entries(file)
    assert entries == shipped_registry().entries
    assert len({slug(entry.name) for entry in entries}) == len(entries)


@pytest.mark.parametrize(
    ("competitor", "name"),
    [
        pytest.param("DOVER", "DOVER", id="name"),
        pytest.param("dover_mobile", "DOVER-Mobile", id="slug"),
        pytest.param("Q Align", "Q-Align", id="spaces"),
        pytest.param("qalign", "Q-Align", id="together"),
        pytest.param("one-align", "Q-Align", id="alias"),
        pytest.param("clipiqa", "CLIP-IQA", id="clip-iqa"),
        pytest.param("clipiqa+", "CLIP-IQA-Plus", id="a-plus-counts"),
        pytest.param("DOVER++", "DOVER++", id="another-scorer"),
        pytest.param("in-house", "in-house", id="stranger"),
        pytest.param("質", "質", id="no-letters"),
    ],
)
def test_names(competitor: str, name: str) -> None:
    """A scorer is known by any spelling of its name or aliases; a stranger keeps its own name."""
    assert shipped_registry().canonical(competitor) == name
    assert shipped_registry().facts(competitor).name == name


def test_directions() -> None:
    """The direction of a scorer is asked for by name, and is None for a stranger."""
    competitors = ("vmaf", "piqe", "in-house")
    directions = [shipped_registry().direction(name) for name in competitors]
    assert directions == [Direction.HIGHER, Direction.LOWER, None]


@pytest.mark.parametrize("example", examples("registry/examples/rejected_registries"))
def test_rejected_registry(example: Path, work: Workspace) -> None:
    """A file that is no registry is refused with one line that names the place."""
    path = Path(shutil.copy(example, work.folder))
    with (
        Input(Location(path)) as file,
        pytest.raises(JoinError, match=r"^[^\n]+\Z") as caught,
    ):
        read_entries(file)
    assert str(caught.value) == example_message(example, work.folder)
    with pytest.raises(ManifestError, match=r"^[^\n]+\Z") as caught:
        _load(work, path.name)
    assert str(caught.value) == example_message(example, work.folder)


def test_scorers_of_a_user_go_first(work: Workspace) -> None:
    """An entry of a user's counts before a shipped one of that name, whose aliases lead to it."""
    work.write("own/scorers.json", '{"scorers": [{"name": "q_align", "licence": "ours"}]}')
    registry = _load(work, "own/scorers.json").registry
    assert registry.facts("OneAlign") == ScorerFacts("q_align", licence="ours")
    assert registry.facts("DOVER") == shipped_registry().facts("DOVER")


def test_scorers_in_the_manifest_and_in_files(work: Workspace) -> None:
    """Entries and files may be mixed; entries of the manifest go before those of its files."""
    work.write("a.json", '{"scorers": [{"name": "A", "note": "file"}, {"name": "B"}]}')
    work.write("c.json", '\ufeff{"scorers": [{"name": "C"}]}')
    entry = {"name": "a", "note": "manifest", "direction": "lower"}
    manifest = _load(work, ["a.json", entry, "c.json"])
    assert [manifest.registry.canonical(name) for name in "ABC"] == ["a", "B", "C"]
    assert manifest.registry.facts("A").note == "manifest"
    assert [path.name for path, _ in manifest.registry.files] == ["a.json", "c.json"]


def test_an_output_may_not_replace_the_scorers(work: Workspace) -> None:
    """The user's file of scorers is an input, which no table may write."""
    work.write("scorers.json", '{"scorers": []}')
    with pytest.raises(ManifestError, match=r"table 't' writes .*, an input of 'scorers'"):
        _load(work, "scorers.json", audit_json="scorers.json")


@pytest.mark.parametrize(
    "table",
    [
        pytest.param({"scale": {"dover": "0-1"}}, id="table"),
        pytest.param(
            {"scores": [{"path": "s.jsonl", "label": "DOVER", "scale": "0-1"}]}, id="score-file"
        ),
        pytest.param(
            {
                "scores": [{"path": "s.jsonl", "label": "dover", "scale": "0-1"}],
                "scale": {"DOVER": "z-score"},
            },
            id="score-file-first",
        ),
    ],
)
def test_a_table_says_which_scale(work: Workspace, table: dict[str, Any]) -> None:
    """A table or a score file chooses among a scorer's scales; other tables keep the default."""
    manifest = _load(work, **table)
    assert _labels(manifest.table("t").registry.facts("DOVER"))[0] == "0-1"
    assert _labels(manifest.registry.facts("DOVER")) == ["0-100", "0-1", "z-score"]


def test_facts_of_a_scale_chosen_stay(work: Workspace) -> None:
    """Choosing a scale changes nothing else of what is known."""
    chosen = _load(work, scale={"DOVER": "z-score"}).table("t").registry.facts("DOVER")
    assert sorted(_labels(chosen)) == ["0-1", "0-100", "z-score"]
    assert msgspec.structs.replace(chosen, scales=()) == msgspec.structs.replace(
        shipped_registry().facts("DOVER"), scales=()
    )


def test_canonical_labels(work: Workspace) -> None:
    """With canonical names a label is the scorer's name, so that its aliases are one asset."""
    scores = ["dover_mobile=a.jsonl", "in-house=b.jsonl", "c.jsonl"]
    table = _load(work, scores=scores, canonical_names=True).table("t")
    assert [sidecar.label for sidecar in table.scores] == ["DOVER-Mobile", "in-house", None]
    assert [sidecar.spec for sidecar in table.scores] == scores
    assert _load(work, scores=scores).table("t").scores[0].label == "dover_mobile"
