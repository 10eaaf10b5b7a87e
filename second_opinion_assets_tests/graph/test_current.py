"""A manifest that cannot be used for a while: what is refreshed meanwhile, and where it is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.current import (
    CurrentPlanner,
    ManifestWatch,
    load_current,
    manifest_check,
)
from second_opinion_assets.graph.names import JOINED_KEY
from second_opinion_assets.graph.plan import RefreshPlan
from second_opinion_assets.graph.refresh import RefreshPlanner
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.report.markdown import escaped
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET, Join
from second_opinion_assets_tests.graph.ticks import SETTLE_SECONDS, Ticks, tables_of

SCORERS = "our-scorers.json"
SAYS = "the manifest cannot be used; tables are refreshed by its last usable version: "


def cut_short(project: Project) -> str:
    """Break the syntax of a manifest; return what is said of it."""
    project.manifest_path.write_text(project.manifest_path.read_text()[:-1])
    return f"{project.manifest_path}: "


def take_away(project: Project) -> str:
    """Remove a manifest; return what is said of it."""
    project.manifest_path.unlink()
    return f"{project.manifest_path}: cannot be read: No such file or directory"


def misspell(project: Project) -> str:
    """Make one table of a manifest wrong; return what is said of it."""
    bad = {**project.tables[1], "scorse": []}
    project.manifest_path.write_text(json.dumps({"tables": [project.tables[0], bad]}))
    return f"{project.manifest_path}::$.tables[1]: unknown key 'scorse'"


def spoil_scorers(project: Project) -> str:
    """Break the file of scorers that a manifest names; return what is said of it."""
    path = project.manifest_path.with_name(SCORERS)
    path.write_text(path.read_text()[:-1])
    return f"{path}: "


def take_scorers_away(project: Project) -> str:
    """Remove that file; return what is said of it."""
    path = project.manifest_path.with_name(SCORERS)
    path.unlink()
    return f"{path}: cannot be read: No such file or directory"


SPOILERS = (cut_short, take_away, misspell, spoil_scorers, take_scorers_away)
broken = pytest.mark.parametrize("spoil", SPOILERS)


def mend(project: Project) -> Manifest:
    """Write manifest and file of scorers as they were."""
    path = project.manifest_path.with_name(SCORERS)
    path.write_text(json.dumps({"scorers": [{"name": "ours", "direction": "higher"}]}))
    return project.save()


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Return a manifest of two complete tables, with a file of scorers."""
    project.others = {"scorers": SCORERS}
    for name in ("one", "two"):
        project.add_table(name, ["a", "b"], {"DOVER": {"a": 1.0, "b": 2.0}})
    return mend(project)


@pytest.fixture
def settings(manifest: Manifest, tmp_path: Path) -> Settings:
    """Return settings by which copies are kept."""
    return Settings(manifest.path, kept_dir=Location(tmp_path / "home/second_opinion"))


class CurrentTicks(Ticks):
    """Ticks of a sensor whose graph was made from a manifest that may change later."""

    def __init__(self, instance: dg.DagsterInstance, settings: Settings) -> None:
        self.instance = instance
        current = load_current(settings)

        def make(manifest: Manifest, most_tables: int) -> RefreshPlanner:
            return RefreshPlanner(manifest, SETTLE_SECONDS, most_tables)

        self.planner = CurrentPlanner(ManifestWatch(settings, current), current.manifest, make)


@pytest.fixture
def ticks(instance: dg.DagsterInstance, settings: Settings) -> CurrentTicks:
    """Return ticks over a graph of both tables."""
    return CurrentTicks(instance, settings)


def checked(plan: RefreshPlan) -> list[tuple[bool, str]]:
    """Return what the check of the manifest is told: whether it passes, and why not."""
    return [(check.passed, str(check.description)) for check in plan.checks]


@broken
def test_the_last_good_tables_are_refreshed(
    ticks: CurrentTicks,
    project: Project,
    manifest: Manifest,
    join: Join,
    spoil: Callable[[Project], str],
) -> None:
    """Every tick says what is wrong, the check on the entries fails once, and repair clears it."""
    assert checked(ticks.tick())[0][0]
    for table in ("one", "two"):
        assert join(manifest, table).success
    why = spoil(project)
    plan = ticks.tick()
    assert plan.notes[0].startswith(f"{SAYS}{why}")
    assert (plan.skip_reason or "").startswith(SAYS)
    assert checked(plan) == [(False, escaped(plan.notes[0]))]
    project.write_scores("one", "DOVER", {"a": 1.0, "b": 3.0})
    again = ticks.tick()
    assert tables_of(again) == ["one"]
    assert again.notes == plan.notes
    assert checked(again) == []
    mend(project)
    mended = ticks.tick()
    assert mended.notes == []
    assert [passed for passed, _ in checked(mended)] == [True]


