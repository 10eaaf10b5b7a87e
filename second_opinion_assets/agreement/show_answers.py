"""The answers to the four questions for a person: a table each, every figure with its interval."""

from __future__ import annotations

from collections.abc import Iterable

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.agreement.answers import (
    Band,
    Distribution,
    Estimate,
    Ladder,
    Sides,
    SubsetScorer,
)
from second_opinion_assets.report.sections import Part, Strong, Table

NOT_ENOUGH = "not enough"
SHOWN_CLIPS = 10
SHOWN_SOURCES = 5
SHOWN_SUBSETS = 20


def answer_parts(agreement: Agreement) -> dict[str, list[Part]]:
    """Return the answers by name, those that there is anything to say about."""
    found: dict[str, list[Part]] = {
        "sides_with_people": sides(agreement),
        "sources_and_encodes": sources(agreement),
        "beyond_the_reference": saturation(agreement),
        "coverage_by_subset": subsets(agreement),
        "distributions": [distributions(agreement)] if agreement.scorers else [],
    }
    return {name: parts for name, parts in found.items() if parts}


def sides(agreement: Agreement, most: int = SHOWN_CLIPS) -> list[Part]:
    """Return with whom each scorer sides where a reference and people disagree, and the clips.

    Args:
        agreement: what was found.
        most: how many clips of each pair of columns.
    """
    parts: list[Part] = []
    for found in agreement.answers.sides:
        parts += [
            Strong(
                f"{found.reference} and {found.people} rank {found.apart} of {found.clips} clips "
                "at least a quarter apart"
            ),
            Table(
                ["scorer", f"with {found.people}", f"with {found.reference}", "share with people"],
                [
                    [
                        side.scorer,
                        str(side.with_people),
                        str(side.with_reference),
                        percent(side.share),
                    ]
                    for side in found.scorers
                ],
            ),
        ]
        if found.contested:
            parts.append(_contested(agreement, found, most))
    return parts


def saturation(agreement: Agreement) -> list[Part]:
    """Return how references and scorers go along with people, among all clips and the best."""
    parts: list[Part] = []
    for band in agreement.answers.bands:
        parts += [
            Strong(f"{_band(agreement, band)}: {band.reference} {figure(band.spearman)}"),
            Table(
                [
                    "scorer",
                    f"Spearman with {band.people}",
                    f"partial, given {band.reference}",
                    "gain in explained variance",
                ],
                [
                    [
                        added.scorer,
                        figure(added.spearman),
                        figure(added.partial),
                        percent(added.gain),
                    ]
                    for added in band.scorers
                ],
            ),
        ]
    return parts


def distributions(agreement: Agreement) -> Table:
    """Return how each scorer's scores are distributed, and on one scale where that is known."""
    return Table(
        ["scorer", "scale", "least", "median", "mean", "greatest", "mean of 0 worst to 100 best"],
        [_distribution(found) for found in agreement.answers.distributions],
    )


def figure(found: Estimate) -> str:
    """Return a figure with its interval and n, or that there is not enough, and why."""
    return _shown(found, "{:z.2f}", "{:z.2f}")


def percent(found: Estimate) -> str:
    """Return a share with its interval and n, or that there is not enough, and why."""
    return _shown(found, "{:.1%}", "{:.1%}")


def number(found: Estimate) -> str:
    """Return a value with its interval and n, or that there is not enough, and why."""
    return _shown(found, "{:.4g}", "{:.4g}")


def _shown(found: Estimate, value: str, bound: str) -> str:
    if found.value is None:
        return f"{NOT_ENOUGH}: {found.not_enough}"
    bounds = " to ".join(bound.format(end) for end in (found.low, found.high))
    return f"{value.format(found.value)} ({bounds}, n {found.n})"


def _band(agreement: Agreement, band: Band) -> str:
    if band.least is None:
        return "All clips"
    way = "up" if agreement.references[band.reference] == "higher" else "down"
    return f"The best quarter, from {band.least:.6g} {way}"


