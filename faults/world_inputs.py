"""Inputs that break: bytes that are no text, odd types, reads that fail, files that go or change.

Run by `world.py`, in this process, since there are thousands. Each fault yields what was lost, and
what looked like a bug; both are empty where the program ended with one line.
"""

import decimal
import errno
import json
import os
import random
import resource
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner

from outputs import Outputs
from second_opinion_assets.cli.main import main
from second_opinion_assets_tests.lying_pages import CLIPS, SCORES, SETTINGS, lies, written

sys.modules["pandas"] = None  # type: ignore[assignment] # as the command line has it

Found = tuple[str, str]

MOST_GROWTH_KB = 512 << 10
ROWS = 1_500  # more than the first look sees
BAD_BYTES = (
    *(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\0", b"\x1b[31m", b'"', b"\\ud800"),
    *(b"\\", b"\r", b"\x0b", b"\xe2\x80\xa8", b"{", b"}", b"[", b",", b"\x80\n\x80", b"NaN"),
    *(b"x" * 140_000, b'"' + b"x" * 140_000 + b'"', b"9" * 5000, b"[" * 2000, b""),
)
ERRORS = [
    *(errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENOMEM, errno.ENOENT),
    *(errno.EINTR, errno.ETIMEDOUT, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO),
]
CALLS = ("open", "stat", "fstat", "pread", "scandir", "lstat", "readlink", "fsync", "replace")


def run(arguments: list[str]) -> str:
    """Run a command in this process; return what looks like a bug, empty if nothing does."""
    done = CliRunner().invoke(main, arguments)
    error = done.exception
    if error and not isinstance(error, SystemExit):
        return f"{' '.join(arguments)[:200]}: {type(error).__name__}: {str(error)[:200]}"
    lines = done.stderr.splitlines()
    raw = [line for line in lines if not line.isprintable()]
    return f"raw characters: {raw[0]!r}" if raw else ""


def score_files() -> dict[str, bytes]:
    """Return score files of many forms by name."""
    rows = [(f"clip {number}", number % 100 / 2) for number in range(ROWS)]
    objects = [{"clip_id": key, "score": score, "note": "x" * 30} for key, score in rows]
    frames = [{"frameNum": number, "metrics": {"vmaf": 50.0}} for number in range(ROWS)]
    xml = "".join(f"<frame frameNum='{number}' vmaf='50.0'/>" for number in range(ROWS))
    table = "".join(f"{key},{score},{'x' * 40}\n" for key, score in rows)
    texts = {
        "lines.jsonl": "".join(json.dumps(row) + "\n" for row in objects),
        "document.json": json.dumps(objects),
        "map.json": json.dumps(dict(rows)),
        "one.json": "".join(map(json.dumps, objects)),
        "log.json": json.dumps({"frames": frames, "pooled_metrics": {"vmaf": {"mean": 50.0}}}),
        "log.xml": f"<VMAF version='2'><frames>{xml}</frames></VMAF>",
        "cells.csv": f"clip_id,score,note\n{table}",
        "bare.csv": "".join(f"{key},{score}\n" for key, score in rows),
        "semicolons.csv": "clip_id;score;note\n" + table.replace(",", ";"),
        "tabs.tsv": "clip_id\tscore\tnote\n" + table.replace(",", "\t"),
        "frames.csv": "Frame,vmaf\n" + "".join(f"{number},50.0\n" for number in range(ROWS)),
    }
    return {name: text.encode() for name, text in texts.items()}


def broken(text: bytes) -> Iterator[bytes]:
    """Yield a text with bad bytes put into it, and in the place of others, here and there."""
    size = len(text)
    for bad in BAD_BYTES:
        for place in (0, 3, 20, size // 2, size // 2 + 7, size - 30, size - 1, size):
            yield text[:place] + bad + text[place:]
            yield text[:place] + bad + text[place + 1 + len(bad[:9]) :]


def texts(folder: Path) -> Iterator[Found]:
    """Broken texts as score files, as feature tables, as manifests and as audits."""
    outputs = Outputs(folder / "texts", ".jsonl", ROWS, "audit.json")
    outputs.join(0)
    place = outputs.folder
    good = str(place / "features.jsonl")
    for name, text in score_files().items():
        file = place / name
        for content in broken(text):
            file.write_bytes(content)
            words = ["--scores", f"DOVER={file}"]
            join = ["materialize", "--features", good, *words, "--out", str(place / "o.jsonl")]
            yield "", run(join) or run(["explain", good, *words])
    tables = {name: score_files()[name] for name in ("lines.jsonl", "document.json", "cells.csv")}
    for name, text in tables.items():
        file = place / f"features-{name}"
        for content in broken(text):
            file.write_bytes(content)
            words = ["--features", str(file), "--scores", f"DOVER={place / 'scores0.jsonl'}"]
            for suffix in ("jsonl", "csv", "parquet"):
                yield "", run(["materialize", *words, "--out", str(place / f"o.{suffix}")])
    manifest = place / "manifest.json"
    entry = {"id": "t", "features": "features.jsonl", "scores": ["DOVER=scores0.jsonl"]}
    document = {"tables": [{**entry, "out": "t.jsonl", "key_pattern": "(.*)"}]}
    for content in broken(json.dumps(document).encode()):
        manifest.write_bytes(content)
        yield "", run(["batch", "--manifest", str(manifest)])
    audit = outputs.audit.read_bytes()
    for content in broken(audit):
        outputs.audit.write_bytes(content)
        yield "", run(["verify", str(outputs.audit)])


def previous(folder: Path) -> Iterator[Found]:
    """Broken outputs and audits of an earlier join in the places of those of the next."""
    for suffix in (".jsonl", ".parquet"):
        outputs = Outputs(folder / f"previous{suffix}", suffix, 50, "audit.json")
        old = outputs.join(0)
        for which in ("table", "audit"):
            for content in broken(getattr(old, which)):
                outputs.put(old._replace(**{which: content}))
                bug = run(outputs.arguments(1))
                yield outputs.damage((outputs.out.read_bytes(),)), bug


def types(folder: Path) -> Iterator[Found]:
    """Columns of every odd type in each place of a parquet score file and feature table."""
    outputs = Outputs(folder / "types", ".jsonl", 5, "audit.json")
    place = outputs.folder
    good, scores = str(place / "features.jsonl"), f"DOVER={place / 'scores0.jsonl'}"
    for values in odd_columns():
        for role in ("clip_id", "score", "competitor", "status", "runtime_ms", "note"):
            columns = {"clip_id": [f"clip {n}" for n in range(5)], "score": [1.0] * 5, role: values}
            file = place / "odd.parquet"
            try:
                pq.write_table(pa.table(columns), file)
            except pa.ArrowException:
                continue  # parquet has no such type
            words = ["--scores", f"DOVER={file}", "--out", str(place / "o.jsonl")]
            yield "", run(["materialize", "--features", good, *words])
            yield "", run(["explain", good, "--scores", str(file)])
            for suffix in ("jsonl", "csv", "json", "parquet"):
                words = ["--scores", scores, "--out", str(place / f"o.{suffix}"), "--overwrite"]
                yield "", run(["materialize", "--features", str(file), *words])


def odd_columns() -> list[pa.Array]:
    """Return columns of five values each whose types few tables have."""
    offsets = pa.py_buffer(b"".join(n.to_bytes(4, "little") for n in range(6)))
    no_text = [None, offsets, pa.py_buffer(b"\xff\xfe\x80a\xc3")]
    kinds: list[tuple[object, pa.DataType]] = [
        *((1, pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),
        (2**62, pa.timestamp("s")),
        (1, pa.timestamp("ns", tz="Europe/Berlin")),
        (1, pa.timestamp("us", tz="No/Where")),
        *((2**30, kind) for kind in (pa.date32(), pa.time32("s"))),
        *((2**55, kind) for kind in (pa.date64(), pa.time64("ns"))),
        *((2**62, pa.duration(unit)) for unit in ("s", "ns")),
        (decimal.Decimal("1.5"), pa.decimal128(9, 2)),
        (decimal.Decimal(10) ** 60, pa.decimal256(76, 3)),
        *((b"\xff\0", kind) for kind in (pa.binary(), pa.large_binary(), pa.binary(2))),
        (True, pa.bool_()),
        (None, pa.null()),
        (1.5, pa.float32()),
        (2**64 - 1, pa.uint64()),
        ([1.0], pa.list_(pa.float64())),
        ([1], pa.list_(pa.timestamp("ns"))),
        ([], pa.list_(pa.string())),
        ({"a": 1}, pa.struct([("a", pa.timestamp("ns"))])),
        ([("a", 1)], pa.map_(pa.string(), pa.int64())),
        ("x", pa.large_string()),
    ]
    columns = [pa.array([value] * 5, kind) for value, kind in kinds]
    columns += [pa.array(["x", b"\xff"][:1] * 5).dictionary_encode()]
    return [*columns, pa.Array.from_buffers(pa.string(), 5, no_text)]


def lying_pages(folder: Path) -> Iterator[Found]:
    """Page headers that lie about sizes and counts, in parquet score files and feature tables."""
    place = folder / "pages"
    place.mkdir()
    rows = [{"clip_id": clip, "score": score} for clip, score in zip(CLIPS, SCORES, strict=True)]
    good, file, out = place / "good.jsonl", place / "t.parquet", place / "o.jsonl"
    good.write_text("".join(json.dumps(row) + "\n" for row in rows))
    joins = [
        ["materialize", "--features", str(features), "--scores", f"S={scores}", "--out", str(made)]
        for features, scores, made in (
            (good, file, out),
            (file, good, out),
            (file, good, out.with_suffix(".parquet")),
        )
    ]
    for settings, column in product(SETTINGS.values(), ("clip_id", "score")):
        for what, content in lies(written(column, **settings), (0, 299, 301, 1 << 20, 2**31 - 1)):
            file.write_bytes(content)
            for arguments in joins:
                out.unlink(missing_ok=True)
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                bug = run(arguments)
                grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
                lost = f"{what}: grew by {grown} kB" if grown > MOST_GROWTH_KB else ""
                if out.exists():
                    got = [json.loads(line) for line in out.read_text().splitlines()]
                    found = [(row["clip_id"], row["second_opinion_s_score"]) for row in got]
                    wrong = found != [(row["clip_id"], row["score"]) for row in rows]
                    lost = lost or (f"{what}: other scores" if wrong else "")
                yield lost, bug


def failing_calls(folder: Path) -> Iterator[Found]:
    """Errors of the system, three of each call, at every second call on the files of a join."""
    chance = random.Random(1)
    for suffix in (".jsonl", ".parquet"):
        outputs = Outputs(folder / f"calls{suffix}", suffix, 50, "audit.json")
        old, new = outputs.join(0), outputs.join(1)
        verify = ["verify", str(outputs.audit)]
        features = str(outputs.folder / f"features{suffix}")
        explain = ["explain", features, "--scores", f"DOVER={outputs.folder}/sc*1.jsonl"]
        for arguments in (outputs.arguments(1), verify, explain):
            for call in CALLS:
                for number in chance.sample(ERRORS, 3):
                    for at in range(1, 60, 2):
                        outputs.put(old)
                        with failing(call, number, at, outputs.folder) as reached:
                            bug = run(arguments)
                        yield outputs.damage((old.table, new.table)), bug and f"{call} {at}: {bug}"
                        if not reached:
                            break


class failing:  # noqa: N801 (used as a function)
    """Lets one call of the system fail, of those on files of a folder, by its number."""

    def __init__(self, call: str, number: int, at: int, folder: Path) -> None:
        self._real: Callable[..., object] = getattr(os, call)
        self._left = at
        self._error = OSError(number, os.strerror(number))
        self._patch = patch.object(os, call, self._call)
        self._folder = str(folder)
        self.reached: list[int] = []

    def __enter__(self) -> list[int]:
        self._patch.start()
        return self.reached

    def __exit__(self, *_: object) -> None:
        self._patch.stop()

    def _call(self, *given: object, **named: object) -> object:
        if isinstance(given[0], int) or self._folder in os.fspath(given[0]):  # type: ignore[arg-type]
            self._left -= 1
            if self._left == 0:
                self.reached.append(1)
                raise self._error
        return self._real(*given, **named)


def vanishing(folder: Path) -> Iterator[Found]:
    """Files that go, are cut, grow or become folders between the look at them and the reading."""
    chance = random.Random(1)
    outputs = Outputs(folder / "vanishing", ".jsonl", 3000, "audit.json")
    old = outputs.join(0)
    new = outputs.join(1)
    for name in ("features.jsonl", "scores1.jsonl", "out.jsonl", "audit.json"):
        path = outputs.folder / name
        content = path.read_bytes()
        for change in ("goes", "is cut", "grows", "folder", "no text"):
            for at in range(1, 9):
                outputs.put(old)
                path.write_bytes(content if name[0] in "fs" else path.read_bytes())
                change_now = partial(damage, path, change, chance)
                with patch.object(os, "pread", Changing(at, change_now)):
                    bug = run(outputs.arguments(1))
                if path.is_dir():
                    path.rmdir()
                path.write_bytes(content) if name[0] in "fs" else None
                whole = (old.table, new.table) if name[0] in "fs" else ()
                yield (outputs.damage(whole) if whole else ""), bug


class Changing:
    """A `pread` that changes a file when it is called for the so-manyth time."""

    def __init__(self, at: int, change: Callable[[], None]) -> None:
        self._left = at
        self._change = change
        self._real = os.pread

    def __call__(self, file: int, count: int, offset: int) -> bytes:
        self._left -= 1
        if self._left == 0:
            self._change()
        return self._real(file, count, offset)


def damage(path: Path, change: str, chance: random.Random) -> None:
    """Change a file under its reader."""
    if not path.is_file():
        return
    content = path.read_bytes()
    if change in ("goes", "folder"):
        path.unlink()
        if change == "folder":
            path.mkdir()
    elif change == "is cut":
        os.truncate(path, chance.randrange(len(content)))
    elif change == "grows":
        path.write_bytes(content + content[:100])
    else:
        path.write_bytes(content[: len(content) // 2] + b"\xff\xfe" * 9)


FAULTS: dict[str, Callable[[Path], Iterator[Found]]] = {
    "broken texts": texts,
    "broken outputs of earlier joins": previous,
    "odd types in parquet": types,
    "parquet page headers that lie": lying_pages,
    "calls that fail": failing_calls,
    "files that change under their reader": vanishing,
}
