"""What the machine does not give, or the world does to files, is one line and no bad clip."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest

from second_opinion_assets.contract.errors import JoinError, MachineError
from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.join import join, phases
from second_opinion_assets.join.batch import BatchInterrupted, materialize_batch
from second_opinion_assets.join.explain import explain
from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.join.outcomes import TableStatus
from second_opinion_assets.join.source_files import read_source_file
from second_opinion_assets.join.verify import Verifier
from second_opinion_assets.report.report import Report
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import INVOCATION, Workspace

SHORTAGES = {
    "memory": (MemoryError(), "not enough memory; raise its limit"),
    "arrow's memory": (pa.ArrowMemoryError("malloc of size 64 failed"), "not enough memory; raise"),
    "threads": (RuntimeError("can't start new thread"), "no further thread can be started; raise"),
    "files": (OSError(errno.EMFILE, "Too many open files"), "too many open files; raise"),
    "a library": (ImportError("x.so: failed to map segment from shared object"), "not enough mem"),
}


OFFSETS = pa.array([0, 1, 2], pa.int32()).buffers()[1]


def failing(error: BaseException) -> Callable[..., Any]:
    """Return what raises an error, whatever it is called with."""

    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def in_turn(*calls: Callable[..., Any]) -> Callable[..., Any]:
    """Return what calls each of some functions once, one after another."""
    left = iter(calls)

    def call(*given: Any) -> Any:
        return next(left)(*given)

    return call


@pytest.fixture(params=["jsonl", "parquet"])
def clips(request: pytest.FixtureRequest, work: Workspace) -> Workspace:
    """Return a folder of score files, one a clip, and a table of three clips."""
    work.write_lines("features.jsonl", [{"clip_id": clip} for clip in "abc"])
    for number, clip in enumerate("abc"):
        if request.param == "parquet":
            table = pa.table({"clip_id": [clip], "score": [float(number)]})
            (work.folder / "bench").mkdir(exist_ok=True)
            work.write_table(f"bench/{clip}.parquet", table)
        else:
            work.write_lines(f"bench/{clip}.jsonl", [{"clip_id": clip, "score": number}])
    return work


@pytest.mark.parametrize("shortage", SHORTAGES)
def test_a_shortage_is_one_line(work: Workspace, shortage: str) -> None:
    """Memory, threads or files that are not to be had end a join with what to do about it."""
    error, said = SHORTAGES[shortage]
    with (
        patch.object(join, "match_inputs", failing(error)),
        pytest.raises(MachineError, match=said),
    ):
        work.join()
    assert sorted(path.name for path in work.folder.iterdir()) == ["features.jsonl", "scores.jsonl"]


def test_a_bug_keeps_its_traceback(work: Workspace) -> None:
    """An error that says nothing of the machine is none of it."""
    error = RuntimeError("dictionary changed size during iteration")
    with (
        patch.object(join, "match_inputs", failing(error)),
        pytest.raises(RuntimeError, match="changed"),
    ):
        work.join()


def three_tables(work: Workspace) -> Manifest:
    """Return a manifest of three tables, which are alike."""
    tables = [
        {"id": n, "features": "features.jsonl", "scores": ["scores.jsonl"], "out": f"{n}.jsonl"}
        for n in ("one", "two", "three")
    ]
    return load_manifest(Location(work.write("m.json", json.dumps({"tables": tables}))))


def test_a_batch_goes_on_after_a_shortage(work: Workspace) -> None:
    """A table for which memory does not suffice takes no other with it."""
    manifest = three_tables(work)
    real = phases.match_inputs
    with patch.object(join, "match_inputs", in_turn(real, failing(MemoryError()), real)):
        outcomes = materialize_batch(manifest, INVOCATION)
    assert [outcome.status for outcome in outcomes] == ["ok", "failed", "ok"]
    assert "not enough memory" in (outcomes[1].error or "")


def test_an_interrupt_ends_a_batch_and_all_is_told(work: Workspace) -> None:
    """Tables before it are joined, the one at hand is as it was, the others are not begun."""
    manifest = three_tables(work)
    real = phases.match_inputs
    with (
        patch.object(join, "match_inputs", in_turn(real, failing(KeyboardInterrupt()))),
        pytest.raises(BatchInterrupted) as interrupt,
    ):
        materialize_batch(manifest, INVOCATION)
    outcomes = interrupt.value.outcomes
    assert [outcome.status for outcome in outcomes] == ["ok", "failed", TableStatus.not_begun]
    assert interrupt.value.exit_status == 128 + signal.SIGINT
    assert outcomes[1].error == "interrupted while it was joined"
    text = Report(manifest, outcomes, INVOCATION).markdown("p.svg")
    assert "not begun; run the batch again" in text
    assert not list(work.folder.glob(".second-opinion-*"))


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT])
def test_no_clip_is_bad_because_of_the_machine(clips: Workspace, number: int) -> None:
    """A process at its limits, or a server that is gone, stops the table: no file is to blame."""
    os_open = os.open

    def opening(path: Any, *given: Any, **named: Any) -> int:
        if "bench/b" in os.fspath(path):
            raise OSError(number, os.strerror(number))
        return os_open(path, *given, **named)

    with patch.object(os, "open", opening), pytest.raises(MachineError, match=r"bench/b\.\w+: "):
        clips.join(scores=["DOVER=bench"])
    with patch.object(os, "open", opening), pytest.raises(MachineError, match=r"bench/b\.\w+: "):
        read_source_file(Location(clips.folder / "bench"))
    assert not (clips.folder / "out.jsonl").exists()


def test_no_clip_is_bad_for_want_of_memory(clips: Workspace) -> None:
    """Memory that does not suffice while a file is read stops the table likewise."""
    target = "second_opinion_assets.scores.files_reader.load"
    error = pa.ArrowMemoryError("malloc of size 64 failed")
    with patch(target, failing(error)), pytest.raises(MachineError, match="not enough memory"):
        clips.join(scores=["DOVER=bench"])


def test_explain_and_verify_tell_a_shortage(work: Workspace) -> None:
    """What looks at files alone ends with one line too."""
    audit = work.folder / "audit.json"
    work.join()
    features, scores = Location(work.folder / "features.jsonl"), work.spec().scores
    with (
        patch("second_opinion_assets.join.explain._read_all", failing(MemoryError())),
        pytest.raises(MachineError, match=r"features\.jsonl: not enough memory"),
    ):
        explain(features, scores, JoinOptions())
    with patch("second_opinion_assets.join.verify.open_table", failing(MemoryError())):
        _, found = Verifier().verify_file(Location(audit))
    assert "not enough memory" in (found.problem or "")
    assert not found.holds


@pytest.mark.parametrize("role", ["score", "competitor", "status", "runtime_ms", "note"])
@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2], pa.timestamp("ns")),
        pa.array([1, 2], pa.timestamp("us", tz="No/Where")),
        pa.array([2**55] * 2, pa.date64()),
        pa.array([2**62] * 2, pa.duration("s")),
        pa.array([[1]] * 2, pa.list_(pa.timestamp("ns"))),
        pa.Array.from_buffers(pa.string(), 2, [None, OFFSETS, pa.py_buffer(b"\xff\xfe")]),
    ],
    ids=["timestamp", "time zone", "date", "duration", "list of timestamps", "no text"],
)
def test_odd_types_in_parquet(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, values: Any, role: str
) -> None:
    """A column of times, or of what no text is, is bad rows or one line; pandas or none."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    columns = {"clip_id": ["a", "b"], "score": [1.0, 2.0], role: values}
    work.write_table("scores.parquet", pa.table(columns))
    try:
        result = work.join(scores=["DOVER=scores.parquet"])
    except JoinError as error:
        assert "\n" not in str(error)  # noqa: PT017 (either is right)
    else:
        assert result.tally.input_rows == 2


