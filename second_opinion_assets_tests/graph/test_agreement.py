"""The agreement asset: what it reads from history, what it shows, and how it fails."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest

from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.evidence import PATIENCE_SECONDS, EvidencePlanner
from second_opinion_assets.graph.launch import launch
from second_opinion_assets.graph.names import AGREEMENT_KEY, OPINIONS_AGREE
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join

CLIPS = [f"c{n}" for n in range(12)]
AGREES: dict[str, float | None] = {clip: float(n) for n, clip in enumerate(CLIPS)}
CONTRARY: dict[str, float | None] = {clip: -float(n) for n, clip in enumerate(CLIPS)}
TABLES = ["one", "two", "three", "four"]


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Return four tables with the reference `ssim`; the second's scorer is contrary to it."""
    for name in TABLES:
        scores = CONTRARY if name == "two" else AGREES
        project.add_table(name, CLIPS, {"DOVER": scores}, references=["ssim"])
    return project.save()


def materialize(
    instance: dg.DagsterInstance, manifest: Manifest, *tables: str, **config: object
) -> dg.ExecuteInProcessResult:
    """Make the agreement of one table, or of a range of them, in one run."""
    job = build_definitions(manifest, Settings(manifest.path))
    ends = {
        "dagster/asset_partition_range_start": tables[0],
        "dagster/asset_partition_range_end": tables[-1],
    }
    return job.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=[AGREEMENT_KEY],
        partition_key=tables[0] if len(tables) == 1 else None,
        tags={} if len(tables) == 1 else ends,
        run_config={**QUIET, "ops": {AGREEMENT_KEY.path[-1]: {"config": config}}},
        raise_on_error=False,
    )


def made(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetMaterialization]:
    """Return the materializations of a run by table."""
    events = [event.materialization for event in result.get_asset_materialization_events()]
    return {str(event.partition): event for event in events}


def why(result: dg.ExecuteInProcessResult) -> str:
    """Return what the failed step says."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    data: Any = event.step_failure_data
    return str(data.user_failure_data.description)


def test_figures_and_files(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project, join: Join
) -> None:
    """A joined table's agreement has figures that plot, tables and pictures, and two files."""
    join(manifest, "one")
    event = made(materialize(instance, manifest, "one"))["one"]
    assert event.metadata["dover/srocc_ssim"].value == 1.0
    assert event.metadata["clips"].value == 12
    assert "| DOVER | ssim | 12 | 1.000 | 1.000 | 1.000 |  |" in str(
        event.metadata["agreement"].value
    )
    assert "| DOVER | 0-100 | 0 | 5.5 (" in str(event.metadata["distributions"].value)
    assert "Rated poorly, ssim likes it" in str(event.metadata["disputed_by_ssim"].value)
    assert str(event.metadata["pictures"].value).count("](data:image/svg+xml;base64,") == 2
    for suffix in ("json", "parquet"):
        path = project.folder / f"out/one.jsonl.agreement.{suffix}"
        assert event.metadata[f"agreement_{suffix}"].value == str(path)
        assert path.exists()


def test_the_check_names_a_contrary_scorer(
    instance: dg.DagsterInstance, manifest: Manifest, join: Join
) -> None:
    """A scorer that ranks clips the other way round is a warning, with picture and tables."""
    for table in ("one", "two"):
        join(manifest, table)
    result = materialize(instance, manifest, "one", "two")
    assert result.success
    checks = {check.partition: check for check in result.get_asset_check_evaluations()}
    assert {name: check.passed for name, check in checks.items()} == {"one": True, "two": False}
    check = checks["two"]
    assert (check.check_name, check.severity.value) == (OPINIONS_AGREE, "WARN")
    assert str(check.description).startswith("- DOVER ranks clips the other way round than ssim")
    assert "![Clips ranked furthest apart](data:image/svg+xml" in str(check.description)
    assert "| c11 |" in str(check.description)
    assert check.metadata["dover/srocc_ssim"].value == -1.0


