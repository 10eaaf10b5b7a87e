"""What the graph reads of its events in PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterEventType

from second_opinion_assets.graph import stored_events as module
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.history import latest_joined
from second_opinion_assets.graph.names import DRIFT, JOINED_KEY, RUN_PROVENANCE, SUMMARY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.stored_events import StoredEvent, stored_events
from second_opinion_assets_tests.cluster.database import missing_programs, postgres
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import QUIET
from second_opinion_assets_tests.graph.ticks import Ticks

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]
MADE = DagsterEventType.ASSET_MATERIALIZATION


def test_events_are_read_as_dagster_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their text in PostgreSQL is what it is in SQLite: nothing has to be left to Dagster."""
    if missing := missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)}; see docs/deploy.md")
    project = Project(tmp_path)
    project.add_table("t", ["a", "b"], {"DOVER": {"a": 1.0}})
    manifest = project.save()
    with postgres(tmp_path / "postgres.log") as server:
        told = server.environment
        database = {
            "scheme": "postgresql+psycopg2",
            "hostname": told["DAGSTER_POSTGRES_HOST"],
            "port": int(told["DAGSTER_POSTGRES_PORT"]),
            "username": told["DAGSTER_POSTGRES_USER"],
            "password": told["DAGSTER_POSTGRES_PASSWORD"],
            "db_name": told["DAGSTER_POSTGRES_DB"],
        }
        storage = {"storage": {"postgres": {"postgres_db": database}}}
        (tmp_path / "home").mkdir()
        with dg.DagsterInstance.local_temp(str(tmp_path / "home"), overrides=storage) as instance:
            Ticks(instance, manifest).tick()
            graph = build_definitions(manifest, Settings(manifest.path))
            graph.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=instance,
                asset_selection=[JOINED_KEY],
                partition_key="t",
                run_config=QUIET,
            )
            (record,) = instance.fetch_materializations(JOINED_KEY, limit=2).records
            monkeypatch.delattr(module, "_read_by_dagster")
            names = [SUMMARY, DRIFT, RUN_PROVENANCE]
            (found,) = stored_events(instance, JOINED_KEY, MADE, [record.storage_id], names)
            assert found == StoredEvent.of(record, names)
            assert latest_joined(instance, manifest).keys() == {"t"}
            assert Ticks(instance, manifest).tick().requests == []
