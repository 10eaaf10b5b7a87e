"""A first manifest of what lies in a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from second_opinion_assets.cli.main import main
from second_opinion_assets_tests import new_user
from second_opinion_assets_tests.workspace import Workspace

PROJECT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> Workspace:
    """Return a folder that has nothing yet."""
    work = Workspace(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    return work


def run(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def manifest(folder: Path) -> Any:
    """Return what was written, once it was checked by its own schema and by a batch."""
    document = json.loads((folder / "second-opinion.json").read_text())
    schema = json.loads((folder / document["$schema"]).read_text())
    Draft202012Validator(schema).validate(document)
    done = run("batch", "--manifest", str(folder / "second-opinion.json"))
    assert done.exit_code == 0, done.stderr
    return document


def test_what_a_new_user_has_is_recognised(tmp_path: Path) -> None:
    """Tables, scorers by their files, folders of logs and the right reading of keys are found."""
    new_user.write_inputs(tmp_path)
    told = run("init")
    assert told.exit_code == 0
    assert manifest(tmp_path)["tables"] == [
        {
            "id": "features",
            "features": "features.jsonl",
            "scores": ["DOVER=dover.csv", "Q-Align=q_align.json", "vmaf_logs=vmaf_logs"],
            "out": "joined/features.with-second-opinion.jsonl",
            "audit_json": "joined/features.audit.json",
            "key_normalize": "stem",
        }
    ]
    said = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert said[:4] == [
        "second-opinion.json: 1 table",
        "",
        "features.jsonl: 500 rows",
        "key clip_name, read as stem",
    ]
    assert "DOVER 500 of 500 rows find a score in dover.csv" in said
    assert said[-2:] == [
        "second-opinion batch --manifest second-opinion.json",
        "second-opinion report --manifest second-opinion.json --html report.html",
    ]
    assert any(line.startswith("missing_policy ") for line in said)


def test_init_looks_at_a_folder_from_elsewhere(tmp_path: Path) -> None:
    """Paths of the manifest are relative to its folder; scores that are there twice count once."""
    shutil.copytree(PROJECT / "data" / "clips", tmp_path / "clips")
    told = run("init", "clips")
    assert told.exit_code == 0, told.stderr
    tables = manifest(tmp_path / "clips")["tables"]
    assert [table["id"] for table in tables] == ["features", "features_parquet"]
    assert "piqe.jsonl" in tables[0]["scores"]
    assert "wrapper  has clips of piqe that piqe.jsonl has too" in told.stdout


def test_each_table_has_its_own_scores(files: Workspace) -> None:
    """Score files go to the tables whose rows they find, also from folders below."""
    for name in ("one", "two"):
        clips = [f"{name}{number}" for number in range(3)]
        files.write_lines(f"features/{name}.jsonl", [{"clip_id": c, "psnr": 1} for c in clips])
        files.write_lines(f"scores/dover_{name}.jsonl", [{"clip_id": c, "score": 2} for c in clips])
    files.write("notes.txt", "nothing of interest\n")
    files.write("scores/empty.csv", "clip_id,score\nother,1\n")
    told = run("init")
    assert told.exit_code == 0, told.stderr
    document = manifest(files.folder)
    assert {table["id"]: table["scores"] for table in document["tables"]} == {
        "one": ["dover_one=scores/dover_one.jsonl"],
        "two": ["dover_two=scores/dover_two.jsonl"],
    }
    assert "scores/empty.csv  no feature table has its keys" in told.stdout
    assert "notes.txt" in told.stdout


def test_the_widest_table_has_the_features(files: Workspace) -> None:
    """Where no file is called so, the features are the table that has no score, or most columns."""
    files.write("clips.csv", "clip_id,psnr,ssim,vmaf\na,1,2,90\nb,1,2,80\n")
    files.write("musiq.csv", "clip_id,score\na,1\nb,2\n")
    assert run("init").exit_code == 0
    (table,) = manifest(files.folder)["tables"]
    assert (table["features"], table["scores"]) == ("clips.csv", ["MUSIQ=musiq.csv"])


def test_outputs_are_no_inputs(files: Workspace) -> None:
    """Looking again, what a batch wrote is left alone."""
    files.write("features.csv", "clip_id,psnr\na,1\n")
    files.write("musiq.csv", "clip_id,score\na,1\n")
    assert run("init").exit_code == 0
    first = manifest(files.folder)
    assert run("init", "--force").exit_code == 0
    assert manifest(files.folder) == first


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "no feature table is recognised"),
        ({"musiq.csv": "clip_id,score\na,1\n"}, "no score file is recognised"),
        ({"features.csv": "clip_id,psnr\na,1\n"}, "no score file is recognised"),
        (
            {"features.csv": "clip_id,psnr\na,1\n", "musiq.csv": "clip_id,score\nb,1\n"},
            "no score file finds a row of features.csv",
        ),
    ],
    ids=["nothing", "scores alone", "features alone", "strangers"],
)
def test_where_nothing_is_found_nothing_is_written(
    files: Workspace, names: dict[str, str], message: str
) -> None:
    """What was expected is told in one line."""
    for name, text in names.items():
        files.write(name, text)
    told = run("init")
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert message in told.stderr
    assert sorted(path.name for path in files.folder.iterdir()) == sorted(names)


def test_a_manifest_that_is_there_stays(files: Workspace) -> None:
    """Only who says so has it written over."""
    files.write("second-opinion.json", "mine")
    told = run("init")
    assert told.exit_code == 1
    assert "is there already; edit it, or use --force to write it anew" in told.stderr
    assert files.read("second-opinion.json") == b"mine"


def test_the_example_is_that_of_the_project(tmp_path: Path) -> None:
    """The package brings the smoke manifest with its data, which join wherever they are."""
    told = run("init", "--example", "try it")
    assert told.exit_code == 0
    written = sorted(path for path in (tmp_path / "try it").rglob("*") if path.is_file())
    names = [str(path.relative_to(tmp_path / "try it")) for path in written]
    assert names[0] == "config/smoke.json"
    assert len(names) == 5
    for name, path in zip(names, written, strict=True):
        assert path.read_bytes() == (PROJECT / name).read_bytes()
    assert run("batch", "--manifest", "try it/config/smoke.json").exit_code == 0
    assert run("init", "--example", "try it").exit_code == 1
