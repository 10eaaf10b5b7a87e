"""The command line: what it says, how it exits, and what it does not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from second_opinion_assets.cli.main import main
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import LockWait, output_lock
from second_opinion_assets_tests.workspace import Workspace


@pytest.fixture(autouse=True)
def in_its_folder(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start every test in its workspace, with a program name that is no file."""
    monkeypatch.chdir(work.folder)
    monkeypatch.setattr(sys, "argv", ["second-opinion", "of", "a", "test"])


def run(*arguments: str) -> Result:
    """Run the command line; a bug comes out as what it is."""
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def join(*more: str, scores: str = "scores.jsonl", out: str = "out.jsonl") -> Result:
    """Run `materialize` with the workspace's files."""
    given = ("--features", "features.jsonl", "--scores", scores, "--out", out)
    return run("materialize", *given, *more)


def batch(work: Workspace, *more: str, tables: Any = None) -> Result:
    """Run `batch` with a manifest of these tables."""
    work.write("m/batch.json", json.dumps({"tables": tables or [table("a")]}))
    return run("batch", "--manifest", "m/batch.json", *more)


def table(name: str, **given: Any) -> dict[str, Any]:
    """Return a table of a manifest in folder m."""
    paths = {"features": "../features.jsonl", "scores": ["../scores.jsonl"], "out": f"{name}.jsonl"}
    return {"id": name, **paths, **given}


def last_line(result: Result) -> str:
    """Return the last line on stderr."""
    return result.stderr.splitlines()[-1]


def test_materialize(work: Workspace) -> None:
    """One join ends with one line of counts, and exit 0."""
    result = join("--audit-json", "audit.json")
    assert (result.exit_code, result.stdout) == (0, "")
    assert last_line(result) == (
        "second-opinion materialize: input_rows=2 output_rows=2 matched=1 missing=1 bad=0 "
        "out=out.jsonl"
    )
    block = work.document()["run_provenance"]
    assert block["argv"] == ["of", "a", "test"]
    assert block["args"]["scores"] == ["scores.jsonl"]
    assert block["inputs"]["scores"][0]["path"] == "scores.jsonl"


def test_materialize_with_every_option(work: Workspace) -> None:
    """Every option of a join can be given."""
    work.write("features.jsonl", '{"src": "d/a.mp4", "so_x_score": 1}\n{"src": "d/b.mp4"}\n')
    work.write("scores.jsonl", '{"img": "e/clip_a.avi", "overall": 5, "score": 1}\n')
    options = {
        "key-column": "src",
        "score-key-field": "img",
        "score-field": "overall",
        "key-normalize": "stem",
        "key-pattern": r"(?:/clip_)?(\w+\.\w+)$",
        "missing-policy": "drop",
        "prefix": "so",
    }
    given = [text for name, value in options.items() for text in (f"--{name}", value)]
    result = join(*given, "--overwrite", scores="X=scores.jsonl")
    assert result.exit_code == 0
    assert work.rows() == [
        {
            "src": "d/a.mp4",
            "so_x_score": 5.0,
            "so_x_status": "ok",
            "so_x_runtime_ms": None,
            "so_x_frames": 0,
            "so_x_source": "scores.jsonl",
        }
    ]


def test_materialize_by_suffix(work: Workspace) -> None:
    """Clips of one name are told apart by their folders where that is asked for."""
    work.write_lines("features.jsonl", [{"path": "/d/a/x"}, {"path": "/d/b/x"}])
    scores = [{"path": f"{folder}/x", "competitor": "X", "score": 1} for folder in "ba"]
    work.write_lines("scores.jsonl", scores)
    refused = join()
    assert refused.exit_code == 1
    assert "tell them apart by --key-normalize suffix" in last_line(refused)
    assert join("--key-normalize", "suffix").exit_code == 0
    assert [row["second_opinion_x_status"] for row in work.rows()] == ["ok", "ok"]


def test_materialize_with_two_score_files(work: Workspace) -> None:
    """Score files can be given repeatedly."""
    work.write("more.jsonl", '{"clip_id": "b", "score": 1}\n')
    assert join("--scores", "MUSIQ=more.jsonl").exit_code == 0
    assert work.rows()[1]["second_opinion_musiq_score"] == 1.0


