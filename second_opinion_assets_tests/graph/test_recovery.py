"""What runs that died or still run mean for a tick, and for the next run of a table."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import msgspec
import pytest

from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.names import JOINED_KEY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.storage.journal import Journal, Step
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import LockWait, beside, output_lock
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import failure_of
from second_opinion_assets_tests.graph.ticks import Ticks, tables_of


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Return a manifest of two complete tables."""
    for name in ("one", "two"):
        project.add_table(name, ["a", "b"], {"DOVER": {"a": 1.0, "b": 2.0}})
    return project.save()


def journal_of(project: Project, table_id: str) -> Path:
    """Return where the journal of a table's output is."""
    return Path(beside(Location(project.out(table_id)), ".journal"))


def test_a_tick_completes_what_a_run_that_died_left(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project
) -> None:
    """Table and audit belong together after a tick, before anything is asked for."""
    out = project.out("one")
    out.parent.mkdir()
    out.write_text("old")
    steps = []
    for name, text in {"one.audit.json": "new audit", "one.jsonl": "new"}.items():
        temporary = Path(beside(Location(out.with_name(name)), "-1.tmp"))
        temporary.write_text(text)
        steps.append(Step(temporary.name, name, None))
    journal_of(project, "one").write_bytes(msgspec.json.encode(Journal(steps)))
    Ticks(instance, manifest).tick()
    assert out.read_text() == "new"
    assert out.with_name("one.audit.json").read_text() == "new audit"
    assert not journal_of(project, "one").exists()


def test_a_table_that_cannot_be_recovered_hurts_no_other(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project
) -> None:
    """The tick names it and why, and asks for the others."""
    path = journal_of(project, "one")
    path.parent.mkdir()
    path.write_text("{")
    plan = Ticks(instance, manifest).tick()
    assert tables_of(plan) == ["two"]
    (note,) = plan.notes
    assert note.startswith(f"one: {path}: the journal of an unfinished join cannot be read")


def test_a_run_waits_for_another_one_and_says_so(
    instance: dg.DagsterInstance, manifest: Manifest, project: Project
) -> None:
    """The log of a run tells for what it waits, and its failure that it was in vain."""
    settings = Settings(manifest.path, lock_timeout_seconds=0.1)
    job = build_definitions(manifest, settings).resolve_implicit_global_asset_job_def()
    out = Location(project.out("one"))
    with output_lock([out], LockWait(0)):
        result = job.execute_in_process(
            instance=instance,
            asset_selection=[JOINED_KEY],
            partition_key="one",
            raise_on_error=False,
        )
    assert failure_of(result) == (
        f"{out}: another run still writes it after 0.1 s; join again later"
    )
    said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert f"{out}: another run writes it; waiting up to 0.1 s" in said
