"""The join of one table: columns, policies, what is kept, and what a failure leaves behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets.contract.errors import JoinError, ManifestError
from second_opinion_assets.contract.refusals import MissingScoresError
from second_opinion_assets_tests.workspace import Workspace

OPEN_FILES = Path("/proc/self/fd")
DOVER = "second_opinion_dover"
OK_FIELDS = (
    f',"{DOVER}_score":72.5,"{DOVER}_status":"ok","{DOVER}_runtime_ms":null,"{DOVER}_frames":0,'
    f'"{DOVER}_source":"scores.jsonl"'
)
MISSING_FIELDS = (
    f',"{DOVER}_score":null,"{DOVER}_status":"missing","{DOVER}_runtime_ms":null,'
    f'"{DOVER}_frames":0,"{DOVER}_source":""'
)


def _three_scorers(work: Workspace) -> None:
    """Write clips a to d: DOVER ok, ok, bad, missing; MUSIQ ok, missing, ok, missing."""
    work.write_lines("features.jsonl", [{"clip_id": key} for key in "abcd"])
    work.write_lines(
        "scores.jsonl",
        [
            {"clip_id": "a", "competitor": "DOVER", "score": 1, "runtime_ms": 9},
            {"clip_id": "b", "competitor": "DOVER", "score": 2},
            {"clip_id": "c", "competitor": "DOVER", "score": "n/a"},
            {"clip_id": "a", "competitor": "MUSIQ", "score": 4},
            {"clip_id": "c", "competitor": "MUSIQ", "score": 5},
            {"clip_id": "z", "competitor": "MUSIQ", "score": 6},
        ],
    )


def test_five_columns_a_scorer(work: Workspace) -> None:
    """A line keeps its bytes and gains five fields at its end, in the contract's order."""
    work.join()
    assert work.read().decode() == (
        f'{{"clip_id": "a", "psnr": 41.2{OK_FIELDS}}}\n{{"clip_id": "b"{MISSING_FIELDS}}}\n'
    )


def test_bad_row_without_a_score(work: Workspace) -> None:
    """A bad row has null for a score, and keeps runtime and source."""
    row = {"clip_id": "a", "competitor": "DOVER", "score": "n/a", "runtime_ms": 7}
    work.write_lines("scores.jsonl", [row])
    work.join()
    got = work.rows()[0]
    assert [got[f"{DOVER}_{name}"] for name in ("score", "status", "runtime_ms", "source")] == [
        None,
        "bad",
        7.0,
        "scores.jsonl",
    ]


def test_scorers_come_in_slug_order(work: Workspace) -> None:
    """Columns come in the order of the slugs, whatever the order of files and rows."""
    names = ["Q-Align", "fast-vqa", "CLIP-IQA", "Fast-VQA 2"]
    work.write_lines("more.jsonl", [{"clip_id": "a", "competitor": n, "score": 1} for n in names])
    result = work.join(scores=["more.jsonl", "scores.jsonl"])
    slugs = ["clip_iqa", "dover", "fast_vqa", "fast_vqa_2", "q_align"]
    assert result.appended == [
        f"second_opinion_{slug}_{column}"
        for slug in slugs
        for column in ("score", "status", "runtime_ms", "frames", "source")
    ]
    assert list(work.rows()[0])[2:] == result.appended


def test_prefix(work: Workspace) -> None:
    """A prefix takes the place of second_opinion."""
    work.join(prefix="so")
    assert work.rows()[0]["so_dover_score"] == 72.5


def test_source_is_as_it_was_written(work: Workspace) -> None:
    """The source column holds the score file as written, without its label."""
    work.write("x/s.jsonl", '{"clip_id": "a", "score": 1}\n')
    work.join(scores=["DOVER=./x/s.jsonl"])
    assert work.rows()[0][f"{DOVER}_source"] == "./x/s.jsonl"


