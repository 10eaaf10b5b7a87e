"""A published file appears whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import publishing
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import Publication, json_document, publish_text


def _digest(data: bytes) -> FileDigest:
    return FileDigest(hashlib.sha256(data).hexdigest(), len(data))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_publish(tmp_path: Path) -> None:
    """A published file has the bytes written, and nothing is left beside it."""
    with Publication(Location(tmp_path / "out")) as out:
        out.write(b"one ")
        out.write(memoryview(b"two"))
        assert out.finish() == _digest(b"one two")
        out.publish()
    assert (tmp_path / "out").read_bytes() == b"one two"
    assert _names(tmp_path) == ["out"]


@pytest.mark.parametrize("gathered_bytes", [1, 5, 1 << 20], ids=["each", "some", "all"])
def test_small_writes_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gathered_bytes: int
) -> None:
    """Bytes come in the order in which they were taken, however many are written at once."""
    monkeypatch.setattr(publishing, "WRITE_BYTES", gathered_bytes)
    with Publication(Location(tmp_path / "out")) as out:
        for text in (b"one ", b"two ", b"", b"three "):
            out.write(text)
        out.write_made(lambda: b"made ")
        out.write(b"last")
        digest = out.finish()
        out.publish()
    text = b"one two three made last"
    assert (tmp_path / "out").read_bytes() == text
    assert digest == FileDigest(hashlib.sha256(text).hexdigest(), len(text))


def test_target_is_as_it_was_until_published(tmp_path: Path) -> None:
    """Nobody sees a file half written."""
    target = tmp_path / "out"
    target.write_bytes(b"old")
    with Publication(Location(target)) as out:
        out.write(b"new")
        out.finish()
        assert target.read_bytes() == b"old"
        out.publish()
    assert target.read_bytes() == b"new"


def test_without_publish_nothing_changes(tmp_path: Path) -> None:
    """Leaving without publishing leaves the target, and no temporary file."""
    (tmp_path / "out").write_bytes(b"old")
    with Publication(Location(tmp_path / "out")) as out:
        out.write(b"new")
    assert (tmp_path / "out").read_bytes() == b"old"
    assert _names(tmp_path) == ["out"]


def test_an_error_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """An error while writing leaves no file behind and comes out as it is."""

    def fail() -> None:
        with Publication(Location(tmp_path / "out")) as out:
            out.write(b"new")
            raise KeyError

    with pytest.raises(KeyError, match=r"^$"):
        fail()
    assert _names(tmp_path) == []


def test_folders_are_made(tmp_path: Path) -> None:
    """The folder of an output is made."""
    publish_text(Location(tmp_path / "a" / "b" / "out"), "text")
    assert (tmp_path / "a" / "b" / "out").read_text() == "text"


def test_link_stays_a_link(tmp_path: Path) -> None:
    """An output that is a link stays one, and what it points to is replaced."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("old")
    (tmp_path / "out").symlink_to("real/file")
    publish_text(Location(tmp_path / "out"), "new")
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "real" / "file").read_text() == "new"
    assert _names(tmp_path / "real") == ["file"]


def test_link_to_nowhere(tmp_path: Path) -> None:
    """A link whose file is not there yet gets it."""
    (tmp_path / "out").symlink_to("real/file")
    publish_text(Location(tmp_path / "out"), "new")
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "real" / "file").read_text() == "new"


def test_mode_of_an_existing_file_is_kept(tmp_path: Path) -> None:
    """An output that exists keeps its permissions."""
    (tmp_path / "out").write_text("old")
    (tmp_path / "out").chmod(0o640)
    publish_text(Location(tmp_path / "out"), "new")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640


def test_output_below_a_file(tmp_path: Path) -> None:
    """An output whose folder is a file is an error that names the output."""
    (tmp_path / "file").write_text("old")
    with pytest.raises(JoinError, match=r"file/x/out: cannot be written: "):
        publish_text(Location(tmp_path / "file" / "x" / "out"), "text")
    assert (tmp_path / "file").read_text() == "old"


def test_output_that_is_a_folder(tmp_path: Path) -> None:
    """An output that is a folder is refused before anything is written."""
    (tmp_path / "out").mkdir()
    with pytest.raises(JoinError, match=r"out: cannot be written: it is a folder$"):
        publish_text(Location(tmp_path / "out"), "text")
    assert _names(tmp_path) == ["out"]


def test_output_with_a_long_name(tmp_path: Path) -> None:
    """Any name that the file system takes can be published."""
    publish_text(Location(tmp_path / ("x" * 240 + ".json")), "text")
    assert _names(tmp_path) == ["x" * 240 + ".json"]


def test_json_document() -> None:
    """A document is indented, its keys are sorted, and it ends with a newline."""
    assert json_document({"b": [1], "a": {"d": None, "c": "é"}}) == (
        '{\n  "a": {\n    "c": "é",\n    "d": null\n  },\n  "b": [\n    1\n  ]\n}\n'.encode()
    )
