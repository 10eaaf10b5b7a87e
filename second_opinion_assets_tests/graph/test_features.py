"""The joined tables: config, metadata, checks and the gate, in process."""

from __future__ import annotations

import json
import re
from typing import Any

import dagster as dg
import pytest

from second_opinion_assets.contract.options import OPTION_NAMES
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.joined import JoinConfig
from second_opinion_assets.graph.names import JOINED_KEY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join, checks_of, failure_of, metadata_of

CLIPS = ["a", "b", "c"]


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
        "dover/missing_rows": 1,
        "dover/bad_rows": 1,
        "dover/coverage": 0.3333,
        "q_align/coverage": 1.0,
        "dagster/row_count": 3,
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
    counts = {"changed_rows": 1, "added_rows": 0, "gone_rows": 0, "dover/changed_rows": 1}
    assert {name: second[name] for name in counts} == counts
    assert second["dover/mean_shift"] == 2.5
    assert second["changes"].startswith("rows changed: 1 (DOVER=1)\n\n| scorer |")
    assert "| DOVER | a | 1 | 3.5 | +2.5 |" in second["changes"]
    assert second["drift"]["changes"]["scorers"]["DOVER"]["shifts"] == [
        {"key": "a", "before": 1.0, "after": 3.5}
    ]


def test_metadata_has_what_people_read_first(project: Project, join: Join) -> None:
    """Tallies, changes and a preview come first on a table's page, JSON comes last."""
    project.add_table("t", CLIPS, {"DOVER": dict.fromkeys(CLIPS, 1.0)})
    names = list(metadata_of(join(project.save(), "t")))
    assert names[:3] == ["tallies", "changes", "preview"]
    assert {"drift", "summary", "counts", "run_provenance"} < set(names[-5:])


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
    deps = {tuple(dep.asset_key.path) for dep in lineage["second_opinion_dover_score"]}
    assert deps == {("feature_tables",), ("scorer_sidecars", "dover")}


def test_run_config_overrides_the_manifest(project: Project, join: Join) -> None:
    """A launch may set any option; what it leaves out is as the manifest says."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0}}, prefix="so")
    metadata = metadata_of(join(project.save(), "t", missing_policy="drop"))
    assert metadata["output_rows"] == 1
    assert metadata["run_provenance"]["args"]["run_config"] == {"missing_policy": "drop"}
    assert "so_dover_score" in json.loads(project.out("t").read_text())


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


def test_a_promotion_grade_table_with_gaps_is_not_published(project: Project, join: Join) -> None:
    """Under `fail` the run fails, the gate is red with tallies and keys, and nothing is written."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 71.0, "b": None}}, missing_policy="fail")
    result = join(project.save(), "t")
    assert not result.success
    assert failure_of(result).startswith("missing second-opinion scores: DOVER=1; bad")
    gate = checks_of(result)["promotion_gate"]
    assert (gate.passed, gate.severity.value, gate.partition) == (False, "ERROR", "t")
    assert gate.metadata["missing_keys"].value == {"DOVER": ["c"]}
    assert gate.metadata["bad_keys"].value == {"DOVER": ["b"]}
    assert gate.metadata["missing_rows"].value == 1
    others = {name: check.passed for name, check in checks_of(result).items()}
    assert others == {
        "promotion_gate": False,
        "coverage": False,
        "rows_kept": True,
        "keys_match": True,
        "usable_scores": False,
        "scores_vary": True,
        "scores_in_range": True,
        "licence": True,
    }
    assert not project.out("t").exists()


def test_a_failed_launch_leaves_the_earlier_output(project: Project, join: Join) -> None:
    """A promotion-grade table keeps its last complete output while its sidecar has gaps."""
    project.add_table("t", CLIPS, {"DOVER": dict.fromkeys(CLIPS, 1.0)}, missing_policy="fail")
    manifest = project.save()
    assert join(manifest, "t").success
    before = project.out("t").read_bytes()
    project.write_scores("t", "DOVER", {"a": 2.0})
    assert not join(manifest, "t").success
    assert project.out("t").read_bytes() == before