def test_scores_of_one_scorer_in_two_files(work: Workspace) -> None:
    """A scorer's rows may come from several files, and each row names its own."""
    work.write("more.jsonl", '{"clip_id": "b", "competitor": "DOVER", "score": 1}\n')
    work.join(scores=["scores.jsonl", "more.jsonl"])
    assert [row[f"{DOVER}_source"] for row in work.rows()] == ["scores.jsonl", "more.jsonl"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        pytest.param('{"clip_id":"a"}\n', '{"clip_id":"a"+}\n', id="plain"),
        pytest.param('{"clip_id":"a"}', '{"clip_id":"a"+}\n', id="no-final-newline"),
        pytest.param('{"clip_id":"a"}\r\n', '{"clip_id":"a"+}\r\n', id="carriage-return"),
        pytest.param('\ufeff{"clip_id":"a"}\n', '{"clip_id":"a"+}\n', id="byte-order-mark"),
        pytest.param('\n\n{"clip_id":"a"}\n\n', '{"clip_id":"a"+}\n', id="blank-lines"),
        pytest.param(' { "clip_id" : "a" } \n', ' { "clip_id" : "a" +} \n', id="spaces"),
        pytest.param(
            '{"clip_id":"a","n":1.50,"i":12345678901234567890123,"e":1E2,"z":-0}\n',
            '{"clip_id":"a","n":1.50,"i":12345678901234567890123,"e":1E2,"z":-0+}\n',
            id="numbers",
        ),
        pytest.param(
            '{"clip_id":"a","t":"\\u00e9 é \\/ }\\n","o":{"a":{}},"l":[{}]}\n',
            '{"clip_id":"a","t":"\\u00e9 é \\/ }\\n","o":{"a":{}},"l":[{}]+}\n',
            id="texts-and-nesting",
        ),
        pytest.param('{"clip_id":"a","x":1,"x":2}\n', '{"clip_id":"a","x":1,"x":2+}\n', id="twice"),
        pytest.param(
            '{"clip_id":"a","x":NaN,"y":[-Infinity],"z":"NaN"}\n',
            '{"clip_id":"a","x":null,"y":[null],"z":"NaN"+}\n',
            id="bare-nan",
        ),
        pytest.param(
            '{"clip_id":"a","x":"\\ud800"}\n', '{"clip_id":"a","x":"\\ud800"+}\n', id="surrogate"
        ),
        pytest.param('{"clip\\u005fid":"a"}\n', '{"clip\\u005fid":"a"+}\n', id="escaped-name"),
        pytest.param('{"clip_id":"\\u0061"}\n', '{"clip_id":"\\u0061"+}\n', id="escaped-key"),
    ],
)
def test_line_keeps_its_bytes(work: Workspace, given: str, wanted: str) -> None:
    """The fields go before a line's last brace, and nothing else of the line changes."""
    work.write("features.jsonl", given)
    work.join()
    assert work.read().decode() == wanted.replace("+", OK_FIELDS)


def test_surrogate_far_down_the_table(work: Workspace) -> None:
    """A half surrogate pair in a text is kept wherever in the table it stands."""
    lines = ['{"clip_id":"a"}'] * 1500 + ['{"clip_id":"a","x":"\\ud800"}']
    work.write("features.jsonl", "\n".join(lines) + "\n")
    work.join()
    assert work.read().decode() == "\n".join(f"{line[:-1]}{OK_FIELDS}}}" for line in lines) + "\n"


def test_bare_nan_is_counted(work: Workspace) -> None:
    """Bare NaN and Infinity that became null are counted in the audit."""
    work.write("features.jsonl", '{"clip_id":"a","x":NaN}\n{"clip_id":"b","x":[Infinity,1,NaN]}\n')
    assert work.join().tally.non_finite_values == 3
    assert work.document()["non_finite_values"] == 3


