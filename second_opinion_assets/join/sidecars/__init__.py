"""Score files (sidecars): from their bytes to the columns of each scorer.

One module a form of file; what a row means is `scores`' business.
"""

from second_opinion_assets.join.sidecars.read import Sidecar, SidecarInput, read_sidecars

__all__ = ["Sidecar", "SidecarInput", "read_sidecars"]
