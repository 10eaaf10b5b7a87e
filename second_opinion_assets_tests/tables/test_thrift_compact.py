"""Structures of thrift's compact protocol, opened to a depth and written again.

What the fields of a parquet footer mean belongs in `test_parquet_splice.py`.
"""

from __future__ import annotations

import io
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion_assets.tables.thrift_compact import (
    Elements,
    Shape,
    ThriftError,
    decode,
    encode,
)
from second_opinion_assets_tests.splices import footer_of
from second_opinion_assets_tests.strategies import thorough

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)


def varint(number: int) -> bytes:
    """Return a number as the protocol writes it: seven bits a byte, lowest first."""
    return bytes([number]) if number < 128 else bytes([number % 128 + 128]) + varint(number // 128)


def list_of(kind: int, items: list[bytes]) -> bytes:
    """Return a list: a byte if it is short, else a byte and its length."""
    if len(items) < 15:
        return bytes([len(items) * 16 + kind]) + b"".join(items)
    return bytes([15 * 16 + kind]) + varint(len(items)) + b"".join(items)


def map_of(kind: int, pairs: list[bytes]) -> bytes:
    """Return a map from a kind to the same kind; an empty one does not say which."""
    return varint(len(pairs)) + (bytes([kind * 16 + kind]) + b"".join(pairs) if pairs else b"")


def struct_of(fields: list[tuple[int, int, bytes]]) -> bytes:
    """Return a structure of fields, given as number, kind and value."""
    written, last = b"", 0
    for number, kind, value in fields:
        near = 0 < number - last < 16
        zigzag = number * 2 if number >= 0 else -number * 2 - 1
        header = [(number - last) * 16 + kind] if near else [kind, *varint(zigzag)]
        written += bytes(header) + value
        last = number
    return written + b"\0"


@st.composite
def values(draw: st.DrawFn, kind: int, depth: int) -> tuple[bytes, Shape | None]:
    """Draw a value of a kind: its bytes, and a shape that opens all that can be opened."""
    if kind == STRUCT:
        return draw(structs(depth - 1))
    if kind in (LIST, SET, MAP):
        within = draw(kinds(depth - 1))
        count = draw(st.sampled_from([0, 1, 2, 14, 15, 16] if within < DOUBLE else [0, 1, 2]))
        items = [draw(values(within, depth - 1))[0] for _ in range(count)]
        if kind == MAP:
            return map_of(within, [key + key for key in items]), None
        return list_of(within, items), {} if within == STRUCT and draw(st.booleans()) else None
    if kind in (I16, I32, I64):
        return varint(draw(st.sampled_from([0, 1, 127, 128, 2**32, 2**64 - 1]))), None
    if kind == BINARY:
        content = draw(st.sampled_from([b"", b"\0", b"x" * 127, b"x" * 128]))
        return varint(len(content)) + content, None
    return b"\x15" * (1 if kind == BYTE else 8), None


def kinds(depth: int) -> st.SearchStrategy[int]:
    """Draw a kind of value; at the end of the depth one that holds no others."""
    deeper = [LIST, SET, MAP, STRUCT, STRUCT, LIST] if depth > 0 else []
    return st.sampled_from([BYTE, I16, I32, I64, DOUBLE, BINARY, *deeper])


@st.composite
def structs(draw: st.DrawFn, depth: int = 3) -> tuple[bytes, Shape]:
    """Draw a structure, and a shape that opens some of what is in it."""
    numbers = draw(st.lists(st.integers(-5, 40), unique=True, max_size=5))
    shape: dict[int, Shape | None] = {}
    fields: list[tuple[int, int, bytes]] = []
    for number in draw(st.sampled_from([numbers, sorted(numbers)])):
        kind = draw(st.sampled_from([TRUE, FALSE]) | kinds(depth))
        value, within = (b"", None) if kind in (TRUE, FALSE) else draw(values(kind, depth))
        fields.append((number, kind, value))
        if kind in (STRUCT, LIST) and draw(st.booleans()):
            shape[number] = within
    return struct_of(fields), shape


@given(structs(), st.binary(max_size=3))
@thorough
def test_a_structure_is_written_as_it_was_read(drawn: tuple[bytes, Shape], behind: bytes) -> None:
    """However far it is opened, and whatever lies behind it."""
    written, shape = drawn
    for depth in (shape, {}):
        read, end = decode(written + behind, depth)
        assert (encode(read), end) == (written, len(written))


@given(structs())
@thorough
def test_a_structure_that_is_cut_is_told(drawn: tuple[bytes, Shape]) -> None:
    """At whatever byte, in opened parts and in closed ones."""
    written, shape = drawn
    for end in range(len(written)):
        for depth in (shape, {}):
            with pytest.raises(ThriftError, match=r"end within|no kind|not a list|nest"):
                decode(written[:end], depth)


@given(st.binary(max_size=60), st.sampled_from([{}, {1: None}, {1: {1: {}}, 2: {}}]))
@thorough
def test_any_bytes_are_read_or_refused(data: bytes, shape: Shape) -> None:
    """Bytes at random are a structure or a ThriftError, never anything else."""
    try:
        read, end = decode(data, shape)
    except ThriftError:
        return
    assert end <= len(data)
    assert decode(encode(read), shape)[0] == read


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x1d\x00", "no kind 13 of field"),
        (b"\x15\x02\x05\x02\x02\x00", "field 1 stands there twice"),
        (b"\x1c" * 5000, "nest too deep"),
        (b"\x19" + b"\x19" * 5000, "nest too deep"),
        (b"\x19\xf1\xff\xff\xff\xff\x0f", "end within"),
        (b"\x18" + varint(2**63), "end within"),
        (b"\x1c\x18" + varint(2**63), "end within"),
        (b"\x19\xf5" + b"\xff" * 11, "more than 64 bits"),
        (b"\x15" + b"\xff" * 11 + b"\x00", "end within"),
    ],
    ids=[
        "kind",
        "twice",
        "structures",
        "lists",
        "count",
        "long-text",
        "long-text-within",
        "long-count",
        "long-number",
    ],
)
def test_what_is_no_structure(data: bytes, message: str) -> None:
    """Bytes that no writer writes are refused with what is wrong."""
    with pytest.raises(ThriftError, match=message):
        decode(data, {})


