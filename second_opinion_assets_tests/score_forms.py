"""Writes score rows in each form that they can come in, for tests of what holds in all."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from second_opinion_assets_tests.workspace import Workspace

Row = dict[str, Any]


def write(work: Workspace, form: str, rows: list[Row]) -> None:
    """Write rows in a form; a folder has a file for each."""
    if form == "s.parquet":
        work.write_table(form, pa.Table.from_pylist(rows))
    elif form == "s.csv":
        lines = [",".join(map(str, row.values())) for row in rows]
        work.write(form, "\n".join([",".join(rows[0]), *lines]) + "\n")
    elif form == "folder":
        for row in rows:
            work.write(f"{form}/{row['clip_id']}.json", json.dumps(row))
    else:
        text = json.dumps(rows) if form == "s.json" else "".join(f"{json.dumps(r)}\n" for r in rows)
        work.write(form, text)
