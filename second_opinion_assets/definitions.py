"""What Dagster loads: the graph of the manifest that the environment names."""

import dagster as dg

from second_opinion_assets.graph import build_definitions
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.settings import Settings


def _load() -> dg.Definitions:
    settings = Settings.from_environment()
    return build_definitions(load_manifest(settings.manifest, settings.base_dir))


defs = _load()
