"""Table and audit are one thing, whenever a process dies and whatever cannot be put in place."""

from __future__ import annotations

import errno
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.journal import recover
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import (
    LockWait,
    OutputBusyError,
    beside,
    output_lock,
)
from second_opinion_assets_tests.workspace import Workspace

KILLED = """
import os, sys
from second_opinion_assets.join.join import materialize
from second_opinion_assets_tests.workspace import Workspace
from pathlib import Path

work = Workspace.__new__(Workspace)
work.folder = Path(sys.argv[1])
names = ("replace", "unlink", "link", "fsync", "fdatasync", "open", "mkdir")
number = 0
while True:
    child = os.fork()
    if not child:
        calls = 0
        def counted(real):
            def call(*given, **named):
                global calls
                calls += 1
                if calls == number:
                    os._exit(9)
                return real(*given, **named)
            return call
        for name in names:
            setattr(os, name, counted(getattr(os, name)))
        work.join(scores=[f"scores_{number % 2}.jsonl"], audit_json=sys.argv[2])
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(number, code, flush=True)
    sys.stdin.readline()
    if code == 0 and number:
        break
    number += 1
"""


def belong_together(work: Workspace, audit: str) -> bool:
    """Return whether the audit is that of the table beside it."""
    digest = work.document(audit)["run_provenance"]["output_digests"]["out"]["sha256"]
    return bool(digest == sha256(work.read()).hexdigest())


def own_files(work: Workspace) -> list[str]:
    """Return the names of files that a run keeps for itself."""
    return [path.name for path in work.folder.rglob(".second-opinion-*")]


@pytest.mark.parametrize("audit", ["audit.json", "audits/a.json"])
def test_a_run_that_dies_at_any_call_leaves_a_pair(work: Workspace, audit: str) -> None:
    """Killed before any call that changes a file, a run leaves what is made whole: a pair.

    Either the old pair or the new one; the next look completes it, the next run clears up.
    """
    for number in (0, 1):
        row = {"clip_id": "a", "competitor": "DOVER", "score": 50 + number}
        work.write_lines(f"scores_{number}.jsonl", [row])
    driver = [sys.executable, "-c", KILLED, str(work.folder), audit]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    out = Location(work.folder / "out.jsonl")
    deaths = 0
    with subprocess.Popen(driver, **pipes) as process:  # type: ignore[call-overload]
        for line in process.stdout:
            deaths += line.split()[1] == "9"
            recover(out)
            assert belong_together(work, audit), line
            assert not beside(out, ".journal").exists()
            process.stdin.write("\n")
            process.stdin.flush()
    assert process.returncode == 0
    assert deaths > 20
    work.join(scores=["scores_0.jsonl"], audit_json=audit)
    assert own_files(work) == []


@pytest.mark.parametrize("failing", ["out.jsonl", "audit.json"])
@pytest.mark.parametrize("first", [True, False], ids=["first-join", "again"])
def test_what_cannot_be_put_in_place_changes_nothing(
    work: Workspace, failing: str, *, first: bool
) -> None:
    """If table or audit cannot be put in place, both are as they were."""
    if not first:
        work.join()
    work.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 1}\n')
    before = work.contents()
    replace = os.replace

    def refuse(source: str, target: str) -> None:
        if Path(str(target)).name == failing and not first_try_done():
            raise PermissionError(1, "Operation not permitted")
        replace(source, target)

    tries: list[int] = []

    def first_try_done() -> bool:
        tries.append(1)
        return len(tries) > 1

    with (
        patch.object(os, "replace", refuse),
        pytest.raises(JoinError, match=rf"{failing}: cannot be written: Operation not permitted"),
    ):
        work.join()
    assert work.contents() == before


@pytest.mark.parametrize("name", ["replace", "unlink", "link", "fsync", "fchmod"])
def test_a_call_that_fails_leaves_a_pair(work: Workspace, name: str) -> None:
    """Whichever call fails as on a broken disk, table and audit belong together, and no bug shows.

    The next join ends well and leaves nothing of it behind.
    """
    work.join()
    for number in itertools.count(1):
        row = {"clip_id": "a", "competitor": "DOVER", "score": number}
        work.write_lines("scores.jsonl", [row])
        calls = itertools.count(1)
        with (
            patch.object(os, name, failing_at(number, calls, getattr(os, name))),
            suppress(JoinError),
        ):
            work.join()
        recover(Location(work.folder / "out.jsonl"))
        assert belong_together(work, "audit.json"), number
        if next(calls) <= number:
            break
    work.join()
    assert own_files(work) == []


def failing_at(number: int, calls: Iterator[int], real: Callable[..., object]) -> Any:
    """Return a call that fails the so-and-so-many-th time."""

    def call(*given: object, **named: object) -> object:
        if next(calls) == number:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*given, **named)

    return call


