"""A backfill from and to a store by two workers, one of which is lost, and a refresh after it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.error import URLError

import pytest

from second_opinion_assets_tests.cluster.cluster import Cluster, cluster
from second_opinion_assets_tests.cluster.database import missing_programs
from second_opinion_assets_tests.cluster.tables import Tables
from second_opinion_assets_tests.graph.webserver import wait_for
from second_opinion_assets_tests.stores import servers

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]
TABLES = 40
CLIPS = 300
LARGE = 60_000  # characters a row, so that one table is sent in parts
A_RUN = 4
CHANGED = "t07"
LONGEST_SECONDS = 900
LOOKS = 3  # enough for whatever a look asks for to be seen


@dataclass(frozen=True)
class Scene:
    """A cluster and its tables."""

    cluster: Cluster
    tables: Tables


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return a cluster that has joined nothing yet."""
    if missing := missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)}; see docs/deploy.md")
    with servers.moto_server() as url:
        tables = Tables(tmp_path_factory.mktemp("cluster"), url, TABLES, CLIPS, LARGE)
        tables.write()
        settings = {
            **tables.environment,
            "SECOND_OPINION_TABLES_PER_RUN": str(A_RUN),
            "SECOND_OPINION_INTERVAL_SECONDS": "5",
        }
        machines = tables.folder / "machines"
        with cluster(machines, tables.manifest, settings, workers=2) as running:
            yield Scene(running, tables)


def test_a_backfill_outlives_a_worker(scene: Scene) -> None:
    """A worker is killed at work: all is joined all the same, as a local join has it, and whole."""
    running, tables = scene.cluster, scene.tables
    wanted = tables.joined_locally()
    running.api.launch_backfill(tables.ids)
    wait_for(lambda: len(tables.joined()) >= TABLES // 4)
    wait_for(lambda: running.kill_at_work(0))
    assert len(tables.joined()) < TABLES
    all_of_them = {"materialized": tables.ids, "failed": []}
    wait_for(lambda: running.api.partitions() == all_of_them, LONGEST_SECONDS)
    wait_for(running.is_at_rest)
    assert running.api.partitions() == all_of_them
    assert tables.joined() == wanted
    ended = Counter(run.status for run in running.runs())
    assert ended["SUCCESS"] == TABLES // A_RUN
    assert ended["FAILURE"] >= 1


def test_nothing_half_is_left(scene: Scene) -> None:
    """Beside tables and audits there is nothing, no upload goes on, and each audit holds."""
    tables = scene.tables
    whole = [name for t in tables.ids for name in (tables.out(t), tables.audit(t))]
    assert tables.names("out/") == sorted(whole)
    assert tables.sent_in_parts() == tables.ids[:1]
    assert servers.unfinished_uploads(tables.url) == 0
    verified = tables.verify()
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_the_sensor_refreshes_the_one_table_that_changed(scene: Scene) -> None:
    """New scores of one table ask for one run, which is that table's; it has the new scores."""
    running, tables = scene.cluster, scene.tables
    before = {run.id for run in running.runs()}
    running.start_sensor("refresh_after_scorer_runs")
    running.api.wait_for_looks(LOOKS)
    assert {run.id for run in running.runs()} == before
    chance = random.Random(2)  # noqa: S311 (no secret)
    scores = {f"clip_{number:05}": chance.random() for number in range(CLIPS)}
    tables.write_scores(CHANGED, "MUSIQ", scores)
    wanted = tables.joined_locally()
    wait_for(lambda: tables.joined() == wanted and running.is_at_rest())
    running.api.wait_for_looks(LOOKS)
    after = [run for run in running.runs() if run.id not in before]
    assert [(run.status, run.tags["dagster/partition"]) for run in after] == [("SUCCESS", CHANGED)]
    assert tables.verify().returncode == 0


@pytest.mark.parametrize("lost", ["PostgreSQL", "Redis"])
def test_a_backfill_outlives_a_server(scene: Scene, lost: str) -> None:
    """Killed in a backfill, and back ten seconds later with what it keeps: all is joined again."""
    running, tables = scene.cluster, scene.tables
    asked = tables.ids[: 4 * A_RUN]
    before = {run.id for run in running.runs()}

    def ended() -> list[str]:
        try:
            return [run.status for run in running.runs() if run.id not in before]
        except URLError:  # the webserver's first answer by a connection that was lost
            return []

    running.api.launch_backfill(asked)
    wait_for(lambda: "SUCCESS" in ended())
    running.servers[lost].lose(seconds=10)
    wait_for(lambda: ended().count("SUCCESS") == len(asked) // A_RUN, LONGEST_SECONDS)
    wait_for(running.is_at_rest)
    assert tables.joined() == tables.joined_locally()
    assert tables.verify().returncode == 0
