"""A join in a store is the join of the same files on a disk."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.refusals import MissingScoresError
from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.provenance import Invocation
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.join.verify import Verifier
from second_opinion_assets.storage import stores
from second_opinion_assets.storage.groups import group_of
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.stores import servers
from second_opinion_assets_tests.stores.bucket import Bucket, bucket_at
from second_opinion_assets_tests.workspace import INVOCATION, Workspace

ROWS = 5_000
GROUPS = 60


def _table(groups: int = 1) -> pa.Table:
    rows = np.arange(ROWS * groups)
    return pa.table({"clip_id": [f"clip{n}" for n in rows], "psnr": rows / 7, "noise": rows * 1.1})


def _write_all(work: Workspace) -> None:
    """Write the same clips in each form of table, and scores in several."""
    work.write_table("features.parquet", _table(), row_group_size=1_000)
    lines = [{"clip_id": f"clip{n}", "psnr": n / 7} for n in range(ROWS)]
    work.write_lines("features.jsonl", lines)
    work.write("features.json", json.dumps({"rows": lines, "by": "us"}))
    work.write("features.csv", "clip_id,psnr\n" + "".join(f"clip{n},{n}\n" for n in range(ROWS)))
    scores = "".join(
        f'{{"clip_id": "clip{n}", "competitor": "DOVER", "score": {n / 100}}}\n'
        for n in range(0, ROWS, 2)
    )
    work.write("scores.jsonl", scores)
    work.write("scores.jsonl.gz", gzip.compress(scores.encode(), mtime=0))
    work.write("musiq.csv", "clip_id,score\n" + "".join(f"clip{n},{n}\n" for n in range(ROWS)))
    work.write_table("nr.parquet", pa.table({"clip_id": ["clip1"], "score": [1.5]}))
    for n in range(3):
        work.write(f"folder/clip{n}.json", json.dumps({"competitor": "FAST", "score": n}))


def _write_rows(place: Workspace, name: str, rows: list[dict[str, str]]) -> None:
    """Write a table in the form that its name says."""
    if name.endswith(".parquet"):
        place.write_table(name, pa.Table.from_pylist(rows))
    elif name.endswith(".csv"):
        lines = [",".join(row.values()) for row in rows]
        place.write(name, "\n".join([",".join(rows[0]), *lines]) + "\n")
    elif name.endswith(".json"):
        place.write(name, json.dumps({"rows": rows}))
    else:
        place.write_lines(name, rows)


SCORES = ("scores.jsonl", "MUSIQ=musiq.csv", "NR=nr.parquet", "folder")


@pytest.mark.parametrize("form", ["parquet", "jsonl", "json", "csv"])
def test_same_bytes_as_on_a_disk(any_bucket: Bucket, work: Workspace, form: str) -> None:
    """Table and tallies are the same, whatever the form, and nothing else is left there."""
    for place in (work, any_bucket):
        _write_all(place)
    before = any_bucket.names()
    files = {"features": f"features.{form}", "scores": SCORES, "out": f"o/out.{form}"}
    for _ in range(2):  # over nothing, and over what is there
        there, here = any_bucket.join(**files), work.join(**files)
    assert any_bucket.read(f"o/out.{form}") == work.read(f"o/out.{form}")
    assert there.tally == here.tally
    assert there.drift.changes == here.drift.changes
    assert any_bucket.names() == sorted([*before, "audit.json", f"o/out.{form}"])


@pytest.mark.parametrize("policy", ["mark", "drop"])
@pytest.mark.parametrize("form", ["parquet", "jsonl", "json", "csv"])
def test_a_table_of_several_parts(
    bucket: Bucket, work: Workspace, monkeypatch: pytest.MonkeyPatch, form: str, policy: str
) -> None:
    """So is one that is sent in parts, whether its bytes are copied or written anew."""
    monkeypatch.setattr(stores, "PART_BYTES", 5 << 20)  # as small as S3 takes them
    chance = np.random.default_rng(7)
    rows = [{"clip_id": f"clip{n}", "note": chance.bytes(50_000).hex()} for n in range(60)]
    for place in (work, bucket):
        _write_rows(place, f"features.{form}", rows)
        place.write("scores.csv", "clip_id,score\n" + "".join(f"clip{n},{n}\n" for n in range(58)))
        place.join(
            features=f"features.{form}",
            scores=("DOVER=scores.csv",),
            out=f"out.{form}",
            missing_policy=policy,
        )
    assert bucket.read(f"out.{form}") == work.read(f"out.{form}")
    assert [asked for asked in bucket.asked("POST") if asked.endswith("?uploads=")]


def test_patterns_and_compression(any_bucket: Bucket, work: Workspace) -> None:
    """Patterns of one level and of several stand for the same files; gzip is unpacked."""
    for place in (work, any_bucket):
        _write_all(place)
        place.write("deep/a/clip1.json", '{"competitor": "DEEP", "score": 1}')
        place.write("deep/b/c/clip2.json", '{"competitor": "DEEP", "score": 2}')
        place.write("deep/.hidden/clip3.json", '{"competitor": "DEEP", "score": 3}')
        place.write("folder/notes.txt~", "left by an editor")
    scores = ("scores.jsonl.gz", "folder/clip[0-9].json", "deep/**/*.json")
    for place in (work, any_bucket):
        place.join(scores=scores)
    assert any_bucket.read() == work.read()
    sidecars = any_bucket.document()["run_provenance"]["inputs"]["scores"]
    assert [len(sidecar.get("files", [])) for sidecar in sidecars] == [0, 3, 2]


def test_local_and_stored_files_mix(bucket: Bucket, work: Workspace) -> None:
    """Features in a store, scores on the disk, the table in the store and its audit on the disk."""
    spec = TableSpec(
        id="mixed",
        features=bucket.base / "features.jsonl",
        scores=work.spec().scores,
        out=bucket.base / "out.jsonl",
        audit_json=Location(work.folder / "audit.json"),
        options=work.spec().options,
    )
    materialize(spec, INVOCATION)
    work.join(out="local.jsonl", audit_json=None)
    source = str(work.folder / "scores.jsonl")
    assert bucket.read() == work.read("local.jsonl")
    audit, verified = Verifier().verify_file(Location(work.folder / "audit.json"))
    assert verified.holds, (audit, source)


def test_file_addresses_are_paths(work: Workspace) -> None:
    """`file://` names a file of this machine, with what is escaped in it."""
    work.write("two words.jsonl", work.read("features.jsonl"))
    result = materialize(
        TableSpec(
            id="t",
            features=Location(f"file://{work.folder}/two%20words.jsonl"),
            scores=work.spec().scores,
            out=Location(f"file://{work.folder}/out.jsonl"),
            audit_json=None,
            options=work.spec().options,
        ),
        Invocation(Location("x"), (), {}),
    )
    assert str(result.spec.features) == f"{work.folder}/two words.jsonl"
    assert Path(work.folder / "out.jsonl").is_file()


def test_a_spliced_join_reads_the_copy_once(bucket: Bucket) -> None:
    """Of a parquet table the footer and the key column are read, and then the copy, once."""
    bucket.write_table(
        "features.parquet", _table(GROUPS), row_group_size=150_000, compression="none"
    )
    scores = {"clip_id": _table(GROUPS)["clip_id"], "score": _table(GROUPS)["psnr"]}
    bucket.write_table("scores.parquet", pa.table(scores))
    size = len(bucket.read("features.parquet"))
    bucket.line.mend()
    bucket.join(features="features.parquet", scores=["A=scores.parquet"], out="out.parquet")
    ranges = [
        [int(number) for number in asked.range.removeprefix("bytes=").split("-")]
        for asked in bucket.line.asked
        if asked.method == "GET" and "features.parquet" in asked.target
    ]
    read_bytes = sum(end - start + 1 for start, end in ranges)
    keys_bytes = 16 * ROWS * GROUPS  # texts as long as `clip999999`, and what parquet adds
    assert size < read_bytes < size + keys_bytes + (1 << 20)
    assert len(ranges) < 20, ranges


def test_fail_publishes_nothing(bucket: Bucket) -> None:
    """Policy `fail` leaves the table as it was, and its evidence beside the audit's place."""
    bucket.join()
    before = bucket.contents()
    bucket.write("features.jsonl", '{"clip_id": "a"}\n{"clip_id": "c"}\n')
    with pytest.raises(MissingScoresError, match="DOVER=1"):
        bucket.join(missing_policy="fail")
    after = bucket.contents()
    assert {name for name in after if after[name] != before.get(name)} == {
        "audit.failed.json",
        "features.jsonl",
    }
    bucket.write("features.jsonl", '{"clip_id": "a"}\n')
    bucket.join(missing_policy="fail")
    assert "audit.failed.json" not in bucket.names()


