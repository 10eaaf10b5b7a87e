"""The tables of the page to send that go through all tables of a manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.agreement.answers import Answers, Estimate
from second_opinion_assets.agreement.show_answers import NOT_ENOUGH, percent
from second_opinion_assets.join.outcomes import TableOutcome, TableStatus
from second_opinion_assets.report.sections import Cell, Part, Share, Table

COLOURS = "Rows of each table by scorer: ok in green, bad in orange, missing in grey."
_SHOWN_HOLES = 3


def gates(outcomes: Iterable[TableOutcome]) -> list[Part]:
    """Return whether each promotion-grade table passes, those that do not first."""
    rows = []
    for outcome in outcomes:
        if outcome.spec.promotion_grade:
            summary = outcome.summary
            gaps = summary.missing_rows + summary.bad_rows if summary else 0
            passes = outcome.status is TableStatus.ok and not gaps
            why = (
                f"{gaps} rows without an ok score"
                if gaps
                else str(outcome.status).replace("_", " ")
            )
            rows.append(
                (passes, [outcome.spec.id, "passes" if passes else "fails", "" if passes else why])
            )
    rows.sort(key=lambda row: row[0])
    if not rows:
        return ["No table is promotion-grade (missing_policy fail)."]
    return [Table(["promotion-grade table", "gate", ""], [row for _, row in rows])]


def coverage(outcomes: Sequence[TableOutcome]) -> Table:
    """Return each table's rows by scorer and status, as far as they were counted."""
    counted = [
        (outcome, outcome.summary.scorers if outcome.summary else {}) for outcome in outcomes
    ]
    names = sorted({name for _, scorers in counted for name in scorers}, key=str.lower)
    rows: list[list[Cell]] = []
    for outcome, scorers in counted:
        shares = [
            Share(s.matched_rows, s.bad_rows, s.missing_rows) if s else ""
            for s in map(scorers.get, names)
        ]
        status = "" if outcome.status is TableStatus.ok else str(outcome.status).replace("_", " ")
        rows.append([outcome.spec.id, *shares, status])
    return Table(["table", *names, ""], rows)


def agreements(found: Mapping[str, Agreement]) -> list[Part]:
    """Return Spearman's coefficient of each scorer with each reference of each table, by its id."""
    names = list(dict.fromkeys(name for agreement in found.values() for name in agreement.scorers))
    rows = [
        [table_id, reference, str(agreement.clips), *_spearman(agreement, reference, names)]
        for table_id, agreement in found.items()
        for reference in agreement.references
    ]
    if rows:
        what = "Spearman's rank correlation; 1 is full agreement, whichever way the numbers run."
        return [what, Table(["table", "against", "clips", *names], rows)]
    if not found:
        return []
    return ["No table has a reference, such as vmaf or mos; name columns by references."]


def _spearman(found: Agreement, reference: str, names: Iterable[str]) -> list[str]:
    of_scorer = {p.scorer: p for p in found.against_references if p.other == reference}
    cells = []
    for pair in map(of_scorer.get, names):
        rho = pair and pair.correlation.spearman
        shown = "not enough" if rho is None else f"{rho:z.2f}"
        cells.append("" if pair is None else f"{shown} (the other way)" if pair.contrary else shown)
    return cells


def files(outcomes: Iterable[TableOutcome]) -> Table:
    """Return where each table and its audit are."""
    rows = [
        [
            outcome.spec.id,
            str(outcome.summary.output_rows) if outcome.summary else "",
            str(outcome.spec.out),
            str(outcome.spec.audit_json or ""),
        ]
        for outcome in outcomes
    ]
    return Table(["table", "rows", "joined table", "audit"], rows)


def answers_by_table(found: Mapping[str, Agreement]) -> list[Part]:
    """Return the figures that answer the questions, one row a table and scorer.

    What no table answers has no column; where nothing is answered there is nothing.
    """
    heading = ["table", "scorer", "sides with people", "adds in the best quarter"]
    heading += ["variance between sources", "sources disliked at best", "holes"]
    rows = [
        [table_id, scorer, *_of_scorer(agreement.answers, scorer)]
        for table_id, agreement in found.items()
        for scorer in agreement.scorers
    ]
    told = [any(row[number] for row in rows) for number in range(len(heading))]
    if sum(told) <= len(("table", "scorer")):
        return []
    return [Table([*compress(heading, told)], [[*compress(row, told)] for row in rows])]


def _of_scorer(answers: Answers, scorer: str) -> list[str]:
    """Return what is found of one scorer, by its first reference and column of people."""
    side = next((s.share for f in answers.sides for s in f.scorers if s.scorer == scorer), None)
    best = (band for band in answers.bands if band.least is not None)
    gain = next((a.gain for band in best for a in band.scorers if a.scorer == scorer), None)
    sources = answers.sources
    spreads, ladders = (sources.spreads, sources.ladders) if sources else ([], [])
    holes = [
        f"{column.column} {'no value' if subset.value is None else subset.value}"
        for column in answers.subsets
        for subset in column.subsets
        if any(found.scorer == scorer and found.hole for found in subset.scorers)
    ]
    more = f" and {len(holes) - _SHOWN_HOLES} more" if len(holes) > _SHOWN_HOLES else ""
    return [
        _briefly(side),
        _briefly(gain),
        _briefly(next((s.share_between for s in spreads if s.scorer == scorer), None)),
        next((str(found.disliked) for found in ladders if found.scorer == scorer), ""),
        ", ".join(holes[:_SHOWN_HOLES]) + more if answers.subsets else "",
    ]


def _briefly(found: Estimate | None) -> str:
    if found is None:
        return ""
    return NOT_ENOUGH if found.value is None else percent(found)
