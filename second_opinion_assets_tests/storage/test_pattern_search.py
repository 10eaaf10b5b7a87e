"""What patterns find in folders, and how often folders are listed for that."""

from __future__ import annotations

import errno
import glob
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import dagster as dg
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph import tries
from second_opinion_assets.graph.refresh import RefreshPlanner
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.storage.folders import find, listed_once
from second_opinion_assets.storage.groups import group_of
from second_opinion_assets.storage.location import Location

TREE = (
    "a.csv",
    ".hidden.csv",
    "x/a.csv",
    "x/b.txt",
    "x/y/a.csv",
    "x/x/a.csv",
    ".h/a.csv",
    "[1].csv",
)
PATTERNS = (
    *("*.csv", "?.csv", "[a-b].csv", "[[]1].csv", "*", ".*", "x/*", "*/*.csv", "*/a.csv", "*/../*"),
    *("**", "**/*.csv", "**/a.csv", "x/**", "**/x/**/*.csv", "**/**/a.csv", "**/*/**/a.csv"),
    *(".h/*", "**/.h/*", "*/y/*", "nothing/*", "a.csv/*", "x*", "x/[", "b*/**"),
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a folder with files at several depths."""
    for name in TREE:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


@pytest.fixture
def listed() -> Iterator[Counter[str]]:
    """Count how often each folder is listed."""
    counts: Counter[str] = Counter()
    scandir = os.scandir

    def counted(path: str) -> object:
        counts[os.fspath(path)] += 1
        return scandir(path)

    with patch.object(os, "scandir", counted):
        yield counts


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns(tree: Path, pattern: str) -> None:
    """A pattern finds the files that Python's own `glob` finds."""
    names = set(glob.iglob(pattern, root_dir=tree, recursive=True))  # noqa: PTH207 (the rival)
    files = [name for name in sorted(names) if (tree / name).is_file()]
    assert sorted(find(Location(tree), pattern)) == files


@pytest.mark.parametrize(
    "pattern", ["**/*.csv", "**", "**/**/a.csv", "**/*/**/a.csv", "x/**/a.csv"]
)
def test_links_that_lead_in_circles(tree: Path, pattern: str) -> None:
    """Below `**` each file is found once, under its own name if it has one there."""
    expected = sorted(find(Location(tree), pattern))
    for link, to in (("loop", "."), ("x/up", ".."), ("x/y/down", "../x"), ("x/self", "self")):
        (tree / link).symlink_to(to)
    found = list(find(Location(tree), pattern))
    assert set(expected) <= set(found)
    files = [os.path.realpath(tree / name) for name in found]
    assert len(files) == len(set(files))


def test_what_lies_behind_a_link(tree: Path) -> None:
    """A folder that is elsewhere is gone through where a link leads to it, or two links once."""
    (tree / "x" / "one").symlink_to(tree / ".h")
    (tree / "x" / "two").symlink_to(tree / ".h")
    found = [name for name in find(Location(tree / "x"), "**/*.csv") if name[:2] in {"on", "tw"}]
    assert found == ["one/a.csv"]


def test_many_double_stars(tree: Path) -> None:
    """However many `**` a pattern has, no folder is gone through again for all the ways to it."""
    deep = tree.joinpath(*"abcdefghijkl")
    deep.mkdir(parents=True)
    (deep / "z.csv").write_text("")
    assert list(find(Location(tree), "**/*/" * 12 + "z.csv")) == ["a/b/c/d/e/f/g/h/i/j/k/l/z.csv"]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.ENOMEM])
@pytest.mark.parametrize("pattern", ["*/*.csv", "**/*.csv"])
def test_a_folder_that_the_machine_cannot_list(tree: Path, pattern: str, number: int) -> None:
    """Its files are not left out in silence, which would cost their clips the score."""
    group = group_of(Location(tree / pattern))
    assert group is not None
    scandir = os.scandir

    def failing(path: str) -> object:
        if os.fspath(path).endswith("x"):
            raise OSError(number, os.strerror(number))
        return scandir(path)

    with (
        patch.object(os, "scandir", failing),
        pytest.raises(JoinError, match=f"{tree}: cannot be read: "),
    ):
        group.names()


def test_a_folder_is_listed_once(tree: Path, listed: Counter[str]) -> None:
    """What is listed once is not listed again, by whatever name; the next time it is."""
    (tree / "link").symlink_to("x")
    for expected in ("x/a.csv", "x/new.csv"):
        listed.clear()
        with listed_once():
            for pattern in ("x/*.csv", "x/a*", "link/*", "x/*/*.csv"):
                found = [*find(Location(tree), pattern)]
                assert found
            assert expected in [*find(Location(tree), "x/*.csv")]
        assert set(listed.values()) == {1}
        (tree / "x" / "new.csv").write_text("")


@pytest.fixture
def manifest(tmp_path: Path) -> Location:
    """Return a manifest of many tables, whose patterns all are of two folders."""
    (tmp_path / "scores").mkdir()
    rows = '{"clip_id": "a", "score": 1}\n'
    tables = []
    for number in range(40):
        (tmp_path / f"t{number}_a.jsonl").write_text(rows)
        (tmp_path / "scores" / f"t{number}_a.jsonl").write_text(rows)
        (tmp_path / f"f{number}.jsonl").write_text('{"clip_id": "a"}\n')
        scores = [f"A=t{number}_*.jsonl", f"B=scores/t{number}_*.jsonl::score"]
        paths = {"features": f"f{number}.jsonl", "out": f"out{number}.jsonl"}
        tables.append({"id": str(number), **paths, "scores": scores})
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"tables": tables}))
    return Location(path)


def test_a_manifest_with_many_patterns(manifest: Location, listed: Counter[str]) -> None:
    """To load it each folder is listed once, however many patterns are of it."""
    tables = load_manifest(manifest).tables
    assert [sidecar.rules.score_field for sidecar in tables[0].scores] == [None, "score"]
    folder = str(manifest.parent)
    assert {path: listed[path] for path in (folder, f"{folder}/scores")} == {
        folder: 1,
        f"{folder}/scores": 1,
    }


def test_a_look_at_many_patterns(
    manifest: Location, listed: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look lists each folder once for its patterns, and the next look sees what came since."""
    monkeypatch.setattr(tries, "MOST_REQUESTS", 40)
    planner = RefreshPlanner(load_manifest(manifest), settle_seconds=0)
    folder = str(manifest.parent)
    with dg.DagsterInstance.ephemeral() as instance:
        asked: set[str | None] = set()
        for new in (40, 1):
            listed.clear()
            plan = planner.plan(instance, 2e9)
            assert listed[f"{folder}/scores"] == 1
            keys = {request.run_key for request in plan.requests}
            assert len(keys - asked) == new
            asked |= keys
            Path(folder, "scores", "t7_b.jsonl").write_text('{"clip_id": "b", "score": 2}\n')
