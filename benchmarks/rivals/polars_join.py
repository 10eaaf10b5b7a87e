"""The join as one lazy polars query: ``polars_join.py features out scores...``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import polars as pl

FLAT = {
    "file_name": pl.String,
    "status": pl.String,
    "score": pl.Float64,
    "runtime_ms": pl.Float64,
}
FRAMES = {
    "file_name": pl.String,
    "status": pl.String,
    "frames": pl.List(pl.Struct({"score": pl.Float64, "runtime_ms": pl.Float64})),
}


def read_sidecar(path: str, first: str) -> pl.LazyFrame:
    """Return the rows of one sidecar, whose first line is `first`."""
    if '"frames"' not in first:
        rows = pl.scan_ndjson(path, schema=FLAT).with_columns(frames=pl.lit(0, pl.Int64))
        return rows.with_columns(whole=pl.col("score").is_not_null())
    frame = pl.col("frames").list
    scores = frame.eval(pl.element().struct.field("score")).list
    whole = scores.drop_nulls().list.len() == scores.len()
    return pl.scan_ndjson(path, schema=FRAMES).select(
        "file_name",
        "status",
        whole=whole,
        score=pl.when(whole).then(scores.mean()),
        runtime_ms=frame.eval(pl.element().struct.field("runtime_ms")).list.sum(),
        frames=pl.when(whole).then(scores.len()).otherwise(0).cast(pl.Int64),
    )


def main() -> None:
    """Join, all cores, in the order of the features."""
    features, out, *sidecars = sys.argv[1:]
    parquet = features.endswith(".parquet")
    table = pl.scan_parquet(features) if parquet else pl.scan_ndjson(features)
    table = table.with_columns(file_name=pl.col("path").str.extract(r"([^/]*)$"))
    good = (
        pl.col("status").str.strip_chars().str.to_lowercase().is_in(["", "ok", "pass", "success"])
    )
    for path in sidecars:
        with Path(path).open() as file:
            first = file.readline()
        competitor = re.search(r'"competitor": "([^"]*)"', first).group(1)
        start = "second_opinion_" + re.sub(r"[^a-z0-9]+", "_", competitor.lower()).strip("_")
        ok = pl.col("whole") & good.fill_null(value=True)
        scores = read_sidecar(path, first).select(
            "file_name",
            pl.col("score").alias(f"{start}_score"),
            pl.when(ok).then(pl.lit("ok")).otherwise(pl.lit("bad")).alias(f"{start}_status"),
            pl.col("runtime_ms").alias(f"{start}_runtime_ms"),
            pl.col("frames").alias(f"{start}_frames"),
            pl.lit(path).alias(f"{start}_source"),
        )
        table = table.join(scores, on="file_name", how="left", maintain_order="left").with_columns(
            pl.col(f"{start}_status").fill_null("missing"),
            pl.col(f"{start}_frames").fill_null(0),
            pl.col(f"{start}_source").fill_null(""),
        )
    table = table.drop("file_name")
    if parquet:
        table.sink_parquet(out, compression="snappy")
    else:
        table.sink_ndjson(out)


if __name__ == "__main__":
    main()
