"""Between JSON rows and Arrow tables: no value is guessed at, and none is changed silently."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.json_text import whole_characters
from second_opinion_assets.storage.limits import refuse_fields
from second_opinion_assets.tables.table import LINE_END, Block, JsonRows

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode


def schema_of_blocks(blocks: Iterable[Block], where: str) -> pa.Schema:
    """Return the schema that holds every row of a JSON table.

    Raises:
        JoinError: a column holds values that no one Arrow type holds.
    """
    schema = pa.schema([])
    for block in blocks:
        found = block.arrow(None).schema
        try:
            schema = pa.unify_schemas([schema, found], promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise _more_than_one_type(where, "a column", error) from None
        refuse_fields(len(schema), where)
    for field in schema:
        if _is_bare(field.type):
            raise _more_than_one_type(where, f"column {field.name!r}", "an object without members")
    return schema


def _is_bare(kind: pa.DataType) -> bool:
    """Return whether a type has an object without members in it, which parquet cannot hold."""
    if pa.types.is_struct(kind):
        return kind.num_fields == 0 or any(_is_bare(field.type) for field in kind)
    return pa.types.is_list(kind) and _is_bare(kind.value_type)


def table_of_rows(rows: list[dict[str, Any]], where: str, schema: pa.Schema | None) -> pa.Table:
    """Return rows as a table; without a schema each column's type is that of its values.

    Text stays text: nothing is parsed for dates or numbers.

    Raises:
        JoinError: a column holds values that no one Arrow type holds.
    """
    found = dict.fromkeys(name for row in rows for name in row)
    names = schema.names if schema else [whole_characters(name, where) for name in found]
    refuse_fields(len(names), where)
    arrays = []
    for name in names:
        try:
            values = [row.get(name) for row in rows]
            if _mixes_booleans(values):
                raise _more_than_one_type(where, f"column {name!r}", "true or false among numbers")
            arrays.append(pa.array(values, schema.field(name).type if schema else None))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError) as error:
            raise _more_than_one_type(where, f"column {name!r}", error) from None
    return pa.table(arrays, schema=schema) if schema else pa.table(arrays, names=names)


def json_rows_of_table(table: pa.Table) -> tuple[JsonRows, int]:
    """Return the rows of a table as JSON objects, and how many NaN or infinite became null.

    Timestamps and other times become ISO 8601 text with all their digits, bytes base64.
    """
    non_finite = 0
    for number, column_field in enumerate(table.schema):
        column = table.column(number)
        non_finite += sum(map(_count_non_finite, column.chunks))
        if pa.types.is_temporal(column_field.type) and not pa.types.is_duration(column_field.type):
            column = pc.cast(column, pa.string())
        table = table.set_column(number, column_field.name, column)
    bodies = [_encode(row)[:-1] for row in table.to_pylist()]
    empty = list(range(len(bodies))) if table.num_columns == 0 else []
    return JsonRows(bodies, [LINE_END] * len(bodies), empty), non_finite


def _count_non_finite(values: pa.Array) -> int:
    """Count the NaN and infinite values, within lists and objects too."""
    kind = values.type
    if pa.types.is_floating(kind):
        return pc.sum(pc.invert(pc.is_finite(values))).as_py() or 0
    if pa.types.is_struct(kind):
        return sum(map(_count_non_finite, values.flatten()))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _count_non_finite(values.flatten())
    return 0


def _mixes_booleans(values: list[Any]) -> bool:
    """Return whether truth values stand among numbers, which pyarrow would make 1 and 0 of."""
    types = set(map(type, values))
    if bool in types and types & {int, float}:
        return True
    if list in types and _mixes_booleans(
        [v for each in values if type(each) is list for v in each]
    ):
        return True
    if dict not in types:
        return False
    objects = [each for each in values if type(each) is dict]
    names = dict.fromkeys(name for each in objects for name in each)
    return any(_mixes_booleans([each.get(name) for each in objects]) for name in names)


def _more_than_one_type(where: str, what: str, error: Exception | str) -> JoinError:
    return JoinError(
        f"{where}: {what} cannot be one parquet type ({error}); write .jsonl or .json instead"
    )