def test_empty_row(work: Workspace) -> None:
    """A row without a field gets the five, and its key is tallied as null."""
    work.write("features.jsonl", '{"clip_id":"a"}\n{}\n{ }\n')
    assert work.join().tally.null_keys == 2
    assert [row[f"{DOVER}_status"] for row in work.rows()] == ["ok", "missing", "missing"]


@pytest.mark.parametrize("key", ["null", '""', '"  "'])
def test_null_key(work: Workspace, key: str) -> None:
    """A null or empty feature key is missing, and has its own tally."""
    work.write("features.jsonl", f'{{"clip_id": "a"}}\n{{"clip_id": {key}}}\n')
    result = work.join()
    assert (result.tally.null_keys, result.tally.missing_rows) == (1, 1)
    assert work.document()["null_keys"] == 1


@pytest.mark.parametrize(
    ("feature_key", "score_key", "status"),
    [
        ('"0123"', '"0123"', "ok"),
        ('"0123"', "123", "missing"),
        ("123", '"123"', "ok"),
        ("0.10", '"0.10"', "ok"),
        ("0.10", "0.1", "missing"),
        ("1e5", "100000", "missing"),
        ("12345678901234567890", '"12345678901234567890"', "ok"),
        ("12345678901234567890", "12345678901234567891", "missing"),
        ('" a "', '"a"', "ok"),
        ("true", '"true"', "ok"),
        ('"caf\\u00e9"', '"café"', "ok"),
    ],
)
def test_key_is_the_values_own_text(
    work: Workspace, feature_key: str, score_key: str, status: str
) -> None:
    """Keys are compared as the texts that stand in the files."""
    work.write("features.jsonl", f'{{"clip_id": {feature_key}}}\n')
    work.write("scores.jsonl", f'{{"clip_id": {score_key}, "competitor": "DOVER", "score": 1}}\n')
    work.join()
    assert work.rows()[0][f"{DOVER}_status"] == status


@pytest.mark.parametrize(
    ("mode", "field", "key", "score_field", "score_key", "status"),
    [
        ("auto", "path", "d/a.mp4", "file_name", "e/a.mp4", "ok"),
        ("auto", "clip_id", "d/a.mp4", "path", "d/a.mp4", "missing"),
        ("auto", "clip_id", "a.mp4", "path", "d/a.mp4", "ok"),
        ("raw", "path", "d/a.mp4", "path", "e/a.mp4", "missing"),
        ("basename", "clip_id", "d/a.mp4", "clip_id", "a.mp4", "ok"),
        ("stem", "clip_id", "a", "path", "d/a.mp4", "ok"),
    ],
)
def test_key_normalize(
    work: Workspace,
    mode: str,
    field: str,
    key: str,
    score_field: str,
    score_key: str,
    status: str,
) -> None:
    """Both sides are reduced by one mode, auto by each side's own field."""
    work.write_lines("features.jsonl", [{field: key}])
    work.write_lines("scores.jsonl", [{score_field: score_key, "competitor": "DOVER", "score": 1}])
    work.join(key_normalize=mode)
    assert work.rows()[0][f"{DOVER}_status"] == status


def test_asked_key_column(work: Workspace) -> None:
    """The column asked for goes before the usual names."""
    work.write_lines("features.jsonl", [{"clip_id": "b", "src": "a"}])
    result = work.join(key_column="src")
    assert (result.key_column, result.tally.matched_rows) == ("src", 1)


def test_key_column_that_starts_late(work: Workspace) -> None:
    """A key column may appear for the first time far down the table."""
    rows: list[dict[str, Any]] = [{"x": 1}] * 1500
    work.write_lines("features.jsonl", [*rows, {"x": 1, "clip_id": "a"}])
    result = work.join(key_column="clip_id")
    assert (result.tally.matched_rows, result.tally.null_keys) == (1, 1500)


