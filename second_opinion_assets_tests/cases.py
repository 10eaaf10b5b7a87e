"""Whole joins as hypothesis draws them: sidecars of every form, a feature table, options.

What either reading makes of them belongs in `readings.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from second_opinion_assets_tests import plain
from second_opinion_assets_tests.knobs import Knobs
from second_opinion_assets_tests.strategies import (
    KEY_FIELDS,
    KEY_PATTERNS,
    feature_lines,
    rarely,
    score_files,
)
from second_opinion_assets_tests.table_strategies import csv_files, parquet_files


class Case(NamedTuple):
    """Sidecars, the lines of a feature table, and how to join them."""

    files: list[plain.ScoreFile]
    features: list[bytes]
    options: plain.Options
    knobs: Knobs


SIDECARS = {"json": score_files, "csv": csv_files, "parquet": parquet_files}


@st.composite
def cases(draw: st.DrawFn, forms: Sequence[str] = ("json", "json", "csv", "parquet")) -> Case:
    """Draw sidecars of some forms, features and options."""
    careless = rarely(draw, 4)
    key_field = draw(st.sampled_from(KEY_FIELDS))
    count = draw(st.sampled_from([1, 1, 2, 3]))
    sidecars = []
    for number in range(0, 3 * count, 3):
        files = SIDECARS[draw(st.sampled_from(forms))]
        sidecars.append(draw(files(key_field, number, careless=careless)))
    unusual = key_field == "clip"
    options = plain.Options(
        missing_policy=draw(st.sampled_from(["mark", "mark", "mark", "drop", "fail"])),
        key_column=key_field if unusual else None,
        score_key_field=key_field if unusual or rarely(draw, 6) else None,
        score_field=draw(st.sampled_from([None, None, "q", "mos", "deep.q"])),
        key_normalize=draw(st.sampled_from(["auto", "auto", "raw", "basename", "stem", "suffix"])),
        key_pattern=draw(st.sampled_from(KEY_PATTERNS)) if rarely(draw, 8) else None,
        aligned_scores=rarely(draw, 3),
    )
    features = draw(feature_lines(key_field))
    chunk_bytes = draw(st.sampled_from([64, 300, 4 << 20]))
    knobs = Knobs(chunk_bytes, draw(st.sampled_from([1, 3, 200])))
    return Case(sidecars, features, options, knobs)