def test_special_keys(any_bucket: Bucket) -> None:
    """A key may have spaces, percent signs, accents, and what elsewhere is a query."""
    for name in ("two words", "50%25", "é ü", "a+b&c=d", "what?", "nr#1", "[x]", "semi;colon"):
        any_bucket.write(f"{name}.jsonl", any_bucket.read("features.jsonl"))
        any_bucket.write(f"{name}.scores.jsonl", any_bucket.read("scores.jsonl"))
        out = f"out of {name}.jsonl"
        any_bucket.join(
            features=f"{name}.jsonl",
            scores=[{"path": f"{name}.scores.jsonl"}],
            out=out,
            audit_json=f"{name}.audit.json",
        )
        assert any_bucket.rows(out)[0]["second_opinion_dover_score"] == 72.5
        place = any_bucket.base / f"{name}.audit.json"
        assert Verifier().verify_file(place)[1].holds


def test_a_folder_of_many_files(bucket: Bucket) -> None:
    """Each file of a folder is read by one request, and the folder is listed once."""
    for n in range(100):
        bucket.write(f"many/clip{n:02}.json", f'{{"competitor": "FAST", "score": {n}}}')
    bucket.write("features.jsonl", '{"clip_id": "clip99"}\n{"clip_id": "clip00"}\n')
    bucket.line.mend()
    result = bucket.join(scores=["many"])
    assert result.tally.scorers["FAST"].scores_loaded == 100
    assert [row["second_opinion_fast_score"] for row in bucket.rows()] == [99.0, 0.0]
    asked = [asked for asked in bucket.asked() if "many%2Fclip" in asked or "/many/clip" in asked]
    assert len(asked) == 100
    assert all(request.startswith("GET") for request in asked)


