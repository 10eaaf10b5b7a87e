"""Makes from the golden inputs every kind of output there is, as texts that can be compared."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from second_opinion_assets.agreement.joined_table import AGREEMENT_VERSION, JoinedTable
from second_opinion_assets.agreement.make import make_agreement
from second_opinion_assets.join.batch import materialize_batch
from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.join.provenance import JOIN_VERSION, Invocation
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.report.report import Report, ReportFiles
from second_opinion_assets.storage.location import Location

HERE = Path(__file__).parent
INPUTS = HERE / "inputs"
EXPECTED = HERE / "expected"
VERSIONS = "versions.json"
TABLES = (
    "lines.jsonl",
    "document.json",
    "parquet.parquet",
    "lines_as_parquet.parquet",
    "parquet_as_lines.jsonl",
    "csv.csv",
    "csv_as_lines.jsonl",
    "lines_as_csv.csv",
)
"""Joined tables, whose every byte is what JOIN_VERSION stands for."""
OTHERS = (
    "lines.audit.json",
    "lines.jsonl.agreement.json",
    "batch.report.json",
    "batch.report.md",
)
_ASKED = Invocation(Location("no-such-program"), ("of", "golden", "files"), {"of": "golden files"})


def versions() -> dict[str, str]:
    """Return what the outputs depend on beside the inputs."""
    return {
        "join_version": JOIN_VERSION,
        "agreement_version": AGREEMENT_VERSION,
        "pyarrow": pa.__version__,
    }


def expected(name: str) -> str:
    """Return the text of a golden file."""
    return (EXPECTED / file_name(name)).read_bytes().decode()


def file_name(name: str) -> str:
    """Return the golden file of an output."""
    return f"{name}.txt" if name.endswith(".parquet") else name


def make_outputs(folder: Path) -> dict[str, str]:
    """Join the golden inputs in an empty folder; return the text of each output, by name."""
    shutil.copytree(INPUTS, folder, dirs_exist_ok=True)
    with contextlib.chdir(folder):  # so that no output names the folder
        manifest = load_manifest(Location("manifest.json"))
        outcomes = materialize_batch(manifest, _ASKED)
        errors = {outcome.spec.id: outcome.error for outcome in outcomes if outcome.error}
        assert errors.keys() == {"refused"}, errors
        files = ReportFiles(Location("out/batch.report.json"), Location("out/batch.report.md"))
        Report(manifest, outcomes, _ASKED, files).write()
        _make_agreement(manifest.table("lines"))
    return {name: _text(folder / "out" / name) for name in (*TABLES, *OTHERS)}


def _make_agreement(spec: TableSpec) -> None:
    result = materialize(spec, _ASKED)
    columns = [column.name for column in result.columns]
    joined = JoinedTable.of(result.audit, spec.out, columns, result.fingerprint)
    make_agreement(joined, spec, (), _ASKED)


def _text(path: Path) -> str:
    if path.suffix == ".parquet":
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return f"sha256 {sha256}\n{_dump(pq.ParquetFile(path))}"
    text = path.read_bytes().decode()
    if path.name.endswith(".agreement.json"):
        # The last digits of a correlation are the business of the machine's arithmetic.
        figures = json.loads(text, parse_float=lambda number: float(f"{float(number):.9g}"))
        return json.dumps(figures, indent=2, ensure_ascii=False) + "\n"
    return text


def _dump(file: Any) -> str:
    """Return schema, metadata, row groups and rows of a parquet file, a fact a line."""
    metadata = file.metadata
    lines = [f"column {field.name}: {field.type}" for field in file.schema_arrow]
    for name, value in sorted((metadata.metadata or {}).items()):
        shown = "…" if name == b"ARROW:schema" else value.decode()
        lines.append(f"metadata {name.decode()}: {shown}")
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        lines.append(f"row group {number}: {group.num_rows} rows")
        chunks = [group.column(index) for index in range(group.num_columns)]
        lines.extend(
            f"  {chunk.path_in_schema}: {chunk.compression.lower()}, "
            f"{'with' if chunk.has_column_index else 'no'} page index"
            for chunk in chunks
        )
    lines.extend(
        json.dumps(row, ensure_ascii=False, default=str) for row in file.read().to_pylist()
    )
    return "\n".join(lines) + "\n"
