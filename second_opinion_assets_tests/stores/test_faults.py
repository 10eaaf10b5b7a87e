"""What a store or the line to it does wrong: one line that names the address and the remedy."""

from __future__ import annotations

import sys
import urllib.request
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from msgspec.structs import replace

from second_opinion_assets.contract.errors import JoinError, MachineError, TransientError
from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.verify import Verifier
from second_opinion_assets.storage import stores
from second_opinion_assets.storage.confinement import confine_to, folders_of
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import beside
from second_opinion_assets_tests.stores import servers
from second_opinion_assets_tests.stores.bucket import Bucket
from second_opinion_assets_tests.stores.line import Fault
from second_opinion_assets_tests.workspace import INVOCATION, Workspace

ROWS = 30_000


def _said(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "AccessDenied", r"the store does not permit it .*AWS_\*"),
        (400, "ExpiredToken", r"the token is expired; renew the credentials \(AWS_\*\)"),
        (301, "PermanentRedirect", "the bucket is in another region; set AWS_REGION to it"),
        (404, "NoSuchBucket", "there is no bucket second-opinion; make it, or name another"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_refusals(bucket: Bucket, method: str, status: int, code: str, message: str) -> None:
    """What a store does not let happen is said with its remedy, and nothing is written."""
    before = bucket.contents()
    within = "features.jsonl" if method == "GET" else ""
    bucket.line.faults.append(Fault(method, within, times=99, status=status, body=_said(code)))
    with pytest.raises(JoinError, match=message) as raised:
        bucket.join()
    assert bucket.uri in str(raised.value)
    assert "\n" not in str(raised.value)
    assert bucket.contents() == before


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there(work: Workspace) -> None:
    """A bucket that is not there is named, whether it would be read or written."""
    nowhere = Location("s3://nowhere-at-all/x")
    for given in ({"features": nowhere / "f.jsonl"}, {"out": nowhere / "out.jsonl"}):
        changed = replace(work.spec(audit_json=None), **given)
        with pytest.raises(JoinError, match=r"s3://nowhere-at-all/.*there is no bucket nowhere"):
            materialize(changed, INVOCATION)


def test_no_server(bucket: Bucket, work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer may do so another time: no file is to blame."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setitem(stores._RETRIES, "max_retries", 1)  # noqa: SLF001 (a test does not wait)
    stores._store.cache_clear()  # noqa: SLF001 (likewise)
    with pytest.raises(MachineError, match=r"features\.jsonl: cannot be read: no connection"):
        materialize(replace(work.spec(), features=bucket.base / "features.jsonl"), INVOCATION)
    with pytest.raises(TransientError, match=r"out\.jsonl: cannot be written: no connection"):
        bucket.join()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s3://b/a//b", "a key with //"),
        ("s3://b/a/../b", r"a key with \.\."),
        ("s3://b/./b", r"a key with \."),
        ("s3:///b", "no bucket is named"),
        ("https://h/x.jsonl", "is an address of no store"),
        ("file://host/x", "names another machine"),
    ],
)
def test_odd_addresses(text: str, message: str) -> None:
    """An address that is no plain one is refused before anything is asked for."""
    with pytest.raises(JoinError, match=message):
        Location(text)


@pytest.mark.parametrize(
    "text",
    [
        "s3://user:hunter2@bucket/x.jsonl",
        "s3://bucket/x.jsonl?X-Amz-Signature=hunter2&X-Amz-Expires=60",
        "az://container/x.jsonl?sv=2024&sig=hunter2",
        "gs://bucket/x?X-Goog-Signature=hunter2",
    ],
)
def test_secrets_in_addresses(text: str, work: Workspace) -> None:
    """Credentials in an address are refused, wherever it stands, and not repeated."""
    with pytest.raises(JoinError, match="has credentials in it") as raised:
        work.join(scores=[f"A={text}"])
    assert "hunter2" not in str(raised.value)
    assert not list(work.folder.glob("audit*"))


