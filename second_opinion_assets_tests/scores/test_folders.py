"""Folders and patterns of score files: one sidecar that is many files."""

from __future__ import annotations

import json
import os

import pytest

from second_opinion_assets.contract.errors import JoinError, ManifestError
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import digest_file
from second_opinion_assets_tests.workspace import Workspace


def payload(*scores: float) -> str:
    """Return the payload of an external-bench wrapper, over many lines."""
    frames = [{"frame_idx": n, "predicted_vmaf_or_mos": s} for n, s in enumerate(scores)]
    return json.dumps({"frames": frames, "summary": {"competitor": "x264-pvmaf"}}, indent=2)


@pytest.fixture
def bench(work: Workspace) -> Workspace:
    """Return a workspace with a folder of two payloads, of the clips a and b."""
    work.write("bench/a.json", payload(80, 81))
    work.write("bench/b.json", payload(70))
    return work


@pytest.mark.parametrize("written", ["bench", "bench/", "./bench", "bench/*.json", "**/?.json"])
def test_folder_and_pattern(bench: Workspace, written: str) -> None:
    """A folder or a pattern is read file by file, each keyed by its stem and named as source."""
    bench.join(scores=[written])
    start = "second_opinion_x264_pvmaf_"
    rows = [(row[f"{start}score"], row[f"{start}frames"]) for row in bench.rows()]
    assert rows == [(80.5, 2), (70.0, 1)]
    folder = written.rstrip("/") if "*" not in written else "bench"
    sources = [row[f"{start}source"] for row in bench.rows()]
    assert sources == [f"{folder}/a.json", f"{folder}/b.json"]


def test_files_of_a_folder_in_the_provenance(bench: Workspace) -> None:
    """Each file of a folder has an entry of its own, and the folder one digest of them all."""
    result = bench.join(scores=["bench"])
    (entry,) = bench.document()["run_provenance"]["inputs"]["scores"]
    assert (entry["path"], entry["kind"]) == (str(bench.folder / "bench"), "files")
    assert (entry["rows"], entry["sha256"]) == (2, result.sidecars[0].digest.sha256)
    digests = {
        name: digest_file(Location(bench.folder / "bench" / name)) for name in ("a.json", "b.json")
    }
    assert entry["files"] == [
        {
            "path": str(bench.folder / "bench" / name),
            "exists": True,
            "kind": "file",
            "sha256": digest.sha256,
            "bytes": digest.bytes,
        }
        for name, digest in digests.items()
    ]


def test_fingerprint_of_a_folder(bench: Workspace) -> None:
    """The fingerprint follows what is in the files and how they are called, and nothing else."""
    first = bench.join(scores=["bench"]).fingerprint
    os.utime(bench.folder / "bench/a.json", (1, 1))
    assert bench.join(scores=["bench"]).fingerprint == first
    bench.write("bench/a.json", payload(80, 81) + "\n")
    second = bench.join(scores=["bench"]).fingerprint
    (bench.folder / "bench/b.json").rename(bench.folder / "bench/c.json")
    third = bench.join(scores=["bench"]).fingerprint
    assert len({first, second, third}) == 3


def test_a_key_inside_goes_before_the_stem(work: Workspace) -> None:
    """A payload that names its clip is that clip's, whatever its file is called."""
    work.write("bench/1.json", '{"clip_id": "b", "competitor": "DOVER", "score": 1}')
    work.write("bench/2.json", '{"competitor": "DOVER", "score": 2, "summary": {"name": "a"}}')
    work.join(scores=["bench"])
    assert [row["second_opinion_dover_score"] for row in work.rows()] == [2.0, 1.0]


def test_hidden_files_are_none(bench: Workspace) -> None:
    """Files whose names begin with a dot are left out of folders and patterns."""
    bench.write("bench/.a.json", "half a payl")
    assert bench.join(scores=["bench"]).sidecars[0].rows == 2
    assert bench.join(scores=["bench/*"]).sidecars[0].rows == 2


