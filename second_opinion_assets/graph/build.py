"""The whole graph of one manifest, from its parts."""

from unicodedata import category

import dagster as dg

from second_opinion_assets.contract.errors import ManifestError
from second_opinion_assets.graph.agreement import agreement_asset
from second_opinion_assets.graph.automation import (
    evidence_sensor,
    nightly_schedule,
    refresh_sensor,
)
from second_opinion_assets.graph.joined import joined_tables
from second_opinion_assets.graph.report import report_asset
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.graph.sources import observe_job, source_assets
from second_opinion_assets.graph.verification import provenance_check
from second_opinion_assets.join.manifest import Manifest, load_manifest

_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Kinds of characters that control something or part lines."""


def load_tables(settings: Settings) -> Manifest:
    """Return the manifest that the settings name, if its tables can be partitions.

    Raises:
        JoinError: a manifest that cannot be used, or a table whose id Dagster does not take.
    """
    manifest = load_manifest(settings.manifest, settings.base_dir)
    for table in manifest.tables:
        if "..." in table.id or _UNSEEN & set(map(category, table.id)):
            msg = (
                f"{manifest.path}: the id {table.id!r} has what no partition may have, three dots "
                "or a control character; give the table another one"
            )
            raise ManifestError(msg)
    return manifest


def build_definitions(manifest: Manifest, settings: Settings) -> dg.Definitions:
    """Return the graph of a manifest."""
    return dg.Definitions(
        assets=[
            *source_assets(manifest),
            joined_tables(manifest, settings),
            agreement_asset(manifest),
            report_asset(manifest, settings),
        ],
        asset_checks=[provenance_check(manifest)],
        jobs=[observe_job(manifest)],
        sensors=[refresh_sensor(manifest, settings), evidence_sensor(manifest, settings)],
        schedules=[nightly_schedule(manifest, settings)],
        # A run has one step: a process of its own for it would double the run's time.
        executor=dg.in_process_executor,
    )