def test_many_rows_of_one_clip(work: Workspace) -> None:
    """A table of frames: one score goes to each row of its clip, and rows keep their order."""
    rows = [{"clip_id": "ab"[n % 2], "frame": n} for n in range(5000)]
    work.write_lines("features.jsonl", rows)
    tally = work.join().tally
    assert (tally.matched_rows, tally.missing_rows, tally.output_rows) == (2500, 2500, 5000)
    assert [row["frame"] for row in work.rows()] == list(range(5000))


def test_mark_keeps_every_row(work: Workspace) -> None:
    """Policy mark keeps all rows in their order and says what each got."""
    _three_scorers(work)
    tally = work.join().tally
    rows = work.rows()
    assert [row["clip_id"] for row in rows] == list("abcd")
    assert [row[f"{DOVER}_status"] for row in rows] == ["ok", "ok", "bad", "missing"]
    assert [row["second_opinion_musiq_status"] for row in rows] == [
        *("ok", "missing", "ok", "missing")
    ]
    assert (tally.input_rows, tally.output_rows) == (4, 4)


def test_drop_keeps_rows_that_have_every_scorer(work: Workspace) -> None:
    """Policy drop drops the rows that lack a scorer; a bad score is no lack."""
    _three_scorers(work)
    tally = work.join(missing_policy="drop").tally
    assert [row["clip_id"] for row in work.rows()] == ["a", "c"]
    assert (tally.input_rows, tally.output_rows, tally.dropped_rows) == (4, 2, 2)
    assert tally.missing_rows == 3


@pytest.mark.parametrize("out", ["out.jsonl", "out.json", "out.parquet", "out.csv"])
def test_drop_may_drop_every_row(work: Workspace, out: str) -> None:
    """Where no row has every scorer, drop leaves a table without rows."""
    work.write_lines("features.jsonl", [{"clip_id": "x"}, {"clip_id": "y"}])
    assert work.join(missing_policy="drop", out=out).tally.output_rows == 0
    if out == "out.jsonl":
        assert work.read(out) == b""
    elif out == "out.json":
        assert work.document(out) == {"rows": []}
    elif out == "out.csv":
        assert work.csv_rows(out) == []
    else:
        assert work.table(out).num_rows == 0


def test_fail_publishes_nothing(work: Workspace) -> None:
    """Policy fail names the scorers with missing and bad rows and the first clips of each."""
    _three_scorers(work)
    work.write("out.jsonl", "as it was")
    work.write("audit.json", "as it was")
    before = work.contents()
    message = (
        r"^missing second-opinion scores: DOVER=1, MUSIQ=2; bad second-opinion scores: DOVER=1; "
        r"missing of DOVER: 'd'; bad of DOVER: 'c' \(score is \"n/a\", expected a finite number\); "
        r"missing of MUSIQ: 'b', 'd'$"
    )
    with pytest.raises(MissingScoresError, match=message) as caught:
        work.join(missing_policy="fail")
    failed = work.document("audit.failed.json")
    (work.folder / "audit.failed.json").unlink()
    assert work.contents() == before
    assert (failed["published"], failed["competitors"]["MUSIQ"]["missing_rows"]) == (False, 2)
    assert caught.value.tally.scorers["MUSIQ"].missing_rows == 2


def test_fail_starts_as_promised(work: Workspace) -> None:
    """The error of policy fail starts with the scorers' own names and counts."""
    work.write_lines("features.jsonl", [{"clip_id": key} for key in "abcd"])
    work.write_lines("scores.jsonl", [{"clip_id": "a", "competitor": "DOVER-Mobile", "score": 1}])
    with pytest.raises(MissingScoresError, match=r"^missing second-opinion scores: DOVER-Mobile=3"):
        work.join(missing_policy="fail")


def test_fail_on_bad_rows_alone(work: Workspace) -> None:
    """Policy fail refuses a bad row as well as a missing one, and names it likewise."""
    work.write_lines("features.jsonl", [{"clip_id": "a"}])
    work.write_lines("scores.jsonl", [{"clip_id": "a", "competitor": "DOVER"}])
    with pytest.raises(MissingScoresError, match=r"bad second-opinion scores: DOVER=1"):
        work.join(missing_policy="fail")


