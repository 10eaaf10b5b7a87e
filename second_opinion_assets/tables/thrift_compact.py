"""Thrift's compact protocol, for structures that are read, changed a little and written again.

A structure is opened to the depth that its reader asks for; whatever lies deeper stays the bytes
that it was, so that it is written back byte for byte, known or not. What fields mean belongs to
their readers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
_INTEGERS = (I16, I32, I64)
_BOOLEANS = (TRUE, FALSE)
_LONG_LIST = 15  # a list's header says so where the count comes behind it
_VARINT_BITS = 64
_DEEPEST = 32  # structures nest less deep; bytes at random must not use up the stack

_VARINT_PATTERN = rb"[\x80-\xff]{0,9}[\x00-\x7f]"
_VARINT = re.compile(_VARINT_PATTERN)


def _headers(*kinds: int) -> bytes:
    """Return a pattern of the one-byte headers of fields of these kinds."""
    return b"[%s]" % re.escape(bytes(step << 4 | kind for step in range(1, 16) for kind in kinds))


# Most fields of most structures are numbers: a run of them is passed over in one step.
_NUMBERS = re.compile(
    rb"(?:%s|%s%s)*+" % (_headers(*_BOOLEANS), _headers(*_INTEGERS), _VARINT_PATTERN)
)

Shape: TypeAlias = Mapping[int, "Shape | None"]
"""The fields of a structure to open, by number.

