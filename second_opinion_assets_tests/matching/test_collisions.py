"""Keys that are different as written and one key once normalised, on either side of the join.

How one key is normalised belongs in `test_keys.py`; the whole rule is held against a plain reading
of it in `test_properties_collisions.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.refusals import MissingScoresError
from second_opinion_assets.join import phases
from second_opinion_assets.matching.keys import KeyPath
from second_opinion_assets.matching.match import match
from second_opinion_assets.scores.score_table import ScoreTable
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input
from second_opinion_assets_tests.knobs import Knobs, block_sizes
from second_opinion_assets_tests.matching.paths import (
    BAD,
    MISSING,
    dover,
    gains,
    join,
    write_scores,
)
from second_opinion_assets_tests.workspace import Workspace

# Who gets which score.

CASES: dict[str, tuple[list[str], list[str], list[Any], dict[str, str]]] = {
    "folder": (["a/x", "b/x"], ["b/x"], [MISSING, 0], {}),
    "score-without-folder": (["a/x", "b/x"], ["x"], [BAD, BAD], {}),
    "score-of-a-third-folder": (["a/x", "b/x"], ["c/x"], [BAD, BAD], {}),
    "folder-further-off": (["1/a/x", "2/a/x"], ["2/a/x"], [MISSING, 0], {}),
    "as-far-as-needed": (["1/a/x", "2/b/x"], ["9/b/x"], [MISSING, 0], {}),
    "score-too-short": (["1/a/x", "2/a/x", "3/b/x"], ["a/x"], [BAD, BAD, MISSING], {}),
    "feature-too-short": (["x", "a/x"], ["a/x"], [BAD, 0], {}),
    "relative-score": (["/a/x", "a/x"], ["a/x"], [BAD, 0], {}),
    "absolute-score": (["/a/x", "a/x"], ["/a/x"], [0, BAD], {}),
    "rooted-elsewhere": (["/d/a/x", "/d/b/x"], ["a/x"], [0, MISSING], {}),
    "windows": ([r"C:\d\a\x", r"C:\d\b\x"], ["a/x"], [0, MISSING], {}),
    "windows-score": (["/d/a/x", "/d/b/x"], [r"D:\b\x"], [MISSING, 0], {}),
    "one-path-in-five-spellings": (["a/x", " a/x\t", r"a\x", "a//x", "./a/x"], ["x"], [0] * 5, {}),
    "one-key-many-rows": (["x", "y", "x", "x"], ["x", "y"], [0, 1, 0, 0], {}),
    "colliding-key-twice": (["a/x", "b/x", "b/x", "a/x"], ["b/x"], [MISSING, 0, 0, MISSING], {}),
    "others-untouched": (["a/x", "b/x", "a/y"], ["x", "b/y"], [BAD, BAD, 1], {}),
    "alone-in-another-folder": (["a/x"], ["b/x"], [0], {}),
    "no-score": (["a/x", "b/x", "y"], ["y"], [MISSING, MISSING, 0], {}),
    "raw": (["a/x", "b/x"], ["a/x", "x"], [0, MISSING], {"key_normalize": "raw"}),
    "stem-suffixes": (["x.mp4", "x.mkv"], ["x.mp4"], [0, BAD], {"key_normalize": "stem"}),
    "stem-no-suffix": (["x.mp4", "x.mkv"], ["x"], [BAD, BAD], {"key_normalize": "stem"}),
    "stem-folder-before-suffix": (
        ["a/x.mp4", "b/x.mkv"],
        ["b/x.mp4"],
        [MISSING, 0],
        {"key_normalize": "stem"},
    ),
}
SUFFIX_CASES: dict[str, tuple[list[str], list[str], list[Any]]] = {
    "one-component": (["/d/a/x", "/d/b/y"], ["e/x", "y"], [0, 1]),
    "two-components": (["/d/a/x", "/d/b/x", "/d/c/x"], ["b/x", "a/x"], [1, 0, MISSING]),
    "three-components": (["/d/1/a/x", "/d/2/a/x"], ["2/a/x", "1/a/x"], [1, 0]),
    "many-and-few": (["/d/1/a/x", "/d/2/a/x", "/d/y"], ["1/a/x", "2/a/x", "y"], [0, 1, 2]),
    "not-enough": (["a/x"], ["1/a/x", "2/a/x"], [BAD]),
    "not-enough-on-both-sides": (["1/a/x", "2/a/x"], ["a/x", "b/x"], [BAD, BAD]),
    "none-of-them": (["c/x"], ["a/x", "b/x"], [MISSING]),
    "name-alone": (["x"], ["a/x", "b/x"], [BAD]),
    "root-of-scores": (["x", "a/x"], ["./x", "./a/x"], [0, 1]),
    "either-start": (["b/a/x"], ["/a/x", "a/x"], [BAD]),
    "nearer-start": (["b/a/x"], ["/a/x", "1/a/x"], [BAD]),
    "absolute": (["/a/x"], ["/a/x", "a/x"], [0]),
    "relative": (["a/x"], ["/a/x", "a/x"], [1]),
    "windows": ([r"D:\v\a\x", r"D:\v\b\x"], ["a/x", r"b\x"], [0, 1]),
    "space": (["v/ a / x ", "v/b/x"], ["a/x", "b/x "], [0, 1]),
    "two-claim-one": (["1/a/x", "2/a/x"], ["1/a/x", "b/x"], [0, MISSING]),
}
PATTERN_CASES: dict[str, tuple[list[str], list[str], list[Any], str, str]] = {
    "either-side": (["3_crop.mp4", "B.mp4"], ["3.mp4", "B.mp4"], [0, 1], r"^(\d+)[._]", "raw"),
    "no-match-keeps-its-text": (["x_3", "3"], ["id=3", "x_3"], [1, 0], r"^id=(.*)", "raw"),
    "colliding": (["3_a.mp4", "3_b.mp4", "4.mp4"], ["3", "4"], [BAD, BAD, 1], r"^(\d+)", "auto"),
    "whole-key-tells": (["3_a.mp4", "3_b.mp4"], ["3_b.mp4"], [BAD, 0], r"^(\d+)", "raw"),
    "folder-tells": (["a/3_p", "b/3_q"], ["b/3_r"], [MISSING, 0], r"(\d+)_", "raw"),
    "start-left-out": (["/d/a/x", "/d/b/x"], ["s_b/x", "s_a/x"], [1, 0], "^s_(.*)", "suffix"),
    "starts-differ": (["s_a/x", "t_a/x"], ["a/x", "b/x"], [BAD, BAD], "^[st]_(.*)", "suffix"),
    "folder-of-each-clip": (
        ["/d/a/x/video.mp4", "/d/b/x/video.mp4"],
        ["b/x", "a/x"],
        [1, 0],
        "^(.*)/video",
        "suffix",
    ),
}
CASES |= {
    f"suffix-{name}": (*case, {"key_normalize": "suffix"}) for name, case in SUFFIX_CASES.items()
}
CASES |= {
    f"pattern-{name}": (features, scores, got, {"key_pattern": pattern, "key_normalize": mode})
    for name, (features, scores, got, pattern, mode) in PATTERN_CASES.items()
}


@pytest.mark.parametrize(
    ("features", "scores", "got", "options"),
    [pytest.param(*case, id=i) for i, case in CASES.items()],
)
def test_who_gets_a_score(
    work: Workspace,
    features: list[str],
    scores: list[str],
    got: list[Any],
    options: dict[str, str],
) -> None:
    """A score goes to the one key that its own path tells; where none is told it goes to none."""
    tally = dover(join(work, features, scores, **options))
    assert gains(work.rows()) == got
    assert (tally.missing_rows, tally.bad_rows) == (got.count(MISSING), got.count(BAD))
    assert tally.ambiguous_rows == tally.bad_rows
    assert tally.matched_rows == len(got) - tally.missing_rows - tally.bad_rows


def test_scorers_are_told_apart_each_by_its_own_keys(work: Workspace) -> None:
    """A key that is ambiguous to one scorer has the other's score all the same."""
    write_scores(work, ["x"])
    work.write_lines("scores2.jsonl", [{"path": "b/x", "competitor": "MUSIQ", "score": 9}])
    work.write_lines("features.jsonl", [{"path": "a/x"}, {"path": "b/x"}])
    tally = work.join(scores=["scores.jsonl", "scores2.jsonl"]).tally
    assert gains(work.rows()) == [BAD, BAD]
    assert [row["second_opinion_musiq_score"] for row in work.rows()] == [None, 9]
    assert (tally.scorers["DOVER"].ambiguous_rows, tally.scorers["MUSIQ"].ambiguous_rows) == (2, 0)
    assert tally.ambiguous_rows == 2


