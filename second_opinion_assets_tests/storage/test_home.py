"""Dagster's settings are in the folder of its history before anything is started there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from second_opinion_assets.storage.home import SETTINGS, prepare_home, shipped
from second_opinion_assets.storage.location import Location

SHIPPED = Path(shipped(SETTINGS)).read_text()
OLD_NS, NEW_NS = 10**18, 2 * 10**18


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home that is not there yet, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def write(path: Path, text: str, modified_ns: int) -> None:
    """Write a file of some age."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(modified_ns, modified_ns))


def settings(home: Path) -> str:
    """Return the settings that a home has once it is prepared."""
    prepare_home(Location(home))
    return (home / SETTINGS).read_text()


def test_a_home_that_has_none(home: Path) -> None:
    """It gets those of the package."""
    home.mkdir()
    assert settings(home) == SHIPPED


def test_somebodys_settings(home: Path) -> None:
    """What somebody wrote there stays, where the project has none of its own."""
    write(home / SETTINGS, "theirs: 1\n", OLD_NS)
    assert settings(home) == "theirs: 1\n"


@pytest.mark.parametrize(
    ("age_ns", "expected"), [(OLD_NS, "own: 1\n"), (NEW_NS + 1, "theirs: 1\n")]
)
def test_settings_of_the_project(home: Path, age_ns: int, expected: str) -> None:
    """Those of the project go before the package's, and replace older ones."""
    write(home.parent / "config" / SETTINGS, "own: 1\n", NEW_NS)
    write(home / SETTINGS, "theirs: 1\n", age_ns)
    assert settings(home) == expected
