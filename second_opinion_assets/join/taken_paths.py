"""The files of a batch, which its reports and agreements must not overwrite."""

from __future__ import annotations

from second_opinion_assets.contract.errors import ManifestError
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.storage.groups import InputPaths
from second_opinion_assets.storage.location import Location


def refuse_shared_outputs(manifest: Manifest, reports: list[Location]) -> None:
    """Refuse reports that would overwrite one another, the manifest, or a file of a table.

    Raises:
        ManifestError: names the path.
    """
    taken = taken_paths(manifest)
    for report in reports:
        if taken.reader(report):
            msg = f"{report}: a report would overwrite another file of the batch; name another"
            raise ManifestError(msg)
        taken.add(report, "the batch")


def taken_paths(manifest: Manifest) -> InputPaths:
    """Return the manifest and every file that its tables read or write."""
    taken = InputPaths()
    for path in (manifest.path, *(path for table in manifest.tables for path in table.paths)):
        taken.add(path, "the batch")
    return taken
