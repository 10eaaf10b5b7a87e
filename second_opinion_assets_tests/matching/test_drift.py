"""What changed between two joins of one table, held against a plain reading of both outputs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from second_opinion_assets.matching.drift import Changes, Drift, Shift
from second_opinion_assets_tests.workspace import Workspace

FORMS = ["out.jsonl", "out.json", "out.parquet", "out.csv", "out.tsv"]
PREFIX = "second_opinion"


def write(
    work: Workspace, clips: Iterable[str | None], dover: dict[str, float | None], **others: Any
) -> None:
    """Write a table of clips and the scores of scorers; a score of None failed."""
    work.write_lines("features.jsonl", [{"clip_id": clip} for clip in clips])
    rows = [
        {"clip_id": clip, "competitor": name, "score": score}
        for name, scores in {"DOVER": dover, **others}.items()
        for clip, score in scores.items()
    ]
    work.write_lines("scores.jsonl", rows)


def changes(work: Workspace, **given: Any) -> Changes:
    """Join, and return what changed since the join before."""
    found = work.join(**given).drift
    assert found.changes is not None, found.not_compared
    return found.changes


def test_a_first_join(work: Workspace) -> None:
    """Without an earlier output it is the first join."""
    drift = work.join().drift
    assert drift == Drift(not_compared="first join")
    assert str(drift) == "first join"


@pytest.mark.parametrize("out", FORMS)
def test_nothing_changed(work: Workspace, out: str) -> None:
    """The same join again says that no score changed, and gives the same audit."""
    work.join(out=out)
    audit = work.read("audit.json")
    drift = work.join(out=out).drift
    assert str(drift) == "no score changed"
    assert work.read("audit.json") == audit


@pytest.mark.parametrize("policy", ["mark", "drop"])
def test_an_output_of_the_same_bytes_is_not_read(work: Workspace, policy: str) -> None:
    """What is said of the same bytes is what is said of other bytes with the same rows."""
    write(work, ["a", "b", "c", "x", "x", "", None], {"a": 1, "b": None, "c": 3}, MUSIQ={"a": 2})
    work.join(audit_json=None, missing_policy=policy)
    same = changes(work, audit_json=None, missing_policy=policy)
    work.write("out.jsonl", work.read("out.jsonl") + b"\n")
    assert changes(work, audit_json=None, missing_policy=policy) == same


@pytest.mark.parametrize("out", FORMS)
def test_scores_and_statuses_that_changed(work: Workspace, out: str) -> None:
    """Changed rows, the largest shifts, status changes and coverage are told by scorer."""
    write(work, "abcd", {"a": 70, "b": 50, "c": None}, MUSIQ={"a": 3, "d": 4})
    work.join(out=out)
    write(work, "abcd", {"a": 72.5, "b": 40, "d": 9}, MUSIQ={"a": 3, "d": 4})
    found = changes(work, out=out)
    dover, musiq = found.scorers["DOVER"], found.scorers["MUSIQ"]
    assert (found.rows_before, found.rows_after, found.compared_rows) == (4, 4, 4)
    assert (found.changed_rows, dover.changed_rows, musiq.changed_rows) == (4, 4, 0)
    assert (dover.changed_scores, dover.mean_shift) == (2, -3.75)
    assert dover.shifts == [Shift("b", 50, 40), Shift("a", 70, 72.5)]
    assert dover.status_changes == {"bad to missing": 1, "missing to ok": 1}
    assert (dover.ok_before, dover.ok_after) == (2, 3)
    assert (dover.coverage_before, dover.coverage_after) == (0.5, 0.75)
    assert musiq.shifts == []
    assert musiq.mean_shift is None


@pytest.mark.parametrize("out", FORMS)
def test_rows_and_keys_that_came_and_went(work: Workspace, out: str) -> None:
    """Rows are counted by key, whether a scorer knows the key or not."""
    write(work, "aabxy", {"a": 1, "b": 2})
    work.join(out=out)
    write(work, "aaacyz", {"a": 1, "b": 2, "c": 3})
    drift = work.join(out=out).drift
    found = drift.changes
    assert found
    assert (found.rows_before, found.rows_after, found.compared_rows) == (5, 6, 3)
    assert (found.added_rows, found.gone_rows) == (3, 2)
    assert (found.added_keys, found.gone_keys) == (["c", "z"], ["b", "x"])
    assert str(drift) == "no score changed; rows added: 3; rows gone: 2"


def test_keys_are_compared_as_they_were_joined(work: Workspace) -> None:
    """A key pattern applies to the rows of both joins: a row with another ending stays."""
    write(work, ["a_540p", "b_540p"], {"a": 1, "b": 2})
    work.join(key_pattern="^([^_]+)(?:_.*)?$")
    write(work, ["a_720p", "b_540p"], {"a": 1, "b": 3})
    found = changes(work, key_pattern="^([^_]+)(?:_.*)?$")
    assert (found.added_keys, found.gone_keys, found.compared_rows) == ([], [], 2)
    assert found.scorers["DOVER"].shifts == [Shift("b", 2, 3)]


def test_dropped_rows_are_gone(work: Workspace) -> None:
    """Under `drop` a row that comes to lack a scorer is gone, and one that has all is added."""
    write(work, "abc", {"a": 1, "b": 2})
    work.join(missing_policy="drop")
    write(work, "abc", {"b": 2, "c": 3})
    found = changes(work, missing_policy="drop")
    assert (found.rows_before, found.rows_after) == (2, 2)
    assert (found.added_keys, found.gone_keys) == (["c"], ["a"])
    assert found.scorers["DOVER"].coverage_after == 1.0


def test_scorers_that_came_and_went(work: Workspace) -> None:
    """A scorer that only one of the outputs has is named, and changes no row."""
    write(work, "ab", {"a": 1}, MUSIQ={"a": 3})
    work.join()
    write(work, "ab", {"a": 1}, PIQE={"a": 3})
    drift = work.join().drift
    assert drift.changes
    assert list(drift.changes.scorers) == ["DOVER"]
    assert drift.changes.added_scorers == ["PIQE"]
    assert drift.changes.gone_scorers == ["second_opinion_musiq"]
    assert str(drift) == (
        "no score changed; scorers added: PIQE; scorers gone: second_opinion_musiq"
    )


def test_columns_of_the_table_itself_are_no_scorer(work: Workspace) -> None:
    """Opinions that the feature table brings along are not taken for a scorer that went."""
    row = {"clip_id": "a", "second_opinion_old_score": 1, "second_opinion_old_status": "ok"}
    work.write_lines("features.jsonl", [row])
    work.join()
    assert changes(work).gone_scorers == []


def test_a_table_without_rows(work: Workspace) -> None:
    """An earlier output without rows has every row added."""
    write(work, "xy", {"a": 1})
    work.join(missing_policy="drop")
    write(work, "ab", {"a": 1})
    found = changes(work)
    assert (found.rows_before, found.added_rows, found.added_keys) == (0, 2, ["a", "b"])
    assert found.scorers["DOVER"].coverage_before == 1.0


def test_keys_that_collide(work: Workspace) -> None:
    """Where paths tell clips of one name apart, each is compared with itself."""
    work.write_lines("features.jsonl", [{"path": "x/a.mp4"}, {"path": "y/a.mp4"}])
    scores = [{"path": f"{folder}/a.mp4", "competitor": "DOVER", "score": 1} for folder in "xy"]
    work.write_lines("scores.jsonl", scores)
    work.join(key_normalize="suffix")
    scores[1]["score"] = 5
    work.write_lines("scores.jsonl", scores)
    found = changes(work, key_normalize="suffix")
    assert (found.compared_rows, found.changed_rows) == (2, 1)
    assert found.scorers["DOVER"].mean_shift == 4.0


def test_one_shift_a_key(work: Workspace) -> None:
    """A clip of many rows is one of the largest shifts, not all of them; ten are kept."""
    clips = "abcdefghijklmnopqrstuvwxyz"
    write(work, clips * 5, dict.fromkeys(clips, 0.0))
    work.join()
    write(work, clips * 5, {clip: float(number) for number, clip in enumerate(clips)})
    found = changes(work)
    dover = found.scorers["DOVER"]
    assert (dover.changed_rows, dover.changed_scores, dover.mean_shift) == (125, 125, 13.0)
    assert [shift.key for shift in dover.shifts] == list("zyxwvutsrq")


def hand_edit(path: Path) -> None:
    """Change a score in place."""
    path.write_text(path.read_text().replace("72.5", "99"))


NOT_AS_RECORDED = "out.jsonl: not what its audit says; it was changed since"
SPOILT: dict[str, tuple[Callable[[Path], object], str | None, str]] = {
    "edited": (hand_edit, "audit.json", NOT_AS_RECORDED),
    "no rows": (lambda path: path.write_text(""), "audit.json", NOT_AS_RECORDED),
    "gone": (lambda path: path.unlink(), "audit.json", "was joined and is not there any more"),
    "cut": (lambda path: path.write_text(path.read_text()[:-20]), None, "out.jsonl:2: not JSON"),
    "no table": (lambda path: path.write_text("hello"), None, "out.jsonl:1: not JSON"),
    "not text": (lambda path: path.write_bytes(b'{"\xff": 1}\n'), None, "jsonl:1: not UTF-8"),
    "other table": (
        lambda path: path.write_text('{"clip_id": "a"}\n'),
        None,
        "no columns second_opinion_*_score with their status",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_an_output_that_cannot_be_compared(work: Workspace, case: str) -> None:
    """Whatever became of the earlier output, the join is done, and why nothing is compared."""
    spoil, audit_json, why = SPOILT[case]
    work.join(audit_json=audit_json)
    expected = work.read()
    spoil(work.folder / "out.jsonl")
    drift = work.join(audit_json=audit_json).drift
    assert drift.changes is None
    assert why in str(drift)
    assert work.read() == expected


@pytest.mark.parametrize("out", ["out.json", "out.parquet"])
def test_a_file_of_another_form(work: Workspace, out: str) -> None:
    """What is no table of its form is not compared."""
    work.write(out, "hello")
    drift = work.join(out=out).drift
    assert str(drift).startswith("nothing to compare with: ")
    assert out in str(drift)


ODD_VALUES = {
    "status": ('"ok"', '"good"', 'status of DOVER is "good", expected ok, bad, missing'),
    "score": ("72.5", '"high"', 'score of DOVER is "high", expected a finite number'),
    "huge": ("72.5", "1" + "0" * 400, "score of DOVER is inf, expected a finite number"),
}


@pytest.mark.parametrize("case", ODD_VALUES)
def test_values_that_no_join_writes(work: Workspace, case: str) -> None:
    """Without an audit a file changed by hand is told by values that it cannot have."""
    work.join(audit_json=None)
    old, new, why = ODD_VALUES[case]
    path = work.folder / "out.jsonl"
    path.write_text(path.read_text().replace(old, new))
    assert work.join(audit_json=None).drift.not_compared == why


def test_another_key_column(work: Workspace) -> None:
    """An earlier output without the present key column is compared with nothing."""
    work.join(out="out.parquet")
    work.write("features.jsonl", '{"name": "a"}\n')
    drift = work.join(out="out.parquet").drift
    assert drift.not_compared == f"{work.folder}/out.parquet: the table has no column name"


CLIPS = st.lists(st.sampled_from(["a", "b", "c", "x", "", None]), min_size=1, max_size=8)
SCORES = st.dictionaries(
    st.sampled_from("abc"), st.none() | st.sampled_from([1.0, 2.0, 1e300, -1e300]), max_size=3
)
TABLES = st.tuples(CLIPS, SCORES, SCORES)


@given(TABLES, TABLES, st.sampled_from(FORMS), st.sampled_from(["mark", "drop"]))
@settings(max_examples=60)
def test_changes_are_those_of_a_plain_reading(
    tmp_path_factory: pytest.TempPathFactory, first: Any, second: Any, out: str, policy: str
) -> None:
    """Whatever two joins are of, the counts are those that both outputs give when read whole."""
    work = Workspace(tmp_path_factory.mktemp("drift"))
    read = []
    for clips, dover, musiq in (first, second):
        write(work, clips, {"z": 0, **dover}, MUSIQ={"z": 0, **musiq})
        drift = work.join(out=out, missing_policy=policy).drift
        read.append(rows_of(work, out))
    found = drift.changes
    assert found
    before, after = read
    kept = {row["clip_id"] for row in after if row["clip_id"]}
    compared = [row for row in before if row["clip_id"] in kept]
    is_now = {row["clip_id"]: row for row in after}
    changed = dict.fromkeys(("dover", "musiq"), 0)
    for row in compared:
        for name in changed:
            changed[name] += opinion(row, name) != opinion(is_now[row["clip_id"]], name)
    counts = [Counter(row["clip_id"] or "" for row in rows) for rows in read]
    assert found.compared_rows == len(compared)
    assert {n.lower(): s.changed_rows for n, s in found.scorers.items()} == changed
    assert max(changed.values()) <= found.changed_rows <= sum(changed.values())
    assert found.added_rows == (counts[1] - counts[0]).total()
    assert found.gone_rows == (counts[0] - counts[1]).total()
    assert found.rows_after == len(after) == len(before) + found.added_rows - found.gone_rows
    for name, scorer in found.scorers.items():
        ok = [sum(opinion(row, name.lower())[1] == "ok" for row in rows) for rows in read]
        assert [scorer.ok_before, scorer.ok_after] == ok
    json.dumps(found.scorers["DOVER"].mean_shift, allow_nan=False)


PATHS = st.lists(st.sampled_from(["a", "x/a", "y/a", "z/y/a", "b"]), min_size=1, unique=True)


@given(PATHS, PATHS, PATHS, PATHS)
@settings(max_examples=60)
def test_whatever_collides_the_rows_add_up(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[str],
    first_scores: list[str],
    second: list[str],
    second_scores: list[str],
) -> None:
    """Keys that were told apart before and are not now, or the other way round, are no trouble."""
    work = Workspace(tmp_path_factory.mktemp("drift"))
    for paths, scores in ((first, first_scores), (second, second_scores)):
        work.write_lines("features.jsonl", [{"path": path} for path in paths])
        rows = [{"path": path, "competitor": "DOVER", "score": len(path)} for path in scores]
        work.write_lines("scores.jsonl", rows)
        drift = work.join(key_normalize="suffix").drift
    found = drift.changes
    assert found
    assert found.rows_after == found.rows_before + found.added_rows - found.gone_rows
    assert found.scorers["DOVER"].changed_rows <= found.compared_rows <= found.rows_before


def rows_of(work: Workspace, out: str) -> list[dict[str, Any]]:
    """Return the rows of an output of any form."""
    if out.endswith(".parquet"):
        return list(work.table(out).to_pylist())
    if out.endswith(".json"):
        return list(work.document(out)["rows"])
    if out.endswith("sv"):
        rows = work.csv_rows(out)
        for row in rows:
            scores = [name for name in row if name.endswith("_score")]
            row.update((name, float(row[name]) if row[name] else None) for name in scores)
        return rows
    return work.rows(out)


def opinion(row: dict[str, Any], name: str) -> tuple[Any, Any]:
    """Return score and status of one scorer."""
    return row[f"{PREFIX}_{name}_score"], row[f"{PREFIX}_{name}_status"]
