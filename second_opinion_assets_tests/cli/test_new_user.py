"""A new user's first table: three commands, and nobody's file is edited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from second_opinion_assets.cli.main import main
from second_opinion_assets_tests import new_user

FILES = ("DOVER=dover.csv", "Q-Align=q_align.json", "VMAF=vmaf_logs")
SCORES = [text for file in FILES for text in ("--scores", file)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Start every test in a folder with what a new user has."""
    new_user.write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def _join() -> Result:
    out = ("--out", "joined/ugc.jsonl", "--audit-json", "joined/ugc.audit.json")
    return _run(
        "materialize", "--features", "features.jsonl", *SCORES, "--key-normalize", "stem", *out
    )


def test_what_explain_says() -> None:
    """The first command says how each file is read, which logs are broken, and how keys join."""
    said = _run("explain", "features.jsonl", *SCORES).stdout
    for line in (
        "score   overall/final score: 500 ok, 0 bad",
        "score   pooled_metrics.vmaf.mean, averaged over frames: 495 ok, 2 bad",
        "bad     ugc_041: empty file (vmaf_logs/ugc_041.json)",
        "bad     ugc_300: cut short: ",
        "ignored .DS_Store",
        '"key_normalize": "stem"',
    ):
        assert line in said


def test_explain_ends_with_a_manifest(folder: Path) -> None:
    """What is printed at the end is a whole manifest, by which a batch joins the same files."""
    said = _run("explain", "features.jsonl", *SCORES).stdout
    text = said.partition("A manifest in this folder, such as second-opinion.json:\n")[2]
    (folder / "second-opinion.json").write_text(text)
    told = _run("batch", "--manifest", "second-opinion.json").stderr
    assert "input_rows=500 output_rows=500 failed_tables=0" in told
    document = json.loads(_run("explain", "features.jsonl", *SCORES, "--json").stdout)
    assert document["manifest"] == json.loads(text)


def test_what_is_joined(folder: Path) -> None:
    """The second command gives each clip its scores; broken logs and missing ones cost no other."""
    _join()
    rows = [json.loads(line) for line in (folder / "joined/ugc.jsonl").read_text().splitlines()]
    assert [row["clip_name"] for row in rows] == [f"{clip}.mp4" for clip in new_user.CLIPS]
    statuses = {row["clip_name"][:-4]: row["second_opinion_vmaf_status"] for row in rows}
    assert [clip for clip in statuses if statuses[clip] == "missing"] == new_user.NOT_MEASURED
    broken = [clip for clip in statuses if statuses[clip] == "bad"]
    assert broken == [new_user.EMPTY_LOG, new_user.CUT_LOG]
    for row in rows:
        good = new_user.quality(row["clip_name"][:-4])
        assert row["second_opinion_dover_score"] == pytest.approx(good * 100, abs=0.006)
        assert row["second_opinion_q_align_score"] == good
        if row["second_opinion_vmaf_status"] == "ok":
            assert row["second_opinion_vmaf_score"] == good * 100


def test_what_the_audit_says(folder: Path) -> None:
    """The audit names both broken logs with the reason, and all three clips without one."""
    _join()
    vmaf = json.loads((folder / "joined/ugc.audit.json").read_text())["competitors"]["VMAF"]
    assert (vmaf["matched_rows"], vmaf["missing_rows"], vmaf["bad_rows"]) == (495, 3, 2)
    assert vmaf["bad_reasons"] == {"cut short": 1, "empty file": 1}
    assert [sample["key"] for sample in vmaf["bad"]] == ["ugc_041.mp4", "ugc_300.mp4"]
    assert [sample["where"] for sample in vmaf["bad"]] == [
        "vmaf_logs/ugc_041.json",
        "vmaf_logs/ugc_300.json",
    ]


def test_what_verify_says() -> None:
    """The third command finds every file unchanged, and tells of a folder in one line."""
    _join()
    said = _run("verify", "joined/ugc.audit.json")
    assert said.stdout.splitlines() == [
        "joined/ugc.audit.json: holds",
        "  unchanged   input    features.jsonl",
        "  unchanged   input    dover.csv",
        "  unchanged   input    q_align.json",
        "  unchanged   input    vmaf_logs (497 files)",
        "  unchanged   output   joined/ugc.jsonl",
        "  agree       tallies  500 rows",
    ]


def test_no_file_is_touched(folder: Path) -> None:
    """Nothing but the joined table and its audit is written."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    _join()
    _run("explain", "features.jsonl", *SCORES)
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {path.name for path in after.keys() - before.keys()} == {"ugc.jsonl", "ugc.audit.json"}
    assert {path: after[path] for path in before} == before
