"""The folder of Dagster's history: it has Dagster's settings before anything is started in it."""

from __future__ import annotations

from contextlib import suppress

from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import publish_text
from second_opinion_assets.storage.reading import Input

SETTINGS = "dagster.yaml"
_GRAPH = Location(__file__).parent.parent / "graph"


def shipped(name: str) -> Location:
    """Return where a file of Dagster's own lies that the package ships."""
    return _GRAPH / name


def prepare_home(home: Location) -> None:
    """Put the shipped settings into a home that has none, or older ones of the project's.

    Those of the project, `config/dagster.yaml`, go before those of the package.

    Raises:
        JoinError: they cannot be written.
    """
    own = Location("config") / SETTINGS
    source = own if own.is_file() else shipped(SETTINGS)
    target = home / SETTINGS
    with suppress(OSError):
        if source != own or target.stat().modified_ns >= source.stat().modified_ns:
            target.stat()
            return
    with Input(source) as file:
        publish_text(target, file.read().decode())
