"""The join of one table whose rows stay in memory: read and match, and no file is written.

Features and scores may be files or frames. What kind of data frame a frame is, is not known here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pyarrow as pa

from second_opinion_assets.contract.audit import Audit
from second_opinion_assets.contract.columns import Mask
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.audit import make_audit
from second_opinion_assets.join.gates import why_not_published
from second_opinion_assets.join.phases import Inputs, Matched, match_inputs, read_inputs
from second_opinion_assets.join.provenance import Invocation
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.frame import Frame, digest_table
from second_opinion_assets.storage.machine import machine_errors
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.appended import joined_tables, plain_appended_table
from second_opinion_assets.tables.frame_table import FrameTable
from second_opinion_assets.tables.open import open_table
from second_opinion_assets.tables.table import FeatureTable


class JoinedInMemory(NamedTuple):
    """What a join found.

    Attributes:
        appended: the appended columns of all rows that are kept, as an Arrow table; of a feature
            table that is a file, the whole joined table.
        replaced: columns of the feature table that they take the place of.
        kept: which rows are kept; None for all.
        tally: what was counted.
        audit: of this join; its output is the frame.
    """

    appended: Any
    replaced: list[str]
    kept: Mask | None
    tally: Tally
    audit: Audit


def join_in_memory(spec: TableSpec, invocation: Invocation) -> JoinedInMemory:
    """Join one table and write nothing.

    Args:
        spec: the table; its `out` names the result in messages and in the audit.
        invocation: what asked for it, for the provenance.

    Raises:
        NotPublishedError: too few rows have an ``ok`` score, by what the options say.
        JoinError: bad input.
    """
    with machine_errors(spec.features):
        if isinstance(spec.features, Frame):
            return _join_frame(spec, spec.features, invocation)
        with Input(spec.features) as file:
            return _join_file(spec, file, invocation)


def _join_frame(spec: TableSpec, frame: Frame, invocation: Invocation) -> JoinedInMemory:
    inputs = read_inputs(spec, lambda: FrameTable(frame))
    matched = _match(spec, inputs, frame)
    appended = plain_appended_table(matched.added, slice(0, frame.rows))
    kept = matched.added.kept
    if kept is not None:
        appended = appended.filter(pa.array(kept))
    audit = _audit(spec, inputs, matched, invocation, frame.digest, appended)
    return JoinedInMemory(appended, inputs.table.replaced, kept, matched.tally, audit)


def _join_file(spec: TableSpec, file: Input, invocation: Invocation) -> JoinedInMemory:
    """Join a file, as `materialize` would write it as parquet."""
    prefix = f"{spec.options.prefix}_"
    inputs: Inputs[FeatureTable] = read_inputs(spec, lambda: open_table(file, prefix))
    matched = _match(spec, inputs, file)
    schema = inputs.table.arrow_schema()
    tables = list(joined_tables(inputs.table.blocks(), matched.added, schema))
    columns = plain_appended_table(matched.added, slice(0, 0)).schema
    whole = pa.unify_schemas([schema, columns])
    joined = pa.concat_tables(tables) if tables else whole.empty_table()
    matched.tally.non_finite_values = inputs.table.non_finite_values
    appended = joined.select(columns.names)
    audit = _audit(spec, inputs, matched, invocation, file.digest, appended)
    return JoinedInMemory(joined, [], None, matched.tally, audit)


def _match(spec: TableSpec, inputs: Inputs[Any], features: Input | Frame) -> Matched:
    matched = match_inputs(spec, inputs, features)
    if refused := why_not_published(spec, matched.tally):
        raise refused
    return matched


def _audit(
    spec: TableSpec,
    inputs: Inputs[Any],
    matched: Matched,
    invocation: Invocation,
    features: FileDigest,
    appended: Any,  # noqa: ANN401 (pyarrow has no types)
) -> Audit:
    """Return the audit; the output's digest is that of the appended columns."""
    key_column, tally, sidecars = inputs.key_column, matched.tally, inputs.sidecars
    output = digest_table(appended)
    return make_audit(spec, key_column, tally, invocation, features, sidecars, output)
