"""The whole graph of one manifest, from its parts."""

from collections.abc import Callable

import dagster as dg

from second_opinion_assets.graph.agreement import agreement_asset
from second_opinion_assets.graph.automation import (
    evidence_sensor,
    nightly_schedule,
    refresh_sensor,
)
from second_opinion_assets.graph.current import CurrentManifest, manifest_check
from second_opinion_assets.graph.joined import join_job, joined_tables
from second_opinion_assets.graph.purge import purge_job, purge_schedule
from second_opinion_assets.graph.report import report_asset
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import observe_job, source_assets
from second_opinion_assets.graph.verification import provenance_check
from second_opinion_assets.join.manifest import Manifest


def build_definitions(
    manifest: Manifest,
    settings: Settings,
    problem: str = "",
    ended: Callable[[str], None] = lambda _: None,
) -> dg.Definitions:
    """Return the graph of a manifest.

    Args:
        manifest: the tables.
        settings: of the graph.
        problem: why the manifest on the disk is another one; the page of every asset shows it.
        ended: told of each table by its id as its join ends, in the process of the run.
    """
    current = CurrentManifest(manifest, problem)
    purge = purge_job(manifest, settings)
    return dg.Definitions(
        assets=[
            *source_assets(manifest, problem),
            joined_tables(manifest, settings, problem, ended),
            agreement_asset(manifest, settings, problem),
            report_asset(manifest, settings, problem),
        ],
        asset_checks=[provenance_check(manifest), manifest_check(settings)],
        jobs=[join_job(), observe_job(manifest), purge],
        sensors=[refresh_sensor(current, settings), evidence_sensor(current, settings)],
        schedules=[nightly_schedule(current, settings), purge_schedule(purge, settings)],
        # A run has one step: a process of its own for it would double the run's time.
        executor=dg.in_process_executor,
    )
