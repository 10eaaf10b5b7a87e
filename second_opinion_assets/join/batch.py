"""All tables of a manifest, one after another. The report on them is in `report`."""

from __future__ import annotations

import gc
from collections.abc import Callable
from signal import SIGINT

from msgspec.structs import replace

from second_opinion_assets.contract.errors import JoinError, MachineError
from second_opinion_assets.contract.refusals import NotPublishedError
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.join import materialize, rehearse
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.outcomes import (
    EarlierOutput,
    TableOutcome,
    TableStatus,
    TableSummary,
)
from second_opinion_assets.join.provenance import Invocation, table_args
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.storage.interrupts import Interrupted
from second_opinion_assets.storage.output_lock import USUAL_WAIT, LockWait
from second_opinion_assets.storage.reading import Progress


class BatchInterrupted(Interrupted):
    """A signal ended a batch before it was done.

    Attributes:
        outcomes: how each table ended, in the order of the manifest, also those not begun.
    """

    def __init__(self, interrupt: KeyboardInterrupt, outcomes: list[TableOutcome]) -> None:
        super().__init__(interrupt.number if isinstance(interrupt, Interrupted) else SIGINT)
        self.outcomes = outcomes


def _tell_nobody(_outcome: TableOutcome, _tally: Tally | None) -> None:
    """Take how a table ended and do nothing."""


def materialize_batch(
    manifest: Manifest,
    invocation: Invocation,
    *,
    fail_fast: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    ended: Callable[[TableOutcome, Tally | None], None] = _tell_nobody,
    wait: LockWait = USUAL_WAIT,
) -> list[TableOutcome]:
    """Join every table. One that fails does not affect other tables.

    Args:
        manifest: the tables.
        invocation: what asked for it, for each table's provenance.
        fail_fast: stop after the first table that fails.
        dry_run: read and match, and write nothing.
        progress: told of input bytes as they are done.
        ended: told of each table as it ends, with its full counts if the join got that far.
        wait: for another run that writes the same output.

    Raises:
        BatchInterrupted: a signal asked to end; it tells how the tables stand.
    """
    outcomes: list[TableOutcome] = []
    try:
        for spec in manifest.tables:
            outcome, tally = _join(spec, invocation, progress, None if dry_run else wait)
            outcomes.append(outcome)
            ended(outcome, tally)
            if fail_fast and outcome.error is not None:
                break
    except KeyboardInterrupt as interrupt:
        raise BatchInterrupted(interrupt, _with_the_rest(manifest, outcomes)) from None
    return outcomes


def _with_the_rest(manifest: Manifest, outcomes: list[TableOutcome]) -> list[TableOutcome]:
    """Return also how the tables stand that an interrupted batch was at, or had not come to."""
    rest = manifest.tables[len(outcomes) :]
    interrupted = [_failed(spec, "interrupted while it was joined", None) for spec in rest[:1]]
    return outcomes + interrupted + [TableOutcome(s, TableStatus.not_begun) for s in rest[1:]]


def allowing_empty(manifest: Manifest) -> Manifest:
    """Return the same tables, of which each is published even if no row gets an ok score."""
    tables = (
        replace(table, options=replace(table.options, allow_empty=True))
        for table in manifest.tables
    )
    return replace(manifest, tables=tuple(tables))


def _join(
    spec: TableSpec, invocation: Invocation, progress: Progress | None, wait: LockWait | None
) -> tuple[TableOutcome, Tally | None]:
    """Join one table; without a wait for its output nothing is written."""
    own = replace(invocation, args={**invocation.args, **table_args(spec)})
    try:
        if wait is None:
            tally = rehearse(spec, progress)
            return TableOutcome(spec, TableStatus.ok, TableSummary.of(tally, published=True)), tally
        result = materialize(spec, own, progress, wait)
    except NotPublishedError as error:
        refused = TableSummary.of(error.tally, published=False)
        return _failed(spec, str(error), refused), error.tally
    except MachineError as error:
        failed = _failed(spec, str(error), None)
    except JoinError as error:
        return _failed(spec, str(error), None), None
    else:
        summary = TableSummary.of(result.tally, published=True)
        return TableOutcome(spec, TableStatus.ok, summary, drift=result.drift), result.tally
    gc.collect()  # what the join held goes to the next one
    return failed, None


def _failed(spec: TableSpec, error: str, summary: TableSummary | None) -> TableOutcome:
    earlier = EarlierOutput(exists=True) if spec.out.exists() else None
    return TableOutcome(spec, TableStatus.failed, summary, error, earlier=earlier)
