"""What git would do with a file that this project writes."""

from __future__ import annotations

import subprocess

from second_opinion_assets.storage import confinement
from second_opinion_assets.storage.location import Location

_RUN_NOTHING = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""What a repository's own settings could have git start."""


def why_untracked(location: Location) -> str | None:
    """Return why git does not track a file and would not add it; None if it does or would.

    A file that was added stays tracked, whatever `.gitignore` says of it since.
    """
    confinement.refuse_outside(location)
    real = Location(location.identity)
    folder = next((folder for folder in real.parents if folder.is_folder()), real.parent)
    ask: list[str | Location] = ["git", "-C", folder, *_RUN_NOTHING, "check-ignore", "--quiet"]
    try:
        answer = subprocess.run(  # noqa: S603 (no shell, and the path comes after --)
            [*ask, "--", real],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "git is not installed"
    if answer.returncode == 1:
        return None
    if answer.returncode == 0:
        return f"git ignores {location.name}"
    # No repository, a bare one, or one of somebody else: git's own words say it best.
    return f"git does not track it: {answer.stderr.strip().removeprefix('fatal: ')}"
