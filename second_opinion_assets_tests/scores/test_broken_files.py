"""Folders with broken files: one clip that failed is one bad row, and never a table."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.explain import explain
from second_opinion_assets.join.manifest_sidecars import parse_sidecar
from second_opinion_assets.join.source_files import read_source_file
from second_opinion_assets.join.verify import FileState, Verifier
from second_opinion_assets.scores import files_reader
from second_opinion_assets.scores.formats.recognise import load
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import Workspace

START = "second_opinion_vmaf_"
CLIPS = "abc"


def log(score: float) -> str:
    """Return a log of libvmaf."""
    frames = [{"frameNum": 0, "metrics": {"vmaf": score}}]
    return json.dumps({"frames": frames, "pooled_metrics": {"vmaf": {"mean": score}}}, indent=1)


def payload(score: float) -> str:
    """Return the payload of an external-bench wrapper."""
    frames = [{"frame_idx": 0, "predicted_vmaf_or_mos": score}]
    return json.dumps({"frames": frames, "summary": {"competitor": "VMAF"}})


@pytest.fixture
def logs(work: Workspace) -> Workspace:
    """Return a workspace with three clips, and the logs of two."""
    work.write_lines("features.jsonl", [{"clip_id": clip} for clip in CLIPS])
    work.write("logs/a.json", log(80))
    work.write("logs/b.json", log(70))
    return work


def outcomes(work: Workspace) -> list[tuple[float | None, str]]:
    """Return score and status of each clip."""
    return [(row[f"{START}score"], row[f"{START}status"]) for row in work.rows()]


_NO_SCORE = '{"frames": [], "pooled_metrics": {"psnr": {"mean": 3}}}'
_CUT_GZIP = gzip.compress(log(60).encode(), mtime=0)[:-9]
_BROKEN: dict[str, tuple[str, str | bytes, str, str]] = {
    "empty": ("c.json", "", "empty file", "empty file"),
    "blank": ("c.json", "\ufeff \n", "empty file", "empty file"),
    "cut-in-frames": ("c.json", log(60)[:40], "cut short", "cut short: not JSON: "),
    "cut-in-the-last-byte": ("c.json", log(60)[:-1], "cut short", "cut short: not JSON: "),
    "cut-in-a-number": ("c.json", log(60)[:-12], "cut short", "cut short: not JSON: "),
    "rubbish-in-it": ("c.json", '{"frames": ]', "damaged file", "not JSON: "),
    "text": ("c.json", "Segmentation fault", "damaged file", "not JSON: "),
    "zeros": ("c.json", b"\x00" * 64, "damaged file", ""),
    "latin-1": ("c.json", _NO_SCORE.encode() + b"\xff", "damaged file", "not UTF-8"),
    "no-row": ("c.json", "[]", "no row", "no row"),
    "a-number": ("c.json", "3", "damaged file", ""),
    "no-score": ("c.json", _NO_SCORE, "no score", "no score: "),
    "cut-gzip": ("c.json.gz", _CUT_GZIP, "cut short", "the compressed file is cut"),
    "damaged-gzip": ("c.json.gz", b"\x1f\x8b\x08rubbish", "damaged file", "cannot be decompr"),
}


@pytest.mark.parametrize("given", ["logs", "logs/*", "l*/*", "**/?.js*"])
@pytest.mark.parametrize(("name", "content", "kind", "reason"), _BROKEN.values(), ids=_BROKEN)
def test_a_broken_log(
    logs: Workspace, name: str, content: str | bytes, kind: str, reason: str, given: str
) -> None:
    """A log that is empty, cut, damaged or lacks the score makes its clip bad, and no other."""
    logs.write(f"logs/{name}", content)
    tally = logs.join(scores=[f"VMAF={given}"]).tally.scorers["VMAF"]
    assert outcomes(logs) == [(80, "ok"), (70, "ok"), (None, "bad")]
    assert tally.bad_reasons == {kind: 1}
    (sample,) = tally.bad
    assert sample.key == "c"
    assert sample.reason.startswith(reason)
    assert sample.where.startswith(f"{logs.folder}/logs/{name}")
    assert str(logs.folder) not in sample.reason
    assert logs.rows()[2][f"{START}source"] == f"logs/{name}"


def _parquet(clip: str, score: float) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"clip_id": [clip], "score": [score]}), sink)
    return sink.getvalue()


_ROWS: dict[str, tuple[str, Callable[[str, float], bytes]]] = {
    "wrapper": ("json", lambda _, score: payload(score).encode()),
    "row": ("json", lambda clip, score: json.dumps([{"clip_id": clip, "mos": score}]).encode()),
    "lines": (
        "jsonl",
        lambda clip, score: b'{"clip_id": "%b", "mos": %g}\n' % (clip.encode(), score),
    ),
    "csv": ("csv", lambda clip, score: f"clip_id,mos,fps\n{clip},{score},24\n".encode()),
    "parquet": ("parquet", _parquet),
}


@pytest.mark.parametrize(
    ("form", "cut", "kind"),
    [
        ("wrapper", -9, "cut short"),
        ("row", -1, "cut short"),
        ("row", -9, "cut short"),
        ("lines", -3, "cut short"),
        ("csv", -4, "cut short"),
        ("csv", 15, "no row"),
        ("csv", 6, "damaged file"),
        ("parquet", -1, "damaged file"),
        ("parquet", 30, "damaged file"),
        *((form, 0, "empty file") for form in _ROWS),
    ],
)
def test_a_broken_file_of_one_row(work: Workspace, form: str, cut: int, kind: str) -> None:
    """A folder of files of one row each loses but the clip of a broken one, in every format."""
    suffix, content = _ROWS[form]
    work.write_lines("features.jsonl", [{"clip_id": clip} for clip in CLIPS])
    for score, clip in enumerate(CLIPS):
        written = content(clip, score)
        work.write(f"bench/{clip}.{suffix}", written[:cut] if clip == "b" else written)
    result = work.join(scores=["VMAF=bench"])
    assert outcomes(work) == [(0, "ok"), (None, "bad"), (2, "ok")]
    assert result.tally.scorers["VMAF"].bad_reasons == {kind: 1}


@pytest.mark.parametrize("cut", [-1, -20, 90, 40])
def test_a_cut_log_in_xml(work: Workspace, cut: int) -> None:
    """A log in XML that is cut anywhere makes its clip bad, and no other."""
    text = (
        '<VMAF version="2.3.1">\n<frames>\n<frame frameNum="0" vmaf="80" />\n</frames>\n'
        '<pooled_metrics>\n<metric name="vmaf" mean="80" />\n</pooled_metrics>\n</VMAF>'
    )
    work.write("logs/a.xml", text)
    work.write("logs/b.xml", text[:cut])
    tally = work.join(scores=["VMAF=logs"]).tally.scorers["VMAF"]
    assert outcomes(work) == [(80, "ok"), (None, "bad")]
    assert tally.bad_reasons == {"cut short": 1}


def test_payloads_with_a_nested_score(work: Workspace) -> None:
    """A payload of one clip whose score is nested is no table, and is read by the path to it."""
    for clip, score in (("a", 90), ("b", 80)):
        work.write(f"logs/{clip}.json", json.dumps({"metrics": {"vmaf": score, "psnr": 40}}))
    work.join(scores=["VMAF=logs::metrics.vmaf"])
    assert outcomes(work) == [(90, "ok"), (80, "ok")]


def test_every_broken_file_is_listed(logs: Workspace) -> None:
    """The audit names each broken file of a folder, with what is wrong; counts go by reason."""
    logs.write("logs/c.json", "")
    logs.write("logs/x.json", log(1)[:30])
    logs.join(scores=["VMAF=logs"])
    audit = logs.document()
    (entry,) = audit["run_provenance"]["inputs"]["scores"]
    problems = {file["path"][-6:]: file.get("problem") for file in entry["files"]}
    assert problems["c.json"] == "empty file"
    assert problems["x.json"].startswith("cut short: not JSON")
    assert (problems["a.json"], problems["b.json"], entry["rows"]) == (None, None, 4)
    scorer = audit["competitors"]["VMAF"]
    assert (scorer["bad_reasons"], scorer["unmatched"]) == ({"empty file": 1}, ["x"])


def test_an_unreadable_file(logs: Workspace) -> None:
    """A file whose bytes cannot be read makes its clip bad; so it is for who looks at sources."""
    (logs.folder / "logs/c.json").symlink_to("/proc/self/mem")
    result = logs.join(scores=["VMAF=logs"])
    assert outcomes(logs)[2] == (None, "bad")
    assert result.tally.scorers["VMAF"].bad_reasons == {"unreadable file": 1}
    assert result.tally.scorers["VMAF"].bad[0].reason.startswith("cannot be read: ")
    file = logs.document()["run_provenance"]["inputs"]["scores"][0]["files"][2]
    assert (file["kind"], file["sha256"], "bytes" in file) == ("unreadable", None, False)
    seen = read_source_file(Location(logs.folder / "logs"))
    assert seen.digest == result.sidecars[0].digest
    assert Verifier().verify(result.audit).holds


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_a_file_that_fails_in_its_midst(work: Workspace, form: str) -> None:
    """A file whose disk fails once its beginning was read is one bad row, and no half of one."""
    header = "clip_id,score,note\n" if form == "csv" else ""
    rows = {clip: json.dumps({"clip_id": clip, "score": 1, "note": "x" * 300_000}) for clip in "ab"}
    for clip, row in rows.items():
        text = f"{clip},1,{'x' * 100_000}" if form == "csv" else row
        work.write(f"bench/{clip}.{form}", f"{header}{text}\n")
    pread = os.pread

    def failing(file: int, count: int, offset: int) -> bytes:
        if offset and Path(f"/proc/self/fd/{file}").readlink().name == f"b.{form}":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(file, min(count, 70_000), offset)

    with patch.object(os, "pread", failing):
        result = work.join(scores=["VMAF=bench"])
    assert outcomes(work) == [(1, "ok"), (None, "bad")]
    assert result.tally.scorers["VMAF"].bad_reasons == {"unreadable file": 1}


def test_a_file_that_became_readable(logs: Workspace) -> None:
    """An audit does not hold once a file can be read that could not be."""
    (logs.folder / "logs/c.json").symlink_to("/proc/self/mem")
    audit = logs.join(scores=["VMAF=logs"]).audit
    (logs.folder / "logs/c.json").unlink()
    logs.write("logs/c.json", log(60))
    states = {file.path[-6:]: file.state for file in Verifier().verify(audit).files}
    assert states["c.json"] is FileState.changed


def test_broken_files_in_dagster_and_the_join_have_one_digest(logs: Workspace) -> None:
    """What is seen of a folder with broken files before the join is what the join reads."""
    logs.write("logs/c.json", log(1)[:30])
    logs.write("logs/d.json.gz", b"\x1f\x8b\x08rubbish")
    logs.write("logs/e.json~", "not read")
    result = logs.join(scores=["VMAF=logs"])
    assert read_source_file(Location(logs.folder / "logs")).digest == result.sidecars[0].digest


def test_a_change_while_reading_is_never_a_bad_clip(logs: Workspace) -> None:
    """A file that is written to while it is read stops the table: it is not one that failed."""
    logs.write("logs/b.json", log(70) + " " * 300_000)

    def load_and_change(content: Any, asked: Any) -> Any:
        if content.path.name == "b.json":
            logs.write("logs/b.json", log(7)[:60])
        return load(content, asked)

    with (
        patch.object(files_reader, "load", load_and_change),
        pytest.raises(JoinError, match=r"b\.json: changed while it was read"),
    ):
        logs.join(scores=["VMAF=logs"])


def test_a_broken_file_among_shards(work: Workspace) -> None:
    """In a folder of tables of many rows a broken file stops the table, and all are named."""
    rows = "".join(json.dumps({"clip_id": clip, "score": 1}) + "\n" for clip in CLIPS)
    work.write("shards/0.jsonl", rows)
    work.write("shards/1.jsonl", rows[:-3])
    work.write("shards/2.jsonl", "{]\n")
    with pytest.raises(JoinError, match=r"1\.jsonl:3: .*cut short.*; broken too: 2\.jsonl$"):
        work.join(scores=["VMAF=shards"])


def test_an_empty_shard(work: Workspace) -> None:
    """An empty file of JSON lines among tables of many rows has no row, and is no clip."""
    work.write("shards/0.jsonl", '{"clip_id": "a", "score": 1}\n{"clip_id": "b"}\n')
    work.write("shards/1.jsonl", "")
    assert work.join(scores=["VMAF=shards"]).tally.scorers["VMAF"].scores_loaded == 2


def test_every_file_is_broken(logs: Workspace) -> None:
    """A folder without a single sound file stops the table; the first of each kind is named."""
    for clip, content in zip("abcde", ["", "x", "", "{]", "3"], strict=True):
        logs.write(f"logs/{clip}.json", content)
    message = (
        r"logs: none of 5 files could be read: \S+/a\.json: .*empty.* \(and 1 like it\); "
        r"\S+/b\.json: not JSON: .*; \S+/d\.json: not JSON: .* and 1 more$"
    )
    with pytest.raises(JoinError, match=message):
        logs.join(scores=["VMAF=logs"])


def test_no_file_has_the_score(logs: Workspace) -> None:
    """A score that no log has is an error that names the scores there are."""
    with pytest.raises(
        JoinError, match=r"no pooled_metrics\.psnr among pooled_metrics\.vmaf\.mean"
    ):
        logs.join(scores=["VMAF=logs::pooled_metrics.psnr"])


def test_some_files_have_the_score(logs: Workspace) -> None:
    """A log that lacks the score that others have is that clip's bad row, fields named."""
    psnr = {"frames": [], "pooled_metrics": {"psnr": {"mean": 40}}}
    logs.write("logs/c.json", json.dumps(psnr))
    sample = logs.join(scores=["VMAF=logs"]).tally.scorers["VMAF"].bad[0]
    assert sample.reason.startswith(
        "no score: no pooled_metrics.vmaf.mean among pooled_metrics.psnr"
    )
    assert sample.where == f"{logs.folder}/logs/c.json::$.pooled_metrics"


