"""Entries of a parquet file's metadata that repeat its schema: Arrow's, pandas' and Spark's."""

from __future__ import annotations

import base64
import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from second_opinion_assets.tables.schema_copies import ARROW, PANDAS, SPARK, extended_copy
from second_opinion_assets_tests.splices import ADDED


def arrow(schema: pa.Schema) -> bytes:
    """Return a schema as pyarrow stores it in a parquet file."""
    return base64.b64encode(schema.serialize())


def extended(schema: pa.Schema) -> pa.Schema:
    """Return the schema that a stored one has become."""
    return pa.ipc.read_schema(
        pa.py_buffer(base64.b64decode(extended_copy(ARROW, arrow(schema), ADDED)))
    )


GEOARROW = {"ARROW:extension:name": "geoarrow.wkb", "ARROW:extension:metadata": "{}"}
NAMED = pa.list_(pa.field("item", pa.int8(), metadata={"a": "b"}))
TEXTS = pa.dictionary(pa.int8(), pa.string(), ordered=True)
SCHEMAS = {
    "none": pa.schema([]),
    "fields": pa.schema([pa.field("psnr", pa.float32(), nullable=False, metadata={"unit": "dB"})]),
    "metadata": pa.schema([pa.field("psnr", pa.float32())], {"corpus": "CHUG", "é": "ü"}),
    "dictionary": pa.schema({"a": TEXTS, "b": TEXTS}),
    "views": pa.schema({"text": pa.string_view(), "list": pa.list_view(pa.int8())}),
    "extensions": pa.schema({"id": pa.uuid(), "document": pa.json_()}),
    "unknown-extension": pa.schema([pa.field("place", pa.binary(), metadata=GEOARROW)]),
    "nested": pa.schema({"ladder": pa.map_(pa.string(), NAMED)}),
    "same-names": pa.schema([("a", pa.int8()), ("a", pa.int16())]),
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_an_arrow_schema_gains_fields(schema: pa.Schema) -> None:
    """Its fields stay as they are, metadata and extension types included; the new ones follow."""
    assert extended(schema).equals(
        pa.schema([*schema, *ADDED], schema.metadata), check_metadata=True
    )


def test_copies_within_an_arrow_schema() -> None:
    """An Arrow schema holds the other copies once more; these gain the columns too."""
    spark = b'{"type":"struct","fields":[]}'
    got = extended(pa.schema([], {SPARK: spark, "corpus": "CHUG"})).metadata
    assert got == {SPARK: extended_copy(SPARK, spark, ADDED), b"corpus": b"CHUG"}


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"no schema", b"AAAA", b"/////wAAAAA=", base64.b64encode(b"x" * 200)),
        b"\n" + arrow(pa.schema([])),
    ],
)
def test_what_is_no_arrow_schema(value: bytes) -> None:
    """It cannot be extended, and readers would not find the new columns in it."""
    with pytest.raises(ValueError, match="its Arrow schema: "):
        extended_copy(ARROW, value, ADDED)


@pytest.mark.parametrize(
    "index", [pd.RangeIndex(2), pd.Index([7, 9], name="row"), pd.Index(["x", "y"])]
)
def test_pandas_metadata_says_what_pandas_would_say(index: pd.Index) -> None:
    """The new columns are told as pandas tells them itself, and before those of the index."""
    frame = pd.DataFrame({"clip_id": ["a", "b"]}, index=index)
    whole = frame.assign(so_score=1.5, so_status=pd.Series(["a", "b"], index, object), so_frames=3)
    told = [
        pa.Schema.from_pandas(pandas.astype({"clip_id": object})).metadata[PANDAS]
        for pandas in (frame, whole)
    ]
    assert json.loads(extended_copy(PANDAS, told[0], ADDED)) == json.loads(told[1])


def test_spark_metadata() -> None:
    """Spark's JSON names each column with its type, and that it may be null."""
    fields = [{"name": "psnr", "type": "double", "nullable": False, "metadata": {"a": "é"}}]
    value = json.dumps({"type": "struct", "fields": fields}).encode()
    assert json.loads(extended_copy(SPARK, value, ADDED)) == {
        "type": "struct",
        "fields": [
            *fields,
            {"name": "so_score", "type": "double", "nullable": True, "metadata": {}},
            {"name": "so_status", "type": "string", "nullable": True, "metadata": {}},
            {"name": "so_frames", "type": "long", "nullable": True, "metadata": {}},
        ],
    }


@pytest.mark.parametrize("key", [PANDAS, SPARK])
@pytest.mark.parametrize(
    "value",
    [b"", b"{", b"[]", b"\xff", b"{}", b'{"columns": 3, "fields": null}', b"[" * 10_000],
    ids=["empty", "cut", "list", "not-utf-8", "other", "no-lists", "deep"],
)
def test_other_values(key: bytes, value: bytes) -> None:
    """What does not read as the copy that it is called is left as it is."""
    assert extended_copy(key, value, ADDED) == value


def test_odd_pandas_metadata() -> None:
    """Lists that are shorter than they should be do no harm."""
    value: dict[str, Any] = {"columns": [], "index_columns": ["a", {"kind": "range"}]}
    got = json.loads(extended_copy(PANDAS, json.dumps(value).encode(), ADDED))
    assert [column["name"] for column in got["columns"]] == ADDED.names
    assert extended_copy(b"geo", b'{"columns": []}', ADDED) == b'{"columns": []}'