def test_a_score_file_as_an_object(work: Workspace) -> None:
    """An object in JSON gives any rule for a score file, its scale included."""
    work.write("iqa.csv", "image;musiq;niqe\nx_a;71;3\nx_b;61;4\n")
    given = {"path": "iqa.csv", "scorers": {"MUSIQ": "musiq", "NIQE": "niqe"}}
    rules = {"key_field": "image", "key_pattern": "x_(.*)", "reader": "csv"}
    result = join("--audit-json", "audit.json", scores=json.dumps({**given, **rules}))
    assert result.exit_code == 0, result.stderr
    assert [row["second_opinion_niqe_score"] for row in work.rows()] == [3.0, 4.0]
    assert work.document()["run_provenance"]["args"]["scores"] == [{**given, **rules}]
    scaled = {"path": "scores.jsonl", "label": "DOVER", "scale": "0-1"}
    assert join("--audit-json", "audit.json", scores=json.dumps(scaled)).exit_code == 0
    assert work.document()["competitors"]["DOVER"]["scale"]["name"] == "0-1"


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ('{"path": "s.jsonl"', "scores: not JSON: "),
        ('{"pth": "s.jsonl"}', "scores: unknown key 'pth'; did you mean path?"),
        ('{"path": "s.jsonl", "label": "DOVER", "scale": "0-7"}', "scores.scale: DOVER: unknown"),
        ('{"path": "s.jsonl", "scorers": {"A": "a"}, "scale": "0-1"}', "scores.scale: of several"),
    ],
)
def test_refused_objects(scores: str, message: str) -> None:
    """An object that cannot be used exits 2 and names the place in it."""
    result = join(scores=scores)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_field_behind_a_path(work: Workspace) -> None:
    """The field of a score may stand behind its file's path, and one file be given twice."""
    row = {"clip_id": "a", "summary": {"fused": 5, "raw": 6}}
    work.write_lines("s.jsonl", [row, {**row, "clip_id": "b"}])
    result = join("--scores", "B=s.jsonl::summary.raw", scores="A=s.jsonl::summary.fused")
    assert result.exit_code == 0, result.stderr
    got = work.rows()[0]
    assert (got["second_opinion_a_score"], got["second_opinion_b_score"]) == (5, 6)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_equals_signs_in_names(work: Workspace, suffix: str) -> None:
    """A file that is there is itself, and never another one that is called like its end."""
    rows = {"csv": "clip_id,score\na,{}\n", "tsv": "clip_id\tscore\na\t{}\n"}
    text = rows.get(suffix, '{{"clip_id": "a", "score": {}}}\n')
    work.write(f"vmaf_crf=18.{suffix}", text.format(50))
    work.write(f"18.{suffix}", text.format(1))
    nameless = join(scores=f"vmaf_crf=18.{suffix}")
    assert nameless.exit_code == 1
    assert f"=vmaf_crf=18.{suffix}" in last_line(nameless)
    assert join(scores=f"VMAF=vmaf_crf=18.{suffix}").exit_code == 0
    assert work.rows()[0]["second_opinion_vmaf_score"] == 50.0
    explained = run("explain", "features.jsonl", "--scores", f"vmaf_crf=18.{suffix}", "--json")
    entry = json.loads(explained.stdout)["manifest_entry"]
    assert entry["scores"] == [{"path": f"vmaf_crf=18.{suffix}", "label": "vmaf_crf=18"}]


@pytest.mark.parametrize(
    "name", ["s32*32.csv", "dover [1080p].csv", "a::b.csv", "what?.csv", "codec=av1/[4K] s.csv"]
)
def test_names_with_the_characters_of_a_pattern(work: Workspace, name: str) -> None:
    """A file that is there is itself, whatever characters its name has; so it is in a manifest."""
    work.write(name, "clip_id,score\na,1\n")
    work.write("s32_other_32.csv", "clip_id,score\na,2\n")
    assert join(scores=f"FAST={name}").exit_code == 0
    assert work.rows()[0]["second_opinion_fast_score"] == 1.0
    assert join(scores=f"FAST={name}", out="s32_out_32.csv.jsonl").exit_code == 0
    explained = run("explain", "features.jsonl", "--scores", f"FAST={name}", "--json")
    entry = json.loads(explained.stdout)["manifest_entry"]
    work.write("m.json", json.dumps({"tables": [entry]}))
    assert run("batch", "--manifest", "m.json").exit_code == 0
    assert work.rows(entry["out"])[0]["second_opinion_fast_source"] == name