def test_a_bad_score_that_is_taken_keeps_its_reason(work: Workspace) -> None:
    """Among colliding keys, a row that takes a bad score is bad for that score's own reason."""
    work.write_lines("features.jsonl", [{"path": "a/x"}, {"path": "b/x"}])
    work.write_lines("scores.jsonl", [{"path": "b/x", "competitor": "DOVER", "score": "n/a"}])
    tally = dover(work.join())
    assert [row["second_opinion_dover_status"] for row in work.rows()] == [MISSING, BAD]
    assert tally.ambiguous_rows == 0
    assert tally.bad[0].reason == 'score is "n/a", expected a finite number'


# What is told of it.


def test_audit_of_ambiguous_keys(work: Workspace) -> None:
    """The audit counts ambiguous rows and colliding keys, and says which, why and where."""
    join(work, ["y", "a/x", "b/x", "c/x", "a/x"], ["y", "x"])
    audit = work.document()["competitors"]["DOVER"]
    where = f"{work.folder}/scores.jsonl:2"
    counts = ("matched_rows", "bad_rows", "ambiguous_rows", "colliding_keys", "unmatched_keys")
    assert [audit[name] for name in counts] == [1, 4, 4, 1, 0]
    assert audit["collisions"] == [
        {"feature_keys": ["a/x", "b/x"], "score_keys": ["x"], "taken_by": None, "where": where}
    ]
    told = "ambiguous key: 'a/x' and '{}/x' are one key, that of the score of 'x'".format
    assert audit["bad"] == [
        {"key": f"{folder}/x", "row": row, "reason": told(other), "where": where}
        for row, folder, other in [(1, "a", "b"), (2, "b", "b"), (3, "c", "c"), (4, "a", "b")]
    ]


