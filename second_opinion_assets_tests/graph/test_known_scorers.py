"""What is known of scorers, in the graph: the two checks, the sources' facts, column tags."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import dagster as dg
import pytest

from second_opinion_assets.graph.sources import source_assets
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import Join, checks_of, metadata_of

IN_RANGE: dict[str, float | None] = {"a": 41.0, "b": 52.5, "c": 63.0}
TINY: dict[str, float | None] = {"a": 0.21, "b": 0.55, "c": 0.93}


def spec_metadata(project: Project, key: str) -> dict[str, Any]:
    """Return the static metadata of a source asset."""
    assets = {asset.key.path[-1]: asset for asset in source_assets(project.save())}
    return {name: value.value for name, value in assets[key].metadata.items()}


def test_scores_on_their_scale(project: Project, join: Join) -> None:
    """Scores on the declared scale pass, as do those of a scorer without one."""
    project.add_table("t", ["a", "b", "c"], {"DOVER": IN_RANGE, "in-house": TINY})
    check = checks_of(join(project.save(), "t"))["scores_in_range"]
    assert (check.passed, check.metadata) == (True, {})
    assert check.description == "DOVER: within 0-100; in-house: no scale declared"


def test_scores_on_another_scale_are_a_warning(project: Project, join: Join) -> None:
    """Scores off their scale, or all in a corner of it, warn with the scale that would fit."""
    scores = {"DOVER": TINY, "LIQE": IN_RANGE, "PIQE": {**IN_RANGE, "c": 163.0}}
    project.add_table("t", ["a", "b", "c"], scores)
    result = join(project.save(), "t")
    check = checks_of(result)["scores_in_range"]
    assert result.success
    assert (check.passed, check.severity.value, check.partition) == (False, "WARN", "t")
    assert check.description == (
        "DOVER: scores 0.21 … 0.93 where 0-100 is declared; 0-1 would fit; "
        "LIQE: scores 41 … 63 where 1-5 is declared; 0-100 would fit; "
        "PIQE: scores 41 … 163 where 0-100 is declared; no known scale fits"
    )
    shown = {name: check.metadata[f"dover/{name}"].value for name in ("expected", "actual")}
    assert shown == {"expected": "0-100", "actual": "0.21 … 0.93"}
    assert check.metadata["dover/would_fit"].value == "0-1"
    assert check.metadata["piqe/would_fit"].value == "none that is known"


def test_the_scale_that_the_table_says(project: Project, join: Join) -> None:
    """A table that says the scale is measured against that."""
    project.add_table("t", ["a", "b", "c"], {"DOVER": TINY}, scale={"DOVER": "0-1"})
    check = checks_of(join(project.save(), "t"))["scores_in_range"]
    assert (check.passed, check.description) == (True, "DOVER: within 0-1")


def test_no_ok_score_is_on_no_scale(project: Project, join: Join) -> None:
    """Without an ok score there is nothing to measure."""
    project.add_table("t", ["a"], {"DOVER": {"a": None}})
    check = checks_of(join(project.save(), "t"))["scores_in_range"]
    assert (check.passed, check.description) == (True, "DOVER: no ok score")


def test_scores_in_range_of_a_table_that_is_not_published(project: Project, join: Join) -> None:
    """A refused table's scores are measured too; of its licences there is nothing to say."""
    project.add_table("t", ["a", "b"], {"CLIP-IQA": {"a": 7.0}}, missing_policy="fail")
    checks = checks_of(join(project.save(), "t"))
    assert not checks["scores_in_range"].passed
    assert (checks["licence"].passed, checks["licence"].description) == (
        True,
        "nothing was published",
    )


@pytest.mark.skipif(not shutil.which("git"), reason="no git on the PATH")
def test_licensed_scores_where_git_would_track_them(project: Project, join: Join) -> None:
    """A score that may not be passed on is a warning where git would add it, until it is ignored.

    Scores that may be passed on, or of which nobody knows, are none.
    """
    project.add_table("t", ["a", "b", "c"], {"CLIP-IQA": TINY, "DOVER": IN_RANGE})
    project.add_table("u", ["a", "b", "c"], {"VMAF": IN_RANGE, "in-house": TINY})
    manifest = project.save()

    def licence(table_id: str) -> dg.AssetCheckEvaluation:
        return checks_of(join(manifest, table_id))["licence"]

    outside = licence("t")
    assert outside.passed
    assert str(outside.description).startswith(
        "CLIP-IQA may not be passed on; git does not track it: not a git repository"
    )
    subprocess.run(["git", "init", "--quiet", str(project.folder)], check=True)
    tracked = licence("t")
    assert (tracked.passed, tracked.severity.value, tracked.partition) == (False, "WARN", "t")
    assert tracked.description == (
        "CLIP-IQA may not be passed on, and git would track t.jsonl; let it be ignored"
    )
    assert tracked.metadata["output"].value == str(project.out("t"))
    assert tracked.metadata["clip_iqa/licence"].value == "NTU S-Lab License 1.0"
    free = licence("u")
    assert free.passed
    assert free.description == "no score here is known as one that may not be passed on"
    (project.folder / ".gitignore").write_text("/out/\n")
    ignored = licence("t")
    assert (ignored.passed, ignored.metadata) == (True, {})
    assert ignored.description == "CLIP-IQA may not be passed on; git ignores t.jsonl"


