"""Key patterns find what Python's `re` finds, in linear time; what they cannot is refused."""

from __future__ import annotations

import re
import sys
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from second_opinion_assets.contract.key_pattern import KeyPattern, compile_key_pattern

MOST_WITHOUT_NAME = 0x2FFFF
CHARACTERS = "ab_1\n \\/.-é٣²\u017f\u212a\u0301\u1680名]["
PARTS = (
    *("a", "b", "_", "1", "é", "名", ".", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\.", r"\-"),
    *("[ab]", "[^a]", "[]a]", "[^]a]", r"[\w.-]", r"[\s\S]", r"[\d_]", r"[^\w]", "[a[]", r"[\b]"),
    *("^", "$", r"\A", r"\Z", "x{,2}", "a{1,2}", "a{", "{a}", "(?:a|b)", "(?:ab)*?", "(?:)"),
    *(r"\x61", r"\u00e9", r"\N{LATIN SMALL LETTER A}", r"\141", r"\0", "[\\1-\\11]", r"\n", r"\é"),
)
REPEATS = ("", "", "*", "+", "?")
parts = st.lists(
    st.builds(str.__add__, st.sampled_from(PARTS), st.sampled_from(REPEATS)), max_size=3
).map("".join)
patterns = st.builds(
    "{}{}({}){}{}".format,
    st.sampled_from(["", "(?i)", "(?s)", "(?m)", "(?is)", "(?:x|a)", "(?:a|"]),
    parts,
    parts,
    st.sampled_from(["", "", "?", "+", ")*", "b)*", ")"]),
    st.lists(st.sampled_from([*PARTS, "|a"]), max_size=2).map("".join),
)


@given(patterns, st.lists(st.text(CHARACTERS, max_size=8), min_size=1, max_size=6))
@example("(a)|b", ["b", "ab"])
@example(r"(\w+)_540p", ["名²é_540p", "٣_540p"])
@example(r"^clip_(\d+)$", ["clip_1\n", "clip_1\n\n", "clip_٣"])
def test_as_python_finds_it(pattern: str, keys: list[str]) -> None:
    """Of every pattern that is taken the group is what Python's `re` finds, and where."""
    try:
        expected = re.compile(pattern)
        taken = KeyPattern(pattern)
    except (re.error, ValueError):
        assume(False)  # noqa: FBT003 (as hypothesis has it)
    found = list(map(expected.search, keys))
    spans = [match.span(1) if match else (-1, -1) for match in found]
    array = pa.array(keys, pa.large_string())
    assert list(map(tuple, taken.spans(array).tolist())) == spans
    pairs = zip(keys, spans, strict=True)
    picked = [key if start < 0 else key[start:end] for key, (start, end) in pairs]
    assert taken.picked(array).to_pylist() == picked


@pytest.mark.parametrize("name", ["d", "D", "w", "W", "s", "S"])
def test_classes(name: str) -> None:
    """What is a letter, a digit and white space is as Python has it, of all that has a name."""
    characters = [
        character
        for character in map(chr, range(min(MOST_WITHOUT_NAME, sys.maxunicode)))
        if unicodedata.category(character) not in ("Cn", "Cs", "Co")
    ]
    expected = [bool(re.match(rf"\{name}", character)) for character in characters]
    spans = KeyPattern(rf"(\{name})").spans(pa.array(characters, pa.large_string()))
    wrong = [c for c, a, b in zip(characters, expected, spans[:, 0] >= 0, strict=True) if a != b]
    assert not wrong


@pytest.mark.parametrize("key", ["a" * 40, "a" * 100_000], ids=["short", "long"])
@pytest.mark.parametrize("pattern", ["((?:a+)+)$", "(?:a|a)*(b)$", "([^/?#]+)(?:[?#].*)?$"])
def test_linear_time(pattern: str, key: str) -> None:
    """A repeat within a repeat takes no longer than any pattern."""
    keys = pa.array([f"{key}!/"], pa.large_string())
    assert KeyPattern(pattern).picked(keys).to_pylist() == keys.to_pylist()


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"(?=a)(x)", r"invalid perl operator: \(\?="),
        (r"(?<!a)(x)", r"invalid"),
        (r"(a)\1", r"invalid escape sequence: \\1"),
        (r"(?P<n>a)(?P=n)", r"invalid perl operator"),
        (r"(a)++", r"bad repetition operator: \+\+"),
        (r"(a)\b", r": \\b; look-ahead"),
        (r"([\W_])", r": \\W; look-ahead"),
        (r"(?m:(a)$)", r": \(\?m:; look-ahead"),
        (r"(?:(a?)b?)*", r"the group is repeated, and may be empty"),
        (r"(a$)", r"\$ stands before the end of the group"),
        (r"(?x)(a b)", r"invalid perl operator"),
        (r"(a{1001})", r"invalid repetition size: \{1001\}"),
        (r"((?:(?:a{1000}){1000}){1000})", r"(?i)invalid|too large"),
    ],
)
def test_refused(pattern: str, problem: str) -> None:
    """What linear time does not allow, or would be read otherwise, is refused in one line."""
    with pytest.raises(ValueError, match=problem) as refused:
        compile_key_pattern(pattern)
    assert "\n" not in str(refused.value)
