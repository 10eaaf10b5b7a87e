"""How every picture looks: SVG whose texts stay texts, in one style.

What a picture shows does not belong here.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from io import StringIO

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from second_opinion_assets.report.markdown import printable

BLUE, ORANGE, GREY = "#3b6fb6", "#d95f02", "#8a8a8a"
_LETTERS = 24


def style() -> AbstractContextManager[None]:
    """Return the style, while it is entered."""
    return mpl.rc_context(
        {
            "svg.fonttype": "none",  # texts as texts, in the reader's own font
            "svg.hashsalt": "second opinion",  # the same picture for the same values
            "font.family": ["DejaVu Sans", "sans-serif"],
            "font.size": 8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 8,
            "axes.labelsize": 8,
            "text.parse_math": False,  # a $ in a name is a $
        }
    )


def short(text: str, letters: int = _LETTERS, *, keep_end: bool = False) -> str:
    """Return a name on one line, without what a picture cannot hold, cut if it is long.

    Of a clip it is the end that tells it from others.
    """
    clean = printable(" ".join(text.split()))
    if len(clean) <= letters:
        return clean
    return f"…{clean[1 - letters :]}" if keep_end else f"{clean[: letters - 1]}…"


def svg(figure: Figure) -> str:
    """Lay a figure out, and return it as SVG, the same each time."""
    text = StringIO()
    # Here, and not as a figure's own layout, with which it would be drawn twice.
    ConstrainedLayoutEngine().execute(figure)
    figure.savefig(text, format="svg", dpi=120, metadata={"Date": None, "Creator": None})
    return text.getvalue()
