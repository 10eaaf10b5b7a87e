"""The Makefile says what there is to make, and works wherever the project lies."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"
pytestmark = pytest.mark.skipif(
    not MAKEFILE.exists() or not shutil.which("make"), reason="only a checkout has a Makefile"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder, with a space in its path, that is set up."""
    folder = tmp_path / "a checkout"
    (folder / ".venv").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(MAKEFILE.with_name(name), folder / name)
    (folder / ".venv/.complete").touch()
    return folder


def make(folder: Path, *arguments: str) -> list[str]:
    """Return the lines that make prints, also where make runs the tests."""
    inherited = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    env = {name: value for name, value in os.environ.items() if name not in inherited}
    done = subprocess.run(
        ["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_help_names_every_target(checkout: Path) -> None:
    """`make` alone says what there is to make, in a line each."""
    targets = re.findall(r"^\.PHONY: (.*)$", MAKEFILE.read_text(), re.MULTILINE)[0].split()
    lines = make(checkout)
    assert sorted(line.split()[0] for line in lines) == sorted(targets)
    assert all(line.endswith(".") for line in lines)


def test_running_installs_no_tools(checkout: Path) -> None:
    """In a folder with spaces `make run` and `make ui` start the program, and no more."""
    assert make(checkout, "--dry-run", "run") == [".venv/bin/second-opinion run"]
    served = make(checkout, "--dry-run", "ui", "PORT=3001")
    assert served == [".venv/bin/second-opinion ui --port 3001"]
    assert any("[dev]" in line for line in make(checkout, "--dry-run", "check"))
    (checkout / ".venv/.complete").unlink()
    assert not any("[dev]" in line for line in make(checkout, "--dry-run", "run"))
