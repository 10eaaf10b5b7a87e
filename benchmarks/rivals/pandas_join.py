"""The join row by row, as it is written by hand: ``pandas_join.py features out scores...``."""

from __future__ import annotations

import re
import sys

import pandas as pd

GOOD = ("", "ok", "pass", "success")


def main() -> None:
    """Join flat sidecars; those with frames are beyond this one."""
    features, out, *sidecars = sys.argv[1:]
    parquet = features.endswith(".parquet")
    if parquet:
        table = pd.read_parquet(features)
    else:
        table = pd.read_json(features, lines=True, precise_float=True)
    scorers = {}
    for path in sidecars:
        rows = {}
        for _, row in pd.read_json(path, lines=True, precise_float=True).iterrows():
            rows[row["file_name"]] = row
        slug = re.sub(r"[^a-z0-9]+", "_", row["competitor"].lower()).strip("_")
        scorers[path] = (f"second_opinion_{slug}", rows)
    columns = {}
    for _, feature_row in table.iterrows():
        key = feature_row["path"].rsplit("/", 1)[-1]
        for path, (start, rows) in scorers.items():
            row = rows.get(key)
            if row is None:
                values = (None, "missing", None, 0, "")
            else:
                ok = pd.notna(row["score"]) and row["status"].strip().lower() in GOOD
                values = (row["score"], "ok" if ok else "bad", row["runtime_ms"], 0, path)
            for name, value in zip(
                ("score", "status", "runtime_ms", "frames", "source"), values, strict=True
            ):
                columns.setdefault(f"{start}_{name}", []).append(value)
    joined = pd.concat([table, pd.DataFrame(columns)], axis=1)
    if parquet:
        joined.to_parquet(out)
    else:
        joined.to_json(out, orient="records", lines=True, double_precision=15)


if __name__ == "__main__":
    main()
