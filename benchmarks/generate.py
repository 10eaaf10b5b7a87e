"""Makes the benchmarks' inputs: feature tables and sidecars, the same bytes for the same seed.

Nothing is measured here, and nothing is written but where the caller says.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROW_GROUP_ROWS = 122_880  # as DuckDB writes
CHUNK_ROWS = ROW_GROUP_ROWS // 6
SCORERS = ("DOVER-Mobile", "Q-Align", "MUSIQ")
MISSING_SHARE = 0.01
BAD_SHARE = 0.01
NULL_SHARE = 0.02
NOTE_SHARE = 0.1
FRAMES = (120, 150)
FRAME_GRID = 2.0**10
"""Frame values are multiples of 1/FRAME_GRID: every order of adding gives the same mean."""

_METRICS = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2", "psnr_y",
            "ssim", "cambi")  # fmt: skip
_POOLS = ("mean", "std", "p10", "p50", "p90", "min")
FLOATS = tuple(f"{metric}_{pool}" for metric in _METRICS for pool in _POOLS)
INTEGERS = ("width", "height", "bitrate_kbps", "frame_count", "duration_ms", "file_bytes")
_TEXTS = ("codec", "dataset", "note")
_LADDER = [240, 480, 720, 1080]


def clip(number: int) -> str:
    """Return the base name of a clip: the key that both sides share."""
    return f"clip_{number:06d}.mp4"


def _features(start: int, rows: int, clips: int, seed: int, *, narrow: bool) -> pa.Table:
    """Return rows `start` and on of the feature table: 60 numbers and six other fields.

    Of a narrow one the first six alone, with the same values.
    """
    random = np.random.default_rng([seed, start])
    numbers = range(start, start + rows)
    columns: dict[str, Any] = {
        "path": [f"/corpus/source_clips/{clip(n % clips)}" for n in numbers],
        "dataset": random.choice(["ugc_sdr", "ugc_hdr", "streaming"], rows),
        "codec": random.choice(["h264", "hevc", "av1"], rows),
    }
    for name in FLOATS[:3] if narrow else FLOATS:
        null = random.random(rows) < NULL_SHARE if name.endswith("_p10") else None
        columns[name] = pa.array(random.gamma(4.0, 9.0, rows), mask=null)
    if narrow:
        return pa.table(columns)
    for power, name in enumerate(INTEGERS, 2):
        columns[name] = random.integers(10**power, 4 * 10**power, rows)
    columns["is_hdr"] = random.integers(2, size=rows).astype(bool)
    columns["note"] = pa.array(
        ["re-encoded from the master"] * rows, mask=random.random(rows) > NOTE_SHARE
    )
    columns["encode"] = [
        {"crf": crf, "preset": "slow", "ladder": _LADDER[: crf % 4]}
        for crf in random.integers(18, 40, rows).tolist()
    ]
    return pa.table(columns)


def _chunks(rows: int, clips: int, seed: int, *, narrow: bool) -> Iterator[pa.Table]:
    for start in range(0, rows, CHUNK_ROWS):
        yield _features(start, min(CHUNK_ROWS, rows - start), clips, seed, narrow=narrow)


def write_features(
    path: Path, rows: int, *, clips: int | None = None, seed: int = 1, narrow: bool = False
) -> None:
    """Write a feature table in the form that the path's suffix tells.

    Args:
        path: ends in `.jsonl` or `.parquet`.
        rows: how many; both forms hold the same values.
        clips: how many different clips they are of, over and over; else each row is of its own.
        seed: of the values.
        narrow: six fields in place of 66.
    """
    chunks = _chunks(rows, clips or rows, seed, narrow=narrow)
    if path.suffix == ".jsonl":
        _write_lines(path, (line for table in chunks for line in _lines(table)))
        return
    first = next(chunks)
    texts = [name for name in first.column_names if name in _TEXTS]
    with pq.ParquetWriter(path, first.schema, use_dictionary=texts) as writer:
        group = [first]
        for table in chunks:
            if len(group) * CHUNK_ROWS == ROW_GROUP_ROWS:
                writer.write_table(pa.concat_tables(group), ROW_GROUP_ROWS)
                group = []
            group.append(table)
        writer.write_table(pa.concat_tables(group), ROW_GROUP_ROWS)


def _lines(table: pa.Table) -> Iterator[bytes]:
    columns = []
    for name in table.column_names:
        values = table.column(name).to_pylist()
        numeric = pa.types.is_primitive(table.schema.field(name).type)
        columns.append(_number_texts(values) if numeric else map(msgspec.json.encode, values))
    yield from map(_template(tuple(table.column_names)).__mod__, zip(*columns, strict=True))


@cache
def _template(names: tuple[str, ...]) -> bytes:
    """Return an object as Python's json writes it, a `%b` in the place of each value."""
    return b"{" + ", ".join(f'"{name}": %b' for name in names).encode() + b"}\n"