def test_an_audit_that_can_have_no_second_name_is_copied(work: Workspace) -> None:
    """Where a file cannot be linked, a copy of it is what is put back if the table cannot be."""
    work.join()
    before = work.contents()
    work.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 1}\n')
    replace, done = os.replace, []

    def refuse(source: str, target: str) -> None:
        if Path(str(target)).name == "out.jsonl":
            raise PermissionError(1, "Operation not permitted")
        replace(source, target)
        done.append(Path(str(target)).name)

    with (
        patch.object(os, "replace", refuse),
        patch.object(os, "link", side_effect=PermissionError(1, "Operation not permitted")),
        pytest.raises(JoinError, match=r"out\.jsonl: cannot be written"),
    ):
        work.join()
    after = work.contents()
    assert {name: after[name] for name in ("out.jsonl", "audit.json")} == {
        name: before[name] for name in ("out.jsonl", "audit.json")
    }
    assert done.count("audit.json") == 2
    assert own_files(work) == []


def test_only_one_run_writes_an_output(work: Workspace) -> None:
    """A run waits for another one that writes the same output, says so, and gives up in time."""
    out = Location(work.folder / "out.jsonl")
    told: list[str] = []
    with (
        output_lock([out], LockWait(0)),
        pytest.raises(OutputBusyError, match=r"out\.jsonl: another run still writes it after"),
        output_lock([out], LockWait(0.1, told.append)),
    ):
        raise AssertionError
    assert told == [f"{out}: another run writes it; waiting up to 0.1 s"]
    assert own_files(work) == []


def test_runs_at_once_leave_a_pair(work: Workspace) -> None:
    """Of runs of one table at once, table and audit are of the same one."""
    for number in range(8):
        row = {"clip_id": "a", "competitor": "DOVER", "score": number}
        work.write_lines(f"s{number}.jsonl", [row])
    threads = [
        threading.Thread(target=work.join, kwargs={"scores": [f"s{number}.jsonl"]})
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert belong_together(work, "audit.json")
    assert own_files(work) == []


def test_other_peoples_files_stay(work: Workspace) -> None:
    """Files that no run of this output left are not touched."""
    mine = [".second-opinion-x.tmp", ".other.tmp", "out.jsonl.tmp"]
    for name in mine:
        work.write(name, "x")
    left = beside(Location(work.folder / "out.jsonl"), "-0123.tmp")
    work.write(left.name, "x")
    work.join()
    assert sorted(path.name for path in work.folder.glob("*.tmp")) == sorted(mine)
    assert not left.exists()


def test_a_journal_that_is_none_is_named(work: Workspace) -> None:
    """A journal that cannot be read stops the join by a line, and nothing is touched."""
    work.join()
    path = beside(Location(work.folder / "out.jsonl"), ".journal")
    work.write(path.name, "{")
    before = work.contents()
    with pytest.raises(JoinError, match=r"\.journal: the journal of an unfinished join cannot"):
        work.join()
    assert work.contents() == before


NO_JOURNALS = {
    "not-text": b'{"steps": [{"temporary": "\xff", "target": "x", "before": null}]}',
    "torn": b'{"steps": [{"temporary": "a',
    "nested": b'{"steps": [], "x": ' + b"[" * 5000,
    "null-character": b'{"steps": [{"temporary": "a\\u0000", "target": "x", "before": null}]}',
    "removes": b'{"steps": [{"temporary": null, "target": "scores.jsonl", "before": null}]}',
}


@pytest.mark.parametrize("text", NO_JOURNALS.values(), ids=NO_JOURNALS)
def test_a_damaged_journal_changes_nothing(work: Workspace, text: bytes) -> None:
    """Whatever stands where the journal would be, it ends in a line, and no file is touched."""
    path = beside(Location(work.folder / "out.jsonl"), ".journal")
    work.write(path.name, text)
    before = work.contents()
    with pytest.raises(
        JoinError, match=r"\.journal: (no join wrote|the journal .* cannot be read)"
    ):
        work.join()
    assert work.contents() == before


def test_only_the_new_file_is_taken_back(work: Workspace) -> None:
    """A journal that takes a file back leaves one that somebody put there since."""
    step = {"temporary": None, "target": "scores.jsonl", "before": None, "new": 1}
    path = beside(Location(work.folder / "out.jsonl"), ".journal")
    work.write(path.name, json.dumps({"steps": [step], "takes_back": True}))
    before = work.read("scores.jsonl")
    assert recover(Location(work.folder / "out.jsonl"))
    assert work.read("scores.jsonl") == before
    assert not path.exists()
