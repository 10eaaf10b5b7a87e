"""Parquet in, parquet out: all that a file holds and says of its columns is in the output as well.

Whoever wrote the file, with whatever settings. What the new columns hold, and other forms, belong
in `test_parquet.py`.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from second_opinion_assets_tests.examples import examples
from second_opinion_assets_tests.strategies import thorough
from second_opinion_assets_tests.workspace import Workspace

OURS = [f"second_opinion_dover_{n}" for n in ("score", "status", "runtime_ms", "frames", "source")]
SAME_AS_PHYSICAL = ("Int(bitWidth=64, isSigned=true)", "Int(bitWidth=32, isSigned=true)")


class Chunk(NamedTuple):
    """What a file says of one column in one row group."""

    path: str
    kind: tuple[str, str]
    levels: tuple[int, int]
    codec: str
    encoding: str
    statistics: bool
    page_index: bool

    @classmethod
    def of(cls, file: pq.ParquetFile, group: int, number: int) -> Chunk:
        """Return what a file says of a column; what says nothing more of it is left out."""
        chunk, column = file.metadata.row_group(group).column(number), file.schema.column(number)
        logical = str(column.logical_type)
        return cls(
            chunk.path_in_schema,
            (chunk.physical_type, "None" if logical in SAME_AS_PHYSICAL else logical),
            (column.max_definition_level, column.max_repetition_level),
            chunk.compression,
            "DICTIONARY" if chunk.has_dictionary_page else _encoding(chunk),
            chunk.is_stats_set and logical != "Null",
            chunk.has_offset_index,
        )


def _encoding(chunk: pq.ColumnChunkMetaData) -> str:
    """Return how a chunk's values are written; RLE is how its levels are."""
    return " ".join(sorted(set(chunk.encodings) - {"RLE"})) or "PLAIN"


def row_groups(file: pq.ParquetFile) -> list[int]:
    """Return the numbers of the row groups that have rows."""
    groups = range(file.num_row_groups)
    return [number for number in groups if file.metadata.row_group(number).num_rows]


def chunks(file: pq.ParquetFile) -> list[list[Chunk]]:
    """Return what a file says of each column but ours, row group by row group."""
    columns = range(file.metadata.num_columns)
    every = [[Chunk.of(file, group, n) for n in columns] for group in row_groups(file)]
    return [[c for c in group if c.path.split(".")[0] not in OURS] for group in every]


def file_metadata(file: pq.ParquetFile) -> dict[bytes, bytes]:
    """Return a file's own entries; pyarrow's copy of the schema is compared as a schema."""
    return {
        name: value
        for name, value in (file.metadata.metadata or {}).items()
        if name != b"ARROW:schema"
    }


def assert_kept(features: Path, out: Path) -> None:
    """Hold an output against its input: schema, metadata, row groups, settings and values."""
    given_file, got_file = pq.ParquetFile(features), pq.ParquetFile(out)
    kept = [name for name in given_file.schema_arrow.names if name not in OURS]
    assert got_file.schema_arrow.names == [*kept, *OURS]
    for name in kept:
        field = given_file.schema_arrow.field(name)
        assert got_file.schema_arrow.field(name).equals(field, check_metadata=True), name
    assert file_metadata(got_file) == file_metadata(given_file)
    assert chunks(got_file) == chunks(given_file)
    for got_number, number in zip(row_groups(got_file), row_groups(given_file), strict=True):
        given_rows = given_file.read_row_group(number, columns=kept)
        got_rows = got_file.read_row_group(got_number, columns=kept)
        # As text, by which NaN is itself and -0.0 is not 0.0.
        assert repr(got_rows.to_pylist()) == repr(given_rows.to_pylist())


def join(features: Path, **options: Any) -> Path:
    """Join a feature table with one scorer's scores in its own folder; return the output."""
    work = Workspace(features.parent)
    work.join(features=features.name, out="out.parquet", audit_json=None, **options)
    return features.with_name("out.parquet")


# Tables of any types, written with any settings.

