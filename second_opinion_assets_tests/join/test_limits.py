"""What is too large is refused in one line that names the limit; what is right is read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.explain import explain
from second_opinion_assets.join.source_files import read_source_file
from second_opinion_assets.storage import limits, reading
from second_opinion_assets.storage.limits import (
    USUAL_LIMITS,
    limits_of,
    set_limits,
)
from second_opinion_assets.storage.location import Location
from second_opinion_assets.tables import texts
from second_opinion_assets_tests.workspace import Workspace

SMALL_BYTES = 1 << 20
ROW = {"clip_id": "a", "competitor": "DOVER", "score": 72.5}
LINE = json.dumps(ROW).encode() + b"\n"
LONG = json.dumps({**ROW, "note": "x" * 300_000}).encode() + b"\n"
BLANKS = (b" " * 9999 + b"\n") * (SMALL_BYTES // 10_000 + 1) + LINE


@pytest.fixture(autouse=True)
def _all_smaller(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Count in small blocks, so that small files are large; leave the usual limits."""
    monkeypatch.setattr(limits, "SMALL_BYTES", SMALL_BYTES)
    monkeypatch.setattr(texts, "BLOCK_BYTES", 1 << 16)
    monkeypatch.setattr(reading, "CHUNK_BYTES", 1 << 16)
    yield
    set_limits(USUAL_LIMITS)


