"""The agreement of a table as pictures: the figures in colour, scatter plots, disputed clips.

SVG, whose texts stay texts; of many points their density is drawn, so that it stays small.
"""

from __future__ import annotations

import warnings
from math import nan

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from second_opinion_assets.agreement.agreement import Agreement, DisputedClip, Pair
from second_opinion_assets.agreement.clips import Clips
from second_opinion_assets.agreement.drawing import BLUE, GREY, ORANGE, short, style, svg
from second_opinion_assets.registry.facts import Direction

SHOWN_SCORERS = 6
SHOWN_REFERENCES = 3
SHOWN_CLIPS = 8
"""Of each reference on each side."""
_MATRIX_SCORERS, _MATRIX_REFERENCES = 12, 4
_UPRIGHT_COLUMNS = 9
"""Of more columns each is narrower, and their names are slanted."""
_MOST_DOTS = 300
_WIDEST = 9.0
_BINS = 40
_SCORER_COLOURS = ("#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#666666")


def pictures(agreement: Agreement, clips: Clips) -> dict[str, str]:
    """Return the pictures as SVG by title, those for which there is anything to show."""
    with style(), warnings.catch_warnings():
        # A name may have letters that the measuring font lacks; the reader's font draws them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawn = {
            "Spearman correlations": _matrix(agreement),
            "Scores against references": _scatter_plots(agreement, clips),
            "Clips ranked furthest apart": _differences(agreement),
        }
        return {title: svg(figure) for title, figure in drawn.items() if figure}


def _matrix(agreement: Agreement) -> Figure | None:
    """Draw each scorer's correlation with every reference and every other scorer."""
    scorers = list(agreement.scorers)[:_MATRIX_SCORERS]
    references = list(agreement.references)[:_MATRIX_REFERENCES]
    pairs: dict[tuple[str, int], Pair] = {}
    for pair in agreement.against_references:
        if pair.scorer in scorers and pair.other in references:
            pairs[pair.scorer, references.index(pair.other)] = pair
    for pair in agreement.between_scorers:
        if pair.scorer in scorers and pair.other in scorers:
            pairs[pair.scorer, len(references) + scorers.index(pair.other)] = pair
            pairs[pair.other, len(references) + scorers.index(pair.scorer)] = pair
    if not pairs:
        return None
    names = [*references, *scorers]
    slanted = len(names) > _UPRIGHT_COLUMNS
    size = (2.2 + (0.6 if slanted else 0.85) * len(names), 0.9 + 0.3 * len(scorers) + 0.5 * slanted)
    figure = Figure(figsize=size)
    axes = figure.add_subplot()
    rhos = [
        [nan if rho is None else rho for rho in row]
        for row in (
            [_spearman(pairs.get((scorer, column))) for column in range(len(names))]
            for scorer in scorers
        )
    ]
    # Up to the darkest shades in which black text is still read.
    axes.imshow(rhos, cmap="RdBu", vmin=-1.7, vmax=1.7, aspect="auto")
    for (scorer, column), pair in pairs.items():
        rho = pair.correlation.spearman
        text = "not enough" if rho is None else f"{rho:z.2f}"
        axes.text(column, scorers.index(scorer), text, ha="center", va="center")
    axes.axvline(len(references) - 0.5, color="black", linewidth=1)
    axes.set_xticks(range(len(names)), [short(name, 12) for name in names])
    axes.set_yticks(range(len(scorers)), [short(name) for name in scorers])
    axes.xaxis.tick_top()
    if slanted:
        axes.tick_params(axis="x", labelrotation=35)
        for label in axes.get_xticklabels():
            label.set(ha="left", rotation_mode="anchor")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _spearman(pair: Pair | None) -> float | None:
    return None if pair is None else pair.correlation.spearman


def _scatter_plots(agreement: Agreement, clips: Clips) -> Figure | None:
    """Draw each scorer against each reference; to the right and up is better, always."""
    scorers = list(agreement.scorers)[:SHOWN_SCORERS]
    references = list(agreement.references)[:SHOWN_REFERENCES]
    if not references or not len(clips.opinions):
        return None
    width = min(2.4, _WIDEST / len(scorers))
    size = (0.4 + width * len(scorers), 0.4 + 1.9 * len(references))
    figure = Figure(figsize=size)
    grid = figure.subplots(len(references), len(scorers), squeeze=False)
    by_names = {(pair.scorer, pair.other): pair for pair in agreement.against_references}
    for reference, line in zip(references, grid, strict=True):
        for scorer, axes in zip(scorers, line, strict=True):
            _scatter(axes, clips, by_names[scorer, reference], agreement)
    if note := _left_out(agreement):
        figure.supxlabel(note, fontsize=8)
    return figure