def test_fail_publishes_a_complete_table(work: Workspace) -> None:
    """Policy fail publishes a table in which every row has an ok score from every scorer."""
    work.write_lines("features.jsonl", [{"clip_id": "a"}, {"clip_id": "a"}])
    assert work.join(missing_policy="fail").tally.output_rows == 2
    assert len(work.rows()) == 2


def test_overwrite_replaces_its_columns_alone(work: Workspace) -> None:
    """Overwrite replaces the columns of these names; all other bytes of a row stay."""
    work.write(
        "features.jsonl",
        f'{{"{DOVER}_score": 1, "clip_id": "a", "{DOVER}_frames":[{{"x":1}}] , "psnr" : 1.50,'
        f'"second_opinion_musiq_score": 7, "n": "{DOVER}_score"}}\n',
    )
    work.join(overwrite=True)
    assert work.read().decode() == (
        f'{{ "clip_id": "a", "psnr" : 1.50,"second_opinion_musiq_score": 7, "n": "{DOVER}_score"'
        f"{OK_FIELDS}}}\n"
    )


def test_overwrite_of_an_earlier_output(work: Workspace) -> None:
    """Joining an output once more with overwrite gives the same bytes."""
    work.join()
    work.join(features="out.jsonl", out="again.jsonl", overwrite=True)
    assert work.read("again.jsonl") == work.read("out.jsonl")


def test_overwrite_that_leaves_no_other_column(work: Workspace) -> None:
    """A row whose every field is replaced is still a row."""
    work.write("features.jsonl", f'{{"clip_id": "a"}}\n{{"{DOVER}_score": 1}}\n')
    work.join(overwrite=True)
    assert work.read().decode().splitlines()[1] == f"{{{MISSING_FIELDS[1:]}}}"


def test_column_far_down_exists_already(work: Workspace) -> None:
    """A column that exists already is refused wherever it first appears, with its line."""
    rows: list[dict[str, Any]] = [{"clip_id": "a"}] * 2000
    work.write_lines("features.jsonl", [*rows, {"clip_id": "b", f"{DOVER}_score": 1}])
    with pytest.raises(JoinError, match=rf"features\.jsonl:2001: the table has {DOVER}_score alr"):
        work.join()


def test_json_document_keeps_its_other_keys(work: Workspace) -> None:
    """A JSON document keeps its other top-level keys, their order and the text of their values."""
    work.write(
        "features.json", '{"v": 1.50, "rows": [{"clip_id": "a", "n": 0.10}], "m": {"x" : [1]}}'
    )
    work.join(features="features.json", out="out.json")
    text = work.read("out.json").decode()
    document = work.document("out.json")
    assert list(document) == ["v", "rows", "m"]
    assert '"v": 1.50' in text
    assert '{"x" : [1]}' in text
    assert f'{{"clip_id": "a", "n": 0.10{OK_FIELDS}}}' in text


def test_json_document_that_is_a_list(work: Workspace) -> None:
    """A list of rows comes out as a list of rows."""
    work.write("features.json", '[\n {"clip_id": "a",\n  "x": [1,\n 2]},\n {"clip_id": "b"}\n]\n')
    work.join(features="features.json", out="out.json")
    rows = work.document("out.json")
    assert [(row["clip_id"], row[f"{DOVER}_status"]) for row in rows] == [
        ("a", "ok"),
        ("b", "missing"),
    ]
    assert rows[0]["x"] == [1, 2]


def test_json_document_is_strict(work: Workspace) -> None:
    """Bare NaN anywhere in a document does not reach the output."""
    work.write("features.json", '{"v": NaN, "rows": [{"clip_id": "a", "x": NaN}]}')
    work.join(features="features.json", out="out.json")
    assert work.document("out.json")["v"] is None


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_table_without_rows(work: Workspace, form: str) -> None:
    """A JSON table without rows has no columns either, and is refused by its name."""
    work.write(f"features.{form}", "[]" if form == "json" else "")
    with pytest.raises(JoinError, match=rf"features\.{form}: "):
        work.join(features=f"features.{form}")


