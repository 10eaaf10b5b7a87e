"""The answers to the four questions as pictures: figures with their intervals, drawn.

What cannot be drawn, since there is not enough, is named at its place.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import nan

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.agreement.answers import Band, Distribution, Estimate, Ladder
from second_opinion_assets.agreement.drawing import BLUE, GREY, ORANGE, short, style, svg

SHOWN_SCORERS = 12
SHOWN_PAIRS = 3
"""Of references and columns of people."""
SHOWN_SUBSETS = 20
_A_LINE = 4
_LINE_INCHES = 0.24
_LEAST_INCHES = 4.6
"""Of a picture's width, so that its longest text fits."""


def answer_pictures(agreement: Agreement) -> dict[str, tuple[str, str]]:
    """Return title and SVG by the name of the answer, where there is anything to show."""
    with style(), warnings.catch_warnings():
        # A name may have letters that the measuring font lacks; the reader's font draws them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawn = {
            "sides_with_people": ("With whom scorers side", _sides(agreement)),
            "sources_and_encodes": ("Sources and encodes", _sources(agreement)),
            "beyond_the_reference": ("In step with people", _bands(agreement)),
            "coverage_by_subset": ("Coverage by subset", _subsets(agreement)),
            "distributions": ("Scores", _distributions(agreement)),
        }
        return {name: (title, svg(figure)) for name, (title, figure) in drawn.items() if figure}


