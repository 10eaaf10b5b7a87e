"""Whether a table is to be published with the counts that its join came to.

What is doubtful but lets a table pass belongs to `matching.doubts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from second_opinion_assets.contract.options import MissingPolicy, refuse_unknown
from second_opinion_assets.contract.refusals import (
    CoverageError,
    EmptyJoinError,
    MissingScoresError,
    NotPublishedError,
)
from second_opinion_assets.contract.tally import ScorerTally, Tally
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.matching.doubts import doubts

SHOWN_CLIPS = 3


def why_not_published(spec: TableSpec, tally: Tally) -> NotPublishedError | None:
    """Return why a table is not to be published; None if it is.

    Raises:
        JoinError: a scorer is asked for a coverage and is none of the table's.
    """
    least = least_coverage(spec, tally)
    if spec.options.missing_policy is MissingPolicy.fail and tally.gaps:
        return MissingScoresError(tally.gaps + _clips(tally.scorers.values()), tally)
    low = [tally.scorers[name] for name, share in least.items() if tally.coverage(name) < share]
    if low:
        shares = (_share(scorer, least[scorer.competitor]) for scorer in low)
        message = f"min_coverage is not reached: {', '.join(shares)}{_clips(low)}"
        return CoverageError(message, tally)
    if tally.input_rows and not tally.matched_rows and not spec.options.allow_empty:
        why = "; ".join(line for scorer in tally.scorers.values() for line in doubts(scorer))
        message = (
            f"{spec.features}: no row gets an ok score, so nothing is published: {why}; "
            "if that is meant, say allow_empty: true"
        )
        return EmptyJoinError(message, tally)
    return None


def least_coverage(spec: TableSpec, tally: Tally) -> dict[str, float]:
    """Return the share of ok rows that is asked of each scorer, of those that are asked for any.

    Raises:
        JoinError: a scorer is asked for a coverage and is none of the table's.
    """
    asked = spec.options.min_coverage
    if asked is None:
        return {}
    if not isinstance(asked, dict):
        return dict.fromkeys(tally.scorers, asked)
    named = {spec.scorer_name(name): share for name, share in asked.items()}
    refuse_unknown(named, tally.scorers, "min_coverage", "scorer")
    return named


def _share(scorer: ScorerTally, asked: float) -> str:
    rows, ok = scorer.rows, scorer.matched_rows
    return f"{scorer.competitor} has {ok} of {rows} rows ok ({ok / rows:.4g}, asked {asked:g})"


def _clips(scorers: Iterable[ScorerTally]) -> str:
    """Return the first clips that lack an ok score, by scorer, as the end of a sentence."""
    return "".join(f"; {line}" for scorer in scorers for line in _clips_of(scorer))


def _clips_of(scorer: ScorerTally) -> Iterator[str]:
    missing = [f"row {s.row} (no key)" if s.key is None else repr(s.key) for s in scorer.missing]
    bad = [f"{s.key!r} ({s.reason})" for s in scorer.bad]
    for kind, clips, rows in (
        ("missing", missing, scorer.missing_rows),
        ("bad", bad, scorer.bad_rows),
    ):
        shown = list(dict.fromkeys(clips))
        if shown:
            more = ", …" if rows > SHOWN_CLIPS and len(shown) >= SHOWN_CLIPS else ""
            yield f"{kind} of {scorer.competitor}: {', '.join(shown[:SHOWN_CLIPS])}{more}"