small = st.integers(0, 100)
moments = st.integers(-(2**35), 2**35)  # seconds too must lie within the years of datetime
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
decimals = st.integers(-(10**8), 10**8).map(lambda n: Decimal(n).scaleb(-3))
leaves: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.bool_(), st.booleans()),
    *[(kind(), small) for kind in (pa.int8, pa.int16, pa.int32, pa.uint8, pa.uint16)],
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint32(), st.integers(0, 2**32 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float16(), st.floats(width=16)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats()),
    (pa.string(), texts),
    (pa.large_string(), texts),
    (pa.string_view(), texts),
    (pa.binary(), st.binary(max_size=4)),
    (pa.large_binary(), st.binary(max_size=4)),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.decimal128(12, 3), decimals),
    (pa.decimal128(38, 3), decimals),
    (pa.decimal256(60, 3), decimals),
    (pa.date32(), st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))),
    (pa.date64(), st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))),
    (pa.time32("ms"), small),
    (pa.time64("us"), small),
    (pa.time64("ns"), small.map(lambda n: n * 1000)),
    *[(pa.timestamp(unit), moments) for unit in ("s", "ms", "us", "ns")],
    *[(pa.timestamp(unit, "UTC"), moments) for unit in ("ms", "us", "ns")],
    (pa.timestamp("us", "Europe/Berlin"), moments),
    *[(pa.duration(unit), moments) for unit in ("s", "ms", "us", "ns")],
    (pa.null(), st.none()),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["x", "y"])),
    (pa.dictionary(pa.int32(), pa.large_string()), st.sampled_from(["x", "y"])),
    (pa.dictionary(pa.int16(), pa.int64()), st.sampled_from([7, 8])),
    (pa.dictionary(pa.int8(), pa.string(), ordered=True), st.sampled_from(["x", "y"])),
]


@st.composite
def typed_columns(draw: st.DrawFn) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    """Draw a type and what its values may be: a plain type, or one that nests others."""
    kind, values = draw(st.sampled_from(leaves))
    values = st.none() | values
    shape = draw(st.sampled_from(["leaf", "leaf", "list", "large", "fixed", "struct", "map"]))
    if pa.types.is_dictionary(kind) or shape == "leaf":
        return kind, values
    if shape == "struct":
        fields = [pa.field("a", kind), pa.field("é.b", pa.list_(pa.int8()))]
        members = {"a": values, "é.b": st.none() | st.lists(small, max_size=2)}
        return pa.struct(fields), st.none() | st.fixed_dictionaries(members)
    if shape == "map":
        pairs = st.lists(st.tuples(texts, values), max_size=2, unique_by=lambda pair: pair[0])
        return pa.map_(pa.string(), kind), st.none() | pairs
    if shape == "fixed":
        return pa.list_(kind, 2), st.lists(values, min_size=2, max_size=2)
    lists = st.none() | st.lists(values, max_size=3)
    return (pa.list_(kind) if shape == "list" else pa.large_list(kind)), lists