def _zstd(data: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(data, asbytes=True)
    return packed


def _parquet(columns: dict[str, list[object]], path: Path) -> None:
    pq.write_table(pa.table(columns), path)


def _many_fields(count: int) -> dict[str, object]:
    return {**ROW, **{f"f{number}": number for number in range(count)}}


SCORES: dict[str, tuple[str, str, bytes]] = {
    "gzip-ratio": ("unpacked_ratio=250", "s.jsonl.gz", gzip.compress(BLANKS, 9)),
    "zstd-ratio": ("unpacked_ratio=100", "s.jsonl.zst", _zstd(BLANKS)),
    "gzip-size": ("unpacked_bytes=1KB", "s.jsonl.gz", gzip.compress(LINE * 99)),
    "zstd-size": ("unpacked_bytes=1KB", "s.jsonl.zst", _zstd(LINE * 99)),
    "document": ("held_bytes=1KB", "s.json", b"[%b]" % b",".join([LINE] * 99)),
    "gzip-document": ("held_bytes=1KB", "s.json.gz", gzip.compress(b"[%b]" % (b" " * 2000))),
    "line": ("row_bytes=200KB", "s.jsonl", LONG),
    "csv-line": ("row_bytes=200KB", "s.csv", b"path,score\n" + b"a" * 300_000 + b",1\n"),
    "members": ("row_fields=10", "s.jsonl", json.dumps(_many_fields(9)).encode()),
    "csv-columns": ("row_fields=10", "s.csv", b"path,score%b\na,1%b\n" % (b",x" * 9, b",1" * 9)),
    "blank-lines": ("blank_lines=10", "s.jsonl", LINE + b"\n" * 99),
    "blank-lines-with-spaces": ("blank_lines=10", "s.jsonl", LINE + b" \r\n" * 99),
    "blank-csv-lines": ("blank_lines=10", "s.csv", b"path,score\na,1\n" + b"\n" * 99),
}


@pytest.mark.parametrize(("limit", "name", "data"), SCORES.values(), ids=SCORES)
def test_score_files(work: Workspace, limit: str, name: str, data: bytes) -> None:
    """A score file beyond a limit is refused by join and explanation, and looked at in peace."""
    set_limits(limits_of([limit]))
    path = work.write(name, data)
    words = rf"s\..*more than .*; if it is right, raise the limit {limit.partition('=')[0]}$"
    with pytest.raises(JoinError, match=words):
        work.join(scores=[f"DOVER={name}"])
    spec = work.spec(scores=[f"DOVER={name}"])
    assert "raise the limit" in str(explain(spec.features, spec.scores, spec.options).problems)
    if not limit.startswith("row_fields"):
        assert read_source_file(Location(path)).rows is None


@pytest.mark.parametrize(("limit", "name", "data"), SCORES.values(), ids=SCORES)
def test_usual_limits(work: Workspace, limit: str, name: str, data: bytes) -> None:
    """By default none of these is too large, but for what unpacks to hundreds of times its size."""
    path = work.write(name, data)
    spec = work.spec(scores=[f"DOVER={path.name}"])
    told = str(explain(spec.features, spec.scores, spec.options).problems)
    assert ("raise the limit" in told) == limit.startswith("unpacked_ratio")


FEATURES: dict[str, tuple[str, str, bytes]] = {
    "document": ("held_bytes=1KB", "t.json", b"[%b]" % b",".join([LINE] * 99)),
    "line": ("row_bytes=200KB", "t.jsonl", LONG),
    "csv-line": ("row_bytes=200KB", "t.csv", b"clip_id\n" + b"a" * 300_000 + b"\n"),
    "members": ("row_fields=10", "t.jsonl", json.dumps(_many_fields(9)).encode()),
    "members-of-all-rows": (
        "row_fields=10",
        "t.jsonl",
        b"".join(b'{"clip_id": "a", "f%d": 1}\n' % number for number in range(20)),
    ),
    "csv-columns": ("row_fields=10", "t.csv", b"clip_id%b\na%b\n" % (b",x" * 10, b",1" * 10)),
    "blank-lines": ("blank_lines=10", "t.jsonl", LINE + b"\n" * 99),
    "blank-csv-lines": ("blank_lines=10", "t.csv", b"clip_id,x\na,1\n" + b"\n" * 99),
}


@pytest.mark.parametrize(("limit", "name", "data"), FEATURES.values(), ids=FEATURES)
def test_feature_tables(work: Workspace, limit: str, name: str, data: bytes) -> None:
    """So is a feature table, and no output is written."""
    set_limits(limits_of([limit]))
    work.write(name, data)
    words = rf"t\..*more than .*; if it is right, raise the limit {limit.partition('=')[0]}$"
    with pytest.raises(JoinError, match=words):
        work.join(features=name)
    assert not (work.folder / "out.jsonl").exists()


@pytest.mark.parametrize("role", ["features", "scores"])
@pytest.mark.parametrize(
    ("limit", "columns"),
    [
        ("row_fields=2", {"clip_id": ["a"], "score": [1.0], "x": [1]}),
        ("unpacked_bytes=1KB", {"clip_id": ["a"] * 500, "score": [1.0] * 500}),
    ],
    ids=["columns", "pages"],
)
def test_parquet(work: Workspace, role: str, limit: str, columns: dict[str, list[object]]) -> None:
    """Of parquet the footer tells how much its pages unpack to, before one of them is read."""
    set_limits(limits_of([limit]))
    _parquet(columns, work.folder / "t.parquet")
    given = {"features": "t.parquet"} if role == "features" else {"scores": ["D=t.parquet"]}
    with pytest.raises(JoinError, match=rf"raise the limit {limit.partition('=')[0]}$"):
        work.join(**given)


def test_rows_without_bytes(work: Workspace) -> None:
    """Millions of equal rows, which take a few bytes of a parquet file, count as what they take."""
    rows = SMALL_BYTES // 8 + 1
    column = pa.DictionaryArray.from_arrays(pa.array(bytes(rows), pa.uint8()), ["a"])
    pq.write_table(pa.table({"clip_id": column}), work.folder / "t.parquet")
    with pytest.raises(JoinError, match="raise the limit unpacked_ratio"):
        work.join(features="t.parquet")


@pytest.mark.parametrize("scores", ["clips", "clips/*.json"])
def test_files(work: Workspace, scores: str) -> None:
    """A folder or pattern has no more files than its limit."""
    for number in range(4):
        work.write(f"clips/{number}.json", '{"score": 1}')
    set_limits(limits_of(["group_files=3"]))
    with pytest.raises(JoinError, match=r"4 files, more than 3; .* raise the limit group_files"):
        work.join(scores=[f"DOVER={scores}"])


def test_double_stars(work: Workspace) -> None:
    """Many `**` in a pattern end as few do."""
    work.write("clips/a.json", '{"score": 1}')
    work.join(scores=["DOVER=" + "**/" * 10 + "a.json"])
    with pytest.raises(JoinError, match=r"no file matches .*, expected score files"):
        work.join(scores=["DOVER=" + "**/*/" * 10 + "a.json"])


def test_a_file_that_is_found_twice(work: Workspace) -> None:
    """A file that a pattern matches in two ways is one file."""
    work.write("x/x/a.json", '{"score": 1}')
    assert len(work.join(scores=["DOVER=**/x/**/a.json"]).sidecars[0].files) == 1


def test_an_output_that_a_pattern_may_match(work: Workspace) -> None:
    """Whether an output is one of the files read is told at once, however many `**` there are."""
    with pytest.raises(JoinError, match="an input of"):
        work.join(scores=["D=" + "**/*/" * 10 + "*.jsonl"], out="a/" * 12 + "o.jsonl")


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["held_bytes=4GB"], {"held_bytes": 4_000_000_000}),
        (["row_bytes=1GiB, blank_lines=7"], {"row_bytes": 1 << 30, "blank_lines": 7}),
        (["row_fields=5 group_files=6", "unpacked_ratio=1.5k"], None),
        (["row_fields=5", "row_fields=6"], {"row_fields": 6}),
        ([""], {}),
    ],
)
def test_entries(entries: list[str], expected: dict[str, int] | None) -> None:
    """Limits are written with units, with spaces or commas between them; the last one counts."""
    if expected is None:
        with pytest.raises(JoinError, match=r"unpacked_ratio is '1\.5k', expected a number"):
            limits_of(entries)
        return
    found = limits_of(entries)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("held_byte=1", r"unknown limit 'held_byte'; did you mean held_bytes\?"),
        ("nonsense", r"unknown limit 'nonsense'; expected one of unpacked_bytes, "),
        ("held_bytes", r"held_bytes is '', expected a number, or a size"),
        ("held_bytes=0", r"held_bytes is '0', expected"),
        ("held_bytes=-1", r"held_bytes is '-1', expected"),
        ("held_bytes=1PB", r"held_bytes is '1PB', expected"),
    ],
)
def test_no_limits(entry: str, problem: str) -> None:
    """What is no limit is refused in one line."""
    with pytest.raises(JoinError, match=problem):
        limits_of([entry])