def test_audit(work: Workspace) -> None:
    """The audit holds the contract's counts, with keys in order and no time."""
    _three_scorers(work)
    work.join()
    audit = work.document()
    text = work.read("audit.json").decode()
    assert {
        name: audit[name]
        for name in audit
        if name not in ("competitors", "columns", "run_provenance")
    } == {
        "feature_table": str(work.folder / "features.jsonl"),
        "output": str(work.folder / "out.jsonl"),
        "key_column": "clip_id",
        "key_normalize": "auto",
        "key_pattern": None,
        "missing_policy": "mark",
        "input_rows": 4,
        "output_rows": 4,
        "null_keys": 0,
        "unknown_rows": 1,
        "unknown": [{"key": "d", "row": 3}],
        "non_finite_values": 0,
    }
    assert json.dumps(audit, sort_keys=True, indent=2, ensure_ascii=False) + "\n" == text
    dover = audit["competitors"]["DOVER"]
    counts = ("scores_loaded", "matched_rows", "missing_rows", "bad_rows")
    assert (dover["competitor"], dover["column_prefix"]) == ("DOVER", DOVER)
    assert [dover[name] for name in counts] == [3, 2, 1, 1]
    assert [audit["competitors"]["MUSIQ"][name] for name in counts] == [3, 2, 2, 0]


def test_audit_names_bad_rows(work: Workspace) -> None:
    """The audit gives each bad row's reason with file and line, and samples of what is missing."""
    _three_scorers(work)
    work.join()
    competitors = work.document()["competitors"]
    assert competitors["DOVER"]["bad"] == [
        {
            "key": "c",
            "row": 2,
            "reason": 'score is "n/a", expected a finite number',
            "where": f"{work.folder}/scores.jsonl:3",
        }
    ]
    assert competitors["DOVER"]["missing"] == [{"key": "d", "row": 3}]
    assert (competitors["MUSIQ"]["unmatched_keys"], competitors["MUSIQ"]["unmatched"]) == (1, ["z"])


def test_bad_rows_that_no_feature_asks_for(work: Workspace) -> None:
    """A bad score row for a clip that the table lacks counts as loaded, not as a bad row."""
    work.write_lines(
        "scores.jsonl",
        [
            {"clip_id": "a", "competitor": "DOVER", "score": 1},
            {"clip_id": "z", "competitor": "DOVER"},
        ],
    )
    tally = work.join().tally.scorers["DOVER"]
    assert (tally.scores_loaded, tally.bad_rows) == (2, 0)


def test_two_runs_have_one_audit(work: Workspace) -> None:
    """The same join gives the same bytes, audit included."""
    work.join()
    first = work.contents()
    work.join()
    assert work.contents() == first


def test_without_audit(work: Workspace) -> None:
    """Without a path for it no audit is written."""
    work.join(audit_json=None)
    assert sorted(work.contents()) == ["features.jsonl", "out.jsonl", "scores.jsonl"]


def test_key_hints(work: Workspace) -> None:
    """Where no key is found, the audit says how many each mode would find."""
    work.write_lines("features.jsonl", [{"clip_id": key} for key in "ab"])
    work.write_lines(
        "scores.jsonl", [{"path": f"d/{k}.mp4", "competitor": "DOVER", "score": 1} for k in "ab"]
    )
    found = work.join().tally.scorers["DOVER"].keys_found_by_mode
    assert found == {"auto": 0, "raw": 0, "basename": 0, "stem": 2, "suffix": 0}


def test_key_hints_count_a_repeated_row_once(work: Workspace) -> None:
    """A row that stands twice in a score file is no second key to find."""
    work.write_lines("scores.jsonl", [{"path": "d/a.mp4", "competitor": "DOVER", "score": 1}] * 3)
    assert work.join().tally.scorers["DOVER"].keys_found_by_mode["stem"] == 1


