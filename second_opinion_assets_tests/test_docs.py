"""The commands that the documents show, run as they stand, print what is shown."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
OWN = "second-opinion "


def _shown(document: Path) -> list[tuple[str, str]]:
    """Return each of our own commands in a document's console blocks with its shown output."""
    shown = []
    for block in re.findall(r"```console\n(.*?)```", document.read_text(), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            if command.startswith(OWN):
                shown.append((command, output))
    return shown


CASES = [(d.name, command, output) for d in DOCUMENTS for command, output in _shown(d)]


@pytest.mark.parametrize(("document", "command", "output"), CASES)
def test_a_shown_command_prints_what_is_shown(
    tmp_path: Path, document: str, command: str, output: str
) -> None:
    """A command of a document, run in the project's folder, prints the lines beneath it."""
    for name in ("config", "data"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    program, *arguments = shlex.split(command)
    done = subprocess.run(
        [f"{BIN}/{program}", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == output, document


def test_there_are_commands_to_run() -> None:
    """The reading of documents finds the commands that the README shows."""
    assert len(CASES) >= 2


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link and picture of a document is a file of the project."""
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"
