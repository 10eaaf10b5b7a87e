"""What a path stands for: its parts as pathlib has them, and what the file system says of it."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion_assets.storage.location import HERE, Location, shared_folder

TEXTS = st.lists(st.sampled_from(["a", "b.c", ".d", "e.", "..", ".", "", "f.g.h"]), max_size=5).map(
    "/".join
)


@given(TEXTS.filter(lambda text: not text.startswith("//")), TEXTS)
def test_parts_are_those_of_pathlib(text: str, other: str) -> None:
    """A location's text, parts and neighbours are those of the path."""
    location, path = Location(text), Path(text)
    assert str(location) == os.fspath(location) == str(path)
    assert location.parts == path.parts
    assert (location.name, location.parent) == (path.name, Location(path.parent))
    assert location.parents == tuple(map(Location, path.parents))
    assert location.is_absolute == path.is_absolute()
    assert str(location.absolute()) == os.path.abspath(text)  # noqa: PTH100 (links are not followed)
    if not path.name.endswith("."):  # Python 3.14 sees a suffix there
        assert (location.stem, location.suffix) == (path.stem, path.suffix)
    if not other.startswith("/"):
        assert location / other == Location(path / other)
    if path.name not in {"", ".."}:
        assert location.with_name("x.y") == Location(path.with_name("x.y"))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (Location("a/b.json").with_suffix(".md"), "a/b.md"),
        (Location("a/b").with_suffix(".md"), "a/b.md"),
        (Location("a/b.json").with_suffix(""), "a/b"),
        (Location("a/b.json").with_stem("c"), "a/c.json"),
        (Location("a") / "/b", "/b"),
        (Location("a") / Location("b"), "a/b"),
        (Location(Path("a//b/")), "a/b"),
        (Location("a/../b").normal(), "b"),
    ],
)
def test_other_names(changed: Location, expected: str) -> None:
    """A location can be had with another name, stem or suffix, or below another one."""
    assert str(changed) == expected


def test_equality_and_order_are_those_of_the_text() -> None:
    """Locations of one text are one key, and they sort by their texts."""
    assert {Location("a"): 1}[Location("./a")] == 1
    assert Location("a") != Location("b")
    assert Location("a") != "a"
    assert sorted([Location("b"), Location("a/c"), Location("a")]) == list(
        map(Location, ["a", "a/c", "b"])
    )


def test_json_holds_the_text() -> None:
    """A Struct that has a location is encoded with its text."""
    holder = msgspec.defstruct("Holder", [("path", Location)], frozen=True)
    assert msgspec.json.encode(holder(Location("a/b")), enc_hook=str) == b'{"path":"a/b"}'


def test_what_is_there(tmp_path: Path) -> None:
    """A location tells a file from a folder, from a link to nowhere, and from nothing."""
    (tmp_path / "file").write_bytes(b"1234")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "broken").symlink_to("nowhere")
    folder = Location(tmp_path)
    found = {
        name: (
            (folder / name).exists(),
            (folder / name).is_there(),
            (folder / name).is_file(),
            (folder / name).is_folder(),
        )
        for name in (".", "file", "link", "broken", "gone")
    }
    assert found == {
        ".": (True, True, False, True),
        "file": (True, True, True, False),
        "link": (True, True, True, False),
        "broken": (False, True, False, False),
        "gone": (False, False, False, False),
    }
    assert (folder / "link").stat().bytes == 4
    with pytest.raises(FileNotFoundError, match="gone"):
        (folder / "gone").stat()


def test_identity(tmp_path: Path) -> None:
    """All ways to one file have one identity, and one URI."""
    (tmp_path / "a b").write_bytes(b"")
    (tmp_path / "link").symlink_to("a b")
    file, link = Location(tmp_path / "a b"), Location(tmp_path / "link")
    assert file.identity == link.identity != Location(tmp_path / "other").identity
    assert link.as_uri() == (tmp_path / "a b").resolve().as_uri()


@pytest.mark.parametrize("change", ["write", "write-and-set-back", "replace"])
def test_version(tmp_path: Path, change: str) -> None:
    """A file's version changes with each write, and with another file in its place."""
    path = tmp_path / "file"
    path.write_bytes(b"1234")
    os.utime(path, (1e9, 1e9))
    before = Location(path).stat()
    if change == "replace":
        (tmp_path / "new").write_bytes(b"5678")
        (tmp_path / "new").replace(path)
    else:
        path.write_bytes(b"5678")
    if change != "write":
        os.utime(path, (1e9, 1e9))
    after = Location(path).stat()
    assert after.bytes == before.bytes
    assert after.version != before.version
    assert Location(path).stat() == after


def test_written_paths_below_a_folder(tmp_path: Path) -> None:
    """A written path loses its `..` unless a link makes that another place."""
    (tmp_path / "real/deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/deep")
    folder = Location(tmp_path)
    assert folder.resolve("a/./b") == folder / "a/b"
    assert folder.resolve("real/../b") == folder / "b"
    assert str(folder.resolve("link/../b")) == f"{tmp_path}/link/../b"
    assert folder.resolve("/b") == Location("/b")
    assert Location().resolve("../b") == Location("../b")


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a/b/x", "a/b/y"], "a/b"),
        (["a/b/x", "a/c/y"], "a"),
        (["x", "a/y"], "."),
        (["/a/x", "/a/b/y"], "/a"),
        (["/a/x", "/b/y"], "/a"),
        (["/x", "/y"], "/"),
    ],
)
def test_shared_folder(paths: list[str], expected: str) -> None:
    """Files share the deepest folder above them all; where that is the root, the first's serves."""
    assert str(shared_folder(map(Location, paths))) == expected


@pytest.mark.parametrize("path", ["./-", "././/-", "a/-", "/-"])
def test_a_file_named_like_a_stream(path: str) -> None:
    """Only `-` alone is a stream; a folder before it makes it a file."""
    assert not Location(path).is_stream
    assert Location(path).name == "-"


def test_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path `-` is a stream, and no file is there, whatever the folder holds."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").touch()
    assert (HERE / "-").is_file()
    stream = Location("-")
    assert stream.is_stream
    found = [stream.exists(), stream.is_there(), stream.is_file(), stream.is_folder()]
    assert not any(found)
    assert not (HERE / "-").is_stream
    assert str(HERE / "-") == "./-"