def test_materialize_fails_in_one_line(work: Workspace) -> None:
    """Bad input is one line and exit 1, without a traceback, and nothing is written."""
    work.write("scores.jsonl", '{"clip_id": "a", "score": 1}\n')
    before = work.contents()
    result = join()
    assert result.exit_code == 1
    assert result.stderr == (
        "second-opinion: error: scores.jsonl:1: no scorer is named in the row; "
        "name it, as SCORER=scores.jsonl\n"
    )
    assert work.contents() == before


def test_materialize_lacks_scores(work: Workspace) -> None:
    """Policy fail names what is missing, and exits 1."""
    result = join("--missing-policy", "fail")
    assert result.exit_code == 1
    assert last_line(result).endswith(
        "error: missing second-opinion scores: DOVER=1; missing of DOVER: 'b'"
    )
    assert not (work.folder / "out.jsonl").exists()


def test_warning_of_keys(work: Workspace) -> None:
    """Where no key is found, the mode that finds them is named as a flag."""
    work.write("scores.jsonl", '{"path": "d/a.mp4", "competitor": "DOVER", "score": 1}\n')
    hint = "DOVER: 0 of 1 keys found in the feature table; --key-normalize stem would find 1"
    result = join()
    assert result.exit_code == 1
    assert last_line(result) == (
        "second-opinion: error: features.jsonl: no row gets an ok score, so nothing is published: "
        f"{hint}; if that is meant, say --allow-empty"
    )
    assert not (work.folder / "out.jsonl").exists()
    result = join("--allow-empty")
    assert result.exit_code == 0
    assert f"second-opinion: warning: {hint}\n" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("materialize",), id="nothing-given"),
        pytest.param(("materialize", "--features", "f", "--out", "o.json"), id="no-scores"),
        pytest.param(("batch",), id="no-manifest"),
        pytest.param(("bach",), id="unknown-command"),
        pytest.param(("batch", "--manifst", "m"), id="unknown-option"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...]) -> None:
    """A usage error exits 2 and says how to get help."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--missing-policy", "skip"), "'skip' is not one of 'mark', 'drop', 'fail'"),
        (("--key-normalize", "x"), "'x' is not one of 'auto', 'raw', 'basename', 'stem'"),
        (("--prefix", ""), "prefix is ''"),
        (("--scores", "=x.jsonl"), "score file '=x.jsonl': expected SCORER=path or path"),
    ],
)
def test_refused_values(work: Workspace, more: tuple[str, ...], message: str) -> None:
    """A value that an option does not take exits 2, names it, and nothing is written."""
    before = work.contents()
    result = join(*more)
    assert result.exit_code == 2
    assert message in result.stderr
    assert work.contents() == before


def test_out_that_is_an_input(work: Workspace) -> None:
    """An output that is an input is a usage error."""
    before = work.contents()
    result = join(out="scores.jsonl")
    assert result.exit_code == 2
    assert "writes scores.jsonl, an input of" in result.stderr
    assert work.contents() == before


@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
def test_a_path_that_is_no_text(work: Workspace, out: str) -> None:
    """A file whose name is no UTF-8 is named in one line, and nothing is written."""
    name = os.fsdecode(b"s\xff.jsonl")
    work.write(name, work.read("scores.jsonl"))
    before = work.contents()
    result = run("materialize", "--features", "features.jsonl", "--scores", name, "--out", out)
    assert result.exit_code == 2
    assert last_line(result).endswith(
        r"the path 's\udcff.jsonl' is not UTF-8 text; rename the file"
    )
    assert work.contents() == before


def test_a_manifest_whose_path_is_no_text(work: Workspace) -> None:
    """A report that cannot name its manifest is refused in one line."""
    name = os.fsdecode(b"m\xff.json")
    work.write(name, json.dumps({"tables": [table("a")]}))
    result = run("batch", "--manifest", name, "--report-json", "r.json")
    assert result.exit_code == 1
    assert r"'m\udcff.json': a path that is not UTF-8 text" in last_line(result)


def test_explain(work: Workspace) -> None:
    """A person gets lines of text and exit 0, and no file is written."""
    before = sorted(work.folder.rglob("*"))
    result = run("explain", "features.jsonl", "--scores", "scores.jsonl")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "As asked: 1 of 2 rows find an ok score of DOVER.\n" in result.stdout
    assert sorted(work.folder.rglob("*")) == before


def test_explain_speaks_of_flags(work: Workspace) -> None:
    """What would find more is named by flags, and a key's control characters are escapes."""
    keys = ["a.mp4", "b.mp4", "\x1b[31m.mp4"]
    rows = [{"clip_id": key, "competitor": "m", "score": 3} for key in keys]
    work.write_lines("scores.jsonl", rows)
    said = run("explain", "features.jsonl", "--scores", "scores.jsonl").stdout
    assert "With --key-normalize stem: 2 of 2 for m.\n" in said
    assert "\x1b" not in said


