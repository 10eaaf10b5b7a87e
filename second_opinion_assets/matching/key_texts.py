"""The texts of keys that come as a column of any type.

What the texts are reduced to belongs to `keys`.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.matching.keys import KEY_TYPE

# The largest whole number up to which a float of so many bits holds every one.
_EXACT = {16: 1 << 11, 32: 1 << 24, 64: 1 << 53}
_WHOLE_NUMBER = r"^(-?[0-9]+)\.0+$"

_Column = Any
"""A pyarrow array or chunked array; both have the same functions, and no types."""


def key_texts(column: _Column, what: str) -> _Column:
    """Return the text of each key of a column, null for a null or NaN.

    A whole number has the text of that number, whatever its type; bytes are UTF-8 text.

    Args:
        column: text, bytes, numbers or times, as such or as a dictionary.
        what: the column, for the error message.

    Raises:
        JoinError: the column holds lists or objects, or what is no text.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    try:
        if pa.types.is_fixed_size_binary(kind):
            column = column.cast(pa.large_binary())
        if pa.types.is_floating(kind):
            return _float_texts(column)
        if pa.types.is_decimal(kind):
            return untyped_key_texts(column.cast(pa.string()).cast(KEY_TYPE))
        texts = column.cast(KEY_TYPE)
        for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
            chunk.validate(full=True)
    except pa.ArrowNotImplementedError:
        msg = f"{what}: the key column holds {kind}, expected text or numbers"
        raise JoinError(msg) from None
    except pa.ArrowInvalid:
        msg = f"{what}: the key column holds {kind} that is not UTF-8 text; write the keys as text"
        raise JoinError(msg) from None
    return texts


def untyped_key_texts(texts: pa.Array) -> pa.Array:
    """Return keys of a form without types, CSV; a cell that is a whole number is that number."""
    if not pc.any(pc.ends_with(texts, "0")).as_py():
        return texts
    return pc.replace_substring_regex(texts, _WHOLE_NUMBER, r"\1")


def _float_texts(column: _Column) -> _Column:
    """Return the texts of floats.

    One that is too large to be certain of its last digit keeps a point, so that it is no
    identifier: 3339962880.0 is what a float of 32 bits makes of 3339962845.
    """
    column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    texts = pc.cast(column, pa.string()).cast(KEY_TYPE)
    whole = pc.equal(pc.floor(column), column)
    if not pc.any(whole).as_py():
        return texts
    certain = pc.less_equal(pc.abs(column), float(_EXACT[column.type.bit_width]))
    numbers = pc.if_else(pc.and_(whole, certain), column, pa.scalar(0, column.type))
    integers = pc.cast(numbers, pa.int64()).cast(KEY_TYPE)
    doubtful = pc.binary_join_element_wise(
        texts, pa.scalar(".0", KEY_TYPE), pa.scalar("", KEY_TYPE)
    )
    return pc.case_when(pc.make_struct(pc.and_(whole, certain), whole), integers, doubtful, texts)
