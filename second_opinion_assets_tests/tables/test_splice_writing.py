"""How a spliced parquet file is written: its bytes in one thread, the new columns in another.

What is written belongs in `test_parquet_splice.py`.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from second_opinion_assets.tables import page_checksums, parquet_splice
from second_opinion_assets.tables.parquet_splice import Splice
from second_opinion_assets_tests.splices import (
    ADDED,
    Given,
    Written,
    added,
    footer_of,
    groups_of,
    spliced,
)

ROWS = 3000
DEADLINE_S = 60


def example() -> bytes:
    """Return a parquet file of many row groups, of numbers that are not compressed away."""
    numbers = np.random.default_rng(1).normal(size=ROWS)
    file = io.BytesIO()
    pq.write_table(pa.table({"clip_id": range(ROWS), "psnr": numbers}), file, row_group_size=300)
    return file.getvalue()


FILE = example()


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let bytes be copied and written in pieces of a few hundred bytes."""
    monkeypatch.setattr(parquet_splice, "PIECE_BYTES", 700)
    monkeypatch.setattr(page_checksums, "PIECE_BYTES", 700)


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Hold that all threads have ended, however the writing went."""
    before = threading.active_count()
    yield
    assert threading.active_count() == before


class Waiting(Given):
    """A file whose bytes come once it is told so; the first page's header comes at once."""

    def __init__(self, file: bytes) -> None:
        super().__init__(file)
        self.may_go = threading.Event()

    def __call__(self, offset: int, count: int) -> bytes:
        if threading.current_thread() is not threading.main_thread():
            assert self.may_go.wait(DEADLINE_S)
        return super().__call__(offset, count)


def test_new_columns_do_not_wait_for_the_copy() -> None:
    """All of them are encoded while the first of the input's bytes is still awaited."""
    source, sink = Waiting(FILE), Written()
    splice = Splice(footer_of(FILE), len(FILE), ADDED)

    def groups() -> Iterator[pa.Table]:
        yield from groups_of(splice.row_group_rows)
        assert not sink.pieces
        source.may_go.set()

    splice.write(source, sink, groups())
    assert sink.content == spliced(FILE)


def test_new_columns_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound they wait until the copy is done, and are then written on."""
    monkeypatch.setattr(parquet_splice, "_HELD_BYTES", 6000)
    source, sink = Waiting(FILE), Written()
    splice = Splice(footer_of(FILE), len(FILE), ADDED)
    asked: list[int] = []

    def groups() -> Iterator[pa.Table]:
        for number, table in enumerate(groups_of(splice.row_group_rows)):
            asked.append(number)
            if number == 1:
                source.may_go.set()
            yield table
            if number > 1:
                assert sink.content.startswith(FILE[: splice.copied_bytes])

    splice.write(source, sink, groups())
    assert len(asked) == len(splice.row_group_rows)
    assert sink.content == spliced(FILE)


@pytest.mark.usefixtures("small_pieces")
def test_pieces() -> None:
    """However small the pieces, old bytes and new columns are the same."""
    got = spliced(FILE)
    table = pq.read_table(io.BytesIO(got))
    assert table.select(ADDED.names).equals(added(ROWS))
    assert got.startswith(FILE[: -8 - len(footer_of(FILE))])


def test_a_source_that_fails() -> None:
    """What stops the copy is raised as it is, after the new columns at the latest."""

    def fails(offset: int, count: int) -> bytes:
        if offset:
            msg = "the disk is gone"
            raise OSError(msg)
        return FILE[:count][:1000]

    splice = Splice(footer_of(FILE), len(FILE), ADDED)
    with pytest.raises(OSError, match="the disk is gone"):
        splice.write(fails, Written(), groups_of(splice.row_group_rows))


def test_a_file_that_became_shorter() -> None:
    """Bytes that are no longer there are told, with where they end."""
    splice = Splice(footer_of(FILE), len(FILE), ADDED)
    with pytest.raises(EOFError, match=r"the file ends at byte 1000; it had \d+ bytes before"):
        splice.write(
            lambda offset, count: FILE[:1000][offset : offset + count],
            Written(),
            groups_of(splice.row_group_rows),
        )


def test_groups_that_fail() -> None:
    """What the new columns' maker raises is raised as it is, and nothing is copied any more."""
    most, copied = 5_000_000, 0

    def byte_by_byte(_offset: int, count: int) -> bytes:
        nonlocal copied
        copied += 1
        return b"x" * min(count, 1) if copied < most else b""

    def fails() -> Iterator[pa.Table]:
        yield added(300)
        msg = "no such score"
        raise LookupError(msg)

    splice = Splice(footer_of(FILE), 1 << 30, ADDED)
    with pytest.raises(LookupError, match="no such score"):
        splice.write(byte_by_byte, Written(), fails())
    assert copied < most


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("at", [0, 3, 60], ids=["first", "copying", "behind"])
def test_a_sink_that_fails(at: int) -> None:
    """What the sink raises is raised as it is, at whatever piece."""

    class Full(Written):
        def write(self, data: bytes) -> None:
            if len(self.pieces) == at:
                msg = "no space left"
                raise OSError(msg)
            super().write(data)

    splice = Splice(footer_of(FILE), len(FILE), ADDED)
    with pytest.raises(OSError, match="no space left"):
        splice.write(Given(FILE), Full(), groups_of(splice.row_group_rows))


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ([added(299)], "299 rows for a row group of 300"),
        ([added(300)], "shorter"),
        ([added(300)] * 11, "longer"),
        ([added(300).drop_columns("so_score")], "schema"),
    ],
    ids=["rows", "fewer", "more", "columns"],
)
def test_groups_that_do_not_fit(tables: list[pa.Table], message: str) -> None:
    """Tables that are not the row groups of the file are a bug of the caller."""
    splice = Splice(footer_of(FILE), len(FILE), ADDED)
    with pytest.raises(ValueError, match=message):
        splice.write(Given(FILE), Written(), iter(tables))


def test_what_is_told_of_the_file() -> None:
    """The rows of its row groups, and how many of its bytes are kept."""
    splice = Splice(footer_of(FILE), len(FILE), ADDED)
    assert splice.row_group_rows == [300] * 10
    assert splice.copied_bytes == len(FILE) - len(footer_of(FILE)) - 8
