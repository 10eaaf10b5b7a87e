"""Table and audit in a store belong together, whatever the moment of death."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from os import environ

import msgspec
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.verify import FileState, Role, Verifier
from second_opinion_assets.storage import object_journal, stores
from second_opinion_assets.storage.object_journal import Before, Journal
from second_opinion_assets.storage.output_lock import LockWait, OutputBusyError, beside
from second_opinion_assets_tests.stores.bucket import PREFIX, PROGRAM, Bucket
from second_opinion_assets_tests.stores.line import Fault

WHOLE = ["audit.json", "features.jsonl", "out.jsonl", "scores.jsonl"]
MOST_REQUESTS = 40


@pytest.fixture
def _nobody_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every journal as that of a run that died."""
    monkeypatch.setattr(object_journal, "DEAD_AFTER_S", -60.0)


def _start(bucket: Bucket) -> subprocess.Popen[bytes]:
    """Start a join in a process of its own."""
    names = ("features.jsonl", "scores.jsonl", "out.jsonl", "audit.json")
    features, scores, out, audit = (f"{bucket.uri}/{name}" for name in names)
    arguments = ["--features", features, "--scores", scores, "--out", out, "--audit-json", audit]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "materialize", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=dict(environ),
    )


def _verified(bucket: Bucket) -> None:
    """Look whether the audit, if there is one, is that of the table, inputs aside."""
    audit, verified = Verifier().verify_file(bucket.base / "audit.json")
    if audit is None:  # the first one, perhaps just taken back
        assert {"audit.json", "out.jsonl"}.isdisjoint(bucket.names())
        return
    states = {file.role: file.state for file in verified.files if file.role is Role.output}
    assert states == {Role.output: FileState.unchanged}
    assert verified.problem is None


@pytest.mark.e2e
@pytest.mark.usefixtures("_nobody_lives")
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("arrives", [True, False])
def test_death_at_every_request(bucket: Bucket, *, is_first: bool, arrives: bool) -> None:
    """A run that dies at any request, served or not, leaves nothing that is not settled."""
    deaths = 0
    for number in range(MOST_REQUESTS):
        for name in ("out.jsonl", "audit.json"):
            bucket.store.delete(f"{PREFIX}/{name}")
        bucket.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 1}\n')
        bucket.line.mend()
        if not is_first:
            bucket.join()
        bucket.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 2}\n')
        run = _start(bucket)
        status = None if arrives else 503
        bucket.line.faults.append(Fault(after=number, status=status, before=run.kill))
        run.communicate()
        bucket.line.mend()
        deaths += run.returncode < 0
        _verified(bucket)
        if not run.returncode:
            break
        bucket.join()
        assert bucket.names() == WHOLE
        assert Verifier().verify_file(bucket.base / "audit.json")[1].holds
    assert bucket.names() == WHOLE
    assert deaths >= 15


@pytest.mark.usefixtures("_nobody_lives")
def test_a_lost_answer(any_bucket: Bucket) -> None:
    """A table that is in place although its answer was lost is taken as published."""
    any_bucket.join()
    any_bucket.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 2}\n')
    any_bucket.line.faults.append(Fault("PUT", "out.jsonl", times=99, cut_response_after=0))
    any_bucket.join()
    any_bucket.line.mend()
    assert any_bucket.rows()[0]["second_opinion_dover_score"] == 2
    assert Verifier().verify_file(any_bucket.base / "audit.json")[1].holds
    assert any_bucket.names() == WHOLE


def test_a_table_that_fails_takes_its_audit_back(any_bucket: Bucket) -> None:
    """Where the table cannot be put in place, the audit is the old one, or is not there."""
    for expected in (None, any_bucket.contents):
        before = any_bucket.contents()
        any_bucket.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 3}\n')
        any_bucket.line.faults.append(Fault("PUT", "out.jsonl", times=99, status=403))
        with pytest.raises(JoinError, match=r"out\.jsonl: cannot be written"):
            any_bucket.join()
        any_bucket.line.mend()
        after = any_bucket.contents()
        assert {name for name in after if after[name] != before.get(name)} <= {"scores.jsonl"}
        assert set(after) == set(before)
        if expected is None:
            any_bucket.join()


