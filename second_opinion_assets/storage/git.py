"""What git would do with a file that this project writes."""

import os
import subprocess
from pathlib import Path


def why_untracked(path: Path) -> str | None:
    """Return why git does not track a file and would not add it; None if it does or would.

    A file that was added stays tracked, whatever `.gitignore` says of it since.
    """
    real = Path(os.path.realpath(path))
    folder = next(parent for parent in real.parents if parent.is_dir())
    try:
        answer = subprocess.run(  # noqa: S603 (no shell, and the path comes after --)
            ["git", "-C", str(folder), "check-ignore", "--quiet", "--", str(real)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "git is not installed"
    if answer.returncode == 1:
        return None
    if answer.returncode == 0:
        return f"git ignores {path.name}"
    # No repository, a bare one, or one of somebody else: git's own words say it best.
    return f"git does not track it: {answer.stderr.strip().removeprefix('fatal: ')}"