def _scatter(axes: Axes, clips: Clips, pair: Pair, agreement: Agreement) -> None:
    x, y = clips.references[pair.other].to_numpy(), clips.opinions[pair.scorer].to_numpy()
    both = ~(np.isnan(x) | np.isnan(y))
    if both.sum() > _MOST_DOTS:
        counts, *edges = np.histogram2d(x[both], y[both], bins=_BINS)
        axes.imshow(
            np.where(counts, np.log1p(counts), np.nan).T,
            cmap="Blues", vmin=-1, aspect="auto", origin="lower",
            extent=(edges[0][0], edges[0][-1], edges[1][0], edges[1][-1]),
            interpolation="none",  # the picture holds a pixel a bin
        )  # fmt: skip
    else:
        axes.plot(x[both], y[both], "o", color=BLUE, markersize=3.5, alpha=0.7, mew=0)
    marked = [
        clip
        for way in (-1, 1)
        for clip in _shown(agreement.disputed[pair.other], way)
        if pair.scorer in clip.opinions
    ]
    axes.plot(
        [clip.reference_value for clip in marked],
        [clip.opinions[pair.scorer] for clip in marked],
        "o", color=ORANGE, markersize=5, fillstyle="none",
    )  # fmt: skip
    rho = pair.correlation.spearman
    figure = "not enough" if rho is None else f"Spearman {rho:z.2f}"
    axes.set_title(figure, color=ORANGE if pair.contrary else "black")
    axes.set_xlabel(_with_way(pair.other, agreement.references[pair.other]))
    axes.set_ylabel(_with_way(pair.scorer, agreement.scorers[pair.scorer], "\n"))
    axes.locator_params(nbins=4)
    axes.tick_params(labelsize=6, length=2, colors=GREY)
    if agreement.references[pair.other] is Direction.LOWER:
        axes.invert_xaxis()
    if agreement.scorers[pair.scorer] is Direction.LOWER:
        axes.invert_yaxis()


def _differences(agreement: Agreement) -> Figure | None:
    """Draw the most disputed clips: how far the scorers' ranks are from the reference's."""
    disputed = {
        reference: [*_shown(clips, -1), *reversed(_shown(clips, 1))]
        for reference, clips in agreement.disputed.items()
    }
    disputed = {reference: clips for reference, clips in disputed.items() if clips}
    disputed = dict(list(disputed.items())[:SHOWN_REFERENCES])
    if not disputed:
        return None
    bars = [len(clips) + 3 for clips in disputed.values()]
    figure = Figure(figsize=(7.2, 0.5 + 0.2 * sum(bars)))
    lines = figure.subplots(
        len(disputed), squeeze=False, sharex=True, gridspec_kw={"height_ratios": bars}
    )
    scorers = list(agreement.scorers)[:SHOWN_SCORERS]
    for (reference, clips), (axes,) in zip(disputed.items(), lines, strict=True):
        _bars(axes, reference, clips, scorers)
    handles, labels = lines[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=6, frameon=False)
    return figure


def _bars(axes: Axes, reference: str, clips: list[DisputedClip], scorers: list[str]) -> None:
    places = range(len(clips))
    colours = [ORANGE if clip.difference < 0 else BLUE for clip in clips]
    axes.barh(places, [100 * clip.difference for clip in clips], color=colours, alpha=0.45)
    for line, (name, colour) in enumerate(zip(scorers, _SCORER_COLOURS, strict=False)):
        apart = (line - (len(scorers) - 1) / 2) * 0.7 / len(scorers)  # no dot hides another
        rated = [
            (100 * clip.differences[name], place + apart)
            for place, clip in enumerate(clips)
            if name in clip.opinions
        ]
        x, y = zip(*rated, strict=True) if rated else ((), ())
        axes.plot(x, y, "o", color=colour, markersize=4, label=short(name))
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlim(-100, 100)
    axes.set_yticks(places, [short(clip.clip, keep_end=True) for clip in clips])
    axes.invert_yaxis()
    axes.tick_params(length=2)
    name = short(reference)
    axes.set_title(f"← rated poorly, {name} likes it", loc="left", color=ORANGE)
    axes.set_title(f"rated well, {name} does not →", loc="right", color=BLUE)
    axes.set_xlabel(f"ranks above {name}, in % of the clips")


def _shown(clips: list[DisputedClip], way: int) -> list[DisputedClip]:
    """Return the most disputed clips that the scorers rank lower (-1) or higher (1)."""
    return [clip for clip in clips if clip.difference * way > 0][:SHOWN_CLIPS]


def _left_out(agreement: Agreement) -> str:
    """Return what the scatter plots leave out; empty if they show everything."""
    scorers = len(agreement.scorers) - SHOWN_SCORERS
    references = len(agreement.references) - SHOWN_REFERENCES
    parts = [f"{scorers} more scorers"] if scorers > 0 else []
    parts += [f"{references} more references"] if references > 0 else []
    return f"Not shown: {' and '.join(parts)}." if parts else ""


def _with_way(name: str, direction: Direction | None, between: str = " ") -> str:
    way = f"{between}(lower is better)" if direction is Direction.LOWER else ""
    return short(name) + way
