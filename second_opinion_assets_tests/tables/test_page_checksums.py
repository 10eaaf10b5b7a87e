"""Checksums of parquet pages, by which damage is found without decoding."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from second_opinion_assets.tables import page_checksums
from second_opinion_assets.tables.page_checksums import check_page_checksums
from second_opinion_assets.tables.parquet_footer import Footer
from second_opinion_assets.tables.parquet_splice import Splice
from second_opinion_assets.tables.thrift_compact import STRUCT, Elements, Struct, decode, encode
from second_opinion_assets_tests.splices import Given, footer_of, spliced, with_footer

ROWS = 300
MORE = pa.schema({"more": pa.float64()})
SETTINGS: dict[str, dict[str, Any]] = {
    "v1": {},
    "v2": {"data_page_version": "2.0"},
    "small-pages": {"data_page_size": 100, "row_group_size": 100},
    "no-dictionary": {"use_dictionary": False, "compression": "NONE"},
    "index": {"write_page_index": True, "data_page_size": 100},
}


def written(**settings: Any) -> bytes:
    """Return a parquet file with numbers, texts with a dictionary, and lists."""
    columns = {
        "psnr": [n / 7 for n in range(ROWS)],
        "codec": ["av1", "h264", None] * (ROWS // 3),
        "ladder": [[n, n + 1] for n in range(ROWS)],
    }
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **settings)
    return file.getvalue()


def check(file: bytes) -> str | None:
    """Return what is damaged in a file."""
    return Splice(footer_of(file), len(file), MORE).check_page_checksums(Given(file))


def inverted(file: bytes, position: int) -> bytes:
    """Return a file with another byte at a place."""
    return file[:position] + bytes([file[position] ^ 0xFF]) + file[position + 1 :]


@pytest.mark.parametrize("checksums", [True, False])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_whole_files(settings: dict[str, Any], *, checksums: bool) -> None:
    """A file with checksums that agree, or without any, is taken as it is, spliced as well."""
    file = written(write_page_checksum=checksums, **settings)
    assert check(file) is None
    assert check(spliced(file)) is None


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_damage_is_found_in_every_chunk(settings: dict[str, Any]) -> None:
    """Where it is told: the column by its path, the row group, and the page's first byte."""
    file = written(write_page_checksum=True, **settings)
    for pages in Footer(footer_of(file)).pages():
        message = str(check(inverted(file, pages.end - 1)))
        assert message.startswith(f"column {pages.column!r}, row group {pages.row_group}: the page")
        assert message.endswith("does not have the bytes that its checksum tells of")


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_damage_anywhere(settings: dict[str, Any]) -> None:
    """Whatever byte is damaged, those of pages' headers included, there is an answer."""
    file = written(write_page_checksum=True, **settings)
    positions = range(4, len(file) - 8 - len(footer_of(file)), 7)
    found = [check(inverted(file, position)) is not None for position in positions]
    assert sum(found) > len(found) / 2


def test_new_columns_have_checksums_where_the_input_has_them() -> None:
    """What is added to a file with checksums is checked like the rest of it."""
    for checksums in (True, False):
        file = spliced(written(write_page_checksum=checksums))
        last = list(Footer(footer_of(file)).pages())[-1]
        assert (check(inverted(file, last.end - 1)) is not None) == checksums


def test_pages_that_lie_elsewhere() -> None:
    """Pages that a footer sees beyond the end of all pages are damaged, and are not read."""
    file = written(write_page_checksum=True)
    footer = Footer(footer_of(file))
    first, *_, last = footer.pages()
    for end, damage in (
        (4, "no page can be read at byte 4"),
        (first.end - 1, "goes beyond the end"),
        (last.start, f"no page can be read at byte {last.start}"),
    ):
        assert damage in str(check_page_checksums(Given(file[:end]), footer, end))


@pytest.mark.parametrize("more", [-1, 1])
def test_values_that_are_not_there(more: int) -> None:
    """A chunk whose pages hold more or fewer values than its footer says is damaged."""
    file = written(write_page_checksum=True)
    footer, _ = decode(footer_of(file), {4: {1: {3: {}}}})
    [group] = footer.structs(4)
    head, *chunks = group.structs(1)
    column = head.struct(3)
    assert column is not None
    column = column.replaced({5: ROWS + more})
    head = Struct({**head.fields, 3: (STRUCT, encode(column))})
    group = group.replaced({1: Elements(STRUCT, [*map(encode, [head, *chunks])])})
    footer = footer.replaced({4: Elements(STRUCT, [encode(group)])})
    assert f"with {ROWS} values, not as its footer" in str(check(with_footer(file, encode(footer))))


def test_long_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A header is read whole, however long the values are that it tells as least and greatest."""
    monkeypatch.setattr(page_checksums, "PIECE_BYTES", 1000)
    file = io.BytesIO()
    texts = pa.table({"clip_id": ["a" * 5000, "b" * 40_000]})
    pq.write_table(texts, file, write_page_checksum=True, use_dictionary=False, compression="NONE")
    assert check(file.getvalue()) is None
    last = list(Footer(footer_of(file.getvalue())).pages())[-1]
    assert check(inverted(file.getvalue(), last.end - 1)) is not None
