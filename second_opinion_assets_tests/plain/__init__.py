"""A plain reading of the contract of the join, to hold the package against.

Row by row, with dicts and exact arithmetic; it shares no code with the package. Blocks, bytes and
speed do not belong here. Where the contract leaves a case open it raises `Unclear`.
"""

from second_opinion_assets_tests.plain.contract import (
    PENDING,
    Options,
    Refused,
    Row,
    Rules,
    ScoreFile,
    Unclear,
)
from second_opinion_assets_tests.plain.join import appended, plain_join
from second_opinion_assets_tests.plain.keys import ClipPath, Gain, Key, gains, normalized
from second_opinion_assets_tests.plain.scores import slug
from second_opinion_assets_tests.plain.values import Number, loads, loads_lines

__all__ = [
    "PENDING",
    "ClipPath",
    "Gain",
    "Key",
    "Number",
    "Options",
    "Refused",
    "Row",
    "Rules",
    "ScoreFile",
    "Unclear",
    "appended",
    "gains",
    "loads",
    "loads_lines",
    "normalized",
    "plain_join",
    "slug",
]