def test_no_table_hurts_another(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project, join: Join
) -> None:
    """Tables never joined, deleted, or changed since fail by name; the others are made."""
    for table in ("one", "three", "four"):
        join(manifest, table)
    project.out("three").unlink()
    project.out("four").write_text(project.out("four").read_text().replace("0.5", "0.6"))
    result = materialize(instance, manifest, *TABLES)
    assert list(made(result)) == ["one"]
    again = "materialize the table again"
    assert why(result).splitlines() == [
        "3 of 4 tables failed",
        "two: was never joined; materialize second_opinion_features of it first",
        f"three: {project.out('three')}: was joined and is not there any more; {again}",
        f"four: {project.out('four')}: is not what was joined last; {again}",
    ]
    assert not list(project.folder.glob("out/four*.agreement.*"))


def test_a_file_of_another_table_stays(
    instance: dg.DagsterInstance, project: Project, join: Join
) -> None:
    """A table whose output is named like the agreement of another is not overwritten."""
    project.add_table("one", CLIPS, {"DOVER": AGREES})
    project.add_table("two", CLIPS, {"DOVER": AGREES})
    project.tables[1]["out"] = "out/one.jsonl.agreement.json"
    manifest = project.save()
    for table in ("one", "two"):
        assert join(manifest, table).success
    before = (project.folder / "out/one.jsonl.agreement.json").read_bytes()
    result = materialize(instance, manifest, "one")
    assert "the agreement would overwrite another file of the batch" in why(result)
    assert (project.folder / "out/one.jsonl.agreement.json").read_bytes() == before


def test_references_of_a_launch(
    instance: dg.DagsterInstance, manifest: Manifest, join: Join
) -> None:
    """Run config chooses other references; the version tells, what automation compares does not."""
    join(manifest, "one")
    usual = made(materialize(instance, manifest, "one"))["one"]
    other = made(materialize(instance, manifest, "one", references=["vmaff"]))["one"]
    assert "Reference vmaff is no column of the table." in str(other.metadata["notes"].value)
    assert (usual.tags or {})["dagster/data_version"] != (other.tags or {})["dagster/data_version"]
    name = "manifest_fingerprint"
    assert usual.metadata[name] == other.metadata[name]


def test_a_launch_does_it_all(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project
) -> None:
    """The main job joins, compares and reports, and says where everything is."""
    said: list[str] = []
    launched = launch(manifest, Settings(manifest.path), instance, said.append)
    assert launched.complete
    out = project.folder / "out"
    assert said[:3] == [
        f"one: {out}/one.jsonl",
        f"one: {out}/one.audit.json (audit)",
        f"one: {out}/one.jsonl.agreement.json (agreement)",
    ]
    assert said[-1] == f"report: {out}/manifest.report.html (to send)"
    assert json.loads((out / "manifest.report.json").read_text())["status"] == "ok"
    page = (out / "manifest.report.html").read_text()
    assert "all is well" in page
    assert "<summary>one</summary>" in page


def test_a_launch_with_a_broken_table(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project
) -> None:
    """A table that cannot be joined has no agreement, is counted once, and is in the report."""
    (project.folder / "two.DOVER.jsonl").write_text("nonsense")
    said: list[str] = []
    launched = launch(manifest, Settings(manifest.path), instance, said.append)
    assert (launched.complete, launched.summary.failed_tables) == (False, 1)
    (line,) = [line for line in said if line.startswith("two: ")]
    assert line.startswith(f"two: failed: {project.folder}/two.DOVER.jsonl:1: not JSON")
    report = json.loads((project.folder / "out/manifest.report.json").read_text())
    assert report["status"] == "failed"