def test_relaxing_the_policy_publishes_and_the_gate_still_fails(
    project: Project, join: Join
) -> None:
    """A launch with `mark` of a promotion-grade table publishes; its gate stays an error."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0}}, missing_policy="fail")
    result = join(project.save(), "t", missing_policy="mark")
    assert metadata_of(result)["output_rows"] == 3
    gate = checks_of(result)["promotion_gate"]
    assert (gate.passed, gate.severity.value) == (False, "ERROR")


def test_gaps_of_an_ordinary_table_are_a_warning(project: Project, join: Join) -> None:
    """A table that is not promotion-grade passes its gate; `coverage` warns, with the keys."""
    project.add_table("t", CLIPS, {"DOVER": {"a": 1.0, "b": None}})
    result = join(project.save(), "t")
    gate, coverage = (checks_of(result)[name] for name in ("promotion_gate", "coverage"))
    assert result.success
    assert gate.passed
    assert str(gate.description).startswith("not promotion-grade")
    assert (coverage.passed, coverage.severity.value, coverage.partition) == (False, "WARN", "t")
    assert str(coverage.description).startswith("missing second-opinion scores: DOVER=1; bad")
    assert coverage.metadata["missing_keys"].value == {"DOVER": ["c"]}
    assert coverage.metadata["bad_keys"].value == {"DOVER": ["b"]}


@pytest.mark.parametrize(
    ("asked", "passes"),
    [(0.3, True), ({"DOVER": 0.3}, False), ({"DOVER": 0.3, "MUSIQ": 0.3}, True), (None, False)],
)
def test_coverage_is_what_the_manifest_asks(
    project: Project, join: Join, asked: object, *, passes: bool
) -> None:
    """Its threshold is `min_coverage`; of a scorer of which nothing is asked it is every row."""
    scores: dict[str, dict[str, float | None]] = {"DOVER": {"a": 1.0}, "MUSIQ": {"b": 1.0}}
    options: dict[str, Any] = {} if asked is None else {"min_coverage": asked}
    project.add_table("t", CLIPS, scores, **options)
    coverage = checks_of(join(project.save(), "t"))["coverage"]
    assert coverage.passed == passes
    shares = {name: v.value for name, v in coverage.metadata.items() if "min_coverage" in name}
    assert set(shares.values()) <= {0.3}


def test_the_tables_that_are_red_are_those_that_fail_their_gate(
    project: Project, instance: dg.DagsterInstance
) -> None:
    """Of forty tables with gaps four are promotion-grade: the two of them with gaps are red."""
    for number in range(40):
        scores: dict[str, float | None] = {"a": 1.0} if number % 20 else dict.fromkeys(CLIPS, 1.0)
        policy = "fail" if number % 10 == 0 else "mark"
        project.add_table(f"t{number}", CLIPS, {"DOVER": scores}, missing_policy=policy)
    manifest = project.save()
    result = (
        build_definitions(manifest, Settings(manifest.path))
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=instance,
            asset_selection=[JOINED_KEY],
            tags={
                "dagster/asset_partition_range_start": "t0",
                "dagster/asset_partition_range_end": "t39",
            },
            run_config=QUIET,
            raise_on_error=False,
        )
    )
    found = result.get_asset_check_evaluations()
    red = {c.partition for c in found if not c.passed and c.severity.value == "ERROR"}
    assert red == {"t10", "t30"}
    warned = {c.partition for c in found if not c.passed and c.check_name == "coverage"}
    assert len(warned) == 38


def test_at_most_ten_sample_keys_a_scorer(project: Project, join: Join) -> None:
    """A large gap is shown by its first ten keys."""
    clips = [f"clip{number}" for number in range(40)]
    project.add_table("t", clips, {"DOVER": {"clip39": 1.0}}, missing_policy="fail")
    gate = checks_of(join(project.save(), "t"))["promotion_gate"]
    assert gate.metadata["missing_keys"].value == {"DOVER": clips[:10]}


def test_keys_match_names_the_mode_that_would_match(project: Project, join: Join) -> None:
    """A scorer whose keys are hardly found is reported with what would find them."""
    project.add_table("t", CLIPS, {"DOVER": {f"{clip}.mp4": 1.0 for clip in CLIPS}})
    check = checks_of(join(project.save(), "t"))["keys_match"]
    assert not check.passed
    assert check.description == (
        "DOVER: 0 of 3 keys found in the feature table; key\\_normalize stem would find 3"
    )


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        pytest.param(
            {"a": 1.0, "b": None, "c": None},
            r"DOVER: 1 of 3 score rows are ok \(.+: 2\)",
            id="bad",
        ),
        pytest.param(
            {"a": 1.0}, r"DOVER: 1 of 3 rows have an ok score \(missing: 2\)", id="missing"
        ),
        pytest.param({"a": 1.0, "b": 2.0}, None, id="most"),
    ],
)
@pytest.mark.parametrize("policy", ["mark", "fail"])
def test_few_usable_scores_are_a_warning(
    project: Project, join: Join, scores: dict[str, float | None], why: str | None, policy: str
) -> None:
    """A scorer with fewer than half ok fails a check that warns, published or not."""
    project.add_table("t", CLIPS, {"DOVER": scores}, missing_policy=policy)
    check = checks_of(join(project.save(), "t"))["usable_scores"]
    assert (check.passed, check.severity.value) == (why is None, "WARN")
    assert check.metadata["dover/ok_rows"].value == sum(s is not None for s in scores.values())
    assert re.fullmatch(why or "None", str(check.description))


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


@pytest.mark.parametrize(
    ("scores", "problem"),
    [
        pytest.param({"a": 0.0, "b": 0.0, "c": 0.0}, "DOVER: all zero", id="zero"),
        pytest.param({"a": 7.5, "b": 7.5, "c": 7.5}, "DOVER: constant 7.5", id="constant"),
        pytest.param({"a": None, "b": None, "c": None}, "DOVER: all null", id="null"),
        pytest.param({"a": 1.0, "b": 2.0, "c": 3.0}, None, id="varied"),
    ],
)
def test_scores_that_do_not_vary_are_reported(
    project: Project, join: Join, scores: dict[str, float | None], problem: str | None
) -> None:
    """A score column that is all null, all zero or constant fails a check."""
    project.add_table("t", CLIPS, {"DOVER": scores})
    check = checks_of(join(project.save(), "t"))["scores_vary"]
    assert (check.passed, check.description) == (problem is None, problem)


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