metadata = st.none() | st.dictionaries(st.sampled_from(["unit", "é", "geo"]), texts, max_size=2)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Draw a table with a key column, metadata, and columns of any type and name."""
    rows = draw(st.integers(0, 6))
    keys = draw(st.lists(st.sampled_from(["a", "b"]), min_size=rows, max_size=rows))
    fields = [pa.field("clip_id", pa.string(), nullable=draw(st.booleans()))]
    arrays = [pa.array(keys, pa.string())]
    for name in draw(st.lists(st.sampled_from(["é", "a b", "a.b", "n"]), unique=True, max_size=3)):
        kind, values = draw(typed_columns())
        column = draw(st.lists(values, min_size=rows, max_size=rows))
        position = draw(st.integers(0, len(fields)))
        fields.insert(position, pa.field(name, kind, metadata=draw(metadata)))
        arrays.insert(position, pa.array(column, kind))
    return pa.table(arrays, schema=pa.schema(fields, metadata=draw(metadata)))


settings = st.fixed_dictionaries(
    {},
    optional={
        "version": st.sampled_from(["1.0", "2.4", "2.6"]),
        "data_page_version": st.sampled_from(["1.0", "2.0"]),
        "compression": st.sampled_from(["NONE", "SNAPPY", "GZIP", "ZSTD", "LZ4", "BROTLI"]),
        "row_group_size": st.integers(1, 4),
        "use_dictionary": st.booleans() | st.just(["clip_id"]),
        "write_statistics": st.booleans() | st.just(["clip_id"]),
        "write_page_index": st.booleans(),
        "write_page_checksum": st.booleans(),
        "store_schema": st.booleans(),
        "store_decimal_as_integer": st.booleans(),
        "use_compliant_nested_type": st.booleans(),
        "use_deprecated_int96_timestamps": st.booleans(),
    },
)


@given(tables(), settings)
@thorough
def test_a_parquet_table_keeps_what_it_says(
    table: pa.Table, given_settings: dict[str, Any]
) -> None:
    """Types, nullability, metadata, codecs, dictionaries, row groups and values all stay."""
    note(f"{table.schema}\n{table.to_pylist()}\n{given_settings}")
    with tempfile.TemporaryDirectory() as folder:
        features = Path(folder, "features.parquet")
        try:
            pq.write_table(table, features, **given_settings)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            return  # what cannot be written cannot be an input
        assert_kept(features, join(features))


@given(tables(), settings, st.data())
@thorough
def test_overwrite_keeps_all_other_columns(
    table: pa.Table, given_settings: dict[str, Any], data: st.DataObject
) -> None:
    """Columns to append that exist, of any type and wherever, go; all others stay as they were."""
    note(f"{table.schema}\n{table.to_pylist()}\n{given_settings}")
    for name in data.draw(st.lists(st.sampled_from(OURS), unique=True, min_size=1)):
        place = data.draw(st.integers(0, table.num_columns))
        kind = data.draw(st.sampled_from([pa.int8(), pa.string(), pa.list_(pa.float64())]))
        table = table.add_column(place, name, pa.nulls(table.num_rows, kind))
    with tempfile.TemporaryDirectory() as folder:
        features = Path(folder, "features.parquet")
        try:
            pq.write_table(table, features, **given_settings)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            return  # what cannot be written cannot be an input
        assert_kept(features, join(features, overwrite=True))


ENCODINGS = {
    "text": "DELTA_BYTE_ARRAY",
    "binary": "DELTA_LENGTH_BYTE_ARRAY",
    "i": "DELTA_BINARY_PACKED",
    "f": "BYTE_STREAM_SPLIT",
    "l.list.element": "DELTA_BINARY_PACKED",
}


def test_encodings_of_columns(work: Workspace) -> None:
    """A column keeps its encoding, and one that has a dictionary keeps that."""
    columns = {"text": ["x", "y"], "binary": [b"x", b"y"], "i": [1, 2], "f": [1.5, 2.5]}
    table = pa.table({"clip_id": ["a", "b"], **columns, "l": [[1], [2, 3]]})
    features = work.folder / "features.parquet"
    pq.write_table(table, features, use_dictionary=["clip_id"], column_encoding=ENCODINGS)
    assert_kept(features, join(features))


FRAMES = {
    "range-index": pd.DataFrame({"clip_id": ["a", "b"]}, index=pd.RangeIndex(5, 9, 2)),
    "named-index": pd.DataFrame({"clip_id": ["a", "b"]}, index=pd.Index([7, 9], name="row")),
    "index-is-the-key": pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="clip_id")),
    "two-level-index": pd.DataFrame(
        {"clip_id": ["a", "b"]}, index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])
    ),
    "time-index": pd.DataFrame(
        {"clip_id": ["a", "b"]}, index=pd.date_range("2020-01-01", periods=2, tz="Europe/Berlin")
    ),
    "dtypes": pd.DataFrame(
        {
            "clip_id": ["a", "b"],
            "category": pd.Categorical(["x", None], categories=["y", "x"], ordered=True),
            "nullable": pd.array([1, None], dtype="Int8"),
            "flag": pd.array([True, None], dtype="boolean"),
            "text": pd.array(["x", None], dtype="string"),
            "ns": pd.to_datetime(["2020-01-01T00:00:00.123456789", None]).as_unit("ns"),
            "delta": pd.to_timedelta([1, None], unit="s"),
            "period": pd.period_range("2020-01", periods=2, freq="M"),
            "f32": pd.Series([0.1, None], dtype="float32"),
        }
    ),
}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_pandas_reads_its_own_frame(
    work: Workspace, frame: pd.DataFrame, *, overwrite: bool
) -> None:
    """A table that pandas wrote reads in pandas with the same index, dtypes and attributes."""
    features = work.folder / "features.parquet"
    written = frame.assign(**{OURS[0]: 1.0}) if overwrite else frame.copy()
    written.attrs["corpus"] = "CHUG"
    written.to_parquet(features)
    got = pd.read_parquet(join(features, overwrite=overwrite))
    assert list(got.columns) == [*frame.columns, *OURS]
    pd.testing.assert_frame_equal(got[frame.columns], pd.read_parquet(features)[frame.columns])
    assert got.attrs == {"corpus": "CHUG"}


@pytest.mark.parametrize("example", examples("tables/examples/accepted_parquet"))
def test_files_of_other_writers(example: Path, work: Workspace) -> None:
    """A table that DuckDB or polars wrote keeps its types, metadata, settings and values."""
    features = work.folder / "features.parquet"
    features.write_bytes(example.read_bytes())
    assert_kept(features, join(features))
