"""A pipe, a socket or a device in the place of a file is refused, and nobody waits for it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from second_opinion_assets.contract.errors import JoinError, ManifestError
from second_opinion_assets.join.audit import read_audit
from second_opinion_assets.join.explain import explain
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.join.source_files import SourceFile
from second_opinion_assets.join.watch import Watcher
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import Workspace


def _bind_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.path.relpath(path))  # a whole path may be too long for a socket's name


def _link_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.fixture(
    params=[
        pytest.param((os.mkfifo, "a named pipe"), id="pipe"),
        pytest.param((_bind_socket, "a socket"), id="socket"),
        pytest.param((_link_device, "a device"), id="device"),
    ]
)
def kind(request: pytest.FixtureRequest, work: Workspace, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put what is no file in the place of `odd.jsonl`; return what it is."""
    make: Callable[[Path], None]
    make, what = request.param
    monkeypatch.chdir(work.folder)
    make(work.folder / "odd.jsonl")
    return str(what)


@pytest.mark.parametrize(
    "place",
    [{"features": "odd.jsonl"}, {"scores": ["odd.jsonl"]}, {"scores": ["DOVER=odd*.jsonl"]}],
    ids=["features", "sidecar", "pattern"],
)
def test_an_input(work: Workspace, kind: str, place: dict[str, str | list[str]]) -> None:
    """As an input it is named, with what to do."""
    words = f"odd.jsonl: is {kind}; name a file" if "DOVER=odd*.jsonl" not in str(place) else "odd"
    with pytest.raises(JoinError, match=words):
        work.join(**place)


def test_one_of_a_folder(work: Workspace, kind: str) -> None:
    """In a folder with a file a clip it is a bad row, as any file that cannot be read."""
    for clip in "ab":
        work.write(f"clips/{clip}.json", '{"score": 1}')
    (work.folder / "odd.jsonl").rename(work.folder / "clips/c.json")
    result = work.join(scores=["DOVER=clips"], audit_json=None)
    problems = [file.problem for file in result.sidecars[0].files]
    assert [str(problem).partition("is ")[2] for problem in problems] == [
        "",
        "",
        f"{kind}; name a file",
    ]


@pytest.mark.parametrize("place", ["out", "audit_json"])
def test_an_output(work: Workspace, kind: str, place: str) -> None:
    """It is not replaced by an output, be it the null device, and what else is there stays."""
    before = os.lstat(work.folder / "odd.jsonl")
    with pytest.raises(JoinError, match=f"odd.jsonl: cannot be written: it is {kind}; name a file"):
        work.join(**{place: "odd.jsonl"})
    assert os.lstat(work.folder / "odd.jsonl") == before
    assert not {"out.jsonl", "audit.json"} & {path.name for path in work.folder.iterdir()}


def test_a_manifest(work: Workspace, kind: str) -> None:
    """A manifest is a file too."""
    with pytest.raises(ManifestError, match=f"odd.jsonl: is {kind}; name a file"):
        load_manifest(Location(work.folder / "odd.jsonl"))


def test_an_audit(work: Workspace, kind: str) -> None:
    """So is an audit."""
    with pytest.raises(JoinError, match=f"odd.jsonl: is {kind}; name a file"):
        read_audit(Location(work.folder / "odd.jsonl"))


def test_explained(work: Workspace, kind: str) -> None:
    """An explanation tells of it."""
    spec = work.spec(scores=["odd.jsonl"])
    problems = explain(spec.features, spec.scores, spec.options).problems
    assert f"is {kind}; name a file" in problems[0]


def test_watched(work: Workspace, kind: str) -> None:
    """A look at one ends with an error at once."""
    with pytest.raises(JoinError, match=f"odd.jsonl: is {kind}; name a file"):
        Watcher(0).look(Location(work.folder / "odd.jsonl"), 0)


def test_watched_in_a_folder(work: Workspace, kind: str) -> None:
    """Among the files of a folder it is one that cannot be read."""
    work.write("clips/a.json", '{"score": 1}')
    (work.folder / "odd.jsonl").rename(work.folder / "clips/b.json")
    look = Watcher(0).look(Location(work.folder / "clips"), 0)
    assert isinstance(look, SourceFile), kind
    assert [bool(file.digest.sha256) for file in look.files] == [True, False]


def test_a_pipe_of_the_shell(work: Workspace) -> None:
    """What a shell passes as /dev/fd/63 is read."""
    read_end, write_end = os.pipe()
    os.write(write_end, work.read("scores.jsonl"))
    os.close(write_end)
    work.join(scores=[f"/dev/fd/{read_end}"])
    os.close(read_end)
    assert work.rows()[0]["second_opinion_dover_score"] == 72.5
