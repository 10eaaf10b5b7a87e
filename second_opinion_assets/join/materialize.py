"""The join of one table: sidecars into scorers, features streamed past, table and audit out."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from second_opinion_assets.join.audit import audit
from second_opinion_assets.join.collisions import (
    Claims,
    FeatureKeys,
    KeysCollide,
    KeyWatch,
    read_claims,
)
from second_opinion_assets.join.columns import (
    column_names,
    row_values,
)
from second_opinion_assets.join.errors import JoinError, MissingScoresError
from second_opinion_assets.join.files import (
    FileDigest,
    Progress,
    Publication,
    json_document,
    publication,
)
from second_opinion_assets.join.key_hints import add_key_hints
from second_opinion_assets.join.keys import choose_key_column, find_name
from second_opinion_assets.join.manifest import TableSpec, refuse_shared_paths
from second_opinion_assets.join.options import KeyNormalize, MissingPolicy
from second_opinion_assets.join.provenance import (
    Invocation,
    file_entry,
    fingerprint,
    run_provenance,
    sidecar_entry,
)
from second_opinion_assets.join.scorers import find_by_last_component
from second_opinion_assets.join.sidecars import SidecarInput, read_sidecars
from second_opinion_assets.join.tables import open_table, open_writer, refuse_unknown_form
from second_opinion_assets.join.tables.block import Column, Joined
from second_opinion_assets.join.tables.json_table import AppendedNames
from second_opinion_assets.join.tally import SAMPLE_ROWS, MissingSample, RowCounter, Tally

if TYPE_CHECKING:
    from second_opinion_assets.join.scorers import Scorer
    from second_opinion_assets.join.tables.block import Block, FeatureTable, Writer

PREVIEW_ROWS = 5


class JoinResult(msgspec.Struct, frozen=True):
    """What a join did and published.

    Attributes:
        spec: what was asked for.
        key_column: the column of the feature table that held the key.
        columns: the input columns that the output kept, with their types.
        appended: names of the appended columns, five a scorer, in slug order.
        tally: what was counted.
        audit: the audit as it was published, or would have been.
        features: digest of the feature table.
        sidecars: the sidecars that were read.
        output: digest of the joined table.
        fingerprint: hash of all that the output depends on.
        preview: key and appended columns of the first output rows.
    """

    spec: TableSpec
    key_column: str
    columns: list[Column]
    appended: list[str]
    tally: Tally
    audit: dict[str, Any]
    features: FileDigest
    sidecars: list[SidecarInput]
    output: FileDigest
    fingerprint: str
    preview: list[dict[str, Any]]

    @property
    def provenance(self) -> dict[str, Any]:
        """The run_provenance block."""
        block: dict[str, Any] = self.audit["run_provenance"]
        return block


def materialize(
    spec: TableSpec, invocation: Invocation, progress: Progress | None = None
) -> JoinResult:
    """Join one table, and publish table and audit once both are complete.

    Args:
        spec: the table, its sidecars, where the output goes, and the options.
        invocation: what asked for it, for the provenance.
        progress: told of input bytes as they are done.

    Raises:
        MissingScoresError: policy `fail`, and a row lacks an ``ok`` score.
        JoinError: bad input. Whatever is raised, no file has changed.
    """
    refuse_unknown_form(spec.features, "the feature table")
    refuse_unknown_form(spec.out, "the output")
    refuse_shared_paths((spec,), "the join")
    with Publication(spec.out) as out, publication(spec.audit_json) as audit_file:
        scorers, sidecars = read_sidecars(spec.scores, spec.options, progress, spec.scorer_name)
        if spec.options.key_normalize is KeyNormalize.suffix:
            find_by_last_component(scorers)
        appended = column_names(scorers, spec.options.prefix)
        names = AppendedNames(appended, overwrite=spec.options.overwrite)
        try:
            joined = _join_rows(spec, scorers, names, out, progress)
        except KeysCollide:
            out.restart()
            joined = _join_rows_by_claims(spec, scorers, names, out)
        key_column, tally, features = joined.key_column, joined.tally, joined.features
        add_key_hints(tally, scorers, spec, key_column, names)
        if spec.options.missing_policy is MissingPolicy.fail and tally.gaps:
            raise MissingScoresError(tally.gaps, tally)
        output = out.finish()
        document = audit(
            spec,
            key_column,
            tally,
            _provenance(spec, invocation, features, sidecars, output, tally.output_rows),
        )
        if audit_file:
            audit_file.write(json_document(document))
            audit_file.finish()
        out.publish()
        if audit_file:
            audit_file.publish()
    return JoinResult(
        spec=spec,
        key_column=key_column,
        columns=joined.columns,
        appended=appended,
        tally=tally,
        audit=document,
        features=features,
        sidecars=sidecars,
        output=output,
        fingerprint=fingerprint(spec, features, [given.digest for given in sidecars]),
        preview=joined.preview,
    )


class _JoinedRows(NamedTuple):
    """What there is to say once all rows are written."""

    key_column: str
    columns: list[Column]
    tally: Tally
    features: FileDigest
    preview: list[dict[str, Any]]


def _join_rows(
    spec: TableSpec,
    scorers: list[Scorer],
    names: AppendedNames,
    out: Publication,
    progress: Progress | None,
    claims: Claims | None = None,
) -> _JoinedRows:
    """Stream the feature table past the scorers into the output.

    Raises:
        KeysCollide: feature keys collide, and there are no claims to tell them apart by.
    """
    with open_table(spec.features, names, progress) as table:
        key_column = _key_column(table, spec)
        join = _Join(spec, scorers, key_column, claims)
        with closing(
            open_writer(spec.out, out, table, key_column, scorers, spec.options.prefix)
        ) as writer:
            for block in table.blocks(key_column):
                join.take(block, writer)
            writer.finish()
            tally = join.finish(table, writer)
        return _JoinedRows(key_column, table.columns, tally, table.digest, join.preview)


def _join_rows_by_claims(
    spec: TableSpec, scorers: list[Scorer], names: AppendedNames, out: Publication
) -> _JoinedRows:
    """Read all keys of the feature table for what they claim, then join it by that."""
    with open_table(spec.features, names) as table:
        key_column = _key_column(table, spec)
        blocks = table.blocks(key_column)
        claims = read_claims(scorers, blocks, FeatureKeys(spec.options, key_column))
        features = table.digest
    joined = _join_rows(spec, scorers, names, out, None, claims)
    if joined.features != features:
        msg = f"{spec.features}: changed while it was read; join again once it is complete"
        raise JoinError(msg)
    return joined


class _Join:
    """Finds each block's scores, counts them, and hands the block on to the writer."""

    def __init__(
        self,
        spec: TableSpec,
        scorers: list[Scorer],
        key_column: str,
        claims: Claims | None,
    ) -> None:
        if claims is None and any(scorer.rivals for scorer in scorers):
            raise KeysCollide
        self.preview: list[dict[str, Any]] = []
        self._drops = spec.options.missing_policy is MissingPolicy.drop
        self._scorers = scorers
        self._key_column = key_column
        self._feature_keys = FeatureKeys(spec.options, key_column)
        self._claims = claims
        self._prefix = spec.options.prefix
        self._counter = RowCounter(scorers, self._prefix, claims)
        watches = claims is None and self._feature_keys.may_collide
        self._watch = KeyWatch(self._counter) if watches else None
        self._keys = scorers[0].keys
        self._rows_by_key = [scorer.rows_by_key for scorer in scorers]
        self._rows = 0
        self._kept_rows = 0
        self._null_keys = 0
        self._unknown: list[MissingSample] = []

    def take(self, block: Block, writer: Writer) -> None:
        """Join one block and write it."""
        raw_keys = [key or "" for key in block.keys]
        keys = self._feature_keys.many(raw_keys)
        found = self._keys.find(keys)
        unknown = self._rows_with_unknown_keys(found, keys, raw_keys)
        if self._watch:
            self._watch.see(raw_keys, keys, found, unknown)
        key_numbers = self._claims.settled(found, raw_keys) if self._claims else found
        self._counter.count(key_numbers, found, block.keys, self._rows)
        kept = None
        if self._drops:
            kept = list(map(self._counter.has_all_scorers.__getitem__, key_numbers))
        self._rows += len(keys)
        self._kept_rows += len(keys) if kept is None else sum(kept)
        self._null_keys += len(keys) - sum(map(bool, keys))
        joined = Joined(key_numbers, kept)
        if len(self.preview) < PREVIEW_ROWS:
            self._add_to_preview(block, joined)
        writer.write(block, joined)

    def finish(self, table: FeatureTable, writer: Writer) -> Tally:
        """Return the counts, after a look at whether every row arrived."""
        if writer.rows != self._kept_rows:
            msg = f"{writer.rows} rows were written where {self._kept_rows} were to be kept"
            raise AssertionError(msg)
        return Tally(
            input_rows=self._rows,
            output_rows=writer.rows,
            dropped_rows=self._rows - self._kept_rows,
            null_keys=self._null_keys,
            unknown_rows=self._counter.unknown_rows - self._null_keys,
            unknown=self._unknown,
            non_finite_values=table.non_finite_values,
            scorers=self._counter.finish(),
        )

    def _rows_with_unknown_keys(
        self, key_numbers: list[int], keys: list[str], raw_keys: list[str]
    ) -> list[int]:
        """Return the rows of a block whose key no scorer has, and keep the first as samples."""
        nobody = len(self._keys)
        if nobody not in key_numbers:
            return []
        unknown = [row for row, number in enumerate(key_numbers) if number == nobody]
        if len(self._unknown) < SAMPLE_ROWS:
            with_key = (row for row in unknown if keys[row])
            for row in islice(with_key, SAMPLE_ROWS - len(self._unknown)):
                self._unknown.append(MissingSample(raw_keys[row], self._rows + row))
        return unknown

    def _add_to_preview(self, block: Block, joined: Joined) -> None:
        names = column_names(self._scorers, self._prefix)
        for row, (key, key_number) in enumerate(zip(block.keys, joined.key_numbers, strict=True)):
            if joined.kept is not None and not joined.kept[row]:
                continue
            values = [
                value
                for scorer, rows in zip(self._scorers, self._rows_by_key, strict=True)
                for value in row_values(scorer, rows[key_number])
            ]
            self.preview.append({self._key_column: key, **dict(zip(names, values, strict=True))})
            if len(self.preview) == PREVIEW_ROWS:
                return


def _key_column(table: FeatureTable, spec: TableSpec) -> str:
    asked = spec.options.key_column
    names = [column.name for column in table.columns]
    if asked and find_name(names, [asked]) is None and table.has_column(asked):
        return asked
    return choose_key_column(names, asked, str(spec.features))


def _provenance(
    spec: TableSpec,
    invocation: Invocation,
    features: FileDigest,
    sidecars: list[SidecarInput],
    output: FileDigest,
    output_rows: int,
) -> dict[str, Any]:
    outputs = {"out": str(spec.out)}
    if spec.audit_json:
        outputs["audit_json"] = str(spec.audit_json)
    inputs = {
        "features": file_entry(spec.features, features),
        "scores": [sidecar_entry(given) for given in sidecars],
    }
    if spec.registry.files:
        inputs["scorers"] = [file_entry(*file) for file in spec.registry.files]
    return run_provenance(
        invocation,
        inputs=inputs,
        outputs=outputs,
        output_digests={
            "out": {"sha256": output.sha256, "bytes": output.bytes, "rows": output_rows}
        },
    )
