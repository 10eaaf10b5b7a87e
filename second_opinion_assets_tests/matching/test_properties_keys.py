"""Properties of keys and names: what is compared, and what columns are named after."""

from __future__ import annotations

import re
from unittest.mock import patch

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from second_opinion_assets.contract.fields import KEY_NAMES, find_name, slug
from second_opinion_assets.contract.options import KeyNormalize
from second_opinion_assets.matching import keys as keys_module
from second_opinion_assets.matching.keys import KEY_TYPE, KeyEncoder, Normalizer
from second_opinion_assets_tests import plain

often = settings(max_examples=300)
keys = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from(["a", "B", ".", "/", "\\", " ", "é", "0"]), max_size=10),
)
modes = st.sampled_from(list(KeyNormalize))
fields = st.sampled_from([*KEY_NAMES, "Clip", "Source_FILE", "NAME", "id"])


@given(keys, st.sampled_from([KeyNormalize.raw, KeyNormalize.basename, KeyNormalize.auto]), fields)
@often
def test_normalising_twice_is_normalising_once(key: str, mode: KeyNormalize, field: str) -> None:
    """A normalised key is its own normal form; a stem is not, for it may have a dot itself."""
    normalize = Normalizer(mode, field).one
    assert normalize(normalize(key)) == normalize(key)


@given(keys, modes, fields)
@often
def test_space_around_a_key_counts_for_nothing(key: str, mode: KeyNormalize, field: str) -> None:
    """White space around a key, with any normalisation, does not change it."""
    normalize = Normalizer(mode, field).one
    assert normalize(f" {key}\t") == normalize(key)


@given(keys.map(str.strip), st.sampled_from(["d/", "/", "a/b/", "C:\\v\\", "./", "../"]))
@often
def test_a_folder_counts_for_nothing_in_a_basename(key: str, folder: str) -> None:
    """A folder put before a file's name does not change its basename or stem."""
    for mode in (KeyNormalize.basename, KeyNormalize.stem):
        normalize = Normalizer(mode, "clip_id").one
        if normalize(key):
            assert normalize(folder + key) == normalize(key)


@given(st.text(st.sampled_from(["a", "B", ".", "/", "\\", "é", "0"]), max_size=10), modes, fields)
@often
def test_keys_are_normalised_as_the_plain_reading_says(
    key: str, mode: KeyNormalize, field: str
) -> None:
    """Keys without space within are normalised as the plain reading normalises them."""
    assert Normalizer(mode, field).one(key) == plain.normalized(key, str(mode), field)


@given(st.text(max_size=10))
@often
def test_a_slug_names_a_column(competitor: str) -> None:
    """A slug is words of a-z0-9 joined by single underscores, the plain reading's, and its own."""
    assert re.fullmatch(r"([a-z0-9]+(_[a-z0-9]+)*)?", slug(competitor))
    assert slug(competitor) == plain.slug(competitor) == slug(slug(competitor))


@given(st.lists(st.sampled_from([*KEY_NAMES, *map(str.upper, KEY_NAMES), "x"]), unique=True))
@often
def test_the_first_usual_name_is_found(columns: list[str]) -> None:
    """The field found has the first usual name that any field has, whatever the fields' order."""
    found = find_name(columns, KEY_NAMES)
    there = [name for name in KEY_NAMES if name in map(str.lower, columns)]
    assert (found.lower() if found else None) == (there[0] if there else None)


@given(st.lists(keys, max_size=6), modes, fields)
@often
def test_many_keys_are_reduced_as_one_is(given: list[str], mode: KeyNormalize, field: str) -> None:
    """The quick way for many keys gives what the way for one gives."""
    normalizer = Normalizer(mode, field)
    reduced = normalizer.array(pa.array(given, KEY_TYPE)).to_pylist()
    assert reduced == [normalizer.one(key) for key in given]


@given(st.lists(st.lists(st.none() | st.sampled_from("abcd"), max_size=4)), st.integers(1, 5))
@often
def test_keys_that_come_in_blocks_are_one_column(blocks: list[list[str | None]], held: int) -> None:
    """However many keys are held before they are encoded, each text stands there once."""
    encoder = KeyEncoder()
    with patch.object(keys_module, "ENCODED_ROWS", held):
        for block in blocks:
            encoder.add(pa.array(block, KEY_TYPE))
    column = encoder.column()
    rows = [key for block in blocks for key in block]
    assert [column.key(row) for row in range(len(column.codes))] == rows
    assert column.texts.to_pylist() == list(dict.fromkeys(filter(None, rows)))
