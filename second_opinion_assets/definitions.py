"""What Dagster loads: the graph of the manifest that the environment names."""

import dagster as dg

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.current import load_current
from second_opinion_assets.graph.settings import Settings


def _load() -> dg.Definitions:
    try:
        settings = Settings.from_environment()
        settings.apply()
        current = load_current(settings)
    except JoinError as error:
        # Dagster shows its own kind of error as it is; others it hides behind "error occurred
        # during the loading of definitions".
        raise dg.DagsterInvalidDefinitionError(str(error)) from None
    return build_definitions(current.manifest, settings, current.problem)


defs = _load()
