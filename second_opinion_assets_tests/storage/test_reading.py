"""An input is read as the version that was opened, hashed on the way."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import reading
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.limits import Limits
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input, digest_file, whole_lines

DATA = bytes(range(256)) * 8
CHANGED = r"^\S+/file: changed while it was read; join again once it is complete$"


def _digest(data: bytes) -> FileDigest:
    return FileDigest(hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file that was written long ago."""
    path = tmp_path / "file"
    path.write_bytes(DATA)
    os.utime(path, (1e9, 1e9))
    return path


@pytest.fixture(params=["small", "large"])
def file(
    request: pytest.FixtureRequest, path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Input]:
    """Return that file, opened, as a small one, or as one that is worth a thread."""
    if request.param == "large":
        monkeypatch.setattr(reading, "CHUNK_BYTES", 100)
    with Input(Location(path)) as opened:
        yield opened


@pytest.mark.parametrize("data", [b"", b"a", b"line\n" * 20], ids=["empty", "short", "chunks"])
@pytest.mark.parametrize("chunk_bytes", [1, 7, 1 << 20])
def test_digest_is_of_the_bytes_read(path: Path, data: bytes, chunk_bytes: int) -> None:
    """A file's digest is of all its bytes, in however many chunks they came."""
    path.write_bytes(data)
    with Input(Location(path)) as file:
        assert b"".join(file.chunks(chunk_bytes)) == data
    assert file.digest == _digest(data) == digest_file(Location(path))


@pytest.mark.parametrize("chunks", [0, 1, 3])
def test_digest_of_a_file_that_was_not_read_through(file: Input, chunks: int) -> None:
    """What nobody read is hashed when the digest is asked for."""
    given = file.chunks(100)
    for _ in range(chunks):
        next(given)
    assert file.digest == _digest(DATA)


def test_reading_twice(file: Input) -> None:
    """A file may be read from the start again; no byte is hashed twice."""
    next(file.chunks(100))
    assert file.read() == DATA
    assert file.read() == DATA
    assert file.digest == _digest(DATA)


def test_a_file_that_pyarrow_cannot_open(path: Path) -> None:
    """Where no further descriptor is to be had, that is said of the file."""
    no_files = OSError(errno.EMFILE, "Too many open files")
    with (
        Input(Location(path)) as file,
        patch.object(pa, "OSFile", side_effect=no_files),
        pytest.raises(JoinError, match=f"^{path}: cannot be read: too many open files; raise"),
    ):
        file.arrow_file()


def test_random_access(file: Input) -> None:
    """Any bytes can be asked for, before, while and after the file is read from the start."""
    assert file.pread(256, 3) == DATA[256:259]
    chunks = file.chunks(100)
    first = next(chunks)
    assert file.pread(2000, 48) == DATA[2000:]
    assert first + b"".join(chunks) == DATA
    assert file.pread(0, 0) == b""
    assert file.digest == _digest(DATA)


def test_hash_in_background(file: Input) -> None:
    """A file that is read at random has its digest nonetheless."""
    file.hash_in_background()
    assert file.pread(1, 2) == DATA[1:3]
    assert file.read() == DATA
    assert file.digest == _digest(DATA)


def test_arrow_file(file: Input, path: Path) -> None:
    """What pyarrow reads is the version that was opened."""
    path.unlink()
    path.write_bytes(b"another")
    with file.arrow_file() as source:
        assert source.read() == DATA


def test_progress_adds_up(path: Path) -> None:
    """Progress is told of as many bytes as the file has."""
    told: list[int] = []
    with Input(Location(path), told.append) as file:
        list(file.chunks(100))
    assert sum(told) == len(DATA)


def test_a_pipe() -> None:
    """A pipe that was opened already can be read from the start, and has a digest."""
    read_end, write_end = os.pipe()
    os.write(write_end, DATA)
    os.close(write_end)
    with Input(Location(f"/dev/fd/{read_end}")) as file:
        assert file.read() == DATA
        assert file.digest == _digest(DATA)
    os.close(read_end)


def _replace(path: Path) -> None:
    new = path.with_name("new")
    new.write_bytes(b"another file")
    new.replace(path)


def _move_away(path: Path) -> None:
    path.rename(path.with_name("old"))
    path.write_bytes(b"another file")