def test_what_is_wrong_with_an_option_is_told_by_its_flag() -> None:
    """An option's error begins with its flag."""
    result = run("explain", "features.jsonl", "--scores", "scores.jsonl", "--key-pattern", "a")
    assert result.exit_code == 2
    assert last_line(result).startswith("Error: --key-pattern is 'a' with 0 groups")


def test_explain_answers_in_json(work: Workspace) -> None:
    """With --json a program gets one document, and options count as in a join."""
    work.write_lines("scores.jsonl", [{"clip_id": "d/a.mp4", "competitor": "m", "vq": 3}])
    options = ("--key-normalize", "stem", "--score-field", "vq", "--json")
    result = run("explain", "features.jsonl", "--scores", "scores.jsonl", *options)
    told = json.loads(result.stdout)
    assert (result.exit_code, told["status"]) == (0, "ok")
    assert told["readings"][0]["key_normalize"] == "stem"
    assert told["readings"][0]["tally"]["scorers"]["m"]["matched_rows"] == 1
    assert told["manifest_entry"]["score_field"] == "vq"


def test_explain_says_what_cannot_be_used() -> None:
    """A file that cannot be used ends with exit 1; its line stands among the rest."""
    result = run("explain", "features.jsonl", "--scores", "nowhere.jsonl")
    assert result.exit_code == 1
    assert "nowhere.jsonl: cannot be read: No such file or directory" in result.stdout
    gone = run("explain", "nowhere.parquet", "--scores", "scores.jsonl")
    assert gone.exit_code == 1
    assert last_line(gone) == (
        "second-opinion: error: nowhere.parquet: cannot be read: No such file or directory"
    )
    assert run("explain", "features.jsonl", "--scores", "=").exit_code == 2


def test_what_changed_since_the_join_before(work: Workspace) -> None:
    """A join over an earlier output says in one line what changed; a first one says nothing."""
    assert len(join().stderr.splitlines()) == 2
    work.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 70}\n')
    changed, same = (join().stderr.splitlines()[1:-1] for _ in range(2))
    assert changed == ["second-opinion: since the previous join: rows changed: 1 (DOVER=1)"]
    assert same == ["second-opinion: since the previous join: no score changed"]


def test_batch(work: Workspace) -> None:
    """A batch ends with the contract's line, and exit 0."""
    result = batch(work, tables=[table("a"), table("b", missing_policy="drop")])
    assert (result.exit_code, result.stdout) == (0, "")
    assert last_line(result) == (
        "second-opinion batch materialize: tables=2 input_rows=4 output_rows=3 failed_tables=0"
    )


def test_batch_with_a_failing_table(work: Workspace) -> None:
    """A failing table is one line; the others are joined, and the batch exits 1."""
    result = batch(work, tables=[table("a", missing_policy="fail"), table("b")])
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "second-opinion: table a: missing second-opinion scores: DOVER=1; missing of DOVER: 'b'",
        "second-opinion batch materialize: tables=2 input_rows=2 output_rows=2 failed_tables=1",
    ]
    assert len(work.rows("m/b.jsonl")) == 2