def _contested(agreement: Agreement, found: Sides, most: int) -> Table:
    clips = found.contested[:most]
    scorers = [name for name in agreement.scorers if any(name in c.opinions for c in clips)]
    heading = ["clip", found.reference, found.people, "ranks apart", *scorers]
    return Table(
        heading,
        [
            [
                clip.clip,
                f"{clip.reference_value:.6g}",
                f"{clip.people_value:.6g}",
                f"{clip.difference:+.0%}",
                *_opinions(scorers, clip.opinions, clip.with_people),
            ]
            for clip in clips
        ],
    )


def _opinions(
    scorers: Iterable[str], opinions: dict[str, float], with_people: dict[str, bool]
) -> list[str]:
    sides = {True: " (with people)", False: "", None: " (between)"}
    return [
        f"{opinions[name]:.6g}{sides[with_people.get(name)]}" if name in opinions else ""
        for name in scorers
    ]


def _distribution(found: Distribution) -> list[str]:
    aligned = found.aligned
    return [
        found.scorer,
        found.scale or "not declared",
        *("" if end is None else f"{end:.4g}" for end in (found.least,)),
        number(found.median),
        number(found.mean),
        *("" if end is None else f"{end:.4g}" for end in (found.greatest,)),
        number(aligned.mean) if aligned else f"not known: {found.not_aligned}",
    ]


def sources(agreement: Agreement, most: int = SHOWN_SOURCES) -> list[Part]:
    """Return how scores vary between and within sources, and the sources that are disliked.

    Args:
        agreement: what was found.
        most: how many sources of each scorer.
    """
    found = agreement.answers.sources
    if found is None:
        return []
    slopes = {ladder.scorer: ladder for ladder in found.ladders}
    reference = next((ladder.reference for ladder in found.ladders), None)
    heading = ["scorer", "sources", "variance between", "variance within", "share between"]
    rows = [
        [
            spread.scorer,
            str(spread.sources),
            *("" if v is None else f"{v:.4g}" for v in (spread.between, spread.within)),
            percent(spread.share_between),
            *([number(slopes[spread.scorer].slope)] if reference else []),
        ]
        for spread in found.spreads
    ]
    heading += [f"slope along {reference}"] if reference else []
    parts: list[Part] = [
        Strong(f"{found.clips} of {agreement.clips} clips are of {found.sources} known sources"),
        Table(heading, rows),
    ]
    for ladder in found.ladders:
        parts += _levels(ladder, most)
    return parts


def _levels(ladder: Ladder, most: int) -> list[Part]:
    """Return the sources that a scorer likes least at their best."""
    levels = ladder.levels[:most]
    if not levels:
        return []
    disliked = f"{ladder.scorer} dislikes {ladder.disliked} sources even at their best encode"
    heading = ["source", "clips", "best encode", ladder.reference, ladder.scorer]
    return [
        Strong(disliked),
        Table(
            [*heading, "clips of others that it likes better", "slope", ""],
            [
                [
                    level.source,
                    str(level.clips),
                    level.best_clip,
                    f"{level.reference_value:.6g}",
                    f"{level.score:.6g}",
                    percent(level.liked_better),
                    number(level.slope),
                    "disliked" if level.disliked else "",
                ]
                for level in levels
            ],
        ),
    ]


def subsets(agreement: Agreement, most: int = SHOWN_SUBSETS) -> list[Part]:
    """Return the coverage of each subset, those with holes first.

    Args:
        agreement: what was found.
        most: how many subsets of each column.
    """
    parts: list[Part] = []
    for found in agreement.answers.subsets:
        shown = found.subsets[:most]
        title = f"Coverage by {found.column}"
        if len(shown) < found.values:
            title += f", {len(shown)} of {found.values} values"
        rows = [
            [
                "no value" if subset.value is None else subset.value,
                str(subset.rows),
                *(_covered(scorer, subset.rows) for scorer in subset.scorers),
            ]
            for subset in shown
        ]
        parts += [Strong(title), Table([found.column, "rows", *agreement.scorers], rows)]
    return parts


def _covered(found: SubsetScorer, rows: int) -> str:
    if found.share.value is None:
        text = f"{found.ok} of {rows} ok, {NOT_ENOUGH} for a share"
    else:
        text = f"{found.ok} ok, {_shown(found.share, '{:.1%}', '{:.1%}')}"
    return f"{text}: hole" if found.hole else text