def _rename(path: Path) -> None:
    path.rename(path.with_name("old"))


def _link(path: Path) -> None:
    path.with_name("link").hardlink_to(path)


@pytest.mark.parametrize("act", [_replace, _move_away, _rename, Path.unlink, _link])
def test_another_file_in_its_place(file: Input, path: Path, act: Callable[[Path], None]) -> None:
    """What becomes of the path does not matter: the opened version goes on being read."""
    chunks = file.chunks(100)
    first = next(chunks)
    act(path)
    assert first + b"".join(chunks) == DATA
    assert file.pread(0, 5) == DATA[:5]
    assert file.digest == _digest(DATA)


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _truncate(path: Path) -> None:
    os.truncate(path, 1000)


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other bytes")


def _overwrite_and_set_the_time_back(path: Path) -> None:
    _overwrite(path)
    os.utime(path, (1e9, 1e9))


WRITES = [_append, _truncate, _overwrite, _overwrite_and_set_the_time_back]


@pytest.mark.parametrize("write", WRITES)
def test_a_write_to_the_opened_file(file: Input, path: Path, write: Callable[[Path], None]) -> None:
    """A file that is written to while it is read is refused when it was read through."""
    chunks = file.chunks(100)
    next(chunks)
    write(path)
    with pytest.raises(JoinError, match=CHANGED):
        list(chunks)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("background", [False, True])
def test_a_write_before_the_digest(
    file: Input, path: Path, write: Callable[[Path], None], *, background: bool
) -> None:
    """A file that was written to since it was opened has no digest."""
    if background:
        file.hash_in_background()
    write(path)
    with pytest.raises(JoinError, match=CHANGED):
        _ = file.digest


def test_random_access_to_what_was_cut_off(file: Input, path: Path) -> None:
    """Bytes that are there no more are an error, never fewer bytes."""
    _truncate(path)
    assert file.pread(900, 100) == DATA[900:1000]
    with pytest.raises(JoinError, match=CHANGED):
        file.pread(900, 101)


def test_closing_early(file: Input) -> None:
    """A file may be closed while it is read ahead and hashed in the background."""
    file.hash_in_background()
    next(file.chunks(100))
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.pread(0, 1)


def test_unreadable_file(tmp_path: Path) -> None:
    """A file that is not there is named with the system's reason."""
    with pytest.raises(JoinError, match=r"gone: cannot be read: No such file or directory$"):
        Input(Location(tmp_path / "gone"))


def test_folder_is_unreadable(tmp_path: Path) -> None:
    """A folder cannot be read as a file."""
    with pytest.raises(JoinError, match=r"cannot be read: Is a directory$"):
        digest_file(Location(tmp_path))


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        pytest.param([b"a\nb", b"\nc\n"], [b"a\n", b"b\nc\n"], id="cut-within-a-line"),
        pytest.param([b"a", b"b", b"c\n"], [b"abc\n"], id="line-over-chunks"),
        pytest.param([b"a\n", b"b"], [b"a\n", b"b"], id="no-final-newline"),
        pytest.param([b"\xef\xbb\xbfa\n"], [b"a\n"], id="byte-order-mark"),
        pytest.param([b"a\n", b"\xef\xbb\xbfb\n"], [b"a\n", b"\xef\xbb\xbfb\n"], id="mark-inside"),
        pytest.param([], [], id="empty"),
    ],
)
def test_whole_lines(chunks: list[bytes], lines: list[bytes]) -> None:
    """Chunks are cut anew so that each ends with a line, without a byte order mark."""
    assert list(whole_lines(iter(chunks), "f")) == lines


def test_a_line_that_is_too_long_is_named() -> None:
    """A line over more than one chunk that is beyond the limit is told by its number."""
    chunks = [b"1\n2\n", b"3 is", b" as long as may be"]
    with patch.object(reading, "limits", return_value=Limits(row_bytes=23)):
        assert list(whole_lines(iter([*chunks, b"\n"]), "f"))[1] == b"".join([*chunks[1:], b"\n"])
        with pytest.raises(JoinError, match=r"^f:3: a line is too long, more than 23 B"):
            list(whole_lines(iter([*chunks, b"!\n"]), "f"))
