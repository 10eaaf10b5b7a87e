"""What a night of many tables costs, from unit costs that were measured here.

`python benchmarks/cost.py --tables 10000 --rows 1e9 --price-core-hour 0.04`. Nothing is measured by
this program: units come from `scale.py`, `curves.py` and the store's tests, see docs/scale.md.
Prices are arguments, for they are everybody's own; what is left out costs nothing.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Units:
    """What one of each costs; seconds are of one core.

    Attributes:
        row_s: a feature row of JSON lines, with one sidecar.
        scorer_row_s: likewise, for each sidecar beyond that is as long.
        table_s: a table beside its rows: opening, audit, and the events of its join.
        run_s: a run's process before its first join, whatever the manifest.
        run_table_s: likewise, for each table of the manifest.
        table_event_rows: rows in Dagster's event log and check results for each join.
        table_event_bytes: what these take, in PostgreSQL.
        source_events: events for each source partition that changed: an observation and one more.
        source_event_s: writing one of them.
        source_event_bytes: what one takes.
        reads, writes: requests to a store for a table with one sidecar.
        scorer_reads: likewise, for each sidecar beyond.
    """

    row_s: float = 2.2e-6
    scorer_row_s: float = 3e-6
    table_s: float = 0.2
    run_s: float = 4.3
    run_table_s: float = 4e-4
    table_event_rows: float = 23.0
    table_event_bytes: float = 38e3
    source_events: int = 2
    source_event_s: float = 0.018
    source_event_bytes: float = 2.2e3
    reads: float = 15.0
    writes: float = 4.0
    scorer_reads: float = 3.0


@dataclass(frozen=True)
class Work:
    """What is to be joined in a night.

    Attributes:
        tables: in the manifest.
        changed: how many of them are joined.
        rows: of all feature tables that are joined.
        scorers: sidecars of each table.
        tables_per_run: as `SECOND_OPINION_TABLES_PER_RUN` says.
        workers: how many runs are worked on at once, each with a core.
        keep_days: as `SECOND_OPINION_KEEP_DAYS` says.
    """

    tables: int = 10_000
    changed: int = 10_000
    rows: float = 1e9
    scorers: int = 6
    tables_per_run: int = 50
    workers: int = 2
    keep_days: float = 30.0


@dataclass(frozen=True)
class Prices:
    """Money for one of each, in whatever currency."""

    core_hour: float = 0.0
    thousand_reads: float = 0.0
    thousand_writes: float = 0.0
    database_gb_month: float = 0.0


@dataclass(frozen=True)
class Cost:
    """What a night costs.

    Attributes:
        runs: of the joined tables.
        core_hours: of all runs.
        hours: on the clock, with the workers that there are.
        sensor_hours: in which the daemon writes what the sensor observed, beside the runs.
        event_rows: added to Dagster's store.
        event_bytes: likewise.
        kept_bytes: in the store once as many nights went by as it keeps.
        reads, writes: requests to an object store, if all paths are in one.
        money: for all of it; the database's share is that of a day.
    """

    runs: int
    core_hours: float
    hours: float
    sensor_hours: float
    event_rows: float
    event_bytes: float
    kept_bytes: float
    reads: float
    writes: float
    money: float


def cost(work: Work, units: Units, prices: Prices) -> Cost:
    """Return what a night costs."""
    runs = math.ceil(work.changed / work.tables_per_run)
    seconds = (
        runs * (units.run_s + work.tables * units.run_table_s)
        + work.changed * units.table_s
        + work.rows * (units.row_s + (work.scorers - 1) * units.scorer_row_s)
    )
    observed = work.changed * (1 + work.scorers) * units.source_events
    rows = work.changed * units.table_event_rows + observed
    size = work.changed * units.table_event_bytes + observed * units.source_event_bytes
    kept = size * max(work.keep_days, 1.0)
    reads = work.changed * (units.reads + (work.scorers - 1) * units.scorer_reads)
    writes = work.changed * units.writes
    core_hours = seconds / 3600
    return Cost(
        runs=runs,
        core_hours=core_hours,
        hours=core_hours / work.workers,
        sensor_hours=observed * units.source_event_s / 3600,
        event_rows=rows,
        event_bytes=size,
        kept_bytes=kept,
        reads=reads,
        writes=writes,
        money=core_hours * prices.core_hour
        + reads / 1000 * prices.thousand_reads
        + writes / 1000 * prices.thousand_writes
        + kept / 1e9 * prices.database_gb_month / 30,
    )


def workers_for(work: Work, units: Units, hours: float) -> int:
    """Return how many workers join everything within so many hours."""
    return max(1, math.ceil(cost(work, units, Prices()).core_hours / hours))


def ticks_of_first_look(tables: int, scorers: int, most_events: int = 1500) -> int:
    """Return after how many ticks of the sensor all tables are observed, by its bound on events."""
    a_table = 2 * (2 + scorers)
    return math.ceil(tables / max(1, most_events // a_table))


def shown(found: Cost) -> str:
    """Return a cost as a Markdown table."""
    rows = [
        ("runs", f"{found.runs:,}"),
        ("core hours", f"{found.core_hours:.1f}"),
        ("hours on the clock", f"{found.hours:.1f}"),
        ("hours of the daemon", f"{found.sensor_hours:.1f}"),
        ("event rows", f"{found.event_rows:,.0f}"),
        ("event bytes", f"{found.event_bytes / 1e6:,.0f} MB"),
        ("kept in the database", f"{found.kept_bytes / 1e9:,.1f} GB"),
        ("reads of a store", f"{found.reads:,.0f}"),
        ("writes to a store", f"{found.writes:,.0f}"),
        ("money", f"{found.money:,.2f}"),
    ]
    return "\n".join(["| a night | |", "| --- | ---: |", *(f"| {n} | {v} |" for n, v in rows)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what a night costs."""
    parser = argparse.ArgumentParser(description="What a night of many tables costs.")
    for field in fields(Work):
        kind = int if isinstance(field.default, int) else float
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    for field in fields(Prices):
        parser.add_argument(f"--price-{field.name.replace('_', '-')}", type=float, default=0.0)
    given = vars(parser.parse_args(arguments))
    work = Work(**{field.name: given[field.name] for field in fields(Work)})
    prices = Prices(**{field.name: given[f"price_{field.name}"] for field in fields(Prices)})
    print(shown(cost(work, Units(), prices)))


if __name__ == "__main__":
    main()
