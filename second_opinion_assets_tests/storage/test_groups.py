"""Who reads a path: itself, a folder above it, or a pattern that it matches."""

from __future__ import annotations

from pathlib import Path

import pytest

from second_opinion_assets.storage.groups import InputPaths
from second_opinion_assets.storage.location import Location


@pytest.mark.parametrize(
    ("pattern", "path", "is_read"),
    [
        ("*.csv", "a.csv", True),
        ("*.csv", "a.json", False),
        ("*.csv", "x/a.csv", False),
        ("x/*/*.csv", "x/y/a.csv", True),
        ("**/*.csv", "a.csv", True),
        ("**/*.csv", "x/y/a.csv", True),
        ("**/x/**/a.csv", "x/x/a.csv", True),
        ("**/x/**/a.csv", "x/y/x/y/a.csv", True),
        ("**/x/**/a.csv", "y/a.csv", False),
        ("x/**", "x/y/a.csv", True),
        ("x/**", "y/a.csv", False),
    ],
)
def test_a_path_that_a_pattern_matches(
    tmp_path: Path, pattern: str, path: str, *, is_read: bool
) -> None:
    """A path is read by whoever reads a pattern that it would match, whether it is there or not."""
    paths = InputPaths()
    paths.add(Location(tmp_path / pattern), "the scores")
    assert paths.reader(Location(tmp_path / path)) == ("the scores" if is_read else None)


def test_what_is_below_an_input(tmp_path: Path) -> None:
    """What lies in a folder that is read is read; nothing lies in a file."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    paths = InputPaths()
    for name in ("folder", "file"):
        paths.add(Location(tmp_path / name), name)
    assert paths.reader(Location(tmp_path / "folder" / "below" / "out")) == "folder"
    assert paths.reader(Location(tmp_path / "folder")) == "folder"
    assert paths.reader(Location(tmp_path / "file")) == "file"
    assert paths.reader(Location(tmp_path / "file" / "out")) is None
    assert paths.reader(Location(tmp_path / "other")) is None


def test_paths_to_one_file(tmp_path: Path) -> None:
    """All ways to write a path, and links, lead to one file."""
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    paths = InputPaths()
    ways = ("folder", "folder/below/..", "link", "link/", "link/below/..", "./folder/.")
    found = {paths.identity(Location(f"{tmp_path}/{way}")) for way in ways}
    assert found == {str(tmp_path.resolve() / "folder")}
