"""The whole graph of one manifest, from its parts."""

import dagster as dg

from second_opinion_assets.assets.features import joined_tables
from second_opinion_assets.assets.sources import source_assets
from second_opinion_assets.join.manifest import Manifest


def build_definitions(manifest: Manifest) -> dg.Definitions:
    """Return the graph of a manifest."""
    return dg.Definitions(
        assets=[*source_assets(manifest), joined_tables(manifest)],
        # A run has one step: a process of its own for it would double the run's time.
        executor=dg.in_process_executor,
    )