def test_batch_warns_by_table(work: Workspace) -> None:
    """A scorer without an ok score is a warning with its table's name, there and in the report."""
    work.write_lines("uvq.jsonl", [{"clip_id": clip, "uvq1p5_score": 3.5} for clip in "ab"])
    uvq = table("b", scores=["UVQ=../uvq.jsonl"], allow_empty=True)
    result = batch(work, "--report-json", "r.json", tables=[table("a"), uvq])
    warning = (
        "UVQ: 0 of 2 score rows are ok (no score: 2); numeric fields there are uvq1p5_score: "
        "name the one that is the score as score_field"
    )
    assert result.stderr.splitlines()[:-1] == [f"second-opinion: table b: warning: {warning}"]
    entries = work.document("r.json")["tables"]
    assert [entry["warnings"] for entry in entries] == [[], [warning]]
    counts = {"matched_rows": 0, "missing_rows": 0, "bad_rows": 2}
    assert entries[1]["summary"]["competitors"] == {"UVQ": counts}


def test_batch_fail_fast(work: Workspace) -> None:
    """With --fail-fast nothing is joined after the first failure."""
    result = batch(work, "--fail-fast", tables=[table("a", missing_policy="fail"), table("b")])
    assert result.exit_code == 1
    assert not (work.folder / "m/b.jsonl").exists()


def test_batch_reports(work: Workspace) -> None:
    """The reports are written where they are asked for, and name themselves."""
    result = batch(work, "--report-json", "r/r.json", "--report-md", "r/r.md")
    assert result.exit_code == 0
    report = work.document("r/r.json")
    assert report["schema"] == "second-opinion-materializer-batch-v1"
    assert report["run_provenance"]["outputs"] == {
        "report_json": "r/r.json",
        "report_md": "r/r.md",
        "coverage_svg": "r/r.coverage.svg",
    }
    assert report["run_provenance"]["args"]["manifest"] == "m/batch.json"
    assert work.read("r/r.md").startswith(b"# Second-opinion batch: ok\n")


def test_batch_reports_failures(work: Workspace) -> None:
    """The reports are written when tables failed, too."""
    result = batch(work, "--report-json", "r.json", tables=[table("a", missing_policy="fail")])
    assert result.exit_code == 1
    assert work.document("r.json")["status"] == "failed"


def test_base_dir(work: Workspace) -> None:
    """A base directory is what the paths of a manifest start from."""
    paths = {"features": "features.jsonl", "scores": ["scores.jsonl"], "out": "x/a.jsonl"}
    result = batch(work, "--base-dir", ".", tables=[{"id": "a", **paths}])
    assert result.exit_code == 0
    assert len(work.rows("x/a.jsonl")) == 2


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"tables": []}', '{"tables": [{"id": "a", "featurs": "x"}]}']
)
def test_manifest_errors(work: Workspace, text: str) -> None:
    """A manifest that cannot be used exits 2 in one line, and nothing is written."""
    work.write("batch.json", text)
    before = work.contents()
    result = run("batch", "--manifest", "batch.json", "--report-json", "r.json")
    assert result.exit_code == 2
    assert result.stderr.startswith("second-opinion: error: batch.json")
    assert len(result.stderr.splitlines()) == 1
    assert work.contents() == before


def test_fail_says_what_would_match(work: Workspace) -> None:
    """A failure for missing scores is preceded by the key_normalize that would find them."""
    work.write("f.jsonl", '{"clip_id": "a"}\n')
    work.write("s.jsonl", '{"clip_id": "a.mp4", "competitor": "X", "score": 1}\n')
    given = ["--features", "f.jsonl", "--scores", "s.jsonl", "--out", "o.jsonl"]
    result = run("materialize", *given, "--missing-policy", "fail")
    warning, error = result.stderr.splitlines()[-2:]
    assert warning == (
        "second-opinion: warning: X: 0 of 1 keys found in the feature table; "
        "--key-normalize stem would find 1"
    )
    assert error == ("second-opinion: error: missing second-opinion scores: X=1; missing of X: 'a'")


def test_manifest_that_is_not_there() -> None:
    """A manifest that is not there exits 2."""
    result = run("batch", "--manifest", "gone.json")
    assert result.exit_code == 2
    assert "gone.json: cannot be read: No such file or directory" in result.stderr