A field with a shape is a structure or a list of structures, to be opened in turn. One with None is
a list to be parted into its elements.
"""

Value: TypeAlias = "bytes | Struct | Elements"


class ThriftError(ValueError):
    """Bytes are not what the protocol says, or fields not of the kind that they should be."""


@dataclass(frozen=True, slots=True)
class Elements:
    """A list that was parted or opened: the kind of its elements, and these."""

    kind: int
    items: list[bytes] | list[Struct]


@dataclass(frozen=True, slots=True)
class Struct:
    """A structure: kind and value of each field by number, in the order they are written in."""

    fields: dict[int, tuple[int, Value]]

    def integer(self, number: int) -> int | None:
        """Return the value of a field of whole numbers; None where it is not set."""
        if number not in self.fields:
            return None
        return _zigzag(_varint(self._closed(number, _INTEGERS, "whole number"), 0)[0])

    def binary(self, number: int) -> bytes | None:
        """Return the value of a field of bytes or text; None where it is not set."""
        if number not in self.fields:
            return None
        return _binary(self._closed(number, (BINARY,), "text"))

    def opened(self, number: int, shape: Shape) -> Struct:
        """Return the structure in a field that was left closed."""
        return decode(self._closed(number, (STRUCT,), "structure"), shape)[0]

    def _closed(self, number: int, kinds: tuple[int, ...], what: str) -> bytes:
        """Return the bytes of a field that was left closed."""
        kind, value = self.fields.get(number, (0, b""))
        if kind not in kinds or not isinstance(value, bytes):
            msg = f"field {number} is no {what}"
            raise ThriftError(msg)
        return value

    def struct(self, number: int) -> Struct | None:
        """Return the structure in a field that was opened; None where it is not set."""
        value = self.fields[number][1] if number in self.fields else None
        return value if isinstance(value, Struct) else None

    def elements(self, number: int) -> Elements:
        """Return the list in a field that was opened; an empty one where it is not set."""
        value = self.fields[number][1] if number in self.fields else Elements(STRUCT, [])
        if not isinstance(value, Elements):
            msg = f"field {number} is no list"
            raise ThriftError(msg)
        return value

    def structs(self, number: int) -> list[Struct]:
        """Return the structures in a field that was opened with a shape."""
        return [item for item in self.elements(number).items if isinstance(item, Struct)]

    def raw_items(self, number: int) -> list[bytes]:
        """Return the elements of a list, each as it stands there."""
        return [_raw(item) for item in self.elements(number).items]

    def without(self, numbers: AbstractSet[int]) -> Struct:
        """Return the structure without some fields."""
        kept = {number: field for number, field in self.fields.items() if number not in numbers}
        return Struct(kept)

    def binaries(self, number: int) -> list[bytes]:
        """Return the values of a list of bytes or texts that was parted into its elements."""
        elements = self.elements(number)
        if elements.items and elements.kind != BINARY:
            msg = f"field {number} is no list of texts"
            raise ThriftError(msg)
        return [_binary(item) for item in elements.items if isinstance(item, bytes)]

    def replaced(self, values: Mapping[int, int | bytes | Elements]) -> Struct:
        """Return the structure with other values in fields that it has."""
        fields = dict(self.fields)
        for number, value in values.items():
            kind = fields[number][0]
            if isinstance(value, int):
                fields[number] = kind, _encoded_varint(_unsigned(value))
            elif isinstance(value, bytes):
                fields[number] = kind, _encoded_varint(len(value)) + value
            else:
                fields[number] = kind, value
        return Struct(fields)


def decode(data: bytes, shape: Shape) -> tuple[Struct, int]:
    """Read the structure that bytes start with.

    Returns:
        The structure, opened as far as `shape` says, and the place behind it.

    Raises:
        ThriftError: the bytes end too early or are no such structure.
    """
    try:
        struct, end = _decode_struct(data, 0, shape)
    except IndexError:
        end = len(data) + 1
    if end > len(data):
        msg = "the bytes end within a structure"
        raise ThriftError(msg)
    return struct, end


def encode(struct: Struct) -> bytes:
    """Return the bytes of a structure."""
    parts: list[bytes] = []
    last = 0
    for number, (kind, value) in struct.fields.items():
        if 0 < number - last < 1 << 4:
            parts.append(bytes([number - last << 4 | kind]))
        else:
            parts += bytes([kind]), _encoded_varint(_unsigned(number))
        last = number
        parts.append(_encoded_list(value) if isinstance(value, Elements) else _raw(value))
    parts.append(b"\0")
    return b"".join(parts)


def _binary(value: bytes) -> bytes:
    return value[_varint(value, 0)[1] :]


def _raw(value: bytes | Struct) -> bytes:
    return encode(value) if isinstance(value, Struct) else value


def _encoded_list(value: Elements) -> bytes:
    count = len(value.items)
    if count < _LONG_LIST:
        header = bytes([count << 4 | value.kind])
    else:
        header = bytes([_LONG_LIST << 4 | value.kind]) + _encoded_varint(count)
    return b"".join([header, *map(_raw, value.items)])


def _decode_struct(data: bytes, position: int, shape: Shape) -> tuple[Struct, int]:
    fields: dict[int, tuple[int, Value]] = {}
    number = 0
    while header := data[position]:
        position += 1
        kind = header & 15
        if header >> 4:
            number += header >> 4
        else:
            unsigned, position = _varint(data, position)
            number = _zigzag(unsigned)
        if number in fields:
            msg = f"field {number} stands there twice"
            raise ThriftError(msg)
        value: Value
        if number in shape:
            value, position = _open(data, position, kind, shape[number])
        else:
            end = _skip(data, position, kind, 0)
            value, position = data[position:end], end
        fields[number] = kind, value
    return Struct(fields), position + 1


def _open(data: bytes, position: int, kind: int, shape: Shape | None) -> tuple[Value, int]:
    if kind == STRUCT and shape is not None:
        return _decode_struct(data, position, shape)
    if kind != LIST:
        msg = f"a field is of kind {kind}, not a list"
        raise ThriftError(msg)
    count, kind, position = _list_header(data, position)
    if shape is None:
        raw: list[bytes] = []
        for _ in range(count):
            end = _skip_element(data, position, kind, 0)
            raw.append(data[position:end])
            position = end
        return Elements(kind, raw), position
    if count and kind != STRUCT:
        msg = f"a list is of kind {kind}, not of structures"
        raise ThriftError(msg)
    structs: list[Struct] = []
    for _ in range(count):
        struct, position = _decode_struct(data, position, shape)
        structs.append(struct)
    return Elements(kind, structs), position


def _list_header(data: bytes, position: int) -> tuple[int, int, int]:
    """Return how many elements a list has, their kind, and where they start."""
    header = data[position]
    count, position = header >> 4, position + 1
    if count == _LONG_LIST:
        count, position = _varint(data, position)
    return count, header & 15, position


def _skip(data: bytes, position: int, kind: int, depth: int) -> int:
    """Return the place behind a value; it lies beyond the end where the bytes end too early."""
    if depth > _DEEPEST:
        msg = "its structures nest too deep"
        raise ThriftError(msg)
    if kind in _FIXED_BYTES:
        return position + _FIXED_BYTES[kind]
    if kind not in _SKIPS:
        msg = f"there is no kind {kind} of field"
        raise ThriftError(msg)
    return _SKIPS[kind](data, position, depth)


def _skip_element(data: bytes, position: int, kind: int, depth: int) -> int:
    if position >= len(data):
        raise IndexError  # so that a count at random does not keep the loop busy
    return position + 1 if kind in _BOOLEANS else _skip(data, position, kind, depth)


def _skip_integer(data: bytes, position: int, _depth: int) -> int:
    found = _VARINT.match(data, position)
    if not found:
        raise IndexError
    return found.end()


def _skip_binary(data: bytes, position: int, _depth: int) -> int:
    size, position = _varint(data, position)
    return min(position + size, len(data) + 1)  # no larger one could be looked at


def _skip_list(data: bytes, position: int, depth: int) -> int:
    count, kind, position = _list_header(data, position)
    for _ in range(count):
        position = _skip_element(data, position, kind, depth + 1)
    return position


def _skip_map(data: bytes, position: int, depth: int) -> int:
    count, position = _varint(data, position)
    if not count:
        return position
    kinds = data[position]
    position += 1
    for _ in range(count):
        position = _skip_element(data, position, kinds >> 4, depth + 1)
        position = _skip_element(data, position, kinds & 15, depth + 1)
    return position


def _skip_struct(data: bytes, position: int, depth: int) -> int:
    while True:
        numbers = _NUMBERS.match(data, position)
        position = numbers.end() if numbers else position
        header = data[position]
        position += 1
        if not header:
            return position
        if not header >> 4:
            position = _skip_integer(data, position, depth)
        position = _skip(data, position, header & 15, depth + 1)


_FIXED_BYTES = {TRUE: 0, FALSE: 0, BYTE: 1, DOUBLE: 8}  # a field's header says true or false
_SKIPS = {
    **dict.fromkeys(_INTEGERS, _skip_integer),
    BINARY: _skip_binary,
    **dict.fromkeys((LIST, SET), _skip_list),
    MAP: _skip_map,
    STRUCT: _skip_struct,
}


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a number of variable length and the place behind it."""
    value = shift = 0
    while (byte := data[position]) > 127:  # noqa: PLR2004 (the top bit says that more comes)
        value |= (byte & 127) << shift
        position += 1
        shift += 7
        if shift >= _VARINT_BITS:
            msg = "a number takes more than 64 bits"
            raise ThriftError(msg)
    return value | byte << shift, position + 1


def _encoded_varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:  # noqa: PLR2004 (seven bits a byte)
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _zigzag(unsigned: int) -> int:
    return unsigned >> 1 ^ -(unsigned & 1)


def _unsigned(value: int) -> int:
    """Return a number with its sign in the lowest bit, as the protocol writes it."""
    if not -(1 << 63) <= value < 1 << 63:
        msg = f"{value} does not fit in 64 bits"
        raise ThriftError(msg)
    return value << 1 if value >= 0 else (-value << 1) - 1
