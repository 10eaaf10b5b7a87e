"""What a join costs whose sidecar is out of all proportion: five million rows, by default.

`python benchmarks/large_sidecar.py [ROWS]`. The feature table has 10,000 rows, so that what is
measured is the sidecar: every row is read, checked for doubles, and kept until the join is done.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from curves import in_another_process, make_features, make_sidecar
from measure import materialize_command, run

FEATURE_ROWS = 10_000


def main(rows: int) -> None:
    """Make the inputs, join them once, and print what it cost and what the audit says."""
    with tempfile.TemporaryDirectory(prefix="second-opinion-large-") as name:
        folder = Path(name)
        features, sidecar = folder / "features.jsonl", folder / "scores.jsonl"
        audit = folder / "audit.json"
        in_another_process(make_features, features, FEATURE_ROWS, FEATURE_ROWS)
        in_another_process(make_sidecar, sidecar, rows, "DOVER")
        cost = run(materialize_command(features, folder / "out.jsonl", [sidecar], audit))
        (scorer,) = json.loads(audit.read_bytes())["competitors"].values()
        print(f"sidecar: {rows:,} rows, {sidecar.stat().st_size / 1e6:,.0f} MB")
        print(f"join: {cost.wall:.1f} s, {cost.cpu:.1f} CPU s, peak {cost.memory / 1e6:,.0f} MB")
        print(f"loaded: {scorer['scores_loaded']:,}; ok: {scorer['matched_rows']:,}")
        assert scorer["scores_loaded"] == rows, "a sidecar was cut in silence"  # noqa: S101


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000)
