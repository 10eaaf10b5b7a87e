"""The evidence to send: what the page says of tables, and where it has that from."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import partial

import pytest

from second_opinion_assets.agreement import evidence
from second_opinion_assets.agreement.evidence import evidence_page
from second_opinion_assets.agreement.joined_table import MADE_OF, JoinedTable, made_of
from second_opinion_assets.agreement.make import make_agreement
from second_opinion_assets.join.batch import materialize_batch
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.join.provenance import Invocation
from second_opinion_assets.join.standing import audits_by_table, standings
from second_opinion_assets.report.report import Report, ReportFiles
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import INVOCATION, Workspace

CLIPS = 12
MADE = datetime(2026, 11, 28, 5, 0, tzinfo=UTC)


@pytest.fixture
def project(work: Workspace) -> Workspace:
    """Return twelve clips of three sources, and a scorer that likes what VMAF does not."""
    work.write_lines(
        "features.jsonl",
        [
            {
                "clip_id": f"src{n // 4}_{n}",
                "vmaf": n,
                "split": "test",
                "file": f"clips/{n}.mp4",
            }
            for n in range(CLIPS)
        ],
    )
    work.write_lines(
        "scores.jsonl",
        [
            {"clip_id": f"src{n // 4}_{n}", "competitor": "DOVER", "score": float(CLIPS - n)}
            for n in range(CLIPS)
        ],
    )
    return work


def page(work: Workspace, *detailed: str, tables: int = 1, **common: object) -> str:
    """Join tables and return the page on them."""
    entry = {"features": "features.jsonl", "scores": ["scores.jsonl"]}
    entries = [
        {**entry, "id": f"t{n}", "out": f"t{n}.jsonl", "audit_json": f"t{n}.audit.json"}
        for n in range(tables)
    ]
    work.write("m.json", json.dumps({"defaults": common, "tables": entries}))
    manifest = load_manifest(Location(work.folder / "m.json"))
    materialize_batch(manifest, INVOCATION)
    return page_of(work, *detailed)


def page_of(work: Workspace, *detailed: str) -> str:
    """Return the page on what lies on the disk."""
    manifest = load_manifest(Location(work.folder / "m.json"))
    found = list(standings(manifest))
    report = Report(manifest, [s.outcome for s in found], INVOCATION, ReportFiles())
    return evidence_page(report, partial(audits_by_table, found), MADE, detailed)


def text_of(html: str) -> str:
    """Return what is read of a page, on one line."""
    return " ".join(re.sub("<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL).split())


def test_everything_is_there(project: Workspace) -> None:
    """Status, gates, coverage, agreement, each question, disputed clips, files."""
    text = text_of(page(project, subsets=["split"], source_key={"pattern": "(src[0-9])_.*"}))
    for said in (
        "Second opinions: m.json all is well",
        "1 table, 0 failed; 12 input rows, 12 output rows",
        "No table is promotion-grade",
        "t0 100.0%",
        "t0 vmaf 12 -1.00 (the other way)",
        "With whom do scorers side where a reference and people disagree? Not answered. It takes",
        "Is it the camera or the encode? How much scores vary",
        "Is the evidence there? Coverage by the columns",
        "Rated poorly, vmaf likes it",
        "2026-11-28 05:00 UTC",
    ):
        assert said in text


def test_nothing_is_answered(project: Workspace) -> None:
    """Without people, sources and subsets each question says what its answer takes."""
    text = text_of(page(project))
    assert "Answers by table" not in text
    assert text.count("Not answered. It takes") == 4


def test_a_gate_that_fails(project: Workspace) -> None:
    """What is not as it should be comes first, and the gate says why."""
    project.write_lines(
        "scores.jsonl", [{"clip_id": "src0_0", "competitor": "DOVER", "score": 1.0}]
    )
    text = text_of(page(project, missing_policy="fail"))
    assert "m.json failed" in text
    assert text.index("Not as it should be") < text.index("Promotion gates")
    assert "t0 fails 11 rows without an ok score" in text


def test_links_and_paths(project: Workspace) -> None:
    """A clip leads where the manifest says; without an address it tells its file's path."""
    html = page(project, clip_url="https://clips.example/{split}/{clip}.mp4", clip_path="file")
    assert 'href="https://clips.example/test/src2_11.mp4"' in html
    assert "clips/11.mp4" not in text_of(html)
    assert "src2_11 (clips/11.mp4)" in text_of(page(project, clip_path="file"))


