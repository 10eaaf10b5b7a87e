"""Parquet tables: what was in the input is in the output as it was."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.refusals import MissingScoresError
from second_opinion_assets_tests.workspace import Workspace

DOVER = "second_opinion_dover"
NEW = [f"{DOVER}_{name}" for name in ("score", "status", "runtime_ms", "frames", "source")]
NANOSECONDS = 1_600_000_000_123_456_789


def _every_type() -> pa.Table:
    """Return two clips, a and b, with a column of each type that tables have in practice."""
    return pa.table(
        {
            "clip_id": ["a", "b"],
            "i8": pa.array([1, None], pa.int8()),
            "u64": pa.array([2**64 - 1, None], pa.uint64()),
            "f32": pa.array([0.1, None], pa.float32()),
            "nan": pa.array([float("nan"), float("inf")]),
            "decimal": pa.array([Decimal("0.10"), None], pa.decimal128(9, 2)),
            "large": pa.array(["x", None], pa.large_string()),
            "binary": pa.array([b"\xff", None]),
            "date": pa.array([dt.date(2020, 1, 2), None]),
            "ts": pa.array([NANOSECONDS, None], pa.timestamp("ns")),
            "tz": pa.array([1_600_000_000_000, None], pa.timestamp("ms", "UTC")),
            "dictionary": pa.array(["x", None]).dictionary_encode(),
            "list": pa.array([[1, None], None], pa.list_(pa.int32())),
            "struct": pa.array([{"x": [1.5], "y": "z"}, None]),
            "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
            "null": pa.nulls(2),
            "bool": pa.array([True, None]),
        }
    )


def _join(work: Workspace, table: Any, settings: dict[str, Any], **given: Any) -> pq.ParquetFile:
    work.write_table("features.parquet", table, **settings)
    work.join(features="features.parquet", out="out.parquet", **given)
    return pq.ParquetFile(work.folder / "out.parquet")


def test_every_type_stays(work: Workspace) -> None:
    """A column of any type keeps type and values, and the new ones come last."""
    table = _every_type()
    got = _join(work, table, {}).read()
    assert got.column_names == [*table.column_names, *NEW]
    kept = got.select(table.column_names)
    assert kept.schema.equals(work.table("features.parquet").schema, check_metadata=True)
    assert kept.drop_columns(["nan"]).equals(table.drop_columns(["nan"]))
    assert [str(value) for value in kept["nan"].to_pylist()] == ["nan", "inf"]


def test_types_of_the_new_columns(work: Workspace) -> None:
    """The new columns have the contract's types, and null where there is nothing."""
    got = _join(work, pa.table({"clip_id": ["a", "b"]}), {}).read()
    assert [str(got.schema.field(name).type) for name in NEW] == [
        *("double", "string", "double", "int64", "string")
    ]
    assert got.select(NEW).to_pylist() == [
        dict(zip(NEW, (72.5, "ok", None, 0, "scores.jsonl"), strict=True)),
        dict(zip(NEW, (None, "missing", None, 0, ""), strict=True)),
    ]


def test_schema_metadata_stays(work: Workspace) -> None:
    """Metadata of the schema, pandas' own included, and of fields stays."""
    schema = pa.schema(
        [
            pa.field("clip_id", pa.string(), nullable=False, metadata={"unit": "none"}),
            pa.field("psnr", pa.float32()),
        ],
        metadata={"pandas": '{"index_columns": []}', "corpus": "CHUG"},
    )
    table = pa.table([["a"], pa.array([1.5], pa.float32())], schema=schema)
    got = _join(work, table, {}).schema_arrow
    assert got.metadata == schema.metadata
    assert got.field("clip_id").equals(schema.field("clip_id"), check_metadata=True)


