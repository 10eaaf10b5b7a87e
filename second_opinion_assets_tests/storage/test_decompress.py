"""The bytes of a file, decompressed: all of them, in whatever pieces they come."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import decompress, reading
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.location import Location, unreadable
from second_opinion_assets.storage.reading import Input, digest_file
from second_opinion_assets_tests.compressed import zstd

TEXT = b"".join(b'{"clip_id": "%d"}\n' % number for number in range(3000))


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip-members": lambda data: gzip.compress(data[:999]) + gzip.compress(data[999:]),
    "gzip-padding": lambda data: gzip.compress(data) + bytes(700),
    "zstd": zstd,
    "zstd-frames": lambda data: zstd(data[:999]) + zstd(data[999:]),
}


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
@pytest.mark.parametrize("chunk_bytes", [1, 500, 4 << 20])
@pytest.mark.parametrize("data", [b"", b"{", TEXT], ids=["empty", "one-byte", "long"])
def test_all_bytes(
    tmp_path: Path, compress: Callable[[bytes], bytes], chunk_bytes: int, data: bytes
) -> None:
    """Content and digest are the same however a file is read, and however it is compressed."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(compress(data))
    with (
        Input(Location(path)) as file,
        patch.object(reading, "CHUNK_BYTES", chunk_bytes),
        patch.object(decompress, "_OUTPUT_BYTES", 100),
        patch.object(decompress, "HEAD_BYTES", 150),
    ):
        whole = Content(file)
        assert data.startswith(whole.head)
        assert whole.head == data or not whole.is_whole
        assert whole.read() == data
    assert file.digest == digest_file(Location(path))


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_read_that_fails(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails in the middle of a compressed file is named as that, not as a bad file."""
    path = tmp_path / "a.gz"
    path.write_bytes(COMPRESSIONS[name](TEXT))

    def chunks(file: Input) -> Iterator[bytes]:
        yield path.read_bytes()[:64]
        raise unreadable(file.location, OSError(5, "Input/output error"))

    monkeypatch.setattr(Input, "chunks", chunks)
    with (
        Input(Location(path)) as file,
        pytest.raises(JoinError, match=r"a\.gz: cannot be read: Input/output error"),
    ):
        Content(file).read()


@pytest.mark.parametrize(
    ("name", "stem", "suffix"),
    [
        ("a.json", "a", ".json"),
        ("a.mkv.JSON.GZ", "a.mkv", ".json"),
        ("a.zst", "a", ""),
        ("a", "a", ""),
    ],
)
def test_names(tmp_path: Path, name: str, stem: str, suffix: str) -> None:
    """A file's stem and suffix are those of its form; that of compression is none."""
    path = tmp_path / name
    path.write_bytes(b"x")
    with Input(Location(path)) as file:
        with_name = Content(file)
    assert (with_name.stem, with_name.suffix) == (stem, suffix)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("chunk_bytes", [1, 500, 4 << 20])
def test_text_in_other_unicode_forms(
    tmp_path: Path, compress: Callable[[bytes], bytes], chunk_bytes: int, encoding: str
) -> None:
    """Text whose mark tells UTF-16 or UTF-32 is read as UTF-8; the digest is of the file."""
    text = "\ufeff" + 'é😀 {"clip_id": 1}\r\n' * 500
    path = tmp_path / "a.jsonl"
    path.write_bytes(compress(text.encode(encoding)))
    with (
        Input(Location(path)) as file,
        patch.object(reading, "CHUNK_BYTES", chunk_bytes),
        patch.object(decompress, "HEAD_BYTES", 150),
    ):
        whole = Content(file)
        assert whole.read().decode() == text[1:]
        assert file.digest == digest_file(Location(path))


@pytest.mark.parametrize("rest", [b"a\0b", b"\0\xd8a\0"], ids=["cut", "half-character"])
def test_text_that_is_not_what_its_mark_says(tmp_path: Path, rest: bytes) -> None:
    """Bytes after a mark of UTF-16 that are no such text are refused in one line."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe" + rest)
    with (
        Input(Location(path)) as file,
        pytest.raises(JoinError, match=r"a\.csv: not UTF-16 text, though its mark says so"),
    ):
        Content(file).read()
