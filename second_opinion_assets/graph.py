"""The whole graph of one manifest, from its parts."""

import dagster as dg

from second_opinion_assets.assets.features import joined_tables
from second_opinion_assets.assets.report import report_asset
from second_opinion_assets.assets.sources import source_assets, source_partitions
from second_opinion_assets.automation import nightly_schedule, refresh_sensor
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.settings import Settings


def build_definitions(manifest: Manifest, settings: Settings) -> dg.Definitions:
    """Return the graph of a manifest."""
    return dg.Definitions(
        assets=[
            *source_assets(manifest),
            joined_tables(manifest),
            report_asset(manifest, settings),
        ],
        jobs=[
            dg.define_asset_job(
                "observe_sources",
                selection=dg.AssetSelection.assets(*source_partitions(manifest)),
                description="Records path, bytes, rows and sha256 of every input file.",
            )
        ],
        sensors=[refresh_sensor(manifest, settings)],
        schedules=[nightly_schedule(manifest, settings)],
        # A run has one step: a process of its own for it would double the run's time.
        executor=dg.in_process_executor,
    )