@pytest.mark.e2e
def test_ten_thousand_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of 10,000 objects is listed by pages, and what a pattern matches is all read."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        servers.make_bucket(url, servers.BUCKET)
        held = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        with bucket_at("s3", url, monkeypatch) as bucket:
            for n in range(10_000):
                text = b'{"competitor": "FAST", "score": 1}'
                held.put_object(servers.BUCKET, f"work/many/clip{n:05}.json", text)
            bucket.write("features.jsonl", '{"clip_id": "clip09999"}\n')
            group = group_of(bucket.base / "many")
            assert group is not None
            assert len(group.names()) == 10_000
            result = bucket.join(scores=["many/clip0?999.json"])
        assert result.tally.scorers["FAST"].scores_loaded == 10
        assert result.tally.scorers["FAST"].matched_rows == 1
    finally:
        server.stop()


def test_names_of_stores_stand_in_errors(bucket: Bucket) -> None:
    """A row that is wrong is named by the object's address and its line."""
    bucket.write("scores.jsonl", "{}\n")
    with pytest.raises(JoinError, match=rf"^{bucket.uri}/scores\.jsonl:1: "):
        bucket.join()


@pytest.mark.parametrize("sidecars", [1, 6])
def test_requests_of_a_join(bucket: Bucket, sidecars: int) -> None:
    """A small table costs so many requests, and three more a sidecar; again it costs four more."""
    for n in range(sidecars):
        bucket.write(f"s{n}.jsonl", f'{{"clip_id": "a", "competitor": "S{n}", "score": {n}}}\n')
    scores = [f"s{n}.jsonl" for n in range(sidecars)]
    counts = []
    for _ in range(2):
        bucket.line.mend()
        bucket.join(scores=scores)
        counts.append(Counter(asked.method for asked in bucket.line.asked))
    first, again = counts
    assert first == {"GET": 3 + sidecars, "HEAD": 5 + 2 * sidecars, "PUT": 3, "POST": 1}
    assert again.total() == first.total() + 4
