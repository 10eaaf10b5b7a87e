"""What is seen of an input before it is joined, and when it is seen as complete."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path

import pytest

from second_opinion_assets.join.source_files import SourceFile, Stamp, read_source_file
from second_opinion_assets.join.watch import Waiting, Watcher
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input, Progress, digest_file
from second_opinion_assets_tests.workspace import Workspace

ROW = b'{"clip_id": "a", "score": 1}'
SCORES = Path(__file__).parents[1] / "scores/examples"
SETTLE_SECONDS = 10.0


LINES = ROW + b"\n"
TABLE = (SCORES / "accepted_sidecars/score_table.parquet").read_bytes()
FILES: dict[str, tuple[str, bytes, int | None, bool]] = {
    "lines": ("s.jsonl", LINES + b"\n" + ROW, 2, True),
    "torn-line": ("s.jsonl", LINES + ROW[:-3], 2, False),
    "objects": ("s.json", ROW + ROW, 2, True),
    "torn-object": ("s.json", ROW + ROW[:-3], None, False),
    "document": ("s.json", b"[" + ROW + b"]", 1, True),
    "torn-document": ("s.json", b"[" + ROW, None, False),
    "empty-document": ("s.json", b"", None, False),
    "csv": ("s.csv", b"path,score\na,1\n\nb,2\n", 2, True),
    "torn-csv": ("s.csv", b"path,score\na,1\nb,2", 2, False),
    "headerless-csv": ("s.csv", b"a.mp4,1\nb.mp4,2\n", 2, True),
    "gzip": ("s.jsonl.gz", gzip.compress(LINES), 1, True),
    "torn-gzip": ("s.jsonl.gz", gzip.compress(LINES)[:-4], None, False),
    "other": ("s.txt", b"notes", None, True),
    "parquet": ("s.parquet", TABLE, 3, True),
    "torn-parquet": ("s.parquet", TABLE[:99], None, False),
    "gzip-of-parquet": ("s.gz", gzip.compress(TABLE), 3, True),
}


@pytest.mark.parametrize(("name", "data", "rows", "complete"), FILES.values(), ids=FILES)
def test_one_file(
    work: Workspace, name: str, data: bytes, rows: int | None, *, complete: bool
) -> None:
    """A file of any form is counted and hashed, and one that is cut short looks it."""
    path = work.write(name, data)
    found = read_source_file(Location(path))
    assert (found.rows, found.complete) == (rows, complete)
    assert found.digest == digest_file(Location(path))


@pytest.fixture
def folder(work: Workspace) -> Path:
    """Return a folder of two payloads that nobody has touched for long."""
    for name in ("a.json", "b.json"):
        work.write(f"bench/{name}", ROW)
        os.utime(work.folder / "bench" / name, (1e9, 1e9))
    os.utime(work.folder / "bench", (1e9, 1e9))
    return work.folder / "bench"


@pytest.fixture
def watcher() -> Watcher:
    """Return a watcher that has seen nothing."""
    return Watcher(SETTLE_SECONDS)


@pytest.mark.parametrize("pattern", ["", "*.json"])
def test_several_files(folder: Path, pattern: str) -> None:
    """Several files are counted together, and have one digest and one stamp."""
    found = read_source_file(Location(folder / pattern))
    assert (found.rows, found.complete, found.digest.bytes) == (2, True, 2 * len(ROW))
    assert found.stamp == Stamp.of(Location(folder / pattern))


@pytest.mark.parametrize("pattern", ["", "*.json"])
@pytest.mark.parametrize("change", ["add", "remove", "rename", "rewrite"])
def test_a_changed_folder_is_noticed(
    folder: Path, watcher: Watcher, pattern: str, change: str
) -> None:
    """A file that is added, removed, renamed or rewritten changes the digest, once settled."""
    path = folder / pattern
    before = watcher.look(Location(path), time.time())
    if change == "add":
        (folder / "c.json").write_bytes(ROW)
    elif change == "remove":
        (folder / "b.json").unlink()
    elif change == "rename":
        (folder / "b.json").rename(folder / "c.json")
    else:
        (folder / "b.json").write_bytes(ROW.replace(b"1", b"2"))
    if change in ("add", "rewrite"):
        waiting = watcher.look(Location(path), time.time())
        assert isinstance(waiting, Waiting)
        assert "may be still being written" in waiting.reason
    after = watcher.look(Location(path), time.time() + 2 * SETTLE_SECONDS)
    assert isinstance(before, SourceFile)
    assert isinstance(after, SourceFile)
    assert before.digest != after.digest


def test_an_unchanged_folder_is_not_read_again(
    folder: Path, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at a folder whose files are as they were opens none of them."""
    before = watcher.look(Location(folder), time.time())
    monkeypatch.setattr("second_opinion_assets.join.watch.read_source_file", None)
    assert watcher.look(Location(folder), time.time()) == before


def test_only_changed_files_of_a_folder_are_read_again(
    folder: Path, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a folder to which a file came, that file alone is read; the digest is of all."""
    watcher.look(Location(folder), time.time())
    (folder / "c.json").write_bytes(ROW)
    opened: list[str] = []

    def note(location: Location, _progress: Progress | None) -> Input:
        opened.append(location.name)
        return Input(location)

    monkeypatch.setattr("second_opinion_assets.storage.ahead.Input", note)
    found = watcher.look(Location(folder), time.time() + 2 * SETTLE_SECONDS)
    assert opened == ["c.json"]
    assert isinstance(found, SourceFile)
    assert (found.digest, found.rows) == (read_source_file(Location(folder)).digest, 3)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("empty", "has no file yet"),
        ("empty/*.json", "has no file yet"),
        ("nowhere/*.json", "has no file yet"),
        ("nowhere", "is not there yet"),
    ],
)
def test_what_is_not_there_yet(work: Workspace, watcher: Watcher, name: str, what: str) -> None:
    """A folder without files, and a pattern without matches, are waited for like a file."""
    (work.folder / "empty").mkdir()
    found = watcher.look(Location(work.folder / name), time.time())
    assert found == Waiting(f"{work.folder / name} {what}")


def test_a_file_cut_short_in_a_folder(folder: Path, watcher: Watcher) -> None:
    """A folder is complete when each of its files is."""
    (folder / "b.json").write_bytes(ROW[:-3])
    found = watcher.look(Location(folder), time.time() + 2 * SETTLE_SECONDS)
    assert isinstance(found, Waiting)
    assert "looks cut short" in found.reason
