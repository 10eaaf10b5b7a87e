"""Score files (sidecars): from their bytes to the columns of each scorer.

One module a form of file; what a row means is `scores`' business.
"""

from second_opinion_assets.scores.read import read_sidecars
from second_opinion_assets.scores.sidecar import (
    Reader,
    Sidecar,
    SidecarInput,
    SidecarRules,
)

__all__ = ["Reader", "Sidecar", "SidecarInput", "SidecarRules", "read_sidecars"]
