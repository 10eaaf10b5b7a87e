"""Tables to be joined from and to a store, and the same tables joined locally.

One manifest does for both. Its paths are below a prefix, which is `SECOND_OPINION_BASE_DIR`.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import obstore
import pyarrow as pa
from obstore.store import S3Store
from pyarrow import parquet

from second_opinion_assets_tests.graph.webserver import BIN
from second_opinion_assets_tests.stores import servers

SCORERS = ("DOVER", "Q-Align", "MUSIQ")


@dataclass(frozen=True)
class Tables:
    """Feature tables, JSON lines and parquet in turn, with a sidecar a scorer.

    Attributes:
        folder: holds the manifest, and all tables once more, for the local join.
        url: of the server of the store.
        count: how many tables there are.
        clips: how many rows each has.
        large: how many characters more each row of the first table has.
    """

    folder: Path
    url: str
    count: int
    clips: int
    large: int = 0

    @property
    def prefix(self) -> str:
        """What all paths of the manifest are relative to, in the store."""
        return f"s3://{servers.BUCKET}"

    @property
    def environment(self) -> dict[str, str]:
        """What joins these tables from and to the store."""
        return {**servers.s3_environment(self.url), "SECOND_OPINION_BASE_DIR": self.prefix}

    @cached_property
    def store(self) -> S3Store:
        """What is at the prefix."""
        return S3Store(
            servers.BUCKET,
            endpoint=self.url,
            access_key_id="testing",
            secret_access_key="testing",  # noqa: S106 (of moto's server)
            region="us-east-1",
            client_options={"allow_http": True},
        )

    @property
    def ids(self) -> list[str]:
        return [f"t{number:02}" for number in range(self.count)]

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"

    def suffix(self, table_id: str) -> str:
        return ".parquet" if int(table_id[1:]) % 2 else ".jsonl"

    def out(self, table_id: str) -> str:
        """Return the name of a joined table, which is also its key in the store."""
        return f"out/{table_id}{self.suffix(table_id)}"

    def audit(self, table_id: str) -> str:
        return f"out/{table_id}.audit.json"

    def write(self) -> None:
        """Write the manifest, and features and sidecars to store and folder alike."""
        chance = random.Random(1)  # noqa: S311 (no secret)
        names = [f"clip_{number:05}" for number in range(self.clips)]
        for table_id in self.ids:
            psnr = [chance.uniform(20, 50) for _ in names]
            table = pa.table({"clip_id": names, "psnr": psnr})
            if table_id == self.ids[0]:
                table = table.append_column("notes", pa.array(["." * self.large] * self.clips))
            self._put(f"in/{table_id}{self.suffix(table_id)}", _features(table_id, table))
            for scorer in SCORERS:
                self.write_scores(table_id, scorer, {clip: chance.random() for clip in names})
        entries = [self._entry(table_id) for table_id in self.ids]
        self.manifest.write_text(json.dumps({"tables": entries}))

    def write_scores(self, table_id: str, scorer: str, scores: Mapping[str, float]) -> None:
        """Write one sidecar anew."""
        rows = ({"clip_id": clip, "score": score} for clip, score in scores.items())
        text = "".join(json.dumps(row) + "\n" for row in rows)
        self._put(f"in/{table_id}.{scorer}.jsonl", text.encode())

    def joined_locally(self) -> dict[str, bytes]:
        """Return the bytes of each table as the command line joins it in the folder."""
        command = [f"{BIN}/second-opinion", "batch", "--manifest", str(self.manifest)]
        subprocess.run(command, check=True, capture_output=True)
        return {t: (self.folder / self.out(t)).read_bytes() for t in self.ids}

    def joined(self) -> dict[str, bytes]:
        """Return the bytes of each joined table that is in the store."""
        there = set(self.names("out/"))
        return {
            t: bytes(obstore.get(self.store, self.out(t)).bytes())
            for t in self.ids
            if self.out(t) in there
        }

    def names(self, below: str) -> list[str]:
        """Return the names of all objects below a prefix."""
        return sorted(str(meta["path"]) for meta in self.store.list(below).collect())

    def sent_in_parts(self) -> list[str]:
        """Return the tables in the store that were sent in several parts, as their ETags tell."""
        metas = {t: obstore.head(self.store, self.out(t)) for t in self.ids}
        return [t for t, meta in metas.items() if re.search(r"-\d+", meta["e_tag"] or "")]

    def verify(self) -> subprocess.CompletedProcess[str]:
        """Hold every audit against what it tells of."""
        audits = [f"{self.prefix}/{self.audit(table_id)}" for table_id in self.ids]
        return subprocess.run(
            [f"{BIN}/second-opinion", "verify", *audits],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def _put(self, name: str, content: bytes) -> None:
        obstore.put(self.store, name, content)
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    def _entry(self, table_id: str) -> dict[str, object]:
        return {
            "id": table_id,
            "features": f"in/{table_id}{self.suffix(table_id)}",
            "scores": [f"{scorer}=in/{table_id}.{scorer}.jsonl" for scorer in SCORERS],
            "out": self.out(table_id),
            "audit_json": self.audit(table_id),
        }


def _features(table_id: str, table: pa.Table) -> bytes:
    if int(table_id[1:]) % 2:
        out = io.BytesIO()
        parquet.write_table(table, out)
        return out.getvalue()
    return "".join(json.dumps(row) + "\n" for row in table.to_pylist()).encode()
