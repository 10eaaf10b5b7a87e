"""The answers to the four questions for a person: a table each, every figure with its interval."""

from __future__ import annotations

from collections.abc import Iterable

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.agreement.answers import Band, Distribution, Estimate, Sides
from second_opinion_assets.report.sections import Part, Strong, Table

NOT_ENOUGH = "not enough"
SHOWN_CLIPS = 10


def answer_parts(agreement: Agreement) -> dict[str, list[Part]]:
    """Return the answers by name, those that there is anything to say about."""
    found: dict[str, list[Part]] = {
        "sides_with_people": sides(agreement),
        "beyond_the_reference": saturation(agreement),
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
    return _shown(found, "{:.0%}", "{:.0%}")


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
