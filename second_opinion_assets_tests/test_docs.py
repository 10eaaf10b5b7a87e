"""The commands that the documents show, run as they stand, print what is shown."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import second_opinion_assets
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests import new_user

PROJECT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
INSTALLED = Path(second_opinion_assets.__path__[0]).parent
DOCUMENTS = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    *sorted((PROJECT / "docs").glob("*.md")),
]
OWN = "second-opinion "


def _shown(document: Path) -> list[list[tuple[str, str]]]:
    """Return our own commands of each console block with their shown outputs."""
    blocks = []
    for block in re.findall(r"```console\n(.*?)```", document.read_text(), re.DOTALL):
        parts = [part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
        own = [(command, output) for command, _, output in parts if command.startswith(OWN)]
        blocks += [own] if own else []
    return blocks


CASES = [
    pytest.param(block, id=f"{document.name}-{block[0][0]}")
    for document in DOCUMENTS
    for block in _shown(document)
]


@pytest.mark.e2e
@pytest.mark.parametrize("block", CASES)
def test_shown_commands_print_what_is_shown(tmp_path: Path, block: list[tuple[str, str]]) -> None:
    """Commands of a document, run one after another in the project, print the lines beneath."""
    for name in ("config", "data"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    new_user.write_inputs(tmp_path)
    for command, output in block:
        program, *arguments = shlex.split(command)
        done = subprocess.run(
            [f"{BIN}/{program}", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.stdout == output, command
        assert done.returncode == int("second-opinion: error: " in output), command


DG_BLOCKS = [
    block
    for document in DOCUMENTS
    for block in re.findall(r"```console\n(.*?)```", document.read_text(), re.DOTALL)
    if ".venv/bin/dg " in block
]


@pytest.mark.e2e
@pytest.mark.parametrize("block", DG_BLOCKS)
def test_shown_launches_join_compare_and_report(tmp_path: Path, block: str) -> None:
    """The launches that a document shows, run in a checkout, leave what they say."""
    for name in ("config", "data"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    (tmp_path / "second_opinion_assets").symlink_to(INSTALLED / "second_opinion_assets")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(BIN)
    script = "set -e\n" + block.replace("$ ", "")
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = {path.name for path in (tmp_path / "outputs/smoke").iterdir()}
    assert made >= {
        "smoke_a.jsonl", "smoke_a.jsonl.agreement.json", "smoke_b.jsonl", "smoke.report.html"
    }  # fmt: skip
    assert json.loads((tmp_path / "outputs/smoke/smoke_b.audit.json").read_text())


def test_there_are_commands_to_run() -> None:
    """The reading of documents finds the commands that the README shows."""
    assert len(CASES) >= 2
    assert DG_BLOCKS


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link and picture of a document is a file of the project."""
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if not target.startswith("http"):
                path = Path(os.path.normpath(document.parent / target))
                found = [path, INSTALLED / path.relative_to(PROJECT)]
                assert any(map(Path.exists, found)), f"{document.name}: {target}"


MANIFESTS = [
    pytest.param(block, id=f"{document.name}-{number}")
    for document in DOCUMENTS
    for number, block in enumerate(
        re.findall(r"```json\n(.*?)```", document.read_text(), re.DOTALL)
    )
    if '"tables"' in block
]


@pytest.mark.parametrize("text", MANIFESTS)
def test_shown_manifests_can_be_used(tmp_path: Path, text: str) -> None:
    """Every manifest that a document shows is one."""
    (tmp_path / "our-scorers.json").write_text('{"scorers": []}')
    (tmp_path / "m.json").write_text(text)
    assert load_manifest(Location(tmp_path / "m.json")).tables


def test_the_way_of_a_score_visits_each_room_once() -> None:
    """Each room that a score visits is a module, and it is visited once."""
    text = (PROJECT / "docs" / "architecture.md").read_text()
    way = text.split("## The way of one score")[1].split("\n## ")[0]
    rooms = re.findall(r"^\| \d+ \| `([^`]+)`", way, re.MULTILINE)
    package = Path(second_opinion_assets.__file__).parent
    assert len(rooms) == len(set(rooms)) > 10
    assert [room for room in rooms if not (package / room).is_file()] == []


def test_architecture_names_every_floor() -> None:
    """The table of floors has every module and folder of the package."""
    text = (PROJECT / "docs" / "architecture.md").read_text()
    package = Path(second_opinion_assets.__file__).parent
    floors = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    named = set(re.findall(r"`(\w+)/?`", text.split("## The floors")[1].split("\n## ")[0]))
    assert {floor for floor in floors if not floor.startswith("_")} <= named