def test_an_answer_that_passes(bucket: Bucket) -> None:
    """A store that is busy is asked again."""
    bucket.line.faults += [Fault(method, times=2, status=503) for method in ("GET", "PUT", "HEAD")]
    bucket.join()
    assert bucket.rows()[0]["second_opinion_dover_score"] == 72.5


@pytest.mark.parametrize("kind", ["features.jsonl", "features.parquet", "scores.jsonl"])
def test_a_cut_while_reading(bucket: Bucket, work: Workspace, kind: str) -> None:
    """Reading goes on after a line was cut in an answer, with the same bytes."""
    files = _large(bucket, kind)
    _large(work, kind)
    bucket.line.faults.append(Fault("GET", kind, times=2, cut_response_after=100_000))
    bucket.join(**files)
    work.join(**files)
    assert bucket.read(files["out"]) == work.read(files["out"])


@pytest.mark.parametrize("kind", ["features.jsonl", "features.parquet", "scores.jsonl"])
def test_replaced_while_it_is_read(any_bucket: Bucket, kind: str) -> None:
    """An object that is replaced between two requests is told of, and nothing is written."""
    files = _large(any_bucket, kind)
    before = any_bucket.names()

    def put_another() -> None:
        any_bucket.write(kind, any_bucket.read(kind) + b" ")

    any_bucket.line.faults.append(Fault("GET", kind, before=put_another))
    with pytest.raises(TransientError, match=rf"{kind}: changed while it was read"):
        any_bucket.join(**files)
    assert any_bucket.names() == before


def _large(work: Workspace, kind: str) -> dict[str, str]:
    """Write features and scores of some megabytes; return the arguments of their join."""
    keys = [f"clip{n}" for n in range(ROWS)]
    values = np.random.default_rng(7).random(ROWS)
    work.write_table("features.parquet", pa.table({"clip_id": keys, "noise": values}))
    rows = [{"clip_id": key, "noise": value} for key, value in zip(keys, values, strict=True)]
    work.write_lines("features.jsonl", rows)
    scores = [{"clip_id": key, "competitor": "DOVER", "score": 1, "x": "y" * 50} for key in keys]
    work.write_lines("scores.jsonl", scores)
    features = kind if kind.startswith("features") else "features.jsonl"
    return {"features": features, "out": features.replace("features", "out")}