def test_pandas_index_stays(work: Workspace) -> None:
    """A table that pandas wrote reads in pandas as before, its index included."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"clip_id": ["a", "b"], "n": [1, 2]}, index=pd.Index([7, 9], name="row"))
    frame.to_parquet(work.folder / "features.parquet")
    work.join(features="features.parquet", out="out.parquet")
    got = pd.read_parquet(work.folder / "out.parquet")
    pd.testing.assert_frame_equal(got[["clip_id", "n"]], frame)


def test_row_groups_stay(work: Workspace) -> None:
    """Row groups keep their sizes."""
    table = pa.table({"clip_id": ["a", "b"] * 5})
    got = _join(work, table, {"row_group_size": 4}).metadata
    assert [got.row_group(n).num_rows for n in range(got.num_row_groups)] == [4, 4, 2]


@pytest.mark.parametrize("codec", ["NONE", "SNAPPY", "GZIP", "ZSTD", "LZ4", "BROTLI"])
def test_compression_stays(work: Workspace, codec: str) -> None:
    """All columns are compressed as the input's are."""
    table = pa.table({"clip_id": ["a", "b"], "n": [1, 2]})
    got = _join(work, table, {"compression": codec}).metadata.row_group(0)
    want = pq.ParquetFile(work.folder / "features.parquet").metadata.row_group(0)
    codecs = {got.column(n).compression for n in range(got.num_columns)}
    assert codecs == {want.column(0).compression}


def test_compression_of_each_column_stays(work: Workspace) -> None:
    """Columns may differ in compression."""
    table = pa.table({"clip_id": ["a"], "n": [[1, 2]]})
    codecs = {"clip_id": "ZSTD", "n.list.element": "GZIP"}
    got = _join(work, table, {"compression": codecs}).metadata.row_group(0)
    assert [got.column(n).compression for n in range(2)] == ["ZSTD", "GZIP"]


@pytest.mark.parametrize("dictionary", [True, False, ["clip_id"], ["n"]])
def test_dictionary_encoding_stays(work: Workspace, *, dictionary: bool | list[str]) -> None:
    """Each column has a dictionary where the input's has one, and none where it has none."""
    table = pa.table({"clip_id": ["a", "b"], "n": [1.5, 2.5]})
    got = _join(work, table, {"use_dictionary": dictionary}).metadata.row_group(0)
    want = pq.ParquetFile(work.folder / "features.parquet").metadata.row_group(0)
    assert [got.column(n).has_dictionary_page for n in range(2)] == [
        want.column(n).has_dictionary_page for n in range(2)
    ]


@pytest.mark.parametrize("policy", ["mark", "drop"])
def test_appended_texts_have_a_dictionary(work: Workspace, policy: str) -> None:
    """Statuses and sources, which repeat, have a dictionary, whatever the input's columns have."""
    table = pa.table({"clip_id": ["a", "b"]})
    file = _join(work, table, {"use_dictionary": False}, missing_policy=policy)
    got = file.metadata.row_group(0)
    columns = [got.column(n) for n in range(got.num_columns)]
    coded = {column.path_in_schema for column in columns if column.has_dictionary_page}
    assert coded == {f"{DOVER}_status", f"{DOVER}_source"}


def test_int96_stays(work: Workspace) -> None:
    """Timestamps that were written as INT96 are written so again."""
    table = pa.table({"clip_id": ["a"], "ts": pa.array([NANOSECONDS], pa.timestamp("ns"))})
    got = _join(work, table, {"use_deprecated_int96_timestamps": True})
    assert got.metadata.row_group(0).column(1).physical_type == "INT96"
    assert got.read()["ts"].cast(pa.int64()).to_pylist() == [NANOSECONDS]


@pytest.mark.parametrize("version", ["1.0", "2.4", "2.6"])
def test_format_version_stays(work: Workspace, version: str) -> None:
    """The version of the format stays."""
    table = pa.table({"clip_id": ["a"], "n": pa.array([1], pa.uint32())})
    got = _join(work, table, {"version": version})
    want = pq.ParquetFile(work.folder / "features.parquet").metadata.format_version
    assert got.metadata.format_version == want