def test_scorers_of_one_file(work: Workspace) -> None:
    """Each of many scorers of one file gets its own rows, in the order of the file."""
    rows = [
        {"clip_id": clip, "competitor": f"S{number}", "score": number + (clip == "b")}
        for clip in "ab"
        for number in range(50)
    ]
    work.write_lines("scores.jsonl", rows)
    work.join(audit_json=None)
    for row, more in zip(work.rows(), (0, 1), strict=True):
        found = [row[f"second_opinion_s{number}_score"] for number in range(50)]
        assert found == [number + more for number in range(50)]


def test_columns_of_the_output(work: Workspace) -> None:
    """The columns that scorers add to a table count too."""
    rows = [{**ROW, "competitor": f"S{number}"} for number in range(4)]
    work.write_lines("scores.jsonl", rows)
    set_limits(limits_of(["row_fields=21"]))
    with pytest.raises(JoinError, match=r"out\.jsonl: 22 fields in a row, more than 21; "):
        work.join()


def test_compressed_parquet(work: Workspace) -> None:
    """Parquet that is compressed once more is held against its own limits."""
    _parquet({"clip_id": ["a", "b"], "score": [0.5, 0.6]}, work.folder / "t.parquet")
    work.write("t.parquet.gz", gzip.compress(work.read("t.parquet"), 1))
    work.join(scores=["DOVER=t.parquet.gz"], audit_json=None)
    set_limits(limits_of(["row_fields=1"]))
    with pytest.raises(JoinError, match=r"t\.parquet\.gz: 2 fields in a row, more than 1; "):
        work.join(scores=["DOVER=t.parquet.gz"])