@pytest.mark.parametrize("given", ["logs", "logs/*"])
def test_strangers_in_a_folder(logs: Workspace, given: str) -> None:
    """All files that are no score files are named in one line, with the pattern without them."""
    logs.write("logs/README.md", "# logs")
    logs.write("logs/run.sh", "vmaf -r $1")
    logs.write("logs/c.json", "")
    message = r"no score files: README\.md, run\.sh; leave them out by a pattern, as logs/\*\.json$"
    with pytest.raises(JoinError, match=message):
        logs.join(scores=[f"VMAF={given}"])


_LEFTOVERS = (
    "b.json~ b.json.tmp ~$x.xlsx #b.json# Thumbs.db desktop.ini c.BAK c.part a.json.swp "
    ".~lock.a.json# .DS_Store"
)


@pytest.mark.parametrize("name", _LEFTOVERS.split())
@pytest.mark.parametrize("given", ["logs", "logs/*"])
def test_leftovers(logs: Workspace, name: str, given: str) -> None:
    """What editors, offices and half-done copies leave in a folder is left out, and told."""
    logs.write(f"logs/{name}", log(1))
    (sidecar,) = logs.join(scores=[f"VMAF={given}"]).sidecars
    assert [file.name[-6:] for file in sidecar.files] == ["a.json", "b.json"]
    hidden_from_patterns = name.startswith(".") and given != "logs"
    assert sidecar.ignored == (() if hidden_from_patterns else (sidecar.files[0].name[:-6] + name,))