def test_without_arrow_schema(work: Workspace) -> None:
    """A file without pyarrow's own schema entry gets none."""
    got = _join(work, pa.table({"clip_id": ["a"]}), {"store_schema": False})
    assert b"ARROW:schema" not in (got.metadata.metadata or {})


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.array(["7", "8", None]), id="string"),
        pytest.param(pa.array(["7", "8", None], pa.large_string()), id="large-string"),
        pytest.param(pa.array(["7", "8", None]).dictionary_encode(), id="dictionary"),
        pytest.param(pa.array([7, 8, None], pa.int64()), id="int64"),
        pytest.param(pa.array([7, 8, None], pa.uint8()), id="uint8"),
        pytest.param(pa.array([Decimal(7), Decimal(8), None], pa.decimal128(9, 0)), id="decimal"),
    ],
)
def test_type_of_the_key_column(work: Workspace, column: Any) -> None:
    """Keys of any plain type are compared as text, and null is no key."""
    work.write("scores.jsonl", '{"clip_id": 7, "competitor": "DOVER", "score": 1}\n')
    got = _join(work, pa.table({"clip_id": column}), {}).read()
    assert got[f"{DOVER}_status"].to_pylist() == ["ok", "missing", "missing"]
    assert got.schema.field("clip_id").type == column.type
    assert work.document()["null_keys"] == 1


def test_decimal_key_keeps_its_digits(work: Workspace) -> None:
    """The text of a decimal key has all its digits."""
    work.write("scores.jsonl", '{"clip_id": 0.10, "competitor": "DOVER", "score": 1}\n')
    column = pa.array([Decimal("0.10")])
    got = _join(work, pa.table({"clip_id": column}), {}).read()
    assert got[f"{DOVER}_status"].to_pylist() == ["ok"]


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.array([["a"]]), id="list"),
        pytest.param(pa.array([{"x": "a"}]), id="struct"),
        pytest.param(pa.array([b"\xff"]), id="bytes-that-are-no-text"),
    ],
)
@pytest.mark.parametrize("out", ["out.parquet", "out.jsonl"])
def test_refused_key_column(work: Workspace, column: Any, out: str) -> None:
    """A key column of what is no text is refused, and nothing is written."""
    work.write_table("features.parquet", pa.table({"clip_id": column}))
    before = work.contents()
    with pytest.raises(JoinError, match=r"features\.parquet: the key column holds .*text"):
        work.join(features="features.parquet", out=out)
    assert work.contents() == before