def test_audit_of_keys_told_apart(work: Workspace) -> None:
    """The audit names the key that a score went to where others asked for it too."""
    join(work, ["a/x", "b/x"], ["b/x"])
    audit = work.document()["competitors"]["DOVER"]
    assert (audit["ambiguous_rows"], audit["colliding_keys"], audit["bad"]) == (0, 1, [])
    assert audit["collisions"][0]["taken_by"] == "b/x"
    assert audit["missing"] == [{"key": "a/x", "row": 0}]


def test_audit_of_a_key_of_several_scores(work: Workspace) -> None:
    """The audit says which scores a key may mean, the first two of them."""
    tally = dover(join(work, ["a/x"], ["1/a/x", "2/a/x", "3/a/x", "b/x"], key_normalize="suffix"))
    audit = work.document()["competitors"]["DOVER"]
    where = f"{work.folder}/scores.jsonl:1"
    score_keys = ["1/a/x", "2/a/x"]
    assert audit["collisions"] == [
        {"feature_keys": ["a/x"], "score_keys": score_keys, "taken_by": None, "where": where}
    ]
    reason = "ambiguous key: 'a/x' may be '1/a/x' or '2/a/x'"
    assert audit["bad"] == [{"key": "a/x", "row": 0, "reason": reason, "where": where}]
    assert (tally.unmatched_keys, tally.unmatched) == (1, ["b/x"])