@broken
def test_a_process_that_starts_meanwhile_works_by_the_copy(
    instance: dg.DagsterInstance,
    settings: Settings,
    project: Project,
    spoil: Callable[[Project], str],
) -> None:
    """A code server says so on the page of each asset, and a run in its log; it joins its table."""
    good = load_current(settings)
    assert good.problem == ""
    why = spoil(project)
    current = load_current(settings)
    assert current.manifest == good.manifest
    assert current.problem.startswith(f"{SAYS}{why}")
    definitions = build_definitions(current.manifest, settings, current.problem)
    graph = definitions.resolve_asset_graph()
    pages = [graph.get(key).description for key in graph.get_all_asset_keys()]
    assert len(pages) == 6
    assert all(str(page).startswith(f"**{escaped(SAYS + why)}") for page in pages)
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=[JOINED_KEY],
        partition_key="one",
        run_config=QUIET,
    )
    assert result.success
    said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert current.problem in said
    (check,) = (manifest_check(settings),)
    answer = check(dg.build_op_context())
    assert isinstance(answer, dg.AssetCheckResult)
    assert (answer.passed, answer.description) == (False, escaped(current.problem))


def test_without_a_copy_there_is_no_graph(settings: Settings, project: Project) -> None:
    """A manifest that never could be used is refused, and so is one of other paths."""
    load_current(settings)
    cut_short(project)
    other = Settings(settings.manifest, base_dir=Location("/"), kept_dir=settings.kept_dir)
    for refused in (other, Settings(settings.manifest)):
        with pytest.raises(JoinError, match=r"manifest\.json"):
            load_current(refused)


def test_copies_are_those_of_one_moment(settings: Settings, project: Project) -> None:
    """Of edits nothing is left but the copies of the last ones that could be used."""
    for number in range(3):
        scorers = {"scorers": [{"name": f"ours {number}"}]}
        project.manifest_path.with_name(SCORERS).write_text(json.dumps(scorers))
        good = load_current(settings)
    assert settings.kept_dir
    assert len(list(Path(settings.kept_dir).glob("*/*"))) == 3
    for spoil in (spoil_scorers, cut_short):
        spoil(project)
        assert load_current(settings).manifest == good.manifest


def test_the_copy_is_the_latest_that_could_be_used(
    settings: Settings, project: Project, ticks: CurrentTicks
) -> None:
    """A look keeps what it finds, so that runs and a code server that start later have it too."""
    project.tables[0]["prefix"] = "so"
    project.save()
    ticks.tick()
    cut_short(project)
    current = load_current(settings)
    assert current.manifest.table("one").options.prefix == "so"


def test_an_option_counts_at_the_next_look(
    ticks: CurrentTicks, project: Project, manifest: Manifest, join: Join
) -> None:
    """A table whose entry was edited is joined once, by no reload: runs read the manifest anew."""
    ticks.tick()
    for table in ("one", "two"):
        join(manifest, table)
    project.tables[0]["prefix"] = "so"
    edited = project.save()
    assert tables_of(ticks.tick()) == ["one"]
    assert join(edited, "one").success
    assert ticks.tick().requests == []


def test_other_tables_ask_for_a_reload(ticks: CurrentTicks, project: Project) -> None:
    """What the graph has no partition for is named; what it has is refreshed."""
    project.add_table("three", ["a"], {"MUSIQ": {"a": 1.0}})
    del project.tables[0]
    project.save()
    plan = ticks.tick()
    says = "reload the definitions: the manifest has other tables or scorers (one, three)"
    assert plan.notes == [says]
    assert tables_of(plan) == ["two"]
    assert {event.partition for event in plan.events} == {"two"}


def test_a_table_that_is_gone_is_one_line(
    instance: dg.DagsterInstance, project: Project, settings: Settings
) -> None:
    """A run for a table that was taken out of the manifest meanwhile says so."""
    del project.tables[0]
    definitions = build_definitions(project.save(), settings)
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection={JOINED_KEY}
    )
    made = instance.create_run_for_job(job, asset_selection={JOINED_KEY})
    instance.add_run_tags(made.run_id, {"dagster/partition": "one"})
    run = instance.get_run_by_id(made.run_id)
    assert run
    execute_run(InMemoryJob(job), run, instance)
    (entry,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    assert entry.dagster_event
    failure = entry.dagster_event.step_failure_data.user_failure_data
    assert failure
    assert failure.description == f"{project.manifest_path}: has no table 'one' any more"