def test_names_that_do_not_show(logs: Workspace) -> None:
    """Control characters and bytes in the names of files are escaped where they are told."""
    logs.write("logs/Icon\r", "")
    (logs.folder / "logs" / os.fsdecode(b".\xff")).write_text("")
    options = logs.spec().options
    base = Location(logs.folder)
    (told,) = explain(base / "features.jsonl", [parse_sidecar("VMAF=logs", base)], options).sidecars
    assert told.ignored == [".\\udcff", "Icon\\r"]
    logs.write("logs/a\x1bb.md", "# notes")
    with pytest.raises(JoinError, match=r"no score files: a\\x1bb\.md; "):
        logs.join(scores=["VMAF=logs"])


def test_leftovers_that_a_pattern_asks_for(work: Workspace) -> None:
    """A pattern that names leftovers gets them."""
    work.write("scores/a.jsonl.part", '{"clip_id": "a", "score": 1}\n')
    work.write("scores/b.jsonl", "not read")
    assert work.join(scores=["DOVER=scores/*.part"]).sidecars[0].rows == 1


def test_the_scorer_of_a_broken_file(work: Workspace) -> None:
    """A broken file is of the scorer that all other files name, whatever the folder is called."""
    work.write("bench/a.json", payload(80))
    work.write("bench/b.json", "")
    result = work.join(scores=["bench"])
    assert list(result.tally.scorers) == ["VMAF"]
    assert list(work.join(scores=["given=bench"]).tally.scorers) == ["VMAF"]


