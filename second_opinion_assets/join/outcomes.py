"""How the tables of a batch ended, in few numbers: what a report is made from.

The full counts and samples of one join are in `tally`; how a report reads is in `report`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.matching.doubts import doubts
from second_opinion_assets.matching.drift import Drift


class TableStatus(StrEnum):
    """How a table stands.

    Joined, failed, never tried, joined and its output deleted since, or not come to by a batch
    that was interrupted.
    """

    ok = "ok"
    failed = "failed"
    not_joined = "not_joined"
    output_gone = "output_gone"
    not_begun = "not_begun"


class ScorerSummary(msgspec.Struct, frozen=True):
    """Rows of a table by what one scorer gave for them; they add up to all rows."""

    matched_rows: int
    missing_rows: int
    bad_rows: int


class TableSummary(msgspec.Struct, frozen=True):
    """The counts of one join; rows by status are added up over scorers.

    It is stored with each joined table, so that a report reads no table again.

    Attributes:
        warnings: what is doubtful about the counts of a scorer; those that are stored of older
            joins have none.
    """

    input_rows: int
    output_rows: int
    matched_rows: int
    missing_rows: int
    bad_rows: int
    scorers: dict[str, ScorerSummary] = msgspec.field(name="competitors")
    warnings: list[str] = []

    @classmethod
    def of(cls, tally: Tally, *, published: bool) -> TableSummary:
        """Return the counts of a join that published a table, or refused to for its gaps."""
        return cls(
            input_rows=tally.input_rows,
            output_rows=tally.output_rows if published else 0,
            matched_rows=tally.matched_rows,
            missing_rows=tally.missing_rows,
            bad_rows=tally.bad_rows,
            scorers={
                name: ScorerSummary(scorer.matched_rows, scorer.missing_rows, scorer.bad_rows)
                for name, scorer in tally.scorers.items()
            },
            warnings=[doubt for scorer in tally.scorers.values() for doubt in doubts(scorer)],
        )


class EarlierOutput(msgspec.Struct, frozen=True):
    """What is left of an earlier join of a table that failed since.

    Attributes:
        exists: whether its output is still there.
        output_rows: how many rows it published; None if nothing recorded that.
        run_id: the run that published it; None outside Dagster.
    """

    exists: bool
    output_rows: int | None = None
    run_id: str | None = None


class TableOutcome(msgspec.Struct, frozen=True):
    """How one table stands.

    Attributes:
        spec: the table.
        status: in one word.
        summary: the counts, if a join got that far.
        error: what went wrong, if something did.
        run_id: the run that ended so; None outside Dagster.
        earlier: of a failed table, what an earlier join published; None if none did.
        drift: of a joined table, what changed since the previous join; None if nothing recorded it.
    """

    spec: TableSpec
    status: TableStatus
    summary: TableSummary | None = None
    error: str | None = None
    run_id: str | None = None
    earlier: EarlierOutput | None = None
    drift: Drift | None = None

    @property
    def warnings(self) -> list[str]:
        """What is doubtful about the counts, as far as there are any."""
        return self.summary.warnings if self.summary else []


class BatchSummary(msgspec.Struct, frozen=True):
    """Totals of a batch; only the rows of tables that are ok count."""

    tables: int
    failed_tables: int
    input_rows: int
    output_rows: int

    @classmethod
    def of(cls, outcomes: Iterable[TableOutcome]) -> BatchSummary:
        outcomes = list(outcomes)
        joined = summaries(outcomes)
        return cls(
            tables=len(outcomes),
            failed_tables=sum(outcome.status is TableStatus.failed for outcome in outcomes),
            input_rows=sum(summary.input_rows for summary in joined),
            output_rows=sum(summary.output_rows for summary in joined),
        )

    def __str__(self) -> str:
        """Return the counts as the last line of a batch shows them."""
        return (
            f"tables={self.tables} input_rows={self.input_rows} "
            f"output_rows={self.output_rows} failed_tables={self.failed_tables}"
        )


def summaries(outcomes: Iterable[TableOutcome]) -> list[TableSummary]:
    """Return the counts of the tables that are ok."""
    return [o.summary for o in outcomes if o.status is TableStatus.ok and o.summary is not None]
