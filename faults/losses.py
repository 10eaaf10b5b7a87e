"""Losses of daemon, code server, worker, webserver or everything, in backfills of 30 tables.

`python faults/losses.py [LOSSES [SEED]]`. Each loss is a SIGKILL at a random moment of a backfill
that joins new scores; a service starts the server again where it ended. Whatever was lost, every
table must end joined, as a join without Dagster has it, with nobody's help. The next backfill has
new scores of every table, so that one which a dead run holds up shows. Prints a line of JSON for
each loss.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from server import KINDS, Server, running

from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.webserver import BIN, wait_for

TABLES = [f"t{number:02}" for number in range(30)]
CLIPS = [f"clip_{number}" for number in range(3000)]
SCORERS = ("DOVER", "Q-Align", "MUSIQ")
LONGEST_SECONDS = 900
MOST_SECONDS = 3
"""A loss comes up to so long after a number of joined tables that is left to chance."""
UNFINISHED = """
{ runsOrError(filter: {statuses: [QUEUED, NOT_STARTED, STARTING, STARTED, CANCELING]}) {
    ... on Runs { results { runId status } } } }
"""


def main(losses: int, seed: int) -> int:
    """Lose each kind in turn, and return how many tables were lost in all."""
    chance = random.Random(seed)
    print(f"seed {seed}", flush=True)
    lost = 0
    longest = 0.0
    with tempfile.TemporaryDirectory(prefix="losses-") as name:
        project = make_project(Path(name))
        server = Server(project.folder / "home", project.manifest_path, {})
        with running(server) as api:
            for number in range(losses):
                kind = [*KINDS, "everything"][number % (len(KINDS) + 1)]
                score_anew(project, chance)
                wanted = joined_without_dagster(project)
                backfill_id = api.launch_backfill(TABLES)
                begun = chance.randrange(len(TABLES))
                wait_for(lambda wanted=wanted, begun=begun: count(project, wanted) >= begun)
                time.sleep(chance.uniform(0, MOST_SECONDS))
                done_before = count(project, wanted)
                killed = wait_for(lambda kind=kind: server.kill(kind))
                began = time.monotonic()
                missing = wait_until_joined(server, project, wanted, backfill_id)
                seconds = time.monotonic() - began
                lost += len(missing)
                longest = max(longest, seconds)
                fact = {
                    "lost": kind,
                    "killed": killed,
                    "joined_before": done_before,
                    "not_joined": missing,
                    "pairs_hold": pairs_hold(project),
                    "recovered_s": round(seconds, 1),
                }
                lost += not fact["pairs_hold"]
                print(json.dumps(fact), flush=True)
    print(json.dumps({"losses": losses, "lost": lost, "longest_s": round(longest, 1)}))
    return lost


def make_project(folder: Path) -> Project:
    """Write thirty tables of which each has three scorers."""
    project = Project(folder)
    for table in TABLES:
        project.add_table(table, CLIPS, {scorer: dict.fromkeys(CLIPS, 1.0) for scorer in SCORERS})
    project.save()
    return project


def score_anew(project: Project, chance: random.Random) -> None:
    """Give every clip of every table new scores."""
    for table in TABLES:
        for scorer in SCORERS:
            project.write_scores(table, scorer, {clip: chance.random() for clip in CLIPS})


def joined_without_dagster(project: Project) -> dict[str, bytes]:
    """Return each table as the command line joins it."""
    manifest = json.loads(project.manifest_path.read_text())
    for table in manifest["tables"]:
        table["out"] = f"wanted/{table['id']}.jsonl"
        table["audit_json"] = f"wanted/{table['id']}.audit.json"
    path = project.folder / "wanted.json"
    path.write_text(json.dumps(manifest))
    command = [f"{BIN}/second-opinion", "batch", "--manifest", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return {t: (project.folder / f"wanted/{t}.jsonl").read_bytes() for t in TABLES}


def count(project: Project, wanted: dict[str, bytes]) -> int:
    """Return how many tables are joined with what is wanted."""
    return sum(is_joined(project, table, wanted) for table in TABLES)


def is_joined(project: Project, table: str, wanted: dict[str, bytes]) -> bool:
    """Return whether a table is what is wanted."""
    out = project.out(table)
    return out.exists() and out.read_bytes() == wanted[table]


def wait_until_joined(
    server: Server, project: Project, wanted: dict[str, bytes], backfill_id: str
) -> list[str]:
    """Start again what ended, and wait until no run is under way; return what is not joined."""

    def at_rest() -> bool:
        server.keep_up()
        with suppress(OSError):  # the server ends between two questions
            return (
                not server.api.query(UNFINISHED)["runsOrError"]["results"]
                and server.api.backfill_status(backfill_id).startswith(("COMPLETED", "FAILED"))
                and count(project, wanted) == len(TABLES)
            )
        return False

    try:
        wait_for(at_rest, LONGEST_SECONDS)
    except TimeoutError:
        return [table for table in TABLES if not is_joined(project, table, wanted)] or ["a run"]
    return []


def pairs_hold(project: Project) -> bool:
    """Return whether each audit is that of the table beside it."""
    audits = [str(project.folder / f"out/{table}.audit.json") for table in TABLES]
    command = [f"{BIN}/second-opinion", "verify", *audits]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    sys.exit(bool(main(*[*numbers, *[20, 1][len(numbers) :]])))
