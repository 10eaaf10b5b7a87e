"""Sidecars by example: each accepted file with its columns, each rejected one with its message."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import slug
from second_opinion_assets_tests.examples import (
    companion,
    example_message,
    example_options,
    examples,
)
from second_opinion_assets_tests.workspace import Workspace


def _given(example: Path, work: Workspace) -> tuple[str | dict[str, Any], dict[str, Any]]:
    """Copy an example to a workspace; return the sidecar that it is, and the options."""
    copy = shutil.copytree if example.is_dir() else shutil.copy
    copy(example, work.folder / example.name)
    options = example_options(example)
    label, rules = options.pop("label", None), options.pop("rules", None)
    if rules:
        return {"path": example.name, "label": label, **rules}, options
    return (f"{label}={example.name}" if label else example.name), options


@pytest.mark.parametrize("example", examples("scores/examples/accepted_sidecars"))
def test_accepted_sidecar(example: Path, work: Workspace) -> None:
    """Every row of an accepted sidecar reaches the columns that its expectation names."""
    sidecar, options = _given(example, work)
    expected = json.loads(companion(example, ".expected.json").read_text())
    work.write_lines("features.jsonl", [{"clip_id": row["key"]} for row in expected])
    result = work.join(scores=[sidecar], key_column="clip_id", **options)
    bad = {
        (scorer.competitor, sample.row): sample
        for scorer in result.tally.scorers.values()
        for sample in scorer.bad
    }
    for number, (want, row) in enumerate(zip(expected, work.rows(), strict=True)):
        start = f"second_opinion_{slug(want['competitor'])}_"
        got = {
            name.removeprefix(start): value for name, value in row.items() if name.startswith(start)
        }
        wanted = {
            "score": want["score"],
            "status": want["status"],
            "runtime_ms": want["runtime_ms"],
            "frames": want["frames"],
            "source": "" if want["status"] == "missing" else want.get("source", example.name),
        }
        assert got == wanted
        sample = bad.get((want["competitor"], number))
        assert (sample.reason if sample else None) == want.get("reason")
        where = sample.where.replace(str(work.folder), "{folder}") if sample else None
        assert where == want.get("where")


@pytest.mark.parametrize("example", examples("scores/examples/accepted_sidecars"))
def test_accepted_sidecar_is_complete(example: Path, work: Workspace) -> None:
    """The expectation of an accepted sidecar names each of its distinct rows."""
    sidecar, options = _given(example, work)
    expected = json.loads(companion(example, ".expected.json").read_text())
    result = work.join(scores=[sidecar], **options)
    loaded = {name: tally.scores_loaded for name, tally in result.tally.scorers.items()}
    wanted = dict.fromkeys((row["competitor"] for row in expected), 0)
    for row in expected:
        wanted[row["competitor"]] += row["status"] != "missing"
    assert loaded == wanted


@pytest.mark.parametrize("example", examples("scores/examples/rejected_sidecars"))
def test_rejected_sidecar(example: Path, work: Workspace) -> None:
    """A rejected sidecar stops the table with its one-line message, and nothing is written."""
    sidecar, options = _given(example, work)
    before = work.contents()
    with pytest.raises(JoinError, match=r"^[^\n]+\Z") as caught:
        work.join(scores=[sidecar], **options)
    assert str(caught.value) == example_message(example, work.folder)
    assert work.contents() == before


def test_score_file_that_is_not_there(work: Workspace) -> None:
    """A score file that is not there is named in the error."""
    with pytest.raises(JoinError, match=r"gone\.jsonl: cannot be read: No such file"):
        work.join(scores=["gone.jsonl"])


def test_identical_rows_in_one_file_are_counted(work: Workspace) -> None:
    """A re-run that appends the same rows again is counted, not refused."""
    row = {"clip_id": "a", "competitor": "DOVER", "score": 72.5, "runtime_ms": 3}
    work.write_lines("scores.jsonl", [row, row, row])
    tally = work.join().tally.scorers["DOVER"]
    assert (tally.scores_loaded, tally.duplicate_rows) == (1, 2)


def test_identical_rows_in_two_files_are_counted(work: Workspace) -> None:
    """The same row in a second file is counted, and the first file stays the source."""
    work.write("again.jsonl", work.read("scores.jsonl"))
    tally = work.join(scores=["scores.jsonl", "again.jsonl"]).tally.scorers["DOVER"]
    assert (tally.scores_loaded, tally.duplicate_rows) == (1, 1)
    assert work.rows()[0]["second_opinion_dover_source"] == "scores.jsonl"


def test_identical_bad_rows_are_counted(work: Workspace) -> None:
    """Two rows without a score that say the same are one row and a duplicate."""
    row = {"clip_id": "a", "competitor": "DOVER", "status": "error"}
    work.write_lines("scores.jsonl", [row, row])
    tally = work.join().tally.scorers["DOVER"]
    assert (tally.scores_loaded, tally.duplicate_rows, tally.bad_rows) == (1, 1, 1)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"score": 72.6}, id="another-score"),
        pytest.param({"frames": [{"score": 72.5}]}, id="another-frame-count"),
    ],
)
def test_different_rows_for_one_key_are_refused(work: Workspace, second: dict[str, Any]) -> None:
    """Two different rows for one key and scorer are refused, and both lines are named."""
    known = {"clip_id": "a", "competitor": "DOVER"}
    other = {"clip_id": "z", "competitor": "DOVER", "score": 1}
    work.write_lines("scores.jsonl", [{**known, "score": 72.5}, other, {**known, **second}])
    with pytest.raises(JoinError, match=r"scores\.jsonl:3: .*DOVER.*'a'.*scores\.jsonl:1"):
        work.join()


def test_different_rows_in_two_files_are_refused(work: Workspace) -> None:
    """Two files that disagree on a clip are refused, and both places are named."""
    work.write("more.json", '{"rows": [{"clip_id": "a", "competitor": "DOVER", "score": 1}]}')
    with pytest.raises(JoinError, match=r"more\.json::\$\.rows\[0\]: .*scores\.jsonl:1"):
        work.join(scores=["scores.jsonl", "more.json"])


def test_two_clips_with_one_basename_are_refused(work: Workspace) -> None:
    """Two clips whose keys become one in normalising never share a score."""
    row = {"competitor": "DOVER", "score": 1}
    work.write_lines("scores.jsonl", [{"path": "x/a.mp4", **row}, {"path": "y/a.mp4", **row}])
    with pytest.raises(JoinError, match=r"scores\.jsonl:2: .*'a\.mp4'.*scores\.jsonl:1"):
        work.join()


def test_same_key_of_two_scorers(work: Workspace) -> None:
    """One key may have a row of each scorer, in one file or in two."""
    work.write_lines(
        "scores.jsonl",
        [
            {"clip_id": "a", "competitor": "DOVER", "score": 1},
            {"clip_id": "a", "competitor": "MUSIQ", "score": 2},
        ],
    )
    work.join()
    row = work.rows()[0]
    assert (row["second_opinion_dover_score"], row["second_opinion_musiq_score"]) == (1.0, 2.0)


def test_two_competitors_with_one_slug(work: Workspace) -> None:
    """Two competitors whose columns would have one name are refused, and both are named."""
    work.write_lines("scores.jsonl", [{"clip_id": "a", "competitor": "DOVER-mobile", "score": 1}])
    work.write_lines("more.jsonl", [{"clip_id": "b", "competitor": "dover_mobile", "score": 1}])
    with pytest.raises(JoinError, match=r"more\.jsonl:1: .*'DOVER-mobile' and 'dover_mobile'"):
        work.join(scores=["scores.jsonl", "more.jsonl"])


def test_two_competitors_with_one_slug_in_one_file(work: Workspace) -> None:
    """Of two competitors with one slug in one file, the later row is the one that is at fault."""
    rows = [
        {"clip_id": str(number), "competitor": name, "score": 1}
        for name in ("N N", "N-N", "N_N", "n n", "n-n", "n_n", "N.N", "n.n")
        for number in range(3)
    ]
    work.write_lines("scores.jsonl", rows)
    with pytest.raises(JoinError, match=r"scores\.jsonl:4: scorers 'N N' and 'N-N' would"):
        work.join()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("none.jsonl", "", id="empty-lines"),
        pytest.param("none.jsonl", "\n \n", id="blank-lines"),
        pytest.param("none.json", "[]", id="empty-list"),
        pytest.param("none.json", '{"rows": []}', id="no-rows"),
        pytest.param("none.json", '{"results": []}', id="no-results"),
    ],
)
def test_no_scores_at_all(work: Workspace, name: str, text: str) -> None:
    """Sidecars without a single row are refused, and named."""
    work.write(name, text)
    with pytest.raises(JoinError, match=rf"^no scores at all: .*{name}"):
        work.join(scores=[f"DOVER={name}"])


def test_one_empty_sidecar_of_two(work: Workspace) -> None:
    """A labelled sidecar without rows leaves its scorer missing where another one has scores."""
    work.write("none.jsonl", "")
    work.join(scores=["scores.jsonl", "MUSIQ=none.jsonl"])
    assert [row["second_opinion_musiq_status"] for row in work.rows()] == ["missing", "missing"]


def test_rows_after_many_alike(work: Workspace) -> None:
    """A row unlike its thousand neighbours is read by the same rules."""
    alike = [{"clip_id": f"c{n}", "competitor": "DOVER", "score": n} for n in range(1000)]
    odd = {"Name": "dir/a", "summary": {"Competitor": "DOVER", "MOS": "5.5"}, "status": "PASS"}
    work.write_lines("scores.jsonl", [*alike, odd])
    work.join()
    row = work.rows()[0]
    assert (row["second_opinion_dover_score"], row["second_opinion_dover_status"]) == (5.5, "ok")


def test_line_numbers_count_blank_lines(work: Workspace) -> None:
    """The line in a bad row's place is the line of the file, blank lines counted."""
    bad = '{"clip_id": "a", "competitor": "DOVER", "score": null}'
    work.write("scores.jsonl", f"\ufeff\n\r\n{bad}")
    sample = work.join().tally.scorers["DOVER"].bad[0]
    assert sample.where == f"{work.folder}/scores.jsonl:3"


@pytest.mark.parametrize("name", ["scores.jsonl", "scores.json"])
def test_utf16_sidecar(work: Workspace, name: str) -> None:
    """A sidecar in UTF-16, as some shells write it, is read."""
    row = '{"clip_id": "a", "competitor": "DOVER", "score": 1}'
    work.write(name, (f"[{row}]" if name == "scores.json" else f"{row}\n").encode("utf-16"))
    work.join(scores=[name])
    assert work.rows()[0]["second_opinion_dover_score"] == 1