def test_a_name_that_is_not_utf8(bench: Workspace) -> None:
    """A file name that is no text, and so could not be a key or a source, is refused."""
    (bench.folder / "bench/b.json").rename(bench.folder / "bench" / os.fsdecode(b"\xff.json"))
    with pytest.raises(JoinError, match=r"bench: the file name '\\udcff\.json' is not UTF-8"):
        bench.join(scores=["bench"])


def test_a_path_that_looks_like_a_pattern(work: Workspace) -> None:
    """A file whose own name has the characters of a pattern is that file; so is a folder's."""
    work.write("sc[1]/x*.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 1}\n')
    work.write("sc[1]/xy.jsonl", "not read")
    assert work.join(scores=["sc[1]/x*.jsonl"]).sidecars[0].rows == 1
    assert work.join(scores=["sc[1]/x[*]*"]).sidecars[0].rows == 1


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("empty", r"empty: the folder has no file, expected score files"),
        ("empty/*.json", r"empty/\*\.json: no file matches \*\.json"),
        ("nowhere/*.json", r"nowhere/\*\.json: no file matches nowhere/\*\.json"),
        ("nowhere", r"nowhere: cannot be read: No such file"),
    ],
)
def test_no_files(work: Workspace, written: str, message: str) -> None:
    """A folder without files and a pattern without matches are refused, and named."""
    (work.folder / "empty").mkdir()
    with pytest.raises(JoinError, match=message):
        work.join(scores=[f"DOVER={written}"])


def test_two_files_of_one_clip(bench: Workspace) -> None:
    """Two files of a folder that disagree on a clip are refused, and both are named."""
    bench.write("bench/a.txt", payload(1))
    with pytest.raises(JoinError, match=r"bench/a\.txt: a second, different .*bench/a\.json"):
        bench.join(scores=["bench"])


@pytest.mark.parametrize("out", ["bench/out.jsonl", "bench/deeper/out.jsonl"])
def test_output_in_a_folder_that_is_read(bench: Workspace, out: str) -> None:
    """An output in a folder whose files are scores is refused: the next join would read it."""
    before = bench.contents()
    with pytest.raises(ManifestError, match=r"'table' writes .*, an input of 'table'"):
        bench.join(scores=["bench"], out=out)
    assert bench.contents() == before


@pytest.mark.parametrize(
    ("written", "out", "refused"),
    [
        ("bench/*.json", "bench/out.json", True),
        ("bench/*.json", "bench/out.jsonl", False),
        ("bench/*.json", "bench/deeper/out.json", False),
        ("**/*.json", "bench/deeper/out.json", True),
        ("**/*.json", "out.json", True),
        ("be*/?.json", "bench/o.json", True),
    ],
)
def test_output_that_a_pattern_matches(
    bench: Workspace, written: str, out: str, *, refused: bool
) -> None:
    """An output that a pattern of scores would match is refused; one beside them is not."""
    given = {"scores": [written], "out": out, "audit_json": None}
    if written.startswith("**"):
        given["features"] = "features.jsonl"
    if not refused:
        bench.join(**given)
        return
    with pytest.raises(ManifestError, match="an input of 'table'"):
        bench.join(**given)


def test_payloads_that_are_not_alike(work: Workspace) -> None:
    """Files that differ in their fields, or in how they name a clip, are read by one rule."""
    work.write_lines("features.jsonl", [{"clip_id": key} for key in "abcde"])
    summary = {"summary": {"competitor": "DOVER"}}
    work.write("bench/a.json", json.dumps({"frames": [{"score": 1}, {"score": 3}], **summary}))
    work.write("bench/b.json", json.dumps({"frames": [{"mos": 4}], **summary, "note": "x"}))
    work.write("bench/x.json", json.dumps({"clip_id": "c", "score": 5, **summary}))
    work.write("bench/d.json", json.dumps({"frames": [{"score": None}], **summary}))
    work.write("bench/e.json", json.dumps({"frames": [{"score": 6}], **summary}))
    result = work.join(scores=["bench"])
    assert [row["second_opinion_dover_score"] for row in work.rows()] == [2, 4, 5, None, 6]
    assert result.tally.scorers["DOVER"].bad[0].where == f"{work.folder}/bench/d.json"
