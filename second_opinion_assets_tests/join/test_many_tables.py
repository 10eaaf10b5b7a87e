"""A manifest of thousands of tables is read by folders and not by files."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets.contract.errors import JoinError, ManifestError
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.storage import groups
from second_opinion_assets.storage.location import Location

TABLES = 200
SCORERS = ("dover", "musiq", "fast_vqa")
_Entry = dict[str, Any]


def load(folder: Path, score: Callable[[int, str], str], out: str = "out/{}.jsonl") -> None:
    """Read a manifest of many tables, of which each score file is as `score` says."""
    tables = [
        {
            "id": f"t{number}",
            "features": f"t{number}.jsonl",
            "scores": [score(number, scorer) for scorer in SCORERS],
            "out": out.format(number),
        }
        for number in range(TABLES)
    ]
    path = folder / "manifest.json"
    path.write_text(json.dumps({"tables": tables}))
    load_manifest(Location(path))


LAYOUTS: dict[str, Callable[[int, str], str]] = {
    "files": lambda number, scorer: f"{scorer}=t{number}.{scorer}.jsonl",
    "patterns": lambda number, scorer: f"{scorer}={scorer}/t{number}_*.jsonl",
    "patterns that begin with a star": lambda number, scorer: f"{scorer}=*_t{number}.{scorer}",
    "a folder a scorer": lambda number, scorer: f"{scorer}={scorer}/t{number}",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("there", [True, False], ids=["there", "not there"])
def test_no_file_is_looked_at_on_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, *, there: bool
) -> None:
    """What follows links, and what compares patterns, is asked a few times and not for each."""
    if there:
        for number in range(TABLES):
            for name in (f"t{number}.jsonl", f"out/{number}.jsonl"):
                (tmp_path / name).parent.mkdir(exist_ok=True)
                (tmp_path / name).touch()
            for scorer in SCORERS:
                path = tmp_path / LAYOUTS[layout](number, scorer).partition("=")[2]
                path.parent.mkdir(exist_ok=True)
                path.with_name(path.name.replace("*", "a")).touch()
    asked: Counter[str] = Counter()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            asked[name] += 1
            return function(*arguments, **named)

        return call

    monkeypatch.setattr(os.path, "islink", counted("islink", os.path.islink))
    monkeypatch.setattr(os.path, "realpath", counted("realpath", os.path.realpath))
    monkeypatch.setattr(groups, "_matches", counted("matches", groups._matches))  # noqa: SLF001 (what costs)
    load(tmp_path, LAYOUTS[layout], "t{}.out.jsonl")
    assert all(count < TABLES // 4 for count in asked.values()), asked


@pytest.mark.parametrize(
    ("name", "is_read"),
    [("a=b.jsonl", True), ("a=b/x", True), ("A=b.jsonl", False), ("a=c.jsonl", False)],
)
def test_a_path_with_an_equals_sign_is_a_path_where_it_is_there(
    tmp_path: Path, name: str, *, is_read: bool
) -> None:
    """A text that names what is there is that path; another one names a scorer."""
    (tmp_path / "a=b.jsonl").touch()
    (tmp_path / "a=b").mkdir()
    (tmp_path / "a=b" / "x").touch()
    table = {"id": "t", "features": "f.jsonl", "scores": [name], "out": "o.jsonl"}
    (tmp_path / "manifest.json").write_text(json.dumps({"tables": [table]}))
    (found,) = load_manifest(Location(tmp_path / "manifest.json")).tables[0].scores
    assert found.label == (None if is_read else name[0])


def test_a_link_among_many_files_is_followed(tmp_path: Path) -> None:
    """An output that is a link to an input is refused, in a folder that is listed as well."""
    for number in range(TABLES):
        (tmp_path / f"{number}.out").touch()
    (tmp_path / "150.out").unlink()
    (tmp_path / "150.out").symlink_to("t3.jsonl")
    with pytest.raises(ManifestError, match=r"table 't150' writes .*150\.out, an input of 't3'$"):
        load(tmp_path, LAYOUTS["files"], "{}.out")


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    """An output below a link to the folder of the inputs is refused, however deep it lies."""
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    table = {"id": "t", "features": "real/deep/a", "scores": ["D=s"], "out": "link/deep/a"}
    (tmp_path / "manifest.json").write_text(json.dumps({"tables": [table]}))
    with pytest.raises(ManifestError, match=r"table 't' writes .*link/deep/a, an input of 't'"):
        load_manifest(Location(tmp_path / "manifest.json"))


@pytest.mark.parametrize(
    ("pattern", "out"),
    [
        ("D=scores/*.jsonl", "scores/a.jsonl"),
        ("D=*/a.jsonl", "scores/a.jsonl"),
        ("D=**/a.jsonl", "scores/deep/a.jsonl"),
        ("D=scores/**", "scores/deep/a.jsonl"),
        ("D=scores/a[0-9]", "scores/a5"),
        ("D=scores/?", "scores/a"),
    ],
)
def test_an_output_that_a_pattern_would_match_is_refused(
    tmp_path: Path, pattern: str, out: str
) -> None:
    """So that a join never reads what it wrote; whatever of the pattern is fixed."""
    table = {"id": "t", "features": "f", "scores": [pattern], "out": out}
    (tmp_path / "manifest.json").write_text(json.dumps({"tables": [table]}))
    with pytest.raises(JoinError, match=r"table 't' writes .*, an input of 't'"):
        load_manifest(Location(tmp_path / "manifest.json"))