def _number_texts(values: list[Any]) -> list[bytes]:
    return msgspec.json.encode(values)[1:-1].split(b",")


def _sidecar_clips(clips: int, random: np.random.Generator) -> list[bytes]:
    """Return keys in random order; a few are of clips that no feature table has."""
    numbers = random.permutation(clips)
    absent = random.random(clips) < MISSING_SHARE
    return [b'"%b"' % clip(n).encode() for n in (numbers + clips * absent).tolist()]


def write_flat_sidecar(path: Path, competitor: str, clips: int, seed: int = 1) -> None:
    """Write a sidecar with one score a row: 1 % of the clips missing, 1 % bad."""
    random = np.random.default_rng([seed, *competitor.encode()])
    keys = _sidecar_clips(clips, random)
    scores: list[float | None] = random.uniform(0, 100, clips).round(6).tolist()
    runtimes = random.gamma(4.0, 9.0, clips).round(3).tolist()
    statuses = [b'"ok"'] * clips
    for number, row in enumerate(np.flatnonzero(random.random(clips) < BAD_SHARE).tolist()):
        if number % 2:
            scores[row] = None
        else:
            statuses[row] = b'"error"'
    row = _template(("file_name", "competitor", "score", "runtime_ms", "status"))
    names = [b'"%b"' % competitor.encode()] * clips
    columns = (keys, names, _number_texts(scores), _number_texts(runtimes), statuses)
    _write_lines(path, map(row.__mod__, zip(*columns, strict=True)))


def write_frame_sidecar(path: Path, competitor: str, clips: int, seed: int = 1) -> None:
    """Write a sidecar whose rows hold a score for each of 120 to 150 frames."""
    random = np.random.default_rng([seed, *competitor.encode()])
    keys = _sidecar_clips(clips, random)
    bad = random.random(clips) < BAD_SHARE
    row = _template(("file_name", "competitor", "status", "frames"))
    frame = _template(("frame", "score", "runtime_ms")).rstrip()
    name = b'"%b"' % competitor.encode()

    def rows() -> Iterator[bytes]:
        for number, key in enumerate(keys):
            count = int(random.integers(*FRAMES, endpoint=True))
            scores, runtimes = (
                _number_texts((np.round(values * FRAME_GRID) / FRAME_GRID).tolist())
                for values in (random.uniform(0, 100, count), random.gamma(4.0, 4.0, count))
            )
            status = b'"ok"'
            if bad[number] and number % 2:
                scores[count // 2] = b"null"
            elif bad[number]:
                status = b'"error"'
            frames = zip(map(b"%d".__mod__, range(count)), scores, runtimes, strict=True)
            yield row % (key, name, status, b"[" + b", ".join(map(frame.__mod__, frames)) + b"]")

    _write_lines(path, rows())


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(lines)


def main() -> None:
    """Write one corpus into a folder, for a look at it or a profile of it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--frame-clips", type=int, default=20_000)
    parser.add_argument("--growth", type=int, help="a table with so many rows of each clip as well")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    folder, rows, seed = args.folder, args.rows, args.seed
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in ("jsonl", "parquet"):
        write_features(folder / f"features.{suffix}", rows, seed=seed)
        if args.growth:
            write_features(folder / f"growth.{suffix}", rows * args.growth, clips=rows, seed=seed)
    for name in SCORERS:
        write_flat_sidecar(folder / f"{name}.jsonl", name, rows, seed)
        write_flat_sidecar(folder / f"explain_{name}.jsonl", name, rows // 2, seed)
    write_features(folder / "explain.jsonl", rows // 2, seed=seed, narrow=True)
    write_features(folder / "narrow.jsonl", args.frame_clips, seed=seed, narrow=True)
    write_frame_sidecar(folder / "frames.jsonl", "FAST-VQA", args.frame_clips, seed)
    write_features(folder / "five.jsonl", 5, seed=seed)
    write_flat_sidecar(folder / "five_scores.jsonl", SCORERS[0], 5, seed)


if __name__ == "__main__":
    main()
