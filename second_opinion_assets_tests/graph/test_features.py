"""The joined tables: config, metadata, checks and the gate, in process."""

from __future__ import annotations

import json

import dagster as dg
import pytest

from second_opinion_assets.contract.options import OPTION_NAMES
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.joined import JoinConfig
from second_opinion_assets.graph.names import JOIN_JOB, JOINED_KEY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join, failure_of, metadata_of

CLIPS = ["a", "b", "c"]

LAUNCHPAD = {
    "ops": {JOINED_KEY.path[-1]: {"config": dict.fromkeys(JoinConfig.model_fields)}},
}


def test_a_materialization_carries_counts_and_provenance(project: Project, join: Join) -> None:
    """Metadata tells rows, tallies by scorer, and from which exact bytes the table was made."""
    project.add_table(
        "t", CLIPS, {"DOVER": {"a": 1.0, "b": None}, "q-align": dict.fromkeys("abc", 2)}
    )
    metadata = metadata_of(join(project.save(), "t"))
    counts = {
        "input_rows": 3,
        "output_rows": 3,
        "matched_rows": 4,
        "missing_rows": 1,
        "bad_rows": 1,
        "dover/coverage": 0.3333,
        "q_align/coverage": 1.0,
        "dagster/partition_row_count": 3,
    }
    assert {name: metadata[name] for name in counts} == counts
    assert metadata["dagster/uri"] == project.out("t").as_uri()
    audit = json.loads((project.folder / "out/t.audit.json").read_text())
    assert metadata["run_provenance"] == audit["run_provenance"]


def test_a_csv_table(project: Project, join: Join) -> None:
    """A table of CSV is joined like others; its columns are text, and two may have one name."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0}})
    project.tables[0] |= {"features": "t.csv", "out": "out/t.csv"}
    (project.folder / "t.csv").write_text("clip_id;x;x\na;1;2\nb;3;4\n")
    metadata = metadata_of(join(project.save(), "t"))
    assert (metadata["matched_rows"], metadata["missing_rows"]) == (1, 1)
    columns = metadata["dagster/column_schema"].columns
    assert [(column.name, column.type) for column in columns[:2]] == [
        ("clip_id", "string"),
        ("x", "string"),
    ]
    again = metadata_of(join(project.save(), "t"))
    assert again["drift"]["changes"]["scorers"]["DOVER"]["changed_rows"] == 0


def test_a_materialization_says_what_changed(project: Project, join: Join) -> None:
    """A first join says so; the next one has counts that plot over time, and tables to read."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0, "b": None}})
    manifest = project.save()
    first = metadata_of(join(manifest, "t"))
    assert (first["changes"], first["drift"]) == ("first join", {"not_compared": "first join"})
    assert "changed_rows" not in first
    project.write_scores("t", "DOVER", {"a": 3.5, "b": None})
    second = metadata_of(join(manifest, "t"))
    counts = {"changed_rows": 1, "added_rows": 0, "gone_rows": 0}
    assert {name: second[name] for name in counts} == counts
    assert second["dover/mean_shift"] == 2.5
    assert second["changes"].startswith("rows changed: 1 (DOVER=1)\n\n| scorer |")
    assert "| DOVER | a | 1 | 3.5 | +2.5 |" in second["changes"]
    assert second["drift"]["changes"]["scorers"]["DOVER"]["shifts"] == [
        {"key": "a", "before": 1.0, "after": 3.5}
    ]


def test_metadata_has_what_people_read_first(project: Project, join: Join) -> None:
    """A table's page begins with what people read, and ends with what programs read."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0, "b": None}})
    names = list(metadata_of(join(project.save(), "t")))
    assert names[:6] == ["tallies", "warnings", "gaps", "changes", "preview", "run_provenance"]
    assert names[-4:] == ["summary", "drift", "counts", "manifest_fingerprint"]


def test_figures_by_scorer(project: Project, join: Join) -> None:
    """By scorer only what plots over time is a figure; the table of tallies has the counts."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0, "b": None}})
    manifest = project.save()
    join(manifest, "t")
    names = list(metadata_of(join(manifest, "t")))
    assert [name for name in names if name.startswith("dover/")] == [
        "dover/coverage",
        "dover/mean_shift",
    ]


