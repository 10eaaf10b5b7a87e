"""Whether a recorded table still holds, after what can happen to its files and its audit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.audit import read_audit
from second_opinion_assets.join.verify import Verification, Verifier, base_of
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.opened import ChangedInputError
from second_opinion_assets_tests.workspace import Workspace

FORMS = ["out.jsonl", "out.json", "out.parquet", "out.csv", "out.tsv"]
POLICIES = ["mark", "drop"]


def joined(work: Workspace, out: str = "out.jsonl", **options: Any) -> Path:
    """Join three clips with two scorers that lack and fail on some; return the audit."""
    work.write_lines("features.jsonl", [{"clip_id": clip} for clip in "abc"])
    work.write_lines(
        "scores.jsonl",
        [
            {"clip_id": "a", "competitor": "DOVER", "score": 72.5},
            {"clip_id": "b", "competitor": "DOVER", "status": "error"},
            {"clip_id": "a", "competitor": "MUSIQ", "score": 3},
            {"clip_id": "c", "competitor": "MUSIQ", "score": 4},
        ],
    )
    work.join(out=out, **options)
    return work.folder / "audit.json"


def verify(audit: Path) -> Verification:
    """Return what comes of verifying an audit."""
    return Verifier().verify_file(Location(audit))[1]


def states(found: Verification) -> dict[str, str]:
    """Return what became of each file, by name."""
    return {Path(file.path).name: file.state.value for file in found.files}


def differences(found: Verification) -> list[str]:
    """Return the lines that tell which counts differ."""
    return [str(difference) for difference in found.differences]


def edit_audit(audit: Path, change: Callable[[Any], object]) -> None:
    """Change the value of an audit."""
    document = json.loads(audit.read_text())
    change(document)
    audit.write_text(json.dumps(document))


@pytest.mark.parametrize("out", FORMS)
@pytest.mark.parametrize("policy", POLICIES)
def test_what_nobody_touched_holds(work: Workspace, out: str, policy: str) -> None:
    """An audit holds right after its join, in every form of output and under every policy."""
    found = verify(joined(work, out, missing_policy=policy))
    assert found.holds
    assert states(found) == dict.fromkeys(["features.jsonl", "scores.jsonl", out], "unchanged")
    assert found.rows == (1 if policy == "drop" else 3)


@pytest.mark.parametrize("name", ["features.jsonl", "scores.jsonl"])
def test_one_byte_of_an_input(work: Workspace, name: str) -> None:
    """One flipped byte of an input is seen, and the other files are not suspected."""
    audit = joined(work)
    data = bytearray(work.read(name))
    data[5] ^= 1
    work.write(name, bytes(data))
    found = verify(audit)
    assert not found.holds
    assert {n for n, state in states(found).items() if state == "changed"} == {name}
    assert not found.differences


@pytest.mark.parametrize("out", FORMS)
def test_a_deleted_output(work: Workspace, out: str) -> None:
    """An output that is gone is said to be, and its counts are not asked for."""
    audit = joined(work, out)
    (work.folder / out).unlink()
    found = verify(audit)
    assert not found.holds
    assert states(found)[out] == "gone"
    assert (found.rows, found.differences, found.problem) == (None, (), None)


def test_a_folder_in_the_place_of_an_input(work: Workspace) -> None:
    """What is there and cannot be read is not said to be gone."""
    audit = joined(work)
    (work.folder / "scores.jsonl").unlink()
    (work.folder / "scores.jsonl").mkdir()
    assert states(verify(audit))["scores.jsonl"] == "unreadable"


def test_an_input_that_is_being_written(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is written to while it is hashed is changed, whatever it was before."""
    audit = joined(work)

    def digest_file(location: Location) -> FileDigest:
        raise ChangedInputError(location)

    monkeypatch.setattr("second_opinion_assets.join.verify.digest_file", digest_file)
    assert states(verify(audit))["scores.jsonl"] == "changed"


def test_a_status_edited_by_hand(work: Workspace) -> None:
    """An edited status changes the file and the counts of its scorer, and of no other."""
    audit = joined(work)
    edited = work.read().replace(
        b'"second_opinion_dover_status":"missing"', b'"second_opinion_dover_status":"ok"'
    )
    work.write("out.jsonl", edited)
    found = verify(audit)
    assert states(found)["out.jsonl"] == "changed"
    assert differences(found) == [
        "DOVER: ok rows: expected 1, found 2",
        "DOVER: missing rows: expected 1, found 0",
    ]


def test_a_status_that_is_none(work: Workspace) -> None:
    """A status that no join writes is counted apart, whatever its type."""
    audit = joined(work)
    old = b'"second_opinion_dover_status":"missing"'
    for new in (b'"fine"', b"7", b"[1]", b"null"):
        work.write("out.jsonl", work.read().replace(old, b'"second_opinion_dover_status":' + new))
        assert differences(verify(audit)) == [
            "DOVER: missing rows: expected 1, found 0",
            "DOVER: rows of an unknown status: expected 0, found 1",
        ]
        old = b'"second_opinion_dover_status":' + new