@pytest.mark.parametrize(
    "report",
    ["m/batch.json", "features.jsonl", "scores.jsonl", "m/a.jsonl"],
    ids=["manifest", "features", "scores", "out"],
)
@pytest.mark.parametrize("option", ["--report-json", "--report-md"])
def test_report_that_is_an_input_or_output(work: Workspace, option: str, report: str) -> None:
    """A report never takes the place of the manifest, an input or a table."""
    result = batch(work, option, report)
    assert result.exit_code == 2
    assert json.loads(work.read("m/batch.json")) == {"tables": [table("a")]}
    assert b'"psnr": 41.2' in work.read("features.jsonl")
    assert work.read("scores.jsonl").startswith(b'{"clip_id": "a"')


def test_both_reports_in_one_file(work: Workspace) -> None:
    """The two reports cannot be one file."""
    assert batch(work, "--report-json", "r", "--report-md", "r").exit_code == 2


@pytest.mark.parametrize("command", [(), *((name,) for name in main.commands)])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(command: tuple[str, ...], flag: str) -> None:
    """Every command explains itself."""
    result = run(*command, flag)
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_help_names_every_option() -> None:
    """The help of materialize names every option of a join."""
    text = run("materialize", "--help").stdout
    for option in (
        *("--features", "--scores", "--out", "--audit-json", "--key-column", "--score-key-field"),
        *("--score-field", "--key-normalize", "--missing-policy", "--prefix", "--overwrite"),
    ):
        assert option in text


def _modules(arguments: list[str]) -> set[str]:
    """Return the modules that a fresh process has imported after running the command line."""
    program = (
        "import contextlib, sys\n"
        "from second_opinion_assets.cli.start import run\n"
        f"sys.argv[1:] = {arguments!r}\n"
        "with contextlib.suppress(SystemExit):\n"
        "    run()\n"
        "print('\\n'.join(name for name, module in sys.modules.items() if module))\n"
    )
    done = subprocess.run(  # noqa: PLW1510 (its status is looked at below)
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.split()}


FOREIGN = {"dagster", "pandas", "matplotlib", "scipy", "numpy"}


@pytest.mark.e2e
@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
def test_the_command_line_imports_no_pandas(out: str) -> None:
    """A join imports neither Dagster nor pandas."""
    given = ["--features", "features.jsonl", "--scores", "scores.jsonl", "--out", out]
    assert _modules(["materialize", *given]) & (FOREIGN - {"numpy"}) == set()


