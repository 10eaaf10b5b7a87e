"""What git would do with a file: asked of a real git, in real repositories."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from second_opinion_assets.storage.git import why_untracked
from second_opinion_assets.storage.location import Location

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="no git on the PATH")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository that ignores `outputs`."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("/outputs/\n")
    return tmp_path


def test_a_file_that_git_would_add(repository: Path) -> None:
    """A file of a work tree would be tracked, even before it and its folder are there."""
    assert why_untracked(Location(repository / "joined" / "deep" / "t.jsonl")) is None


def test_a_file_that_git_ignores(repository: Path) -> None:
    """An ignored file is not tracked, whatever the way to it."""
    assert why_untracked(Location(repository / "outputs" / "t.jsonl")) == "git ignores t.jsonl"
    (repository / "link").symlink_to("outputs")
    assert why_untracked(Location(repository / "link" / "t.jsonl")) == "git ignores t.jsonl"


def test_an_ignored_file_that_was_added(repository: Path) -> None:
    """A file that was added stays tracked, though it is ignored."""
    file = repository / "outputs" / "t.jsonl"
    file.parent.mkdir()
    file.write_text("{}")
    subprocess.run(["git", "-C", str(repository), "add", "--force", str(file)], check=True)
    assert why_untracked(Location(file)) is None


def test_no_repository(tmp_path: Path) -> None:
    """Outside of any repository git says so itself."""
    why = why_untracked(Location(tmp_path / "t.jsonl"))
    assert why is not None
    assert why.startswith("git does not track it: not a git repository")


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git nothing is tracked."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert why_untracked(Location(tmp_path / "t.jsonl")) == "git is not installed"
