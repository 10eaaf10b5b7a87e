"""The checks of a joined table: which are red, which warn, and what they show."""

from __future__ import annotations

import re
from typing import Any

import dagster as dg
import pytest

from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.names import JOINED_KEY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join, checks_of, failure_of, metadata_of

CLIPS = ["a", "b", "c"]


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
