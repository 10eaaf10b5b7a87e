"""Old history goes, and what staleness, the report and the sensors are told by stays."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.evidence import EvidencePlanner
from second_opinion_assets.graph.history import ids_of, latest_joined, open_attempts, table_outcomes
from second_opinion_assets.graph.names import AGREEMENT_KEY, JOINED_KEY, PURGE_SCHEDULE, REPORT_KEY
from second_opinion_assets.graph.purge import Purged, purge
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import source_partitions
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET
from second_opinion_assets_tests.graph.ticks import Ticks, tables_of

MADE = (JOINED_KEY, AGREEMENT_KEY)
TABLES = ("again", "stale", "failing")
SCORES: dict[str, float | None] = {"a": 1.0, "b": 2.0}


@pytest.fixture
def instance(stored_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """Return an instance on the disk."""
    return stored_instance


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Return three complete tables."""
    for name in TABLES:
        project.add_table(name, ["a", "b"], {"DOVER": SCORES})
    return project.save()


class History:
    """Months of joins, and what the graph makes of them."""

    def __init__(self, instance: dg.DagsterInstance, manifest: Manifest, project: Project) -> None:
        self.instance = instance
        self.manifest = manifest
        self.sources = list(source_partitions(manifest))
        self.began = datetime.now(UTC)
        self._project = project
        self.definitions = build_definitions(manifest, Settings(manifest.path))
        self._job = self.definitions.resolve_implicit_global_asset_job_def()
        self.ticks = Ticks(instance, manifest)

    def run(self, *keys: dg.AssetKey, table: str | None = None) -> None:
        self._job.execute_in_process(
            instance=self.instance,
            asset_selection=list(keys),
            partition_key=table,
            run_config=QUIET,
            raise_on_error=False,
        )

    def make(self) -> None:
        """Join all tables several times, and leave one stale and one failed."""
        for number in range(2):
            for name in TABLES:
                self._project.write_scores(name, "DOVER", {"a": 1.0, "b": 2.0 + number})
            self.ticks.tick()
            for name in TABLES:
                self.run(JOINED_KEY, AGREEMENT_KEY, table=name)
        self.run(JOINED_KEY, table="again")  # the same content: its agreement is as it was
        self.run(REPORT_KEY)
        self._project.write_scores("stale", "DOVER", {"a": 9.0, "b": 9.0})
        (self._project.folder / "failing.DOVER.jsonl").write_text("nonsense\n")
        self.ticks.tick()
        self.run(JOINED_KEY, table="failing")

    def staleness(self) -> dict[tuple[str, str], str]:
        """Return what Dagster says of each partition of what is made."""
        graph = self.definitions.resolve_asset_graph()
        resolver = CachingStaleStatusResolver(
            self.instance, graph, LoadingContextForTest(self.instance)
        )
        return {
            (key.path[-1], table): resolver.get_status(key, table).value
            for key in MADE
            for table in TABLES
        }

    def outcomes(self) -> list[object]:
        """Return what a report would say."""
        joined = latest_joined(self.instance, self.manifest)
        attempts = open_attempts(self.instance, known=ids_of(joined))
        return [*table_outcomes(self.instance, self.manifest, joined, attempts)]

    def asked(self) -> list[object]:
        """Return what sensors ask for that know nothing but the history."""
        plan = Ticks(self.instance, self.manifest).tick()
        evidence = EvidencePlanner(self.manifest, 25).plan(self.instance, time.time())
        return [plan.requests, plan.notes, len(plan.events), evidence.requests]

    def size(self) -> int:
        """Return how many events the index of the store has."""
        storage = self.instance.event_log_storage
        assert isinstance(storage, SqliteEventLogStorage)
        with storage.index_connection() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM event_logs").scalar() or 0)


@pytest.fixture
def history(instance: dg.DagsterInstance, manifest: Manifest, project: Project) -> History:
    """Return a history of several joins of each table."""
    made = History(instance, manifest, project)
    made.make()
    return made


@pytest.mark.e2e
def test_what_the_graph_is_told_by_stays(
    history: History, project: Project, tmp_path: Path
) -> None:
    """Staleness, report and sensors are the same after a purge of all that is not needed."""

    def files() -> set[str]:
        return {path.stem for path in (tmp_path / "home" / "history" / "runs").glob("*-*.db")}

    def runs() -> set[str]:
        return {run.run_id for run in history.instance.get_runs()}

    before = history.staleness(), history.outcomes(), history.asked()
    assert history.staleness() == {
        **{(key.path[-1], table): "FRESH" for key in MADE for table in TABLES},
        **{(JOINED_KEY.path[-1], table): "STALE" for table in ("stale", "failing")},
    }
    size, all_runs = history.size(), runs()
    assert purge(history.instance, history.sources, history.began) == Purged(0, 0)
    assert (history.size(), runs()) == (size, all_runs)

    purged = purge(history.instance, history.sources, datetime.now(UTC) + timedelta(seconds=1))
    assert purged.runs == len(TABLES)  # the first round; one of the second has the agreement
    assert purged.events > 0
    assert history.size() < size
    assert files() == runs() < all_runs
    assert (history.staleness(), history.outcomes(), history.asked()) == before

    project.write_scores("again", "DOVER", {"a": 5.0})
    assert tables_of(Ticks(history.instance, history.manifest).tick()) == list(TABLES)
    stale = {table for (_, table), status in history.staleness().items() if status == "STALE"}
    assert stale == set(TABLES)


@pytest.mark.parametrize(("days", "status"), [("", "RUNNING"), ("0", "STOPPED"), ("7", "RUNNING")])
def test_how_long_history_is_kept_is_a_setting(manifest: Manifest, days: str, status: str) -> None:
    """Old history goes each night, unless all of it is to be kept."""
    environment = {"SECOND_OPINION_KEEP_DAYS": days, "SECOND_OPINION_MANIFEST": str(manifest.path)}
    settings = Settings.from_environment(environment)
    schedule = build_definitions(manifest, settings).resolve_schedule_def(PURGE_SCHEDULE)
    assert schedule.default_status.value == status


def test_what_is_no_number_of_days_is_refused() -> None:
    """The message names the variable."""
    with pytest.raises(JoinError, match="SECOND_OPINION_KEEP_DAYS is 'some', expected a number of"):
        Settings.from_environment({**os.environ, "SECOND_OPINION_KEEP_DAYS": "some"})


def test_dagster_takes_the_whole_graph(manifest: Manifest) -> None:
    """Names of jobs and of what they do differ, which Dagster asks for when it loads them."""
    repository = build_definitions(manifest, Settings(manifest.path)).get_repository_def()
    repository.load_all_definitions()
    assert "nightly_purge" in {schedule.name for schedule in repository.schedule_defs}