@pytest.mark.e2e
def test_installed_command(work: Workspace) -> None:
    """The installed command joins the project's own smoke tables, as its last line says."""
    smoke = [
        table("a", missing_policy="fail", features="f.jsonl"),
        table("b", features="../features.jsonl"),
    ]
    work.write("m/f.jsonl", '{"clip_id": "a"}\n')
    work.write("m/batch.json", json.dumps({"tables": smoke}))
    program = "from second_opinion_assets.cli.main import main; main()"
    done = subprocess.run(  # noqa: PLW1510 (its status is looked at below)
        [sys.executable, "-c", program, "batch", "--manifest", "m/batch.json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == (
        "second-opinion batch materialize: tables=2 input_rows=3 output_rows=3 failed_tables=0"
    )


def test_verify(work: Workspace) -> None:
    """Verifying says for each file what became of it, and ends with a summary and exit 0."""
    join("--audit-json", "audit.json")
    result = run("verify", "audit.json")
    assert result.exit_code == 0
    assert result.stdout == (
        "audit.json: holds\n"
        "  unchanged   input    features.jsonl\n"
        "  unchanged   input    scores.jsonl\n"
        "  unchanged   output   out.jsonl\n"
        "  agree       tallies  2 rows\n"
    )
    assert result.stderr == (
        "second-opinion verify: audits=1 failed_audits=0 files=3 unchanged=3 changed=0 gone=0 "
        "unreadable=0\n"
    )
    assert work.contents().keys() == {"audit.json", "features.jsonl", "out.jsonl", "scores.jsonl"}


def test_verify_many(work: Workspace) -> None:
    """An audit that does not hold, or is none, hides no other; the exit is 1."""
    join("--audit-json", "1.json", out="1.jsonl")
    join("--audit-json", "2.json", out="2.jsonl")
    work.write("1.jsonl", work.read("1.jsonl").replace(b"missing", b"ok", 1))
    work.write("scores.jsonl", "")
    work.write("broken.json", "[")
    (work.folder / "features.jsonl").unlink()
    result = run(
        "verify", "1.json", "broken.json", "none.json", "2.json", "--in-toto", "statements"
    )
    assert result.exit_code == 1
    assert result.stdout == (
        "1.json: does not hold\n"
        "  gone        input    features.jsonl\n"
        "  changed     input    scores.jsonl\n"
        "  changed     output   1.jsonl\n"
        "  differs     tallies  DOVER: ok rows: expected 1, found 2\n"
        "  differs     tallies  DOVER: missing rows: expected 1, found 0\n"
        "broken.json: does not hold\n"
        "  no answer   audit    broken.json: not JSON: Expecting value (column 2)\n"
        "none.json: does not hold\n"
        "  no answer   audit    none.json: cannot be read: No such file or directory\n"
        "2.json: does not hold\n"
        "  gone        input    features.jsonl\n"
        "  changed     input    scores.jsonl\n"
        "  unchanged   output   2.jsonl\n"
        "  agree       tallies  2 rows\n"
    )
    assert last_line(result) == (
        "second-opinion verify: audits=4 failed_audits=4 files=6 unchanged=1 changed=3 gone=2 "
        "unreadable=0"
    )
    assert not (work.folder / "statements").exists()


def test_verify_answers_in_json(work: Workspace) -> None:
    """As JSON the answer is one document with every file and difference."""
    join("--audit-json", "audit.json")
    work.write("scores.jsonl", "")
    result = run("verify", "--json", "audit.json", "none.json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert (answer["schema"], answer["status"]) == ("second-opinion-verify-v1", "failed")
    assert answer["summary"]["failed_audits"] == 2
    changed = answer["audits"][0]["files"][1]
    assert (changed["path"], changed["state"], changed["role"]) == (
        "scores.jsonl",
        "changed",
        "input",
    )
    assert changed["sha256"] != changed["found_sha256"]
    assert answer["audits"][0]["holds"] is False
    assert "cannot be read" in answer["audits"][1]["problem"]


def test_verify_writes_statements(work: Workspace) -> None:
    """Only for audits that hold, an in-toto Statement is written."""
    join("--audit-json", "1.json", out="1.jsonl")
    join("--audit-json", "2.json", out="2.jsonl")
    (work.folder / "1.jsonl").unlink()
    assert run("verify", "1.json", "2.json", "--in-toto", "statements").exit_code == 1
    assert [path.name for path in (work.folder / "statements").iterdir()] == ["2.jsonl.intoto.json"]


def test_verify_in_another_folder(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are found by the audit's place, or below the base directory that is given."""
    join("--audit-json", "o/audit.json")
    (work.folder / "o/audit.json").rename(work.folder / "renamed.json")
    monkeypatch.chdir("/")
    assert run("verify", str(work.folder / "renamed.json")).exit_code == 1
    base = ("--base-dir", str(work.folder))
    assert run("verify", *base, str(work.folder / "renamed.json")).exit_code == 0


@pytest.mark.parametrize("arguments", [(), ("--jsn", "a.json"), ("a.json", "--base-dir")])
def test_verify_refuses_unknown_usage(arguments: tuple[str, ...]) -> None:
    """A usage error is exit 2."""
    assert run("verify", *arguments).exit_code == 2


def test_another_run_of_the_same_output(work: Workspace) -> None:
    """A command waits for a run that writes its output, says so, and gives up in time."""
    with output_lock([Location(work.folder / "out.jsonl")], LockWait(0)):
        result = join("--lock-timeout", "0.1")
    assert result.exit_code == 1
    told, error = result.stderr.splitlines()
    assert told == "second-opinion: out.jsonl: another run writes it; waiting up to 0.1 s"
    assert error.endswith("out.jsonl: another run still writes it after 0.1 s; join again later")
    assert join().exit_code == 0