def test_a_broken_file_among_files_of_two_scorers(work: Workspace) -> None:
    """Where files name several scorers and none is given, a broken one is refused."""
    work.write("bench/a.json", payload(80))
    work.write("bench/c.json", payload(80).replace("VMAF", "PSNR"))
    work.write("bench/b.json", "")
    with pytest.raises(JoinError, match=r"b\.json: empty file; the other files are of VMAF, PSNR"):
        work.join(scores=["bench"])


def test_a_file_without_a_scorer(work: Workspace) -> None:
    """That no scorer is named is nothing that one clip is to be blamed for."""
    work.write("bench/a.json", payload(80))
    work.write("bench/b.json", '{"score": 3}')
    with pytest.raises(JoinError, match=r"b\.json: "):
        work.join(scores=["bench"])


def test_a_broken_file_leaves_nothing_behind(work: Workspace) -> None:
    """Of a file that breaks in its second row the first one does not count either."""
    work.write("bench/a.jsonl", '{"clip_id": "a", "competitor": "VMAF", "score": 1}\n')
    work.write("bench/b.jsonl", '{"clip_id": "b", "competitor": "X", "score": 2}\n{"clip_id": "\n')
    result = work.join(scores=["bench"])
    assert list(result.tally.scorers) == ["VMAF"]
    assert outcomes(work) == [(1, "ok"), (None, "bad")]


def test_an_ok_row_of_another_file(logs: Workspace) -> None:
    """A clip that a second folder has a score of is not bad for its broken log."""
    logs.write("logs/c.json", "")
    logs.write("again/c.json", log(60))
    logs.join(scores=["VMAF=logs", "VMAF=again"])
    assert outcomes(logs)[2] == (60, "ok")
