"""Parquet files that nothing is spliced into, each with the reason; they are decoded and encoded.

Files whose footers are damaged are asked here too: they are refused, or gain their columns.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow.parquet import encryption

from second_opinion_assets.tables.parquet_splice import NoSplice, Splice
from second_opinion_assets.tables.thrift_compact import Elements, Shape, Struct, decode, encode
from second_opinion_assets_tests.splices import ADDED, added, footer_of, spliced, with_footer
from second_opinion_assets_tests.strategies import thorough

I32, BINARY, STRUCT = 5, 8, 12
SHAPE: Shape = {2: {}, 4: {1: {3: {}}}, 5: {}, 7: None}


def example() -> bytes:
    """Return a parquet file with two row groups, a nested column, metadata and page indexes."""
    file = io.BytesIO()
    table = pa.table({"clip_id": ["a", "b", "c"], "of": [{"x": [1.5]}] * 3, "n": [1, 2, 3]})
    table = table.replace_schema_metadata({"pandas": '{"columns": [], "index_columns": []}'})
    pq.write_table(table, file, row_group_size=2, write_page_index=True)
    return file.getvalue()


FILE = example()


def with_field(struct: Struct, number: int, kind: int, value: bytes) -> Struct:
    """Return a structure with one field more."""
    return Struct({**struct.fields, number: (kind, value)})


def in_list(number: int, change: Callable[[Struct], Struct]) -> Callable[[Struct], Struct]:
    """Return a change of a structure that changes the last of a list of structures in it."""

    def changed(struct: Struct) -> Struct:
        *items, last = struct.structs(number)
        listed = Elements(STRUCT, [*map(encode, items), encode(change(last))])
        return struct.replaced({number: listed})

    return changed


def shorter(number: int) -> Callable[[Struct], Struct]:
    """Return a change of a structure that leaves out the last of a list in it."""
    return lambda struct: struct.replaced({number: Elements(STRUCT, struct.raw_items(number)[:-1])})


def group(change: Callable[[Struct], Struct]) -> Callable[[Struct], Struct]:
    """Return a change of the last row group."""
    return in_list(4, change)


def chunk(change: Callable[[Struct], Struct]) -> Callable[[Struct], Struct]:
    """Return a change of the last column chunk."""
    return group(in_list(1, change))


def first_codec(codec: int) -> Callable[[Struct], Struct]:
    """Return a change of the codec of the file's first column chunk."""

    def changed(struct: Struct) -> Struct:
        first, *groups = struct.structs(4)
        head, *chunks = first.structs(1)
        column = head.struct(3)
        assert column is not None
        column = column.replaced({4: codec})
        head = Struct({**head.fields, 3: (STRUCT, encode(column))})
        first = first.replaced({1: Elements(STRUCT, [*map(encode, [head, *chunks])])})
        return struct.replaced({4: Elements(STRUCT, [*map(encode, [first, *groups])])})

    return changed


CHANGES: dict[str, tuple[Callable[[Struct], Struct], str]] = {
    "encrypted": (lambda s: with_field(s, 8, STRUCT, b"\0"), "it is encrypted"),
    "encrypted-column": (chunk(lambda s: with_field(s, 8, STRUCT, b"\0")), "it is encrypted"),
    "elsewhere": (chunk(lambda s: with_field(s, 1, BINARY, b"\1x")), "lie in other files"),
    "file-field": (lambda s: with_field(s, 10, I32, b"\2"), r"field 10 of a file"),
    "element-field": (in_list(2, lambda s: with_field(s, 11, I32, b"\2")), "11 of a schema"),
    "group-field": (group(lambda s: with_field(s, 8, I32, b"\2")), "field 8 of a row group"),
    "chunk-field": (chunk(lambda s: with_field(s, 10, I32, b"\2")), "field 10 of a column"),
    "entry-field": (in_list(5, lambda s: with_field(s, 3, I32, b"\2")), "3 of a metadata"),
    "no-metadata": (chunk(lambda s: s.without({3})), "one of its columns is not described"),
    "fewer-rows": (lambda s: s.replaced({3: 2}), "not have as many rows as the file"),
    "negative-rows": (group(lambda s: s.replaced({3: -1})), "does not tell its rows"),
    "no-bytes": (group(lambda s: s.without({2})), "does not tell its rows and bytes"),
    "huge": (group(lambda s: s.replaced({2: 1 << 62})), "more bytes than can be"),
    "more-children": (in_list(2, lambda s: with_field(s, 5, I32, b"\2")), "no tree of columns"),
    "fewer-elements": (shorter(2), "its schema lacks columns"),
    "fewer-chunks": (group(shorter(1)), "does not have the columns of its schema"),
    "fewer-orders": (shorter(7), "not tell the order of each column"),
    "lzo": (first_codec(3), r"compressed in a way that is not written here \(3\)"),
    "codec": (first_codec(9), r"not written here \(9\)"),
    "rows": (lambda s: with_field(s, 3, BINARY, b"\0"), "field 3 is no whole number"),
}


