"""Columns spliced into parquet files: the input's bytes stay, and readers see old and new columns.

When a file is decoded and encoded instead is asked here too. The page checksums belong in
`test_page_checksums.py`, the parts of a footer in `test_thrift_compact.py`.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from second_opinion_assets.tables.parquet_splice import Splice
from second_opinion_assets.tables.thrift_compact import Elements, Struct, decode, encode
from second_opinion_assets_tests.examples import examples
from second_opinion_assets_tests.splices import (
    ADDED,
    STATUSES,
    Given,
    Written,
    added,
    footer_of,
    spliced,
    with_footer,
)

ROWS = 40
NESTED = pa.struct({"é": pa.int64(), "of": pa.list_(pa.struct({"x": pa.string()}))})


def features(rows: int = ROWS) -> pa.Table:
    """Return a table with columns of many types, metadata included."""
    numbers = range(rows)
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    columns = {
        "clip_id": pa.array([f"clip_{n:03d}" for n in numbers], pa.string()),
        "width": pa.array([n % 7 for n in numbers], pa.int8()),
        "bytes": pa.array([None if n % 3 else n for n in numbers], pa.uint32()),
        "psnr": pa.array([n / 4 for n in numbers], pa.float64()),
        "ssim": pa.array([n / 8 for n in numbers], pa.float32()),
        "hdr": pa.array([n % 2 == 0 for n in numbers], pa.bool_()),
        "hash": pa.array([b"%d" % n for n in numbers], pa.binary()),
        "price": pa.array([Decimal(n).scaleb(-2) for n in numbers], pa.decimal128(9, 2)),
        "mass": pa.array([Decimal(n).scaleb(-2) for n in numbers], pa.decimal128(38, 2)),
        "day": pa.array([dt.date(2026, 1, 1 + n % 28) for n in numbers], pa.date32()),
        "at": pa.array([moment + dt.timedelta(n) for n in numbers], pa.timestamp("us", "UTC")),
        "a.b": pa.array([[n / 2] * (n % 3) for n in numbers], pa.list_(pa.float64())),
        "source": pa.array([{"é": n, "of": [{"x": str(n)}]} for n in numbers], NESTED),
        "codec": pa.array(["av1", "h264"][:1] * rows, pa.string()).dictionary_encode(),
    }
    schema = pa.schema(
        [
            pa.field(name, column.type, metadata={"unit": "dB"} if name == "psnr" else None)
            for name, column in columns.items()
        ],
        {"corpus": "CHUG"},
    )
    return pa.table(list(columns.values()), schema)


def written(table: pa.Table, **settings: Any) -> bytes:
    """Return a table as a parquet file."""
    file = io.BytesIO()
    pq.write_table(table, file, **settings)
    return file.getvalue()


def polars_file(**settings: Any) -> bytes:
    """Return a parquet file as polars writes it."""
    file = io.BytesIO()
    pl.DataFrame(pl.from_arrow(features())).write_parquet(file, **settings)
    return file.getvalue()


def groups_apart() -> bytes:
    """Return a file with a row group that has no rows between two that have some."""
    file, table = io.BytesIO(), features()
    with pq.ParquetWriter(file, table.schema, write_page_index=True) as writer:
        for part in (table.slice(0, 3), table.slice(0, 0), table.slice(3)):
            writer.write_table(part)
    return file.getvalue()


def no_groups() -> bytes:
    """Return a file without row groups."""
    file = io.BytesIO()
    pq.ParquetWriter(file, features().schema).close()
    return file.getvalue()


SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    **{f"version-{version}": {"version": version} for version in ("1.0", "2.4", "2.6")},
    **{
        codec: {"compression": codec, "row_group_size": 7}
        for codec in ("NONE", "SNAPPY", "GZIP", "BROTLI", "LZ4", "ZSTD")
    },
    "index": {"write_page_index": True, "row_group_size": 15, "data_page_size": 20},
    "pages-v2": {"data_page_version": "2.0", "write_page_index": True},
    "checksums": {"write_page_checksum": True, "row_group_size": 15},
    "no-arrow-schema": {"store_schema": False},
    "no-statistics": {"write_statistics": False},
    "no-dictionary": {"use_dictionary": False, "column_encoding": {"psnr": "BYTE_STREAM_SPLIT"}},
    "int96": {"use_deprecated_int96_timestamps": True, "write_page_index": True},
    "decimal-integers": {"store_decimal_as_integer": True},
    "sorted": {"sorting_columns": [pq.SortingColumn(0), pq.SortingColumn(2, descending=True)]},
    "bloom": {"bloom_filter_options": {"clip_id": True}},
    "row-each": {"row_group_size": 1},
}
FILES: dict[str, Callable[[], bytes]] = {
    **{name: partial(written, features(), **settings) for name, settings in SETTINGS.items()},
    "no-rows": lambda: written(features(0), write_page_index=True),
    "no-row-groups": no_groups,
    "empty-row-group": groups_apart,
    "wide": lambda: written(pa.table({f"c{n}": np.arange(4.0) + n for n in range(2000)})),
    "polars": polars_file,
    "polars-groups": lambda: polars_file(row_group_size=9, compression="lz4", statistics="full"),
}
OTHERS = "tables/examples/other_writers"


def read_by_pyarrow(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file as pyarrow reads them."""
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def read_by_polars(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file as polars reads them."""
    return pl.read_parquet(path).to_dicts()


def read_by_duckdb(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file as DuckDB reads them."""
    rows = duckdb.execute(f"from '{path}'")
    names = [column[0] for column in rows.description or ()]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def read_by_pandas(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file as pandas reads them."""
    rows: list[dict[str, Any]] = pd.read_parquet(path).reset_index().to_dict("records")
    return rows


READERS = [read_by_pyarrow, read_by_polars, read_by_duckdb, read_by_pandas]


def expected(rows: int) -> list[dict[str, Any]]:
    """Return the new columns as rows."""
    columns: list[dict[str, Any]] = added(rows).to_pylist()
    return columns


def assert_spliced(given: bytes, folder: Path, read: Callable[[Path], Any]) -> None:
    """Hold what a reader finds in a spliced file against what it finds in the input."""
    before, after = folder / "before.parquet", folder / "after.parquet"
    before.write_bytes(given)
    after.write_bytes(spliced(given))
    old, rows = read(before), read(after)
    # As text, by which NaN is itself and a row is in its order.
    kept = [{name: row[name] for name in row if name not in ADDED.names} for row in rows]
    assert repr(kept) == repr(old)
    got = [[row[name] for name in ADDED.names] for row in rows]
    wanted = [[row[name] for name in ADDED.names] for row in expected(len(old))]
    assert str(got).replace("nan", "None") == str(wanted)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_readers_find_old_and_new_columns(
    file: Callable[[], bytes], read: Callable[[Path], Any], tmp_path: Path
) -> None:
    """Whatever the file was written with, all old columns are equal and the new ones behind."""
    assert_spliced(file(), tmp_path, read)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "example", [*examples("tables/examples/accepted_parquet"), *examples(OTHERS)]
)
def test_files_of_other_writers(example: Path, read: Callable[[Path], Any], tmp_path: Path) -> None:
    """Files of DuckDB, polars, fastparquet and Spark gain columns like those of pyarrow."""
    assert_spliced(example.read_bytes(), tmp_path, read)


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_every_byte_before_the_footer_stays(file: Callable[[], bytes]) -> None:
    """The output starts with the input up to its footer, byte for byte."""
    given = file()
    got = spliced(given)
    assert got.startswith(given[: -8 - len(footer_of(given))])
    assert got[-4:] == b"PAR1"


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_the_footer_says_what_it_said(file: Callable[[], bytes]) -> None:
    """Schema, metadata, row groups and chunks of the old columns are told as they were."""
    given = file()
    before, after = (
        pq.read_metadata(io.BytesIO(given)),
        pq.read_metadata(io.BytesIO(spliced(given))),
    )
    old_schema, new_schema = before.schema.to_arrow_schema(), after.schema.to_arrow_schema()
    kept = pa.schema(list(new_schema)[: len(old_schema)], new_schema.metadata)
    assert kept.equals(old_schema, check_metadata=True)
    assert pa.schema(list(new_schema)[len(old_schema) :]).equals(ADDED, check_metadata=True)
    assert (after.created_by, after.format_version) == (before.created_by, before.format_version)
    assert after.num_rows == before.num_rows
    assert after.num_row_groups == before.num_row_groups
    for number in range(before.num_row_groups):
        old, new = before.row_group(number), after.row_group(number)
        chunks = [new.column(n) for n in range(new.num_columns)]
        appended = chunks[old.num_columns :]
        assert new.num_rows == old.num_rows
        assert new.sorting_columns == old.sorting_columns
        for place, chunk in enumerate(chunks[: old.num_columns]):
            assert chunk.equals(old.column(place))
        sizes = [chunk.total_uncompressed_size for chunk in appended]
        assert new.total_byte_size == old.total_byte_size + sum(sizes)
        assert {chunk.compression for chunk in appended} == {chunks[0].compression}
        indexed = any(chunk.has_offset_index for chunk in chunks[: old.num_columns])
        assert {chunk.has_offset_index for chunk in appended} == {indexed}


def changed(file: bytes, change: Callable[[Struct, list[Struct]], Struct]) -> bytes:
    """Return a parquet file with another footer, made of it and of its row groups."""
    footer, _ = decode(footer_of(file), {4: {1: {}}, 7: None})
    return with_footer(file, encode(change(footer, footer.structs(4))))


def without_indexes(footer: Struct, groups: list[Struct]) -> Struct:
    """Leave out all page indexes of the first row group, and column indexes of the second."""
    numbers = ({4, 5, 6, 7}, {6, 7}, set[int]())
    kept = [
        group.replaced(
            {1: Elements(12, [encode(chunk.without(some)) for chunk in group.structs(1)])}
        )
        for group, some in zip(groups, numbers, strict=True)
    ]
    return footer.replaced({4: Elements(12, [encode(group) for group in kept])})


def without_optional_parts(footer: Struct, groups: list[Struct]) -> Struct:
    """Leave out the orders of columns, compressed sizes, metadata and who wrote the file."""
    kept = [encode(group.without({5, 6, 7})) for group in groups]
    return footer.without({5, 6, 7}).replaced({4: Elements(12, kept)})


def test_page_indexes_stand_where_the_input_has_them() -> None:
    """In each row group the new columns have the indexes that its old columns have."""
    file = written(features(), row_group_size=15, write_page_index=True)
    footer, _ = decode(footer_of(spliced(changed(file, without_indexes))), {4: {1: {}}})
    assert [
        [sorted(chunk.fields.keys() - {1, 2, 3}) for chunk in group.structs(1)[-4:]]
        for group in footer.structs(4)
    ] == [[[]] * 4, [[4, 5]] * 4, [[4, 5, 6, 7]] * 4]


def test_optional_parts_that_the_input_lacks(tmp_path: Path) -> None:
    """What its footer does not say is not said of the new columns either."""
    file = changed(written(features(), row_group_size=15), without_optional_parts)
    assert_spliced(file, tmp_path, read_by_pyarrow)
    assert_spliced(file, tmp_path, read_by_duckdb)
    footer, _ = decode(footer_of(spliced(file)), {4: {}})
    assert list(footer.fields) == [1, 2, 3, 4]
    assert [list(group.fields) for group in footer.structs(4)] == [[1, 2, 3]] * 3


def test_sizes_and_orders_count_the_new_columns() -> None:
    """The compressed size of a row group is that of its chunks; each column has its order.

    Nothing but the new chunks lies between the input's bytes and the footer.
    """
    given = written(features(), row_group_size=15)
    file = spliced(given)
    footer, _ = decode(footer_of(file), {4: {1: {3: {}}}, 7: None})
    metadata = pq.read_metadata(io.BytesIO(file))
    assert len(footer.raw_items(7)) == metadata.num_columns
    appended_bytes = 0
    for number, group in enumerate(footer.structs(4)):
        chunks = [metadata.row_group(number).column(n) for n in range(metadata.num_columns)]
        sizes = [chunk.total_compressed_size for chunk in chunks]
        assert group.integer(6) == sum(sizes)
        appended_bytes += sum(sizes[-len(ADDED) :])
    pages = [len(content) - len(footer_of(content)) for content in (given, file)]
    assert pages[1] - pages[0] == appended_bytes


def test_statistics_of_new_columns() -> None:
    """Each row group tells the least and the greatest value and the nulls of the new columns."""
    metadata = pq.read_metadata(io.BytesIO(spliced(written(features(25), row_group_size=15))))
    group = metadata.row_group(1)
    score, status, frames = (
        group.column(number).statistics
        for number in range(metadata.num_columns - 3, metadata.num_columns)
    )
    assert (score.min, score.max, score.null_count) == (7.5, 12.0, 1)
    assert (status.min, status.max, status.null_count) == ("bad", "ok", 0)
    assert (frames.min, frames.max, frames.null_count) == (15, 24, 0)


@pytest.mark.parametrize("name", ["plain", "index", "no-dictionary", "row-each", "bloom"])
@pytest.mark.parametrize(
    ("condition", "filtered", "rows"),
    [
        ("so_frames > 30", ds.field("so_frames") > 30, range(31, ROWS)),
        ("so_status = 'bad'", ds.field("so_status") == "bad", range(1, ROWS, 3)),
        ("so_score < 2", ds.field("so_score") < 2, [1, 2, 3]),
        ("clip_id = 'clip_017'", ds.field("clip_id") == "clip_017", [17]),
        ("psnr > 9.5", ds.field("psnr") > 9.5, [39]),
    ],
    ids=["frames", "status", "score", "old-text", "old-number"],
)
def test_filters(
    name: str, condition: str, filtered: ds.Expression, rows: Any, tmp_path: Path
) -> None:
    """Readers that skip by statistics, indexes and bloom filters find all rows they should."""
    path = tmp_path / "out.parquet"
    path.write_bytes(spliced(FILES[name]()))
    wanted = list(rows)
    query = f"select so_frames from '{path}' where {condition}"  # noqa: S608 (of this test)
    assert [row[0] for row in duckdb.execute(query).fetchall()] == wanted
    assert pq.read_table(path, filters=filtered)["so_frames"].to_pylist() == wanted
    scanned = pl.scan_parquet(path).filter(pl.sql_expr(condition)).collect()
    assert scanned["so_frames"].to_list() == wanted


@pytest.mark.parametrize(
    "index", [pd.RangeIndex(5, 9, 2), pd.Index([7, 9], name="row"), pd.Index(["x", "y"])]
)
def test_pandas_reads_its_own_frame(index: pd.Index, tmp_path: Path) -> None:
    """A frame comes back with index, dtypes and attributes, and with the new columns."""
    frame = pd.DataFrame(
        {
            "clip_id": pd.array(["a", "b"], dtype="string"),
            "codec": pd.Categorical(["x", None], categories=["y", "x"], ordered=True),
            "bits": pd.array([1, None], dtype="Int8"),
            "at": pd.date_range("2026-01-01", periods=2, tz="Europe/Berlin"),
        },
        index=index,
    )
    frame.attrs["corpus"] = "CHUG"
    before, after = tmp_path / "before.parquet", tmp_path / "after.parquet"
    frame.to_parquet(before)
    after.write_bytes(spliced(before.read_bytes()))
    got = pd.read_parquet(after)
    pd.testing.assert_frame_equal(got[frame.columns], pd.read_parquet(before))
    pd.testing.assert_frame_equal(got[ADDED.names], added(2).to_pandas().set_index(got.index))
    assert got.attrs == frame.attrs


def test_a_spliced_file_is_spliced_again() -> None:
    """An output is an input like any other."""
    once = spliced(written(features(), write_page_index=True, row_group_size=15))
    again = pa.schema([field.with_name(f"again_{field.name}") for field in ADDED])
    twice = pq.read_table(io.BytesIO(spliced(once, again)))
    assert twice.drop_columns(again.names).equals(pq.read_table(io.BytesIO(once)))
    assert twice.select(again.names).rename_columns(ADDED.names).equals(added(ROWS))


def test_texts_from_dictionaries() -> None:
    """Texts that come as dictionaries are written the same, statistics included.

    What a dictionary holds beside the values of its rows is told by no statistics.
    """
    plain = written(features(), row_group_size=15, write_page_index=True)
    texts = pa.dictionary(pa.int32(), pa.string())
    coded = [field.with_type(texts) if field.name == "so_status" else field for field in ADDED]
    splice = Splice(footer_of(plain), len(plain), pa.schema(coded))
    sink = Written()
    status = pa.array([n % 3 for n in range(ROWS)], pa.int32())
    words = pa.DictionaryArray.from_arrays(status, pa.array([*STATUSES, "never"]))
    table = added(ROWS).set_column(1, coded[1], words)
    splice.write(Given(plain), sink, (table.slice(n, 15) for n in (0, 15, 30)))
    got, wanted = (
        pq.ParquetFile(io.BytesIO(sink.content)),
        pq.ParquetFile(io.BytesIO(spliced(plain))),
    )
    assert got.schema_arrow.equals(wanted.schema_arrow, check_metadata=True)
    assert got.read().equals(wanted.read())
    place = got.metadata.num_columns - 2
    for number in range(got.num_row_groups):
        statistics = got.metadata.row_group(number).column(place).statistics
        assert (statistics.min, statistics.max) == ("bad", "ok")