def test_collisions_are_sampled(work: Workspace) -> None:
    """All collisions are counted, and the first ten in the order of the score file are listed."""
    names = [f"{n:02d}" for n in range(12)]
    features = [f"{folder}/{name}" for folder in "ab" for name in names]
    tally = dover(join(work, features, names[::-1]))
    assert (tally.colliding_keys, tally.ambiguous_rows) == (12, 24)
    assert [found.score_keys for found in tally.collisions] == [[n] for n in names[:1:-1]]
    assert len(tally.bad) == 10


def test_no_collisions(work: Workspace) -> None:
    """Where no keys collide, the audit says so by zeros and empty lists."""
    join(work, ["a/x", "b/y"], ["x", "y"])
    audit = work.document()["competitors"]["DOVER"]
    assert [audit[name] for name in ("ambiguous_rows", "colliding_keys")] == [0, 0]
    assert audit["collisions"] == []


def test_unmatched_keys_on_both_sides(work: Workspace) -> None:
    """Keys that the other side lacks are counted on both sides, the first ten as written."""
    features = ["a/x", None, *(f"f/only{n:02d}" for n in range(12)), "f/only00"]
    result = join(work, features, ["x", *(f"s/other{n:02d}" for n in range(11))])
    audit = work.document()
    assert (audit["unknown_rows"], audit["null_keys"]) == (13, 1)
    assert audit["unknown"] == [{"key": f"f/only{n:02d}", "row": n + 2} for n in range(10)]
    assert dover(result).unmatched_keys == 11
    assert audit["competitors"]["DOVER"]["unmatched"] == [f"s/other{n:02d}" for n in range(10)]


@pytest.mark.parametrize(
    ("features", "scores", "unmatched"),
    [
        pytest.param(["a/x", "b/x"], ["x"], [], id="ambiguous"),
        pytest.param(["a/x", "b/x"], ["b/x", "y"], ["y"], id="told-apart"),
        pytest.param(["c/x", "d/x"], ["a/x", "b/x"], ["a/x", "b/x"], id="neither"),
        pytest.param(["1/a/x", "2/a/x"], ["2/a/x", "b/x"], ["b/x"], id="beside"),
    ],
)
def test_a_score_that_is_asked_for_is_not_unmatched(
    work: Workspace, features: list[str], scores: list[str], unmatched: list[str]
) -> None:
    """A score row is unmatched if no feature key asks for it, whether or not one gets it."""
    tally = dover(join(work, features, scores, key_normalize="suffix"))
    assert (tally.unmatched_keys, tally.unmatched) == (len(unmatched), unmatched)


# Missing policies.


def test_fail_refuses_ambiguous_keys(work: Workspace) -> None:
    """Policy `fail` publishes nothing where a key is ambiguous, and counts it as bad."""
    with pytest.raises(
        MissingScoresError, match=r"^bad second-opinion scores: DOVER=2; bad of DOVER: 'a/x' "
    ):
        join(work, ["a/x", "b/x", "y"], ["x", "y"], missing_policy="fail")
    assert not (work.folder / "out.jsonl").exists()
    assert not (work.folder / "audit.json").exists()


def test_fail_accepts_keys_told_apart(work: Workspace) -> None:
    """Policy `fail` has no objection to colliding keys that all get their own score."""
    scores = ["b/x", "a/x"]
    join(work, ["/d/a/x", "/d/b/x"], scores, missing_policy="fail", key_normalize="suffix")
    assert gains(work.rows()) == [1, 0]


def test_drop_keeps_ambiguous_keys(work: Workspace) -> None:
    """Policy `drop` drops missing rows alone: an ambiguous one is bad, and stays."""
    result = join(work, ["a/x", "b/x", "a/y", "b/y", "z"], ["x", "b/y"], missing_policy="drop")
    assert [row["path"] for row in work.rows()] == ["a/x", "b/x", "b/y"]
    assert gains(work.rows()) == [BAD, BAD, 1]
    assert (result.tally.output_rows, result.tally.dropped_rows) == (3, 2)


# The score side.

SCORE_SIDE = {
    "basename": (["a/x", "b/x"], {}),
    "stem": (["x.mp4", "x.mkv"], {"key_normalize": "stem"}),
    "pattern": (["3_a", "3_b"], {"key_pattern": r"(\d+)_"}),
    "suffix-pattern": (["v/3_a", "v/3_b"], {"key_pattern": r"(.*)_", "key_normalize": "suffix"}),
}