@pytest.mark.parametrize("out", FORMS)
def test_a_truncated_output(work: Workspace, out: str) -> None:
    """An output that is cut short is changed, and said to be unreadable as a table."""
    audit = joined(work, out)
    work.write(out, work.read(out)[:-20])
    found = verify(audit)
    assert states(found)[out] == "changed"
    assert found.problem is not None
    assert str(work.folder / out) in found.problem
    assert "\n" not in found.problem


def test_a_truncated_last_line_is_named(work: Workspace) -> None:
    """Of a cut table of lines the broken line is named."""
    audit = joined(work)
    work.write("out.jsonl", work.read()[:-20])
    assert f"{work.folder}/out.jsonl:3: not JSON" in str(verify(audit).problem)


def test_a_row_removed(work: Workspace) -> None:
    """A table without its last line lacks a row, and what that row counted for."""
    audit = joined(work)
    work.write("out.jsonl", b"".join(work.read().splitlines(keepends=True)[:-1]))
    assert differences(verify(audit)) == [
        "output rows: expected 3, found 2",
        "DOVER: missing rows: expected 1, found 0",
        "MUSIQ: ok rows: expected 2, found 1",
    ]


def test_counts_edited_in_the_audit(work: Workspace) -> None:
    """An audit with better counts than its output bears out does not hold."""
    audit = joined(work)

    def embellish(document: Any) -> None:
        document["competitors"]["DOVER"].update(matched_rows=3, missing_rows=0, bad_rows=0)

    edit_audit(audit, embellish)
    found = verify(audit)
    assert set(states(found).values()) == {"unchanged"}
    assert not found.holds
    assert "DOVER: ok rows: expected 3, found 1" in differences(found)


def test_counts_under_drop(work: Workspace) -> None:
    """Of the rows that `drop` left out as many counted for a scorer as lacked another one."""
    audit = joined(work, missing_policy="drop")

    def embellish(document: Any) -> None:
        document["competitors"]["DOVER"].update(matched_rows=3, missing_rows=0, bad_rows=0)

    edit_audit(audit, lambda document: document["competitors"]["MUSIQ"].update(missing_rows=0))
    assert "MUSIQ: rows of any status: expected 3, found 2" in differences(verify(audit))
    edit_audit(audit, embellish)
    assert differences(verify(audit))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda d: d.pop("run_provenance"), "run_provenance", id="no_provenance"),
        pytest.param(
            lambda d: d["run_provenance"].update(schema="ai-run-provenance-v2"),
            "Invalid enum value 'ai-run-provenance-v2'",
            id="another_schema",
        ),
        pytest.param(
            lambda d: d["run_provenance"].pop("output_digests"), "output_digests", id="older"
        ),
        pytest.param(
            lambda d: d["run_provenance"]["inputs"]["features"].update(sha256="none"),
            "sha256",
            id="no_hash",
        ),
        pytest.param(
            lambda d: d["run_provenance"]["outputs"].pop("out"),
            "missing required field `out`",
            id="no_output",
        ),
        pytest.param(lambda d: d.update(competitors={}), "competitors", id="no_scorer"),
        pytest.param(lambda d: d.update(output_rows=-1), "output_rows", id="negative_count"),
    ],
)
def test_an_audit_of_another_form(
    work: Workspace, change: Callable[[Any], object], message: str
) -> None:
    """An audit that this version would not write is one line, which says what to do."""
    audit = joined(work)
    edit_audit(audit, change)
    found = verify(audit)
    assert not found.files
    assert message in str(found.problem)
    assert str(found.problem).startswith(f"{audit}: no audit that this version can verify: ")
    assert str(found.problem).endswith("; join the table again")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b'{"run_provenance": {', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[1]", "Expected `object`, got `array`"),
        (b'{"schema": "second-opinion-materializer-batch-v1", "tables": []}', "feature_table"),
    ],
)
def test_a_damaged_audit(work: Workspace, content: bytes, message: str) -> None:
    """A file that is no audit is one line."""
    found = verify(work.write("audit.json", content))
    assert message in str(found.problem)
    assert "\n" not in str(found.problem)


def test_an_audit_that_is_not_there(work: Workspace) -> None:
    """A missing audit is one line."""
    found = verify(work.folder / "none.json")
    assert found.problem == f"{work.folder}/none.json: cannot be read: No such file or directory"