@pytest.mark.parametrize("out", ["out.jsonl", "out.json", "out.csv", "out.parquet"])
def test_half_a_character_in_a_name(work: Workspace, out: str) -> None:
    """A member whose name is half a surrogate pair is kept as it is written, or refused."""
    work.write("features.jsonl", '{"clip_id": "a", "\\ud800": 1}\n')
    if out.endswith(("csv", "parquet")):
        with pytest.raises(JoinError, match="half a surrogate pair"):
            work.join(out=out)
    else:
        work.join(out=out)
        assert b'"\\ud800"' in work.read(out)


@pytest.mark.parametrize("place", ["features", "scores", "out", "audit_json"])
@pytest.mark.parametrize(
    "text", ["n" * 300, "a/" * 3000, "a*/" * 2000, "**/" * 1500, "x" * 100_000]
)
def test_names_that_are_too_long(work: Workspace, place: str, text: str) -> None:
    """A name that is too long, or has too many parts, is one line of its own table."""
    given = {"features": "features.jsonl", "scores": "scores.jsonl", "out": "o.jsonl", place: text}
    table = {"id": "t", **given, "scores": [given["scores"]]}
    document = json.dumps({"tables": [table]})
    manifest = load_manifest(Location(work.write("m.json", document)))
    outcomes = materialize_batch(manifest, INVOCATION)
    assert outcomes[0].error
    assert "\n" not in outcomes[0].error
    assert not (work.folder / "o.jsonl").exists()
