"""A folder with the files of one join, and the join itself."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from second_opinion_assets.contract.options import parse_options
from second_opinion_assets.join.join import JoinResult, materialize
from second_opinion_assets.join.manifest_sidecars import parse_sidecar, read_sidecar_entry
from second_opinion_assets.join.provenance import Invocation
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.scores.sidecar import Sidecar
from second_opinion_assets.storage.location import Location

INVOCATION = Invocation(Location("no-such-program"), ("--of", "a test"), {"of": "a test"})


class Workspace:
    """A folder with the files of one join, and the join itself.

    Until a test writes its own, the features are two clips, a and b, and a scorer has rated a.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("features.jsonl", '{"clip_id": "a", "psnr": 41.2}\n{"clip_id": "b"}\n')
        self.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 72.5}\n')

    @property
    def base(self) -> Location:
        """What the paths of a join are relative to."""
        return Location(self.folder)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file, its folder included."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def write_lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
        """Write rows as JSON lines."""
        return self.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def write_table(self, name: str, table: Any, **settings: Any) -> Path:
        """Write a pyarrow table as parquet."""
        import pyarrow.parquet as pq  # noqa: PLC0415 (most tests do without)

        pq.write_table(table, self.folder / name, **settings)
        return self.folder / name

    def spec(
        self,
        features: str = "features.jsonl",
        scores: Iterable[str | dict[str, Any]] = ("scores.jsonl",),
        out: str = "out.jsonl",
        audit_json: str | None = "audit.json",
        **options: Any,
    ) -> TableSpec:
        """Return a join of files in this folder; one that finds nothing is let pass."""
        return TableSpec(
            id="table",
            features=self.base / features,
            scores=tuple(_sidecar(score, self.base) for score in scores),
            out=self.base / out,
            audit_json=self.base / audit_json if audit_json else None,
            options=parse_options({"allow_empty": True, **options}, "options"),
        )

    def join(self, **given: Any) -> JoinResult:
        """Join files of this folder; the arguments are those of `spec`."""
        return materialize(self.spec(**given), INVOCATION)

    def read(self, name: str = "out.jsonl") -> bytes:
        """Return the bytes of a file."""
        return (self.folder / name).read_bytes()

    def rows(self, name: str = "out.jsonl") -> list[dict[str, Any]]:
        """Return the rows of a file of JSON lines; bare NaN is no JSON and fails."""
        return [json.loads(line, parse_constant=_refuse) for line in self.read(name).splitlines()]

    def csv_rows(self, name: str = "out.csv") -> list[dict[str, Any]]:
        """Return the rows of a file of CSV, or of TSV by its name, every cell as text."""
        text = io.StringIO(self.read(name).decode(), newline="")
        return list(csv.DictReader(text, delimiter="\t" if name.endswith(".tsv") else ","))

    def table(self, name: str = "out.parquet") -> Any:
        """Return a parquet file as a pyarrow table."""
        import pyarrow.parquet as pq  # noqa: PLC0415 (most tests do without)

        return pq.ParquetFile(self.folder / name).read()

    def document(self, name: str = "audit.json") -> Any:
        """Return the value of a JSON file; bare NaN is no JSON and fails."""
        return json.loads(self.read(name), parse_constant=_refuse)

    def contents(self) -> dict[str, bytes | None]:
        """Return everything below the folder: files with their bytes, folders with None."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.folder.rglob("*"))
        }


def _refuse(constant: str) -> None:
    msg = f"bare {constant} in what should be JSON"
    raise ValueError(msg)


def _sidecar(score: str | dict[str, Any], base: Location) -> Sidecar:
    if isinstance(score, str):
        return parse_sidecar(score, base)
    return read_sidecar_entry(score, "scores", base)
