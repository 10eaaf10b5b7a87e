"""Data frames of three libraries as hypothesis draws them: usual ones, and odd types."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal as equal_pandas
from polars.testing import assert_frame_equal as equal_polars

Keys = Sequence[int | None]
_SCORES = (72.5, 0.0, -3.25, float("nan"), float("inf"))
_NUMBERS = st.integers(0, 5)
_CLIPS = [f"clip {number}" for number in range(6)]
_START = dt.datetime(2024, 2, 28, tzinfo=dt.UTC)


class Given(NamedTuple):
    """Values by row, from which each library makes its frames.

    Attributes:
        keys, score_keys: numbers of clips; None for a row without a key.
        scores: of the score rows; None for none.
        statuses: likewise; no column where there are none.
    """

    keys: list[int | None]
    score_keys: list[int | None]
    scores: list[float | None]
    statuses: list[str | None]


@st.composite
def given_rows(draw: st.DrawFn) -> Given:
    """Draw which clips there are, and which of them have which score."""
    keys = draw(st.lists(st.none() | _NUMBERS, max_size=8))
    score_keys: list[int | None] = [*draw(st.lists(_NUMBERS, min_size=1, max_size=6, unique=True))]
    if draw(st.booleans()):
        score_keys.append(draw(st.sampled_from([None, score_keys[0]])))
    rows = len(score_keys)
    scores = draw(st.lists(st.none() | st.sampled_from(_SCORES), min_size=rows, max_size=rows))
    statuses = st.lists(st.sampled_from(["ok", "bad", None]), min_size=rows, max_size=rows)
    return Given(keys, score_keys, scores, draw(st.just([]) | statuses))


def _texts(keys: Keys) -> list[str | None]:
    return [None if key is None else f"clip {key}" for key in keys]


def _bytes(keys: Keys) -> list[bytes | None]:
    return [None if key is None else f"clip {key}".encode() for key in keys]


def _floats(keys: Keys) -> list[float]:
    return [float("nan") if key is None else float(key) for key in keys]


def _times(keys: Keys) -> list[dt.datetime | None]:
    return [None if key is None else _START + dt.timedelta(days=key) for key in keys]


def _dates(keys: Keys) -> list[dt.date | None]:
    return [None if day is None else day.date() for day in _times(keys)]


def _decimals(keys: Keys) -> list[decimal.Decimal | None]:
    return [None if key is None else decimal.Decimal(key) for key in keys]


class Library(NamedTuple):
    """What a library makes of values.

    Attributes:
        keys: by type, a column of keys.
        features: a frame of a column of keys, with other columns of odd types.
        shapes: by name, what else may be done to such a frame.
        scores: a frame of columns by name.
        write, read: a frame as parquet by its own means.
        select: some columns of a frame.
        plain: a frame without an index, which a file may give other types.
        equal: asserts that two frames are the same.
    """

    keys: Mapping[str, Callable[[Keys], Any]]
    features: Callable[[Any], Any]
    shapes: Mapping[str, Callable[[Any], Any]]
    scores: Callable[[Mapping[str, Any]], Any]
    write: Callable[[Any, Path], object]
    read: Callable[[Path], Any]
    select: Callable[[Any, list[str]], Any]
    plain: Callable[[Any], Any]
    equal: Callable[[Any, Any], None]


def _repeat(values: Sequence[Any], rows: int) -> list[Any]:
    return list(islice(cycle(values), rows))


def _pandas_features(keys: Any) -> Any:
    rows = len(keys)
    columns = {
        "clip_id": keys,
        "nested": pd.Series(_repeat([[1.5], None, []], rows), dtype=object),
        "object": pd.Series(_repeat([{"a": 1}, {"a": None}], rows), dtype=object),
        "category": pd.Categorical(_repeat([3, None, 1], rows), categories=[3, 1], ordered=True),
        "Int8": pd.Series(_repeat([1, None], rows), dtype="Int8"),
        "lag": pd.Series(_repeat([dt.timedelta(seconds=1), None], rows), dtype="timedelta64[ns]"),
        "zoned": pd.Series(_repeat([_START, None], rows), dtype="datetime64[ns, Asia/Tokyo]"),
        "flag": pd.Series(_repeat([True, None], rows), dtype="boolean"),
        "mos": pd.Series(_repeat([4.5, float("nan")], rows), dtype="float32"),
    }
    return pd.DataFrame(columns)


def _polars_features(keys: Any) -> Any:
    rows = len(keys)
    clips = pl.Series(_repeat(["a", None], rows), dtype=pl.Categorical)
    return pl.DataFrame(
        {
            "clip_id": keys,
            "nested": pl.Series(_repeat([[1.5], None, []], rows), dtype=pl.List(pl.Float32)),
            "array": pl.Series(_repeat([[1, 2], None], rows), dtype=pl.Array(pl.Int8, 2)),
            "struct": pl.Series(
                _repeat([{"a": 1}, {"a": None}], rows), dtype=pl.Struct({"a": pl.UInt16})
            ),
            "category": clips,
            "time": pl.Series(_repeat([dt.time(1, 2, 3), None], rows), dtype=pl.Time),
            "lag": pl.Series(_repeat([dt.timedelta(1), None], rows), dtype=pl.Duration("ms")),
            "zoned": pl.Series(_repeat([_START, None], rows), dtype=pl.Datetime("ns", "UTC")),
            "null": pl.Series([None] * rows, dtype=pl.Null),
            "mos": pl.Series(_repeat([4.5, float("nan")], rows), dtype=pl.Float32),
        }
    )


def _arrow_features(keys: Any) -> Any:
    rows = len(keys)
    half = pa.array(_repeat([1.5, None], rows), pa.float16())
    codes = pa.array(_repeat(["a", None], rows), pa.string()).dictionary_encode()
    return pa.table(
        {
            "clip_id": keys,
            "half": half,
            "codes": codes,
            "map": pa.array(_repeat([[("a", 1)], None], rows), pa.map_(pa.string(), pa.int8())),
            "large": pa.array(_repeat([[1], None], rows), pa.large_list(pa.int64())),
            "nanos": pa.array(_repeat([1, None], rows), pa.timestamp("ns")),
        }
    ).replace_schema_metadata({"made": "by hand"})


def _equal_arrow(one: Any, other: Any) -> None:
    assert one.schema.names == other.schema.names
    assert one.schema.types == other.schema.types
    assert one.to_pylist() == other.to_pylist()


PANDAS = Library(
    keys={
        "object": lambda keys: pd.Series(_texts(keys), dtype=object),
        "string": lambda keys: pd.Series(_texts(keys), dtype="string"),
        "category": lambda keys: pd.Series(_texts(keys), dtype="category"),
        "Int64": lambda keys: pd.Series(keys, dtype="Int64"),
        "float64": lambda keys: pd.Series(_floats(keys), dtype="float64"),
        "datetime64": lambda keys: pd.Series(_times(keys), dtype="datetime64[us, UTC]"),
        "date": lambda keys: pd.Series(_dates(keys), dtype=object),
        "bytes": lambda keys: pd.Series(_bytes(keys), dtype=object),
    },
    features=_pandas_features,
    shapes={
        "as it is": lambda frame: frame,
        "sorted": lambda frame: frame.sort_index(ascending=False),
        "repeated labels": lambda frame: frame.set_axis(_repeat(["x", "y"], len(frame))),
        "a named index": lambda frame: frame.set_axis(pd.RangeIndex(5, 5 + len(frame), name="row")),
        "keys in the index": lambda frame: frame.set_index("clip_id"),
        "levels": lambda frame: frame.assign(shot=1.5).set_index(["shot", "clip_id"]),
    },
    scores=lambda columns: pd.DataFrame(dict(columns)),
    write=lambda frame, path: frame.to_parquet(path),
    read=pd.read_parquet,
    select=lambda frame, names: frame[names],
    plain=lambda frame: frame.reset_index(drop=True),
    equal=equal_pandas,
)
POLARS = Library(
    keys={
        "String": lambda keys: pl.Series(_texts(keys), dtype=pl.String),
        "Categorical": lambda keys: pl.Series(_texts(keys), dtype=pl.Categorical),
        "Enum": lambda keys: pl.Series(_texts(keys), dtype=pl.Enum(_CLIPS)),
        "UInt8": lambda keys: pl.Series(keys, dtype=pl.UInt8),
        "Float32": lambda keys: pl.Series(_floats(keys), dtype=pl.Float32),
        "Datetime": lambda keys: pl.Series(_times(keys), dtype=pl.Datetime("ms", "UTC")),
        "Date": lambda keys: pl.Series(_dates(keys), dtype=pl.Date),
        "Decimal": lambda keys: pl.Series(_decimals(keys), dtype=pl.Decimal(5, 2)),
        "Binary": lambda keys: pl.Series(_bytes(keys), dtype=pl.Binary),
    },
    features=_polars_features,
    shapes={
        "as it is": lambda frame: frame,
        "in chunks": lambda frame: pl.concat([frame[:1], frame[1:]], rechunk=False),
    },
    scores=lambda columns: pl.DataFrame(dict(columns)),
    write=lambda frame, path: frame.write_parquet(path),
    read=pl.read_parquet,
    select=lambda frame, names: frame.select(names),
    plain=lambda frame: frame,
    equal=equal_polars,
)
ARROW = Library(
    keys={
        "string": lambda keys: pa.array(_texts(keys), pa.string()),
        "string_view": lambda keys: pa.array(_texts(keys), pa.string_view()),
        "dictionary": lambda keys: pa.array(_texts(keys), pa.string()).dictionary_encode(),
        "uint64": lambda keys: pa.array(keys, pa.uint64()),
        "decimal": lambda keys: pa.array(_decimals(keys), pa.decimal128(5, 2)),
        "date32": lambda keys: pa.array(_dates(keys), pa.date32()),
        "binary": lambda keys: pa.array(_bytes(keys), pa.binary()),
    },
    features=_arrow_features,
    shapes={
        "as it is": lambda table: table,
        "in chunks": lambda table: pa.concat_tables([table[:1], table[1:]]),
        "a slice": lambda table: (
            pa.concat_tables([table[:1], table]).combine_chunks()[1:] if len(table) else table
        ),
    },
    scores=lambda columns: pa.table(dict(columns)),
    write=pq.write_table,
    read=pq.read_table,
    select=lambda table, names: table.select(names),
    plain=lambda table: table,
    equal=_equal_arrow,
)
LIBRARIES = {"pandas": PANDAS, "polars": POLARS, "pyarrow": ARROW}