@pytest.mark.parametrize(("change", "reason"), CHANGES.values(), ids=CHANGES)
def test_footers_that_are_not_extended(change: Callable[[Struct], Struct], reason: str) -> None:
    """What is not known for certain to stay right is refused, with what it is."""
    footer = encode(change(decode(footer_of(FILE), SHAPE)[0]))
    with pytest.raises(NoSplice, match=reason):
        Splice(footer, len(FILE), ADDED)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f + b"\0", "byte for byte"),
        (lambda f: b"\x05\x02" + f[1:], "byte for byte"),
        (lambda f: f[:-1], "the bytes end within a structure"),
        (lambda f: b"\x1c\x00\x00" + f, "cannot be read|byte for byte"),
        (lambda _: b"", "the bytes end within a structure"),
        (lambda _: b"\0", "its schema"),
    ],
    ids=["longer", "long-form", "cut", "shifted", "empty", "nothing"],
)
def test_footers_of_no_known_form(change: Callable[[bytes], bytes], reason: str) -> None:
    """A footer that would not be written again as it is, byte for byte, is refused."""
    with pytest.raises(NoSplice, match=reason):
        Splice(change(footer_of(FILE)), len(FILE), ADDED)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (pa.schema([pa.field("of", pa.string())]), "it has a column 'of' already"),
        (pa.schema([pa.field("x", pa.float32())]), "a column of type float is not added"),
        (pa.schema([]), "there is nothing to add"),
    ],
    ids=["exists", "type", "none"],
)
def test_columns_that_are_not_added(schema: pa.Schema, reason: str) -> None:
    """Columns that are there already, of other types, or none at all."""
    with pytest.raises(NoSplice, match=reason):
        Splice(footer_of(FILE), len(FILE), schema)


def test_a_name_within_another_column_is_free() -> None:
    """Only outermost names count: what a column holds within is called as it likes."""
    schema = pa.schema([pa.field("x", pa.float64())])
    assert Splice(footer_of(FILE), len(FILE), schema).row_group_rows == [2, 1]


class Keys(encryption.KmsClient):  # type: ignore[misc] # pyarrow ships no types
    """A key service that keeps no secret."""

    def wrap_key(self, key_bytes: bytes, _name: str) -> bytes:
        return key_bytes.hex().encode()

    def unwrap_key(self, wrapped_key: bytes, _name: str) -> bytes:
        return bytes.fromhex(wrapped_key.decode())


@pytest.mark.parametrize("plaintext_footer", [True, False])
def test_encrypted_files(*, plaintext_footer: bool) -> None:
    """A file that is encrypted is refused, its footer readable or not."""
    settings = encryption.EncryptionConfiguration(
        footer_key="footer", column_keys={"of": ["n"]}, plaintext_footer=plaintext_footer
    )
    keys = encryption.CryptoFactory(lambda _: Keys())
    properties = keys.file_encryption_properties(encryption.KmsConnectionConfig(), settings)
    table, file = pa.table({"clip_id": ["a"], "n": [1]}), io.BytesIO()
    with pq.ParquetWriter(file, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    written = file.getvalue()
    with pytest.raises(NoSplice, match=r"encrypted|cannot be read"):
        Splice(footer_of(written), len(written), ADDED)


def test_an_arrow_schema_that_cannot_be_read() -> None:
    """A copy of the schema that pyarrow does not understand cannot be extended."""

    def damaged(struct: Struct) -> Struct:
        return struct.replaced({2: b"no schema"})

    footer = encode(in_list(5, damaged)(decode(footer_of(FILE), SHAPE)[0]))
    assert b"ARROW:schema" in footer
    with pytest.raises(NoSplice, match="its Arrow schema: "):
        Splice(footer, len(FILE), ADDED)


@given(st.data())
@thorough
def test_damaged_footers(data: st.DataObject) -> None:
    """Whatever bytes change, the file is refused or its bytes stay and the columns are right."""
    footer = bytearray(footer_of(FILE))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(footer) - 1))
        removed = data.draw(st.sampled_from([0, 1, 1, 1, 4]))
        footer[start : start + removed] = data.draw(st.binary(max_size=2))
    damaged = with_footer(FILE, bytes(footer))
    try:
        got = spliced(damaged)
    except NoSplice:
        return
    assert got.startswith(FILE[: -8 - len(footer_of(FILE))])
    with suppress(pa.ArrowException, OSError):
        pq.read_metadata(io.BytesIO(damaged))
        columns = pq.ParquetFile(io.BytesIO(got)).read(columns=ADDED.names)
        assert columns.equals(added(columns.num_rows))