@pytest.mark.parametrize("same", [False, True], ids=["different-scores", "same-score"])
@pytest.mark.parametrize(("keys", "options"), SCORE_SIDE.values(), ids=SCORE_SIDE)
def test_colliding_score_keys(
    work: Workspace,
    keys: list[str],
    options: dict[str, str],
    same: bool,  # noqa: FBT001 (a parameter)
) -> None:
    """Score rows whose keys collide are an error that names both lines, whatever they say."""
    rows = [
        {"path": key, "competitor": "DOVER", "score": 0 if same else n}
        for n, key in enumerate(["y", keys[0], "z", keys[1]])
    ]
    work.write_lines("scores.jsonl", rows)
    work.write_lines("features.jsonl", [{"path": key} for key in keys])
    lines = rf"scores\.jsonl:4: '{keys[1]}' is '.*' once normalised, .* '{keys[0]}' of DOVER at "
    message = lines + r".*/scores\.jsonl:2; tell them apart by key_norm"
    with pytest.raises(JoinError, match=message):
        work.join(**options)
    assert not (work.folder / "out.jsonl").exists()


def test_colliding_score_keys_of_two_files(work: Workspace) -> None:
    """Keys that collide in two files, a document among them, are named by both places."""
    write_scores(work, ["a/x"], "1.jsonl")
    rows = [{"path": key, "competitor": "DOVER", "score": 0} for key in ("y", "b/x")]
    work.write("2.json", json.dumps({"rows": rows}))
    with pytest.raises(JoinError, match=r"/2\.json::\$\.rows\[1\]: 'b/x' is .* at .*/1\.jsonl:1; "):
        work.join(scores=["1.jsonl", "2.json"])


@pytest.mark.parametrize("spelling", ["a/x", " a/x ", r"a\x", "a//x", "./a/x"])
def test_one_score_key_in_two_spellings(work: Workspace, spelling: str) -> None:
    """Score rows with one path are of one clip: a repeat is counted, a contradiction refused."""
    work.write_lines("features.jsonl", [{"path": "x"}])
    row = {"path": "a/x", "competitor": "DOVER", "score": 1}
    work.write_lines("scores.jsonl", [row, {**row, "path": spelling}])
    assert dover(work.join()).duplicate_rows == 1
    work.write_lines("scores.jsonl", [row, {**row, "path": spelling, "score": 2}])
    with pytest.raises(JoinError, match=r"jsonl:2: a second, different row .* is 1 at .*jsonl:1;"):
        work.join()


def test_suffix_tells_score_keys_apart(work: Workspace) -> None:
    """What is an error by basename is two scores by suffix."""
    with pytest.raises(JoinError, match=r"by key_normalize: suffix"):
        join(work, ["/d/a/x", "/d/b/x"], ["a/x", "b/x"])
    join(work, ["/d/a/x", "/d/b/x"], ["a/x", "b/x"], key_normalize="suffix")
    assert gains(work.rows()) == [0, 1]


# All forms, block by block.


def write_features(work: Workspace, form: str, keys: Sequence[str]) -> str:
    """Write a feature table of some form and return its name."""
    name = f"table.{form}"
    rows = [{"path": key, "n": n} for n, key in enumerate(keys)]
    if form == "jsonl":
        work.write_lines(name, rows)
    elif form == "json":
        work.write(name, json.dumps({"rows": rows}))
    else:
        work.write_table(name, pa.Table.from_pylist(rows), row_group_size=2)
    return name


def read_rows(work: Workspace, form: str) -> list[dict[str, Any]]:
    """Return the rows of an output of some form."""
    if form == "parquet":
        rows: list[dict[str, Any]] = work.table(f"out.{form}").to_pylist()
        return rows
    return work.rows("out.jsonl") if form == "jsonl" else list(work.document("out.json")["rows"])


