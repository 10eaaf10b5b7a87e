"""An output that is to be damaged: its inputs, the command that joins it, and what must hold."""

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner

from second_opinion_assets.cli.main import main
from second_opinion_assets.storage.journal import recover
from second_opinion_assets.storage.location import Location

BYSTANDERS = {"notes.txt": b"mine", ".second-opinion-notes.tmp": b"mine too", "out.tmp": b"other"}
"""Other people's files, one of them with a name much like our own."""


COMMAND = (sys.executable, "-c", "from second_opinion_assets.cli.start import run; run()")


class Pair(NamedTuple):
    """The bytes of a table and of its audit."""

    table: bytes
    audit: bytes


class Outputs:
    """A folder with inputs and, if it was joined once, an output with its audit.

    Two sets of scores give two outputs, by number, 0 and 1.

    Args:
        folder: is made.
        suffix: of the feature table and of the output.
        rows: of the table.
        audit: where the audit goes, relative to the folder.
    """

    def __init__(self, folder: Path, suffix: str, rows: int, audit: str) -> None:
        self.folder = folder
        self.suffix = suffix
        self.audit = folder / audit
        self.out = folder / f"out{suffix}"
        folder.mkdir()
        clips = [f"clip {number}" for number in range(rows)]
        table = pa.table({"clip_id": clips, "vmaf": [50.0] * rows})
        if suffix == ".parquet":
            pq.write_table(table, folder / "features.parquet")
        else:
            lines = "".join(json.dumps(row) + "\n" for row in table.to_pylist())
            (folder / f"features{suffix}").write_text(lines)
        for number in (0, 1):
            scores = [{"clip_id": clip, "score": number + n / rows} for n, clip in enumerate(clips)]
            text = "".join(json.dumps(score) + "\n" for score in scores)
            (folder / f"scores{number}.jsonl").write_text(text)
        for name, content in BYSTANDERS.items():
            (folder / name).write_bytes(content)

    def arguments(self, number: int) -> list[str]:
        """Return the arguments that join one of the two sets of scores."""
        return [
            *("materialize", "--features", str(self.folder / f"features{self.suffix}")),
            *("--scores", f"DOVER={self.folder / f'scores{number}.jsonl'}"),
            *("--out", str(self.out), "--audit-json", str(self.audit)),
        ]

    def start(self, number: int, **variables: str) -> subprocess.Popen[str]:
        """Start to join in a process of its own."""
        return subprocess.Popen(
            [*COMMAND, *self.arguments(number)],
            env={**os.environ, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def join(self, number: int) -> Pair:
        """Join in this process, and return what came of it.

        Raises:
            RuntimeError: the join failed.
        """
        done = CliRunner().invoke(main, self.arguments(number))
        if done.exit_code:
            raise RuntimeError(done.output)
        return Pair(self.out.read_bytes(), self.audit.read_bytes())

    def put(self, pair: Pair | None) -> None:
        """Let the outputs be these, or none."""
        self.out.unlink(missing_ok=True)
        self.audit.unlink(missing_ok=True)
        for path in self.folder.rglob(".second-opinion-*"):
            if path.name not in BYSTANDERS:
                path.unlink()
        if self.audit.parent != self.folder:
            shutil.rmtree(self.audit.parent, ignore_errors=True)
        if pair:
            self.audit.parent.mkdir(exist_ok=True)
            self.out.write_bytes(pair.table)
            self.audit.write_bytes(pair.audit)

    def damage(self, allowed: tuple[bytes | None, ...]) -> str:
        """Return what is lost, once the next look has completed what was begun; empty if nothing.

        Args:
            allowed: the tables that may be there; None for no table.
        """
        recover(Location(self.out))
        for name, content in BYSTANDERS.items():
            if (self.folder / name).read_bytes() != content:
                return f"{name} was changed"
        table = self.out.read_bytes() if self.out.exists() else None
        if table not in allowed:
            return "the table is no whole one"
        if table is None:
            return "an audit without a table" if self.audit.exists() else ""
        audit = json.loads(self.audit.read_text()) if self.audit.exists() else None
        if audit is None:
            return "a table without an audit"
        digest = audit["run_provenance"]["output_digests"]["out"]["sha256"]
        return "" if digest == sha256(table).hexdigest() else "the audit of another table"

    def leftovers(self) -> list[str]:
        """Return the names of files that runs keep for themselves."""
        found = [path.name for path in self.folder.rglob(".second-opinion-*")]
        return sorted(set(found) - set(BYSTANDERS))