_FAILURES = [
    pytest.param({"scores.jsonl": "{"}, {}, id="torn-score-file"),
    pytest.param({"scores.jsonl": ""}, {}, id="no-scores"),
    pytest.param({"features.jsonl": '{"x": 1}\n'}, {}, id="no-key-column"),
    pytest.param({"features.jsonl": '{"clip_id": "a"}\n{"cl'}, {}, id="torn-features"),
    pytest.param({"features.jsonl": '{"clip_id":"a"}\n' * 3000 + "["}, {}, id="torn-late"),
    pytest.param(
        {"features.jsonl": f'{{"clip_id": "a", "{DOVER}_score": 1}}\n'}, {}, id="column-exists"
    ),
    pytest.param({}, {"missing_policy": "fail"}, id="missing-scores"),
    pytest.param({}, {"scores": ["gone.jsonl"]}, id="no-score-file"),
    pytest.param({}, {"features": "gone.jsonl"}, id="no-feature-table"),
    pytest.param({}, {"audit_json": "scores.jsonl/audit.json"}, id="unwritable-audit"),
    pytest.param({}, {"key_column": "clip"}, id="no-such-key-column"),
]


@pytest.mark.parametrize("out", ["out.jsonl", "out.json", "out.parquet", "out.csv"])
@pytest.mark.parametrize(("files", "given"), _FAILURES)
def test_failure_leaves_everything_as_it_was(
    work: Workspace, files: dict[str, str], given: dict[str, Any], out: str
) -> None:
    """After a failure every file has its bytes; new is at most the audit of what failed."""
    for name, text in {**files, out: "old table", "audit.json": "old audit"}.items():
        work.write(name, text)
    before = work.contents()
    with pytest.raises(JoinError, match=r"^[^\n]+\Z"):
        work.join(out=out, **given)
    after = work.contents()
    failed = after.pop("audit.failed.json", None)
    assert (after, failed is not None) == (before, "missing_policy" in given)


@pytest.mark.parametrize(("files", "given"), _FAILURES)
def test_failure_makes_nothing(
    work: Workspace, files: dict[str, str], given: dict[str, Any]
) -> None:
    """A failed join that has no earlier output leaves none, not even its folder.

    Where scores are missing, the audit of what failed is there.
    """
    for name, text in files.items():
        work.write(name, text)
    before = work.contents()
    with pytest.raises(JoinError, match=r"^[^\n]+\Z"):
        work.join(**{"out": "new/out.jsonl", "audit_json": "new/audit.json", **given})
    made = set(work.contents()) - set(before)
    assert made == ({"new", "new/audit.failed.json"} if "missing_policy" in given else set())


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="this system does not list open files")
@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
@pytest.mark.parametrize(("files", "given"), _FAILURES)
def test_failure_leaves_no_file_open(
    work: Workspace, files: dict[str, str], given: dict[str, Any], out: str
) -> None:
    """A failed join has closed its files by the time its error is raised."""
    for name, text in files.items():
        work.write(name, text)
    with pytest.raises(JoinError, match=r"^[^\n]+\Z") as caught:
        work.join(out=out, **given)
    links = [link for link in OPEN_FILES.iterdir() if link.is_symlink()]
    still_open = [link.readlink() for link in links if link.is_symlink()]
    assert [path.name for path in still_open if work.folder in path.parents] == []
    assert caught.value.__traceback__  # which holds on to whatever was not closed


@pytest.mark.parametrize("out", ["features.jsonl", "scores.jsonl", "./x/../scores.jsonl"])
def test_out_that_is_an_input(work: Workspace, out: str) -> None:
    """An output that is an input is refused, and the input is as it was."""
    (work.folder / "x").mkdir()
    before = work.contents()
    with pytest.raises(ManifestError, match=r"'table' writes .*, an input of 'table'"):
        work.join(out=out)
    assert work.contents() == before