def test_failure_closes_the_writer(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A join that fails half way has closed its parquet writer before its error is raised.

    A writer that is left to the garbage collector writes into a publication that has ended, and
    in a later join that may wait for a lock which that join itself holds.
    """
    made: list[Any] = []

    class Watched(pq.ParquetWriter):  # type: ignore[misc]
        def __init__(self, *given: Any, **settings: Any) -> None:
            super().__init__(*given, **settings)
            made.append(self)

    monkeypatch.setattr(pq, "ParquetWriter", Watched)
    work.write_lines("features.jsonl", [{"clip_id": "a", "x": 1}, {"clip_id": "b", "x": 2**70}])
    with pytest.raises(JoinError, match=r"cannot be one parquet type"):
        work.join(out="out.parquet")
    assert [writer.is_open for writer in made] == [False] * len(made)


def test_two_columns_of_one_name(work: Workspace) -> None:
    """Two key columns of one name are refused, not a bug."""
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["clip_id", "clip_id"])
    work.write_table("features.parquet", table)
    with pytest.raises(JoinError, match=r"features\.parquet: .*clip_id"):
        work.join(features="features.parquet", out="out.parquet")


@pytest.mark.parametrize("out", ["out.parquet", "out.jsonl", "out.json"])
def test_two_other_columns_of_one_name(work: Workspace, out: str) -> None:
    """Two columns of one name, which few readers and no JSON can tell apart, are refused."""
    table = pa.table([pa.array(["a"]), pa.array([1]), pa.array([2])], names=["clip_id", "x", "x"])
    work.write_table("features.parquet", table)
    with pytest.raises(JoinError, match=r"features\.parquet: two columns are named 'x'"):
        work.join(features="features.parquet", out=out)


def test_column_exists(work: Workspace) -> None:
    """A column that exists already is refused."""
    work.write_table("features.parquet", pa.table({"clip_id": ["a"], NEW[0]: [1.0]}))
    with pytest.raises(JoinError, match=rf"features\.parquet: the table has {NEW[0]} already"):
        work.join(features="features.parquet", out="out.parquet")


@pytest.mark.parametrize("out", ["out.parquet", "out.jsonl"])
def test_overwrite(work: Workspace, out: str) -> None:
    """Overwrite replaces the columns of these names, at the end, and keeps all others."""
    table = pa.table({NEW[1]: [5, 6], "clip_id": ["a", "b"], NEW[0]: ["x", "y"], "n": [1, 2]})
    work.write_table("features.parquet", table)
    work.join(features="features.parquet", out=out, overwrite=True)
    rows = work.rows(out) if out.endswith("jsonl") else work.table(out).to_pylist()
    assert list(rows[0]) == ["clip_id", "n", *NEW]
    assert [row["n"] for row in rows] == [1, 2]
    assert [row[NEW[0]] for row in rows] == [72.5, None]


def test_overwrite_keeps_the_sorting_columns(work: Workspace) -> None:
    """The column that the table says it is sorted by is the same one after overwrite."""
    table = pa.table({NEW[0]: [1.0, 2.0], "clip_id": ["a", "b"], "n": [2, 1]})
    sorting = [pq.SortingColumn(1)]
    got = _join(work, table, {"sorting_columns": sorting}, overwrite=True)
    columns = got.metadata.row_group(0).sorting_columns
    assert [got.schema_arrow.names[column.column_index] for column in columns] == ["clip_id"]


def test_drop_over_row_groups(work: Workspace) -> None:
    """Drop drops rows within row groups, and the others keep their order."""
    table = pa.table({"clip_id": ["a", "b", "b", "b", "b", "a"], "n": range(6)})
    got = _join(work, table, {"row_group_size": 2}, missing_policy="drop")
    assert got.read()["n"].to_pylist() == [0, 5]


def test_fail_leaves_the_earlier_table(work: Workspace) -> None:
    """A promotion-grade table that lacks scores stays as it was."""
    work.write("out.parquet", "as it was")
    with pytest.raises(
        MissingScoresError, match=r"^missing second-opinion scores: DOVER=1; missing of DOVER: 'b'$"
    ):
        _join(work, pa.table({"clip_id": ["a", "b"]}), {}, missing_policy="fail")
    assert work.read("out.parquet") == b"as it was"


def test_table_without_rows(work: Workspace) -> None:
    """A table without rows keeps its schema and gains the new columns."""
    table = pa.table({"clip_id": pa.array([], pa.string()), "n": pa.array([], pa.int8())})
    got = _join(work, table, {}).read()
    assert got.num_rows == 0
    assert got.schema.names == ["clip_id", "n", *NEW]
    assert got.schema.field("n").type == pa.int8()


def test_torn_file(work: Workspace) -> None:
    """A file that is cut short is named as such."""
    work.write_table("features.parquet", pa.table({"clip_id": ["a"]}))
    work.write("features.parquet", work.read("features.parquet")[:-20])
    with pytest.raises(JoinError, match=r"features\.parquet: not a parquet file, or cut short: "):
        work.join(features="features.parquet")


def test_parquet_to_json_lines(work: Workspace) -> None:
    """In JSON every value is the one that the table has, or its text."""
    work.write_table("features.parquet", _every_type().slice(0, 1).drop_columns(["map"]))
    assert work.join(features="features.parquet").tally.non_finite_values == 1
    row = work.rows()[0]
    assert {name: row[name] for name in row if not name.startswith("second")} == {
        "clip_id": "a",
        "i8": 1,
        "u64": 2**64 - 1,
        "f32": 0.10000000149011612,
        "nan": None,
        "decimal": 0.10,
        "large": "x",
        "binary": "/w==",
        "date": "2020-01-02",
        "ts": "2020-09-13 12:26:40.123456789",
        "tz": "2020-09-13 12:26:40.000Z",
        "dictionary": "x",
        "list": [1, None],
        "struct": {"x": [1.5], "y": "z"},
        "null": None,
        "bool": True,
    }
    assert b'"decimal":0.10,' in work.read()


def test_nan_in_a_list_is_counted(work: Workspace) -> None:
    """NaN within a list becomes null in JSON, and is counted as any other."""
    table = pa.table({"clip_id": ["a"], "l": [[1.0, float("nan")]]})
    work.write_table("features.parquet", table)
    result = work.join(features="features.parquet")
    assert work.rows()[0]["l"] == [1.0, None]
    assert result.tally.non_finite_values == 1


def test_json_lines_to_parquet_and_back(work: Workspace) -> None:
    """Values survive the way from JSON to parquet and back."""
    rows = [
        {"clip_id": "a", "n": 2**62 + 1, "f": 0.1, "t": "2020-01-02T03:04:05", "l": [[1], []]},
        {"clip_id": "0123", "n": -1, "f": 2.0, "t": "", "l": []},
    ]
    work.write_lines("features.jsonl", rows)
    work.join(out="out.parquet")
    work.join(features="out.parquet", out="back.jsonl", overwrite=True)
    back = work.rows("back.jsonl")
    assert [{name: row[name] for name in rows[0]} for row in back] == rows
    assert [row[NEW[0]] for row in back] == [72.5, None]


def test_fields_that_only_some_rows_have(work: Workspace) -> None:
    """A field that a row lacks is null in parquet, and the columns come as first met."""
    work.write(
        "features.jsonl", '{"clip_id":"a"}\n{"n":1,"clip_id":"b"}\n{"clip_id":"c","m":1.5}\n'
    )
    work.join(out="out.parquet")
    got = work.table()
    assert got.column_names[:3] == ["clip_id", "n", "m"]
    assert (got["n"].to_pylist(), got["m"].to_pylist()) == ([None, 1, None], [None, None, 1.5])


@pytest.mark.parametrize(
    ("values", "column"),
    [
        pytest.param('1 "x"', "n", id="number-and-text"),
        pytest.param("true 1", "n", id="boolean-and-number"),
        pytest.param("1.5 true", "n", id="float-and-boolean"),
        pytest.param("9007199254740993 0.5", "n", id="integer-beyond-float"),
        pytest.param("12345678901234567890123 1", "n", id="integer-beyond-int64"),
        pytest.param("{} {}", "n", id="empty-objects"),
        pytest.param('[1] ["x"]', "n", id="mixed-lists"),
    ],
)
def test_no_one_type_for_a_column(work: Workspace, values: str, column: str) -> None:
    """Values that no parquet type holds unchanged are refused, and another form is named."""
    rows = [f'{{"clip_id": "a", "{column}": {value}}}\n' for value in values.split(" ")]
    work.write("features.jsonl", "".join(rows))
    before = work.contents()
    message = r"features\.jsonl: .*column.*; write \.jsonl or \.json instead$"
    with pytest.raises(JoinError, match=message):
        work.join(out="out.parquet")
    assert work.contents() == before


def test_bare_nan_on_the_way_to_parquet(work: Workspace) -> None:
    """Bare NaN of a JSON table is null in parquet, and counted once."""
    work.write("features.jsonl", '{"clip_id":"a","x":NaN}\n{"clip_id":"b","x":1.5}\n')
    assert work.join(out="out.parquet").tally.non_finite_values == 1
    assert work.table()["x"].to_pylist() == [None, 1.5]