def requested(
    planner: EvidencePlanner, instance: dg.DagsterInstance, now: float = 0.0
) -> list[object]:
    """Return what a look asks for: a table, the ends of a range, or the asset."""
    found: list[object] = []
    for request in planner.plan(instance, now).requests:
        ends = [tag for name, tag in request.tags.items() if "partition_range" in name]
        found.append(request.partition_key or ends or (request.asset_selection or [])[0].path[-1])
    return found


def test_evidence_follows_joins(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project, join: Join
) -> None:
    """Tables joined since are asked for, neighbours together; what is up to date is not."""
    planner = EvidencePlanner(manifest, 25)
    assert requested(planner, instance) == []
    for table in ("one", "two", "four"):
        join(manifest, table)
    assert requested(planner, instance) == [["one", "two"], "four", "second_opinion_report"]
    materialize(instance, manifest, "one", "two")
    materialize(instance, manifest, "four")
    assert requested(planner, instance) == ["second_opinion_report"]
    project.tables[2]["subsets"] = ["codec"]
    project.tables[3]["references"] = ["ssim", "mos"]
    manifest = project.save()
    join(manifest, "three")
    materialize(instance, manifest, "three")
    project.tables[2]["subsets"] = ["split"]
    assert requested(EvidencePlanner(project.save(), 25), instance) == [
        ["three", "four"],
        "second_opinion_report",
    ]


def test_evidence_that_fails_is_asked_for_alone(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project, join: Join
) -> None:
    """A failed table is asked for by a key of its own, the same until it is joined again."""
    for table in ("one", "two"):
        join(manifest, table)
    whole = project.out("one").read_text()
    project.out("one").write_text(whole[1:])
    assert not materialize(instance, manifest, "one", "two").success
    planner = EvidencePlanner(manifest, 25)
    first, *_ = planner.plan(instance, 0).requests
    assert first.partition_key == "one"
    join(manifest, "two")
    again = {request.partition_key: request for request in planner.plan(instance, 0).requests}
    assert again["one"].run_key == first.run_key


def test_the_report_follows_joins_and_failures(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project, join: Join
) -> None:
    """The report is asked for once after each change, by a key that a repeated look shares."""
    planner = EvidencePlanner(manifest, 25)
    join(manifest, "one")
    keys = {request.run_key for request in planner.plan(instance, 0).requests}
    assert keys == {request.run_key for request in planner.plan(instance, 0).requests}
    launch(manifest, Settings(manifest.path), instance, lambda _: None)
    assert requested(planner, instance) == []
    (project.folder / "two.DOVER.jsonl").write_text("nonsense")
    assert not join(manifest, "two").success
    assert requested(planner, instance) == ["second_opinion_report"]


def test_the_report_is_asked_for_without_the_check_on_demand(
    instance: dg.DagsterInstance, manifest: Manifest, join: Join
) -> None:
    """An automatic report leaves the latest answer of `provenance_holds` in place."""
    join(manifest, "one")
    requests = EvidencePlanner(manifest, 25).plan(instance, 0).requests
    (report,) = [r for r in requests if str(r.run_key).startswith("report:")]
    assert [key.name for key in report.asset_check_keys or []] == ["every_table_joined"]


def test_evidence_waits_for_joins(
    instance: dg.DagsterInstance, manifest: Manifest, join: Join
) -> None:
    """While tables are being joined nothing is asked for, unless that never ends."""
    join(manifest, "one")
    run = build_definitions(
        manifest, Settings(manifest.path)
    ).resolve_implicit_global_asset_job_def()
    instance.create_run_for_job(
        run,
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset([dg.AssetKey("second_opinion_features")]),
        tags={"dagster/partition": "two"},
    )
    planner = EvidencePlanner(manifest, 25)
    waiting = planner.plan(instance, 100.0)
    assert (waiting.requests, waiting.skip_reason) == ([], "1 tables are being joined")
    assert planner.plan(instance, 99.0 + PATIENCE_SECONDS).requests == []
    assert requested(planner, instance, 100.0 + PATIENCE_SECONDS) == [
        "one",
        "second_opinion_report",
    ]