def test_a_scorers_source_shows_what_is_known_of_it(project: Project) -> None:
    """Licence, direction, scale and training sets stand on the scorer's asset as static facts."""
    project.add_table("t", ["a"], {"q_align": {"a": 0.7}, "in-house": {"a": 1.0}})
    metadata = spec_metadata(project, "q_align")
    shown = {name: metadata[name] for name in ("scorer", "scale", "other_scales", "direction")}
    assert shown == {
        "scorer": "Q-Align",
        "scale": "0-1",
        "other_scales": "1-5",
        "direction": "higher is better",
    }
    assert (metadata["licence"], metadata["homepage"]) == (
        "MIT",
        "https://github.com/Q-Future/Q-Align",
    )
    assert metadata["trained_on"] == "KonIQ-10k, SPAQ, KADID-10k, AVA, LSVQ"
    licence = "https://github.com/Q-Future/Q-Align/blob/fcaaa21865de52c1601f9f95da8d75db95c59ea8"
    assert (
        f"| licence | [Q-Future/Q-Align: LICENSE]({licence}/LICENSE) |" in metadata["verified_at"]
    )
    assert set(spec_metadata(project, "in_house")) == {"tables", "scorer"}
    assert set(spec_metadata(project, "feature_tables")) == {"tables"}


def test_columns_say_whether_a_model_may_learn_from_them(project: Project, join: Join) -> None:
    """A score column is tagged model-ready with its scale and direction, the others bookkeeping."""
    project.add_table("t", ["a", "b", "c"], {"PIQE": IN_RANGE, "in-house": TINY})
    schema = metadata_of(join(project.save(), "t"))["dagster/column_schema"]
    columns = {column.name: column for column in schema.columns}
    score = columns["second_opinion_piqe_score"]
    assert score.tags == {"model_ready": "", "scale": "0-100", "direction": "lower_is_better"}
    assert str(score.description).endswith("; scale 0-100, lower is better")
    assert columns["second_opinion_in_house_score"].tags == {"model_ready": ""}
    runtime = columns["second_opinion_piqe_runtime_ms"]
    assert runtime.tags == {"bookkeeping": ""}
    assert str(runtime.description).endswith("; no quality signal")
    assert columns["ssim"].tags == {}


def test_aliases_are_one_asset_and_one_scorer(project: Project, join: Join) -> None:
    """With canonical names the files of two aliases are one source, and join as one scorer."""
    scores: dict[str, dict[str, float | None]] = {
        "dover_mobile": {"a": 41.0},
        "DOVER-Mobile": {"b": 52.0},
    }
    project.add_table("t", ["a", "b"], scores, canonical_names=True)
    metadata = metadata_of(join(project.save(), "t"))
    assert metadata["dover_mobile/coverage"] == 1.0
    lineage = metadata["dagster/column_lineage"].deps_by_column
    deps = {tuple(dep.asset_key.path) for dep in lineage["second_opinion_dover_mobile_score"]}
    assert deps == {("feature_tables",), ("scorer_sidecars", "dover_mobile")}


def test_a_launch_may_ask_for_canonical_names(project: Project, join: Join) -> None:
    """Run config may ask for canonical names, whose columns still come from the file's asset.

    So do those of a file without rows, which stands for its label.
    """
    project.add_table("t", ["a"], {"one-align": {"a": 0.7}, "clipiqa": {}})
    metadata = metadata_of(join(project.save(), "t", canonical_names=True))
    lineage = metadata["dagster/column_lineage"].deps_by_column
    for scorer, asset in (("q_align", "one_align"), ("clip_iqa", "clipiqa")):
        deps = {tuple(dep.asset_key.path) for dep in lineage[f"second_opinion_{scorer}_score"]}
        assert ("scorer_sidecars", asset) in deps


def test_a_launch_may_ask_for_aligned_scores(project: Project, join: Join) -> None:
    """Aligned columns are model-ready and come from scores; a scorer without one is named."""
    project.add_table("t", ["a", "b", "c"], {"PIQE": IN_RANGE, "in-house": TINY})
    metadata = metadata_of(join(project.save(), "t", aligned_scores=True))
    columns = {column.name: column for column in metadata["dagster/column_schema"].columns}
    aligned = columns["second_opinion_piqe_aligned"]
    assert aligned.tags == {"model_ready": "", "scale": "0-100", "direction": "higher_is_better"}
    assert "second_opinion_in_house_aligned" not in columns
    lineage = metadata["dagster/column_lineage"].deps_by_column
    of_aligned, of_score = (lineage[f"second_opinion_piqe_{n}"] for n in ("aligned", "score"))
    assert of_aligned == of_score
    assert "in-house: no aligned scores" in str(metadata["warnings"])
