"""The agreement of a table for a person: figures, disputed clips, and what to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from second_opinion_assets.agreement.agreement import Agreement, DisputedClip, Pair
from second_opinion_assets.registry.facts import Direction
from second_opinion_assets.report.sections import Cell, Listing, Part, Strong, Table

SHOWN_CLIPS = 10
NOT_ENOUGH = "not enough"


def figures(agreement: Agreement) -> Table:
    """Return one row for each scorer and what it was held against."""
    pairs = [*agreement.against_references, *agreement.between_scorers]
    heading = ["scorer", "against", "clips", "Pearson", "Spearman", "Kendall", ""]
    return Table(heading, [_figures(pair) for pair in pairs])


def disputed(
    agreement: Agreement,
    reference: str,
    most: int = SHOWN_CLIPS,
    cell: Callable[[str], Cell] = str,
) -> list[Part]:
    """Return the most disputed clips of a reference, in two tables: one for each way.

    Args:
        agreement: what was found.
        reference: one of its references.
        most: how many clips of each way.
        cell: what is shown of a clip by its name.
    """
    clips = agreement.disputed[reference]
    poor = [clip for clip in clips if clip.difference < 0][:most]
    good = [clip for clip in clips if clip.difference > 0][:most]
    return [
        Strong(f"Rated poorly, {reference} likes it"),
        _clips(agreement, reference, poor, cell),
        Strong(f"Rated well, {reference} does not like it"),
        _clips(agreement, reference, good, cell),
    ]


def notes(agreement: Agreement) -> list[Part]:
    """Return what to know before the figures are believed; nothing if there is nothing."""
    contrary = [
        f"{pair.scorer} ranks clips the other way round than {pair.other} "
        f"(Spearman {pair.correlation.spearman:z.2f}): is its direction right, and are its scores "
        "of these clips?"
        for pair in agreement.contrary
    ]
    points = [*contrary, *agreement.notes]
    return [Listing(points)] if points else []


def headline(agreement: Agreement) -> str:
    """Return in a line how far the scorers agree with each reference."""
    parts = []
    for reference in agreement.references:
        found = {
            pair.scorer: pair.correlation.spearman
            for pair in agreement.against_references
            if pair.other == reference
        }
        shown = ", ".join(
            f"{name} {NOT_ENOUGH if rho is None else f'{rho:z.2f}'}" for name, rho in found.items()
        )
        parts.append(f"Spearman against {reference}: {shown}")
    return "; ".join(parts) or "no reference column"


def _figures(pair: Pair) -> list[str]:
    found = pair.correlation
    figures = [found.pearson, found.spearman, found.kendall]
    return [
        pair.scorer,
        pair.other,
        str(found.n),
        *(NOT_ENOUGH if figure is None else f"{figure:z.3f}" for figure in figures),
        found.not_enough or ("the other way round" if pair.contrary else ""),
    ]


def _clips(
    agreement: Agreement,
    reference: str,
    clips: list[DisputedClip],
    cell: Callable[[str], Cell],
) -> Part:
    if not clips:
        return "none by as much as a quarter of all ranks"
    scorers = [name for name in agreement.scorers if any(name in clip.opinions for clip in clips)]
    ways: Mapping[str, Direction | None] = agreement.scorers
    heading = [
        "clip",
        _column(reference, agreement.references[reference]),
        *(_column(name, ways[name]) for name in scorers),
        "ranks apart",
    ]
    rows = [
        [
            cell(clip.clip),
            f"{clip.reference_value:.6g}",
            *(f"{clip.opinions[n]:.6g}" if n in clip.opinions else "" for n in scorers),
            f"{clip.difference:+.0%}",
        ]
        for clip in clips
    ]
    return Table(heading, rows)


def _column(name: str, direction: Direction | None) -> str:
    return f"{name} ({'↓' if direction is Direction.LOWER else '↑'})"
