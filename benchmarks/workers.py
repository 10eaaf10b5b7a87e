"""How long a backfill takes with one worker, with two, and with two of which one is lost.

`python benchmarks/workers.py [TABLES [CLIPS [TABLES_A_RUN]]]`: 40 tables of 300 rows and three
scorers, four to a run, from and to moto's S3 server. The database, the queue and the
settings are those of `config/deploy`. Needs what `make test-cluster` installs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from second_opinion_assets_tests.cluster.cluster import LONGEST_RUN_SECONDS, cluster
from second_opinion_assets_tests.cluster.tables import Tables
from second_opinion_assets_tests.graph.webserver import wait_for
from second_opinion_assets_tests.stores.servers import moto_server


def measure(tables: Tables, a_run: int, workers: int, *, lose: bool) -> None:
    """Measure one backfill on a cluster of its own, maybe with the loss of a worker at work."""
    tables.write()
    settings = {**tables.environment, "SECOND_OPINION_TABLES_PER_RUN": str(a_run)}
    with cluster(tables.folder / "machines", tables.manifest, settings, workers) as running:
        began = time.perf_counter()
        running.api.launch_backfill(tables.ids)
        lost_at = 0.0
        if lose:
            wait_for(lambda: len(tables.joined()) >= tables.count // 4)
            wait_for(lambda: running.kill_at_work(0))
            lost_at = time.perf_counter() - began
        done = {"materialized": tables.ids, "failed": []}
        wait_for(lambda: running.api.partitions() == done and running.is_at_rest(), 1800)
        seconds = time.perf_counter() - began
        runs = running.runs()
    spans = sorted(run.seconds for run in runs if run.status == "SUCCESS")
    loss = f", one lost after {lost_at:.0f} s (runs last {LONGEST_RUN_SECONDS} s)" if lose else ""
    print(
        f"{tables.count} tables, {workers} worker{'s' * (workers > 1)}{loss}: {seconds:.0f} s; "
        f"{len(runs)} runs of {spans[0]:.1f} … {spans[-1]:.1f} s"
    )


def main(count: int, clips: int, a_run: int) -> None:
    """Measure each arrangement."""
    for workers, lose in ((1, False), (2, False), (2, True)):
        with (
            tempfile.TemporaryDirectory(prefix="second-opinion-workers-") as name,
            moto_server() as url,
        ):
            measure(Tables(Path(name), url, count, clips), a_run, workers, lose=lose)


if __name__ == "__main__":
    main(*[*map(int, sys.argv[1:]), *[40, 300, 4][len(sys.argv) - 1 :]])