def test_appended_columns_have_descriptions_and_lineage(project: Project, join: Join) -> None:
    """Each appended column says what it holds and which scorer's asset it came from."""
    project.add_table("t", CLIPS, {"DOVER": dict.fromkeys(CLIPS, 1.0)})
    metadata = metadata_of(join(project.save(), "t"))
    columns = {column.name: column for column in metadata["dagster/column_schema"].columns}
    assert list(columns) == [
        "clip_id",
        "ssim",
        *(
            f"second_opinion_dover_{c}"
            for c in ("score", "status", "runtime_ms", "frames", "source")
        ),
    ]
    assert "DOVER" in str(columns["second_opinion_dover_score"].description)
    lineage = metadata["dagster/column_lineage"].deps_by_column
    assert list(lineage) == ["second_opinion_dover_score"]
    deps = {tuple(dep.asset_key.path) for dep in lineage["second_opinion_dover_score"]}
    assert deps == {("feature_tables",), ("scorer_sidecars", "dover")}


def test_run_config_overrides_the_manifest(project: Project, join: Join) -> None:
    """A launch may set any option; what it leaves out is as the manifest says."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0}}, prefix="so")
    metadata = metadata_of(join(project.save(), "t", missing_policy="drop"))
    assert metadata["output_rows"] == 1
    assert metadata["run_provenance"]["args"]["run_config"] == {"missing_policy": "drop"}
    assert "so_dover_score" in json.loads(project.out("t").read_text())


def test_the_job_shows_every_option_and_changes_none(project: Project) -> None:
    """What is null in the launchpad stays as the manifest says; the run is as any other."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0}})
    manifest = project.save()
    job = build_definitions(manifest, Settings(manifest.path)).resolve_job_def(JOIN_JOB)
    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(
            instance=instance,
            partition_key="t",
            run_config={**LAUNCHPAD, **QUIET},
        )
    (event,) = done.asset_materializations_for_node(JOINED_KEY.path[-1])
    provenance = event.metadata["run_provenance"].value
    assert isinstance(provenance, dict)
    assert provenance["args"].get("run_config", {}) == {}
    config = job.partitioned_config
    assert config is not None
    assert config.get_run_config_for_partition_key("t") == LAUNCHPAD


def test_run_config_has_every_option() -> None:
    """Whatever a manifest may say of a join, a launch may say."""
    assert set(OPTION_NAMES) == set(JoinConfig.model_fields)


@pytest.mark.parametrize("share", [0.3, {"DOVER": 0.3}])
def test_run_config_asks_for_coverage(project: Project, join: Join, share: object) -> None:
    """A launch may ask for a share of ok rows, of every scorer or by scorer."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0}})
    manifest = project.save()
    assert join(manifest, "t", min_coverage=share).success
    refused = {"DOVER": 0.6} if isinstance(share, dict) else 0.6
    result = join(manifest, "t", min_coverage=refused)
    assert not result.success
    assert "min_coverage is not reached: DOVER has 1 of 3 rows ok" in failure_of(result)


def test_run_config_tells_clips_apart(project: Project, join: Join) -> None:
    """A launch may say how keys are read: by a part of them, and by their folders."""
    clips: dict[str, float | None] = {f"s_{folder}/x": 1.0 for folder in "ab"}
    project.add_table("t", [f"/d/{folder}/x" for folder in "ba"], {"DOVER": clips})
    config = {"key_normalize": "suffix", "key_pattern": "^s_(.*)"}
    metadata = metadata_of(join(project.save(), "t", **config))
    assert metadata["run_provenance"]["args"]["run_config"] == config
    rows = [json.loads(line) for line in project.out("t").read_text().splitlines()]
    assert [row["second_opinion_dover_status"] for row in rows] == ["ok", "ok"]


def test_the_data_version_is_the_content(project: Project, join: Join) -> None:
    """Equal inputs and options give an equal data version; another option gives another."""
    project.add_table("t", CLIPS, {"DOVER": dict.fromkeys(CLIPS, 1.0)})
    manifest = project.save()

    def version(**config: object) -> str:
        (event,) = join(manifest, "t", **config).get_asset_materialization_events()
        return (event.materialization.tags or {})["dagster/data_version"]

    first = version()
    assert version() == first
    assert version(prefix="so") != first


def test_a_materialization_carries_its_warnings(project: Project, join: Join) -> None:
    """What is doubtful about a scorer stands in the metadata, for people and for the report."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0}, "x": dict.fromkeys(CLIPS, 2)})
    metadata = metadata_of(join(project.save(), "t"))
    warning = "DOVER: 1 of 3 rows have an ok score (missing: 2)"
    assert metadata["warnings"] == f"- {warning}"
    assert metadata["summary"]["warnings"] == [warning]