def _sides(agreement: Agreement) -> Figure | None:
    """Draw the share of contested clips that each scorer ranks on people's side, if any has one."""
    told = [s for s in agreement.answers.sides if any(x.share.value is not None for x in s.scorers)]
    found = told[:SHOWN_PAIRS]
    if not found:
        return None
    shown = [sides.scorers[:SHOWN_SCORERS] for sides in found]
    figure, lines = _panels([len(scorers) for scorers in shown])
    for axes, sides, scorers in zip(lines, found, shown, strict=True):
        _intervals(axes, [(side.scorer, side.share) for side in scorers], percent=True)
        axes.axvline(50, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xlim(0, 100)
        axes.set_title(f"← with {short(sides.reference)}", loc="left", color=ORANGE)
        axes.set_title(f"with {short(sides.people)} →", loc="right", color=BLUE)
        axes.set_xlabel(f"% of {sides.apart} clips that the two rank far apart")
    return figure


def _bands(agreement: Agreement) -> Figure | None:
    """Draw how far reference and scorers go along with people, among all clips and the best."""
    found = agreement.answers.bands[: 2 * SHOWN_PAIRS]
    if not found:
        return None
    rows = [_of_band(band) for band in found]
    figure, lines = _panels([len(band) for band in rows])
    for axes, band, estimates in zip(lines, found, rows, strict=True):
        _intervals(axes, estimates)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_xlim(-1, 1)
        within = "all clips" if band.least is None else f"best quarter, from {band.least:.6g}"
        axes.set_title(f"{short(band.reference)}: {within}", loc="left")
        axes.set_xlabel(f"Spearman with {short(band.people)}; orange: given {band.reference}")
    return figure


def _of_band(band: Band) -> list[tuple[str, Estimate]]:
    scorers = band.scorers[:SHOWN_SCORERS]
    return [
        (band.reference, band.spearman),
        *((added.scorer, added.spearman) for added in scorers),
        *((f"{added.scorer}, given", added.partial) for added in scorers),
    ]


def _sources(agreement: Agreement) -> Figure | None:
    """Draw the share of variance between sources, and each source at its best encode."""
    found = agreement.answers.sources
    if found is None or not found.spreads:
        return None
    spreads = found.spreads[:SHOWN_SCORERS]
    ladders = found.ladders[:SHOWN_SCORERS]
    counts = [len(spreads), *([len(ladders)] if ladders else [])]
    figure, lines = _panels(counts)
    _intervals(lines[0], [(s.scorer, s.share_between) for s in spreads], percent=True)
    lines[0].set_xlim(0, 100)
    lines[0].set_title("← tells encodes apart", loc="left", color=BLUE)
    lines[0].set_title("tells sources apart →", loc="right", color=ORANGE)
    lines[0].set_xlabel("variance between sources, in % of all")
    if ladders:
        _levels(lines[1], ladders)
    return figure


def _levels(axes: Axes, ladders: Sequence[Ladder]) -> None:
    for place, ladder in enumerate(ladders):
        for disliked, colour in ((False, BLUE), (True, ORANGE)):
            values = [
                100 * level.liked_better.value
                for level in ladder.levels
                if level.disliked is disliked and level.liked_better.value is not None
            ]
            axes.plot(values, [place] * len(values), "o", color=colour, markersize=4, alpha=0.7)
        if all(level.liked_better.value is None for level in ladder.levels):
            axes.text(50, place, "not enough", ha="center", va="center", color=GREY)
    axes.set_yticks(range(len(ladders)), [short(ladder.scorer) for ladder in ladders])
    axes.set_ylim(len(ladders) - 0.5, -0.5)
    axes.set_xlim(-2, 102)
    axes.set_title("a dot a source, at its best encode", loc="left")
    axes.set_title("disliked →", loc="right", color=ORANGE)
    axes.set_xlabel("% of the clips of other sources that the scorer likes better")


def _subsets(agreement: Agreement) -> Figure | None:
    """Draw the coverage of each subset by each scorer, with its number; holes in orange."""
    scorers = list(agreement.scorers)[:SHOWN_SCORERS]
    rows = [
        (column.column, subset)
        for column in agreement.answers.subsets
        for subset in column.subsets[: max(3, SHOWN_SUBSETS // len(agreement.answers.subsets))]
    ]
    if not rows or not scorers:
        return None
    size = (2.6 + 0.9 * len(scorers), 0.6 + _LINE_INCHES * len(rows))
    figure = Figure(figsize=size)
    axes = figure.add_subplot()
    shares = [[found.ok / subset.rows for found in subset.scorers] for _, subset in rows]
    shares = [line[: len(scorers)] for line in shares]
    # Up to a shade in which black text is still read.
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=2, aspect="auto")
    for line, (_, subset) in enumerate(rows):
        for place, found in enumerate(subset.scorers[: len(scorers)]):
            text = f"{found.ok} of {subset.rows}" if found.share.value is None else ""
            text = text or _of_hundred(found.share.value or 0.0)
            weight = "bold" if found.hole else "normal"
            colour = "#a34000" if found.hole else "black"
            axes.text(place, line, text, ha="center", va="center", color=colour, fontweight=weight)
    names = [f"{name} = {'no value' if s.value is None else s.value}" for name, s in rows]
    axes.set_yticks(range(len(rows)), [f"{short(name)} ({s.rows})" for name, (_, s) in
                                       zip(names, rows, strict=True)])  # fmt: skip
    axes.set_xticks(range(len(scorers)), [short(name, 12) for name in scorers])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _of_hundred(share: float) -> str:
    """Return a share in percent; what is not all of it is not shown as 100 %."""
    if 0.999 < share < 1:  # noqa: PLR2004 (would be rounded to 100 %)
        return "> 99.9%"
    return f"{share:.1%}"


def _distributions(agreement: Agreement) -> Figure | None:
    """Draw the histogram of each scorer over its scale, and the scores on one scale."""
    found = [d for d in agreement.answers.distributions if d.counts][:SHOWN_SCORERS]
    if not found:
        return None
    aligned = [d for d in found if d.aligned]
    wide = min(_A_LINE, len(found))
    lines = -(-len(found) // wide)
    tall = _LINE_INCHES * len(aligned) + 0.85 if aligned else 0
    size = (max(1.9 * wide + 0.6, _LEAST_INCHES), 1.4 * lines + tall)
    figure = Figure(figsize=size)
    top, *below = figure.subfigures(
        2 if aligned else 1, 1, height_ratios=[1.4 * lines, tall] if aligned else None,
        squeeze=False,
    )[:, 0]  # fmt: skip
    grid = top.subplots(lines, wide, squeeze=False).ravel()
    for axes, distribution in zip(grid, found, strict=False):
        _histogram(axes, distribution)
    for axes in grid[len(found) :]:
        axes.set_axis_off()
    if aligned:
        _on_one_scale(below[0].subplots(), aligned)
    return figure


def _histogram(axes: Axes, found: Distribution) -> None:
    if len(found.edges) == 2 and found.edges[0] == found.edges[1]:  # noqa: PLR2004 (one value)
        axes.plot(found.edges[:1], found.counts, "o", color=BLUE)
    else:
        axes.stairs(found.counts, found.edges, fill=True, color=BLUE)
    axes.set_ylim(bottom=0)
    axes.set_title(short(found.scorer))
    way = {None: "", "higher": ", higher is better", "lower": ", lower is better"}
    axes.set_xlabel(f"{found.scale or 'no scale declared'}{way[found.direction]}", fontsize=6)
    axes.locator_params(nbins=4)
    axes.tick_params(labelsize=6, length=2, colors=GREY)


def _on_one_scale(axes: Axes, found: Sequence[Distribution]) -> None:
    for place, distribution in enumerate(found):
        if distribution.aligned is None:
            continue
        least, low, middle, high, greatest = distribution.aligned.quantiles
        axes.plot([least, greatest], [place, place], color=GREY, linewidth=1)
        axes.plot([low, high], [place, place], color=BLUE, linewidth=5, solid_capstyle="butt")
        axes.plot([middle], [place], "|", color="white", markersize=6)
    axes.set_yticks(range(len(found)), [short(d.scorer) for d in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlabel("0 worst, 100 best\n5 to 95 % of the clips, and the middle half")


def _panels(rows: Sequence[int]) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels one below the other, each for some rows."""
    heights = [count + 4 for count in rows]
    figure = Figure(figsize=(7.2, 0.2 + _LINE_INCHES * sum(heights)))
    grid = figure.subplots(len(rows), squeeze=False, gridspec_kw={"height_ratios": heights})
    return figure, list(grid[:, 0])


def _intervals(axes: Axes, found: Sequence[tuple[str, Estimate]], *, percent: bool = False) -> None:
    """Draw figures as dots on their intervals, each with its number and n at its side."""
    times = 100 if percent else 1
    for place, (name, estimate) in enumerate(found):
        colour = ORANGE if name.endswith(", given") else BLUE
        value, low, high = (
            nan if figure is None else times * figure
            for figure in (estimate.value, estimate.low, estimate.high)
        )
        axes.plot([low, high], [place, place], color=colour, linewidth=2, alpha=0.5)
        axes.plot([value], [place], "o", color=colour, markersize=5, clip_on=False)
        if estimate.value is None:
            text = "not enough"
        else:
            text = f"{value:.1f}%, n {estimate.n}" if percent else f"{value:z.2f}, n {estimate.n}"
        axes.text(1.01, place, text, transform=axes.get_yaxis_transform(), va="center")
    axes.set_yticks(range(len(found)), [short(name) for name, _ in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.tick_params(length=2)
