"""An example to try everything on: a manifest and its data, which the package ships."""

from __future__ import annotations

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.groups import FileGroup
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import publish_text
from second_opinion_assets.storage.reading import Input

EXAMPLE = Location(__file__).with_name("example")
EXAMPLE_MANIFEST = "config/smoke.json"


def write_example(folder: Location, *, force: bool) -> Location:
    """Write the example into a folder, and return its manifest.

    Args:
        folder: where to.
        force: whether files that are there are written over.

    Raises:
        JoinError: a file is there, and nothing was written; or one cannot be written.
    """
    names = FileGroup(EXAMPLE, "**/*.json*").names()
    there = [name for name in names if (folder / name).is_there()]
    if there and not force:
        msg = f"{folder / there[0]}: is there already; name another folder, or use force"
        raise JoinError(msg)
    for name in names:
        with Input(EXAMPLE / name) as file:
            publish_text(folder / name, file.read().decode())
    return folder / EXAMPLE_MANIFEST