class TestWriting:
    """A table of several parts: all of it, or nothing."""

    FILES: ClassVar[dict[str, Any]] = {
        "features": "wide.parquet",
        "out": "out.parquet",
        "scores": ["scores.jsonl"],
    }

    @pytest.fixture(autouse=True)
    def _of_several_parts(self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stores, "PART_BYTES", 5 << 20)  # as small as S3 takes them
        noise = np.random.default_rng(7).random(1_500_000)
        keys = pa.array([str(n % 9) for n in range(len(noise))]).dictionary_encode()
        bucket.write_table("wide.parquet", pa.table({"clip_id": keys, "noise": noise}))
        bucket.line.mend()

    def test_all_parts(self, bucket: Bucket) -> None:
        """Parts are put together at the end; the audit says what is there."""
        bucket.join(**self.FILES)
        assert [a for a in bucket.asked("POST") if a.endswith("?uploads=")]
        place = bucket.base / "audit.json"
        assert Verifier().verify_file(place)[1].holds

    @pytest.mark.parametrize("after", [0, 1, 2])
    def test_a_part_that_fails(self, bucket: Bucket, after: int) -> None:
        """A part that cannot be sent leaves nothing: no object, and no parts."""
        before = bucket.names()
        bucket.line.faults.append(
            Fault(
                "PUT", "partNumber", times=99, after=after, status=403, body=_said("AccessDenied")
            )
        )
        with pytest.raises(JoinError, match=r"out\.parquet: cannot be written: the store does not"):
            bucket.join(**self.FILES)
        assert bucket.names() == before
        assert _uploads(bucket) == 0

    def test_a_cut_while_writing(self, bucket: Bucket) -> None:
        """A part whose line was cut is sent again."""
        bucket.line.faults.append(Fault("PUT", "partNumber", times=2, cut_request_after=1 << 20))
        bucket.join(**self.FILES)
        place = bucket.base / "audit.json"
        assert Verifier().verify_file(place)[1].holds

    def test_an_end_that_is_refused(self, bucket: Bucket) -> None:
        """A table that cannot be completed leaves the audit as it was."""
        bucket.write("audit.json", "the old one")
        before = bucket.contents()
        bucket.line.faults.append(
            Fault("POST", "uploadId", times=99, status=403, body=_said("AccessDenied"))
        )
        with pytest.raises(JoinError, match=r"out\.parquet: cannot be written"):
            bucket.join(**self.FILES)
        assert bucket.contents() == before
        assert _uploads(bucket) == 0

    def test_a_table_that_is_given_up(self, bucket: Bucket) -> None:
        """Parts that were sent of a table that is not completed are not kept."""
        writer = stores.ObjectWriter(f"{bucket.uri}/out.parquet")
        for _ in range(4):
            writer.write(memoryview(bytes(6 << 20)))
        assert _uploads(bucket) == 1
        writer.close()
        assert _uploads(bucket) == 0
        assert bucket.names() == ["features.jsonl", "scores.jsonl", "wide.parquet"]

    def test_a_run_that_was_taken_for_dead(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What another run settled meanwhile is not completed: parts know of no condition."""
        put, journal = stores.put, str(beside(bucket.base / "out.parquet", ".journal"))

        def put_while_another_settles(uri: str, data: bytes, **given: Any) -> None:
            put(uri, data, **given)
            if uri.endswith("audit.json"):
                stores.delete(journal)

        monkeypatch.setattr(stores, "put", put_while_another_settles)
        with pytest.raises(JoinError, match=r"out\.parquet: .*another run published it meanwhile"):
            bucket.join(**self.FILES)
        assert "out.parquet" not in bucket.names()
        assert _uploads(bucket) == 0


def _uploads(bucket: Bucket) -> int:
    """Return how many uploads in parts were begun and neither completed nor given up."""
    url = f"{bucket.url}/{servers.BUCKET}?uploads"
    with urllib.request.urlopen(url) as answer:  # noqa: S310 (loopback)
        return int(answer.read().count(b"<Upload>"))


def test_no_extra(monkeypatch: pytest.MonkeyPatch, work: Workspace) -> None:
    """Without obstore one line names the extra that brings it."""
    monkeypatch.setitem(sys.modules, "obstore", None)
    stores._store.cache_clear()  # noqa: SLF001 (as in a new process)
    with pytest.raises(JoinError, match=r"pip install 'second-opinion-assets\[stores\]'"):
        work.join(scores=["A=s3://bucket/x.jsonl"])


def test_confined_to_a_prefix(bucket: Bucket) -> None:
    """A process that is confined to a prefix looks at nothing beside it, and writes nothing."""
    confine_to(folders_of(f"/srv:{bucket.uri}/in:/opt"))
    try:
        bucket.write("in/features.jsonl", bucket.read("features.jsonl"))
        bucket.write("in/scores.jsonl", bucket.read("scores.jsonl"))
        within = {"features": "in/features.jsonl", "scores": ["in/scores.jsonl"]}
        within |= {"out": "in/out.jsonl", "audit_json": "in/audit.json"}
        bucket.join(**within)
        bucket.line.mend()
        for given in (
            {"features": "features.jsonl"},
            {"out": "out.jsonl"},
            {"scores": ["inn.jsonl"]},
        ):
            with pytest.raises(JoinError, match=rf"lies outside /srv and {bucket.uri}/in"):
                bucket.join(**(within | given))
        assert "out.jsonl" not in bucket.names()
        assert not [asked for asked in bucket.asked() if "/in/" not in asked]
    finally:
        confine_to(())