def test_a_materialization_without_warnings(project: Project, join: Join) -> None:
    """Where nothing is doubtful, the metadata says nothing of it."""
    project.add_table("t", CLIPS, {"DOVER": dict.fromkeys(CLIPS, 1.0)})
    assert "warnings" not in metadata_of(join(project.save(), "t"))


def test_bad_input_fails_with_its_one_line(project: Project, join: Join) -> None:
    """What the run's failure shows is the join's own line: what, where, what to do."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0}})
    (project.folder / "t.DOVER.jsonl").write_text('{"score": 1}\n')
    line = failure_of(join(project.save(), "t"))
    assert line == (
        f"{project.folder}/t.DOVER.jsonl:1: no key field with a usual name among score; "
        "name it as score_key_field"
    )


def test_an_option_that_is_none_of_its_values_is_refused(project: Project, join: Join) -> None:
    """A wrong missing policy is refused before the run starts."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0}})
    with pytest.raises(dg.DagsterInvalidConfigError, match="missing_policy"):
        join(project.save(), "t", missing_policy="keep")


def test_an_attempt_that_published_nothing(
    instance: dg.DagsterInstance, project: Project, join: Join
) -> None:
    """It leaves an observation for the page of its table: why, tallies, first keys, provenance."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0}}, missing_policy="fail")
    result = join(project.save(), "t")
    (record,) = instance.fetch_observations(JOINED_KEY, limit=2).records
    assert record.run_id == result.run_id
    assert record.partition_key == "t"
    assert record.asset_observation
    told = {name: value.value for name, value in record.asset_observation.metadata.items()}
    assert list(told) == [
        "failed_attempt",
        "failed_attempt/tallies",
        "failed_attempt/warnings",
        "failed_attempt/gaps",
        "failed_attempt/run_provenance",
        "failed_attempt/summary",
    ]
    assert told["failed_attempt"] == failure_of(result)
    assert "| DOVER | missing | 1 | b |" in str(told["failed_attempt/gaps"])
    provenance = told["failed_attempt/run_provenance"]
    assert isinstance(provenance, dict)
    assert provenance["inputs"]["features"]["sha256"]
    assert "output_digests" not in provenance
    assert not instance.get_materialized_partitions(JOINED_KEY)


def test_an_attempt_that_read_nothing(
    instance: dg.DagsterInstance, project: Project, join: Join
) -> None:
    """What cannot be read leaves why."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0}})
    (project.folder / "t.DOVER.jsonl").write_text('{"score": 1}\n')
    result = join(project.save(), "t")
    (record,) = instance.fetch_observations(JOINED_KEY, limit=2).records
    assert record.asset_observation
    told = {name: value.value for name, value in record.asset_observation.metadata.items()}
    assert told == {"failed_attempt": failure_of(result)}