@pytest.mark.e2e
def test_pairs_of_runs(any_bucket: Bucket) -> None:
    """Runs that publish the same at once end with the table of one and its own audit."""
    for _ in range(5):
        runs = [_start(any_bucket) for _ in range(3)]
        with ThreadPoolExecutor() as threads:
            said = list(threads.map(lambda run: run.communicate()[1].decode(), runs))
        assert [run.returncode for run in runs] == [0, 0, 0], said
        assert Verifier().verify_file(any_bucket.base / "audit.json")[1].holds
        assert any_bucket.names() == WHOLE


@pytest.mark.usefixtures("_nobody_lives")
def test_a_look_settles_by_what_is_there_now(any_bucket: Bucket) -> None:
    """A look, which lists each folder once, goes by the objects and not by what it listed."""
    any_bucket.join()
    out, audit = any_bucket.base / "out.jsonl", f"{any_bucket.uri}/audit.json"
    old = b'{"of": "the run before"}'
    journal = Journal("dead", str(out), stores.stat(str(out)), [Before(audit, old)])
    stores.put(str(beside(out, ".journal")), msgspec.json.encode(journal), replaces=None)
    with stores.listed_once():
        stores.folder(any_bucket.uri)
        any_bucket.write("audit.json", b"of the run that died")
        assert object_journal.recover(out)
    assert any_bucket.read("audit.json") == old
    assert any_bucket.names() == WHOLE


class TestAJournalOfAnother:
    """What is done about a journal that is there."""

    def put(self, bucket: Bucket, **changed: object) -> str:
        """Put a journal there as a run that is publishing does."""
        out = bucket.base / "out.jsonl"
        journal = Journal("other", str(out), None, [Before(f"{bucket.uri}/audit.json", None)])
        named = msgspec.structs.replace(journal, **changed)
        place = str(beside(out, ".journal"))
        stores.put(place, msgspec.json.encode(named), replaces=None)
        return place

    def test_a_living_run_is_waited_for(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who comes next waits, says so once, and goes on when the journal is gone."""
        place = self.put(bucket)
        told: list[str] = []

        def end_the_other(line: str) -> None:
            told.append(line)
            stores.delete(place)

        monkeypatch.setattr(object_journal, "_POLL_S", 0.0)
        object_journal.wait_for_others(bucket.base / "out.jsonl", LockWait(60, end_the_other))
        assert told == [f"{bucket.uri}/out.jsonl: another run publishes it; waiting for that"]

    def test_it_is_not_waited_for_ever(self, bucket: Bucket) -> None:
        """Waiting ends by the timeout of locks, and nothing is written."""
        self.put(bucket)
        before = bucket.contents()
        with pytest.raises(OutputBusyError, match=r"out\.jsonl: another run still publishes it"):
            object_journal.wait_for_others(bucket.base / "out.jsonl", LockWait(0))
        assert bucket.contents() == before

    def test_verify_leaves_it(self, bucket: Bucket) -> None:
        """Who only looks does not wait for a run that may live, and touches nothing."""
        bucket.join()
        self.put(bucket)
        before = bucket.contents()
        assert not object_journal.recover(bucket.base / "out.jsonl")
        assert bucket.contents() == before

    @pytest.mark.usefixtures("_nobody_lives")
    def test_a_forged_one(self, bucket: Bucket) -> None:
        """A journal that names other places, or no journal at all, is refused by its name."""
        elsewhere = [Before("s3://elsewhere/x", b"x")]
        for changed in ({"others": elsewhere}, {"counts": f"{bucket.uri}/x"}):
            place = self.put(bucket, **changed)
            with pytest.raises(JoinError, match="no join wrote this journal"):
                bucket.join()
            stores.delete(place)
        stores.put(place, b"{", replaces=None)
        with pytest.raises(JoinError, match="journal of an unfinished join cannot be read"):
            bucket.join()