@pytest.mark.parametrize("blocks", [False, True], ids=["one-block", "many-blocks"])
@pytest.mark.parametrize("form", ["parquet", "jsonl", "json"])
def test_collisions_in_every_form(
    work: Workspace,
    form: str,
    blocks: bool,  # noqa: FBT001 (a parameter)
) -> None:
    """Keys collide across blocks of rows too, in a table of any form."""
    keys = ["x", "y", "v/z", "w/z", "y", "x", "u/z", "a/x", "v/z", "b/y"]
    write_scores(work, ["x", "w/z", "b/y"])
    small = block_sizes(Knobs(16, 200)) if blocks else nullcontext()
    with small:
        result = work.join(features=write_features(work, form, keys), out=f"out.{form}")
    # `x` is a longer path's end, but the very path of a score as well; `y` is no path of any.
    got = [0, BAD, MISSING, 1, BAD, 0, MISSING, BAD, MISSING, 2]
    assert gains(read_rows(work, form)) == got
    assert [row["n"] for row in read_rows(work, form)] == list(range(len(keys)))
    assert result.output.bytes == len(work.read(f"out.{form}"))
    assert dover(result).colliding_keys == 3


@pytest.mark.parametrize(
    ("late", "got"),
    [
        pytest.param("a/x", BAD, id="collides"),
        pytest.param(" x", 0, id="same-key"),
        pytest.param("a/y", 1, id="other-clip"),
    ],
)
def test_a_collision_with_a_block_long_past(work: Workspace, late: str, got: Any) -> None:
    """A key collides with one of an earlier block that was written as it is normalised."""
    with block_sizes(Knobs(16, 200)):
        tally = dover(join(work, ["x", "z", "z", "z", late], ["x", "y"]))
    assert gains(work.rows()) == [0, MISSING, MISSING, MISSING, got]
    assert tally.colliding_keys == (got == BAD)


# How it is found out.


@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet"])
@pytest.mark.parametrize("mode", ["basename", "suffix"])
def test_a_table_is_opened_once(work: Workspace, mode: str, suffix: str) -> None:
    """Each input is opened once for a join, though keys collide and few are found."""
    write_scores(work, ["b/x"])
    features = write_features(work, suffix, ["a/x", "b/x", "y"])
    with patch.object(Input, "__init__", autospec=True, side_effect=Input.__init__) as opened:
        work.join(features=features, out=f"out.{suffix}", key_normalize=mode)
    names = [Location(given.args[1]).name for given in opened.call_args_list]
    of_the_join = [name for name in names if name != "scorers.json"]  # what the package knows
    assert sorted(of_the_join) == sorted([features, "scores.jsonl"])


def test_a_table_that_changes_between_its_readings(work: Workspace) -> None:
    """A table that is written to between the two readings is refused, and nothing is written."""

    def match_and_change(*given: Any) -> Any:
        found = match(*given)
        (work.folder / "features.jsonl").write_bytes(work.read("features.jsonl")[::-1])
        return found

    with (
        patch.object(phases, "match", match_and_change),
        pytest.raises(JoinError, match=r"features\.jsonl: changed while it was read; join again"),
    ):
        join(work, ["a/x", "b/x"], ["b/x"])
    assert not (work.folder / "out.jsonl").exists()


def test_clips_that_share_a_name_are_not_compared_with_each_other(work: Workspace) -> None:
    """Where every clip's file has one name, work grows with the clips, not with their pairs."""
    clips = 300
    features = [f"/d/{n}/video.mp4" for n in range(clips)] + ["/d/none/video.mp4"]
    scores = [f"{n}/video.mp4" for n in range(clips)]
    with (
        patch.object(
            ScoreTable, "key_path", autospec=True, side_effect=ScoreTable.key_path
        ) as looked_at,
        patch.object(
            KeyPath, "agreement", autospec=True, side_effect=KeyPath.agreement
        ) as compared,
    ):
        join(work, features, scores, key_normalize="suffix")
    assert gains(work.rows()) == [*range(clips), MISSING]
    assert clips <= compared.call_count <= looked_at.call_count <= 4 * clips