def test_out_that_links_to_an_input(work: Workspace) -> None:
    """A link to an input is that input."""
    (work.folder / "out.jsonl").symlink_to("features.jsonl")
    with pytest.raises(ManifestError, match=r"out\.jsonl, an input of 'table'"):
        work.join()


def test_audit_that_is_the_out(work: Workspace) -> None:
    """Table and audit cannot be one file."""
    with pytest.raises(ManifestError, match=r"both write .*out\.jsonl"):
        work.join(audit_json="out.jsonl")


def test_out_that_is_a_link(work: Workspace) -> None:
    """An output that is a link stays a link, and its file has the table."""
    work.write("store/table.jsonl", "old")
    (work.folder / "out.jsonl").symlink_to("store/table.jsonl")
    work.join()
    assert (work.folder / "out.jsonl").is_symlink()
    assert len(work.rows("store/table.jsonl")) == 2
    assert [path.name for path in (work.folder / "store").iterdir()] == ["table.jsonl"]


@pytest.mark.parametrize("out", ["scores.jsonl/out.jsonl", "scores.jsonl/x/out.parquet"])
def test_unwritable_out(work: Workspace, out: str) -> None:
    """An output that cannot be written is named with the reason."""
    before = work.contents()
    with pytest.raises(JoinError, match=r"out\.\w+: cannot be written: "):
        work.join(out=out)
    assert work.contents() == before


def test_out_of_unknown_form(work: Workspace) -> None:
    """An output whose suffix tells no form is refused with those that there are."""
    with pytest.raises(JoinError, match=r"out\.xlsx: the output ends in \.xlsx, expected one of"):
        work.join(out="out.xlsx")


FORMS = ("jsonl", "ndjson", "json", "parquet", "pq")  # what CSV makes of values is in `tables`


@pytest.mark.parametrize("target", FORMS)
@pytest.mark.parametrize("source", FORMS)
def test_any_form_to_any_form(work: Workspace, source: str, target: str) -> None:
    """A table in any form goes to any form with its values and the new columns."""
    rows: list[dict[str, Any]] = [
        {"clip_id": "a", "i": 2**53 + 1, "f": 0.1, "t": "2020-01-02", "b": True, "l": [1, 2]},
        {"clip_id": "b", "i": None, "f": None, "t": None, "b": None, "l": None},
    ]
    _write_rows(work, f"features.{source}", rows)
    work.join(features=f"features.{source}", out=f"out.{target}")
    got = _read_rows(work, f"out.{target}")
    assert [{name: row[name] for name in rows[0]} for row in got] == rows
    assert [row[f"{DOVER}_score"] for row in got] == [72.5, None]
    assert [row[f"{DOVER}_status"] for row in got] == ["ok", "missing"]
    assert [row[f"{DOVER}_frames"] for row in got] == [0, 0]


def _write_rows(work: Workspace, name: str, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa  # noqa: PLC0415 (one of many tests)

    if name.endswith(("parquet", "pq")):
        work.write_table(name, pa.Table.from_pylist(rows))
    elif name.endswith(".json"):
        work.write(name, json.dumps({"rows": rows}))
    else:
        work.write_lines(name, rows)


def _read_rows(work: Workspace, name: str) -> list[dict[str, Any]]:
    if name.endswith(("parquet", "pq")):
        rows: list[dict[str, Any]] = work.table(name).to_pylist()
    elif name.endswith(".json"):
        rows = work.document(name)["rows"]
    else:
        rows = work.rows(name)
    return rows


def test_preview(work: Workspace) -> None:
    """A result shows key and new columns of its first output rows."""
    _three_scorers(work)
    preview = work.join(missing_policy="drop").preview
    assert [(row["clip_id"], row[f"{DOVER}_status"]) for row in preview] == [
        ("a", "ok"),
        ("c", "bad"),
    ]
