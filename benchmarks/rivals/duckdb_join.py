"""The join as one DuckDB query: ``duckdb_join.py features out scores...``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import duckdb

GOOD = "coalesce(lower(trim(status)), '') IN ('', 'ok', 'pass', 'success')"
FLAT = "{file_name: 'VARCHAR', status: 'VARCHAR', score: 'DOUBLE', runtime_ms: 'DOUBLE'}"
FRAMES = (
    "{file_name: 'VARCHAR', status: 'VARCHAR', frames: 'STRUCT(score DOUBLE, runtime_ms DOUBLE)[]'}"
)


def sidecar_query(path: str, first: str) -> str:
    """Return a query for the rows of one sidecar, whose first line is `first`."""
    if '"frames"' not in first:
        return f"""SELECT file_name, score, {GOOD} AND score IS NOT NULL AS ok, runtime_ms,
            0::BIGINT AS frames FROM read_ndjson('{path}', columns = {FLAT})"""
    return f"""SELECT file_name, if(whole, list_avg(scores), NULL) AS score, {GOOD} AND whole AS ok,
            list_sum(runtimes) AS runtime_ms, if(whole, len(scores), 0)::BIGINT AS frames
        FROM (SELECT file_name, status, list_transform(frames, lambda f: f.score) AS scores,
            list_transform(frames, lambda f: f.runtime_ms) AS runtimes,
            list_count(scores) = len(scores) AS whole
            FROM read_ndjson('{path}', columns = {FRAMES}))"""


def main() -> None:
    """Join, all cores, in the order of the features."""
    features, out, *sidecars = sys.argv[1:]
    selected, joins = ["f.*"], []
    for number, path in enumerate(sidecars):
        with Path(path).open() as file:
            first = file.readline()
        competitor = re.search(r'"competitor": "([^"]*)"', first).group(1)
        start = "second_opinion_" + re.sub(r"[^a-z0-9]+", "_", competitor.lower()).strip("_")
        there = f"s{number}.file_name IS NOT NULL"
        selected += [
            f"s{number}.score AS {start}_score",
            (
                f"CASE WHEN s{number}.ok THEN 'ok' WHEN {there} THEN 'bad' ELSE 'missing' END"
                f" AS {start}_status"
            ),
            f"s{number}.runtime_ms AS {start}_runtime_ms",
            f"coalesce(s{number}.frames, 0) AS {start}_frames",
            f"if({there}, '{path}', '') AS {start}_source",
        ]
        joins.append(
            f"LEFT JOIN ({sidecar_query(path, first)}) s{number}"
            f" ON parse_filename(f.path) = s{number}.file_name"
        )
    parquet = features.endswith(".parquet")
    reader, form = ("read_parquet", "parquet") if parquet else ("read_ndjson", "json")
    duckdb.sql(
        f"COPY (SELECT {', '.join(selected)} FROM {reader}('{features}') f {' '.join(joins)})"
        f" TO '{out}' (FORMAT {form})"
    )


if __name__ == "__main__":
    main()