def test_reading_fields() -> None:
    """Numbers, texts, structures and lists are read by the field's number."""
    inner = struct_of([(1, I32, varint(6))])
    data = struct_of(
        [
            (1, I64, varint(9)),
            (2, BINARY, varint(3) + b"abc"),
            (3, STRUCT, inner),
            (4, LIST, list_of(BINARY, [b"\x01x", b"\x02yz"])),
            (5, LIST, list_of(STRUCT, [inner, inner])),
        ]
    )
    read, _ = decode(data, {3: {}, 4: None, 5: {}})
    assert (read.integer(1), read.integer(9)) == (-5, None)
    assert (read.binary(2), read.binary(9)) == (b"abc", None)
    opened, absent = read.struct(3), read.struct(9)
    assert opened is not None
    assert (opened.integer(1), absent) == (3, None)
    assert (read.binaries(4), read.binaries(9)) == ([b"x", b"yz"], [])
    assert [item.integer(1) for item in read.structs(5)] == [3, 3]
    assert read.raw_items(5) == [inner, inner]
    assert decode(data, {})[0].opened(3, {}).integer(1) == 3


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda s: s.integer(2), "field 2 is no whole number"),
        (lambda s: s.binary(1), "field 1 is no text"),
        (lambda s: s.opened(1, {}), "field 1 is no structure"),
        (lambda s: s.opened(9, {}), "field 9 is no structure"),
        (lambda s: s.elements(1), "field 1 is no list"),
        (lambda s: s.binaries(3), "field 3 is no list of texts"),
        (lambda s: s.replaced({1: 1 << 63}), "does not fit in 64 bits"),
    ],
    ids=["integer", "text", "structure", "absent", "list", "texts", "too-large"],
)
def test_fields_of_another_kind(read: object, message: str) -> None:
    """A field of another kind than the one asked for is refused, by its number."""
    assert callable(read)
    fields = [(1, I64, b"\x02"), (2, BINARY, b"\x00"), (3, LIST, list_of(I32, [b"\x02"]))]
    with pytest.raises(ThriftError, match=message):
        read(decode(struct_of(fields), {3: None})[0])


@pytest.mark.parametrize("shape", [{1: None}, {1: {}}, {2: {}}], ids=["parted", "opened", "list"])
def test_what_cannot_be_opened(shape: Shape) -> None:
    """A shape that does not fit what is there is refused."""
    data = struct_of([(1, I64, b"\x02"), (2, LIST, list_of(I32, [b"\x02"]))])
    with pytest.raises(ThriftError, match=r"not a list|not of structures"):
        decode(data, shape)


def test_replacing_fields() -> None:
    """Other values stand where the old ones stood; all else stays as it is."""
    fields = [(7, I64, b"\x02"), (2, BINARY, b"\x01x"), (3, LIST, list_of(I32, [b"\x02"]))]
    read, _ = decode(struct_of(fields), {3: None})
    longer = Elements(I32, [b"\x02"] * 15)
    changed = read.replaced({7: -300, 2: b"y" * 200, 3: longer})
    assert encode(changed) == struct_of(
        [
            (7, I64, varint(599)),
            (2, BINARY, varint(200) + b"y" * 200),
            (3, LIST, list_of(I32, [b"\x02"] * 15)),
        ]
    )
    assert encode(changed.without({2, 9})).count(b"y") == 0


def test_a_double_is_eight_bytes() -> None:
    """Doubles of extended statistics are passed over whole."""
    data = struct_of([(1, DOUBLE, struct.pack("<d", 0.5)), (2, I32, b"\x02")])
    assert decode(data, {})[0].integer(2) == 1


@pytest.mark.parametrize("columns", [1, 2, 40])
def test_footers(columns: int) -> None:
    """A parquet footer is written byte for byte as it was read, closed or opened."""
    file = io.BytesIO()
    table = pa.table({f"c{n}": [{"a": [n]}, None] for n in range(columns)})
    pq.write_table(table, file, row_group_size=1, write_page_index=True)
    footer = footer_of(file.getvalue())
    shapes: list[Shape] = [{}, {2: {}, 4: {1: {3: {12: {}}}}, 5: {}, 7: None}]
    for shape in shapes:
        read, end = decode(footer, shape)
        assert (encode(read), end) == (footer, len(footer))