def test_files_are_found_by_the_place_of_the_audit(
    work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative paths are found from any folder, and where the whole tree was moved to."""
    old = work.folder / "old"
    moved = work.folder / "moved"
    monkeypatch.chdir(old.parent)
    Workspace(old).folder.mkdir(exist_ok=True)
    monkeypatch.chdir(old)
    relative = Workspace(Path())
    relative.join(out="o/out.jsonl", audit_json="o/audit.json")
    monkeypatch.chdir("/")
    old.rename(moved)
    assert verify(moved / "o/audit.json").holds
    (moved / "o/audit.json").rename(moved / "o/renamed.json")
    assert not verify(moved / "o/renamed.json").holds
    assert Verifier(Location(moved)).verify_file(Location(moved / "o/renamed.json"))[1].holds


@pytest.mark.parametrize(
    ("recorded", "actual", "base"),
    [
        ("o/a.json", "/p/o/a.json", "/p"),
        ("./o/a.json", "/p/o/a.json", "/p"),
        ("a.json", "/a.json", "/"),
        ("/p/o/a.json", "/p/o/a.json", None),
        ("../a.json", "/p/a.json", None),
        ("o/a.json", "/p/q/a.json", None),
    ],
)
def test_base_of(recorded: str, actual: str, base: str | None) -> None:
    """The base is what stands before a recorded path in the place of its file."""
    assert base_of(recorded, Location(actual)) == (Location(base) if base else None)


def test_a_file_of_many_audits_is_hashed_once(
    work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashing again what another audit named already would take its time for nothing."""
    audit = joined(work)
    verifier = Verifier()
    assert verifier.verify_file(Location(audit))[1].holds
    monkeypatch.setattr("second_opinion_assets.join.verify.digest_file", None)
    assert verifier.verify_file(Location(audit))[1].holds


def test_a_prefix_with_a_dot(work: Workspace) -> None:
    """A column whose name has a dot is a column of its own, not a part of another."""
    assert verify(joined(work, "out.parquet", prefix="second.opinion")).holds


@settings(max_examples=40)
@given(
    clips=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8),
    scores=st.dictionaries(
        st.sampled_from(["DOVER", "MUSIQ", "PIQE"]),
        st.dictionaries(st.sampled_from("abcdefg"), st.none() | st.floats(0, 100), min_size=1),
        min_size=1,
    ),
    policy=st.sampled_from(POLICIES),
    edit=st.tuples(st.integers(0, 7), st.sampled_from(["ok", "bad", "missing"])),
)
def test_any_join_holds_until_a_status_changes(
    tmp_path_factory: pytest.TempPathFactory,
    clips: list[str],
    scores: dict[str, dict[str, float | None]],
    policy: str,
    edit: tuple[int, str],
) -> None:
    """Every join's audit holds; a status edited by hand is seen in hash and counts."""
    work = Workspace(tmp_path_factory.mktemp("any"))
    work.write_lines("features.jsonl", [{"clip_id": clip} for clip in clips])
    rows = [
        {"clip_id": clip, "competitor": scorer, "score": score}
        for scorer, by_clip in scores.items()
        for clip, score in by_clip.items()
    ]
    work.write_lines("scores.jsonl", rows)
    work.join(missing_policy=policy)
    audit = work.folder / "audit.json"
    assert verify(audit).holds
    table = work.rows()
    row, status = edit
    scorer = read_audit(Location(audit)).scorers[min(scores)]
    name = f"{scorer.column_prefix}_status"
    if row < len(table) and table[row][name] != status:
        before = Counter(row[name] for row in table)
        table[row][name] = status
        work.write_lines("out.jsonl", table)
        found = verify(audit)
        assert states(found)["out.jsonl"] == "changed"
        if policy == "mark":
            assert Counter(row[name] for row in table) != before
            assert found.differences


@pytest.mark.parametrize("written", ["bench", "bench/*.json"])
def test_files_of_a_folder(work: Workspace, written: str) -> None:
    """Each file of a folder is held against its record; one that came since is told as added."""
    for clip in "ab":
        work.write(f"bench/{clip}.json", '{"competitor": "DOVER", "score": 1}')
    work.join(scores=[written])
    audit = work.folder / "audit.json"
    assert verify(audit).holds
    work.write("bench/a.json", '{"competitor": "DOVER", "score": 2}')
    (work.folder / "bench/b.json").unlink()
    work.write("bench/c.json", "{}")
    found = verify(audit)
    assert not found.holds
    assert states(found) == {
        "features.jsonl": "unchanged",
        "a.json": "changed",
        "b.json": "gone",
        "c.json": "added",
        "out.jsonl": "unchanged",
    }


def test_half_a_character_in_an_audit(work: Workspace) -> None:
    """An audit with half a surrogate pair is none; the next join takes its place."""
    work.join()
    audit = work.folder / "audit.json"
    audit.write_text(audit.read_text().replace('"feature_table"', r'"feature\ud800_table"'))
    with pytest.raises(JoinError, match="no audit that this version can verify"):
        read_audit(Location(audit))
    work.join()
    assert read_audit(Location(audit)).input_rows == len(work.rows())
