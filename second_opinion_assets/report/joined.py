"""What one join did: counts by scorer, the first gaps and the first rows, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from second_opinion_assets.contract.tally import ScorerTally, Tally
from second_opinion_assets.join.join import JoinResult
from second_opinion_assets.matching.doubts import reasons
from second_opinion_assets.report.sections import Part, Table
from second_opinion_assets.scores.sidecar import SidecarInput


def tallies(tally: Tally) -> Table:
    """Return one row a scorer: scores loaded, rows by status, and the range of ok scores."""
    heading = ["scorer", "loaded", "ok", "missing", "bad", "coverage", "score range"]
    rows = [
        [
            name,
            str(scorer.scores_loaded),
            str(scorer.matched_rows),
            str(scorer.missing_rows),
            str(scorer.bad_rows),
            f"{scorer.coverage:.1%}",
            "none" if scorer.score_min is None else f"{scorer.score_min:g} … {scorer.score_max:g}",
        ]
        for name, scorer in tally.scorers.items()
    ]
    return Table(heading, rows)


def tally_lines(tally: Tally) -> list[str]:
    """Return the counts as lines of a log."""
    return [
        (
            f"input_rows={tally.input_rows} output_rows={tally.output_rows} "
            f"null_keys={tally.null_keys}"
        ),
        *scorer_lines(tally),
    ]


def scorer_lines(tally: Tally) -> list[str]:
    """Return the counts of each scorer in a line, with why rows are bad or do not count."""
    return [_scorer_line(scorer) for scorer in tally.scorers.values()]


def _scorer_line(scorer: ScorerTally) -> str:
    why = f" ({reasons(scorer.bad_reasons)})" if scorer.bad_rows else ""
    left_out = {
        "repeated": scorer.duplicate_rows,
        "replaced": scorer.replaced_rows,
        "settled": scorer.settled_rows,
    }
    others = "".join(f" {name}={count}" for name, count in left_out.items() if count)
    return (
        f"{scorer.competitor}: ok={scorer.matched_rows} missing={scorer.missing_rows} "
        f"bad={scorer.bad_rows}{why} coverage={scorer.coverage:.1%}{others}"
    )


def skipped_lines(sidecars: Iterable[SidecarInput]) -> list[str]:
    """Return a line on each sidecar of which lines were passed over, with the first of them."""
    return [
        f"{given.sidecar.written}: {given.skipped_lines} lines are no score rows and are passed "
        f"over{_first_skipped(given)}"
        for given in sidecars
        if given.skipped_lines
    ]


def _first_skipped(given: SidecarInput) -> str:
    first = next((line for file in given.files for line in file.skipped), None)
    return f", the first {first}" if first else ""


def first_gaps(tally: Tally) -> Table:
    """Return the first missing and bad rows of each scorer, one row of the table each."""
    missing = [
        [name, "missing", str(sample.row), sample.key or "(no key)", "", ""]
        for name, scorer in tally.scorers.items()
        for sample in scorer.missing
    ]
    bad = [
        [name, "bad", str(sample.row), sample.key, sample.reason, sample.where.rpartition("/")[2]]
        for name, scorer in tally.scorers.items()
        for sample in scorer.bad
    ]
    return Table(["scorer", "status", "row", "key", "reason", "where"], [*missing, *bad])


def preview(result: JoinResult) -> Part:
    """Return the first joined rows: key, and for each scorer the score or why there is none."""
    scorers = result.tally.scorers
    if not result.preview:
        return "no rows"
    rows = [
        [
            str(row[result.key_column]),
            *(_opinion(row, scorer.column_prefix) for scorer in scorers.values()),
        ]
        for row in result.preview
    ]
    return Table([result.key_column, *scorers], rows)


def _opinion(row: Mapping[str, object], column_prefix: str) -> str:
    score, status = row[f"{column_prefix}_score"], row[f"{column_prefix}_status"]
    if score is None:
        return str(status)
    return f"{score:.6g}" if status == "ok" else f"{status} ({score:.6g})"