def test_pictures_of_clips(project: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many as a page may have are made, each of the file that the manifest names."""
    asked: list[str] = []

    def picture(path: Location) -> bytes:
        asked.append(str(path))
        return b"\xff\xd8"

    monkeypatch.setattr("second_opinion_assets.agreement.clip_places.thumbnail", picture)
    monkeypatch.setattr(evidence, "MOST_PICTURES", 3)
    html = page(project, clip_path="file", tables=2)  # the clips of both are the same
    assert html.count("data:image/jpeg;base64,/9g=") == len(asked) == 3
    assert asked[0].startswith(f"{project.folder}/clips/")
    monkeypatch.setattr(evidence, "MOST_PICTURES", 1000)
    asked.clear()
    assert page_of(project).count("data:image/jpeg") > len(asked) == len(set(asked))


def test_of_many_tables_few_are_shown_in_detail(
    project: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All have their figures; pictures have the first, or those that are asked for."""
    monkeypatch.setattr(evidence, "MOST_IN_DETAIL", 2)
    monkeypatch.setattr(evidence, "SHOWN_OF_MORE", 1)
    html = page(project, tables=3)
    assert re.findall("<summary>(t.)</summary>", html) == ["t0"]
    assert "Tables not shown with pictures: 2; ask for one by --table" in text_of(html)
    assert all(f"t{n} vmaf 12 -1.00" in text_of(html) for n in range(3))
    assert re.findall("<summary>(t.)</summary>", page_of(project, "t2")) == ["t2"]


def test_of_very_many_tables_those_asked_for_are_compared(
    project: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are in the page with their coverage alone, which is said."""
    monkeypatch.setattr(evidence, "MOST_COMPARED", 2)
    text = text_of(page(project, tables=3))
    assert "tables, those asked for; all have files" in text
    assert "vmaf 12 -1.00" not in text
    assert "t1 vmaf 12 -1.00" in text_of(page_of(project, "t1"))


def test_an_agreement_that_lies_there_is_taken(
    project: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it is of the very table and settings; else, and where there is none, one is made."""
    monkeypatch.setattr(evidence, "MOST_IN_DETAIL", 0)
    monkeypatch.setattr(evidence, "SHOWN_OF_MORE", 0)
    page(project)
    manifest = load_manifest(Location(project.folder / "m.json"))
    (spec,) = manifest.tables
    audit = audits_by_table(standings(manifest))[spec.id]
    joined = JoinedTable.of(audit, spec.out, ["clip_id", "vmaf"], "")
    args = {MADE_OF: made_of(audit.output_sha256, audit.scorers, spec, spec.references)}
    make_agreement(joined, spec, (), Invocation(INVOCATION.entrypoint, (), args))
    beside = project.folder / "t0.jsonl.agreement.json"
    beside.write_text(beside.read_text().replace('"clips": 12', '"clips": 4711'))
    assert "t0 vmaf 4711 -1.00" in text_of(page_of(project))
    for broken in (beside.read_text().replace(args[MADE_OF], "0" * 64), "{"):
        beside.write_text(broken)
        assert "t0 vmaf 12 -1.00" in text_of(page_of(project))
    beside.unlink()
    monkeypatch.setattr(evidence, "MOST_ANEW", 0)
    assert "Tables without an agreement beside them: 1;" in text_of(page_of(project))


def test_a_table_that_cannot_be_read(project: Workspace) -> None:
    """It says why it has no agreement, and the page is made all the same."""
    page(project)
    manifest = load_manifest(Location(project.folder / "m.json"))
    found = list(standings(manifest))
    (project.folder / "t0.jsonl").write_bytes(b'{"clip_id": "a", "vmaf": 1}\n')
    report = Report(manifest, [s.outcome for s in found], INVOCATION, ReportFiles())
    assert "why there is no agreement" in text_of(
        evidence_page(report, partial(audits_by_table, found), MADE)
    )


def test_a_table_whose_audit_is_not_known(project: Workspace) -> None:
    """It says what to do, and the page is made all the same."""
    page(project)
    manifest = load_manifest(Location(project.folder / "m.json"))
    outcomes = [standing.outcome for standing in standings(manifest)]
    report = Report(manifest, outcomes, INVOCATION, ReportFiles())
    text = text_of(evidence_page(report, dict, MADE))
    assert "was joined by another version; join the table again" in text
