"""What is to be joined: one table, or the tables of a batch manifest, with paths resolved."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError, ManifestError
from second_opinion_assets.contract.options import (
    OPTION_NAMES,
    JoinOptions,
    MissingPolicy,
    parse_options,
    refuse_unknown,
)
from second_opinion_assets.join.manifest_scorers import read_registry, read_scale, table_registry
from second_opinion_assets.join.manifest_sidecars import read_sidecar_entry, read_text
from second_opinion_assets.registry.facts import Registry, shipped_registry
from second_opinion_assets.registry.references import Reference, read_references
from second_opinion_assets.scores import Sidecar
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.groups import InputPaths
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input

TABLE_KEYS = ("id", "features", "scores", "out", "audit_json", "scale", "references")


class TableSpec(msgspec.Struct, frozen=True):
    """One join: what goes in, what comes out, and how.

    Attributes:
        id: names the table in a manifest, in reports and as a partition.
        features: the feature table.
        scores: the sidecars, as they were asked for.
        out: the joined table.
        audit_json: the audit; None for none.
        options: how to join.
        scale: a scorer's name to the scale that its scores are on, where the table says.
        registry: what is known of scorers, with the table's scales first.
        references: columns that the scores are held against; none for those of usual names.
    """

    id: str
    features: Location
    scores: tuple[Sidecar, ...]
    out: Location
    audit_json: Location | None
    options: JoinOptions
    scale: dict[str, str] = {}
    registry: Registry = msgspec.field(default_factory=shipped_registry)
    references: tuple[Reference, ...] = ()

    @property
    def promotion_grade(self) -> bool:
        """Whether every row must have an ``ok`` score from every scorer."""
        return self.options.missing_policy is MissingPolicy.fail

    def scorer_name(self, competitor: str) -> str:
        """Return the name that a scorer goes by in this table."""
        if self.options.canonical_names:
            return self.registry.canonical(competitor)
        return competitor

    @property
    def inputs(self) -> list[Location]:
        return [self.features, *(sidecar.path for sidecar in self.scores)]

    @property
    def outputs(self) -> list[Location]:
        return [self.out, *([self.audit_json] if self.audit_json else [])]

    @property
    def paths(self) -> list[Location]:
        return [*self.inputs, *self.outputs]


class Manifest(msgspec.Struct, frozen=True, dict=True):
    """The tables of a batch, the file they were read from, and what is known of scorers."""

    path: Location
    digest: FileDigest
    tables: tuple[TableSpec, ...]
    registry: Registry = msgspec.field(default_factory=shipped_registry)

    def table(self, table_id: str) -> TableSpec:
        """Return the table of this id."""
        return self._by_id[table_id]

    @cached_property
    def _by_id(self) -> dict[str, TableSpec]:
        return {table.id: table for table in self.tables}


def load_manifest(path: Location, base_dir: Location | None = None) -> Manifest:
    """Read and check a manifest; its files need not exist yet.

    Args:
        path: the manifest, JSON.
        base_dir: what its paths are relative to; by default the manifest's folder.

    Raises:
        ManifestError: a manifest that cannot be used, with the place in it.
    """
    try:
        with Input(path) as file:
            document = _document(file.read(), path)
        base = base_dir or path.parent
        registry = read_registry(document.get("scorers"), f"{path}::$.scorers", base)
        tables = _tables(document, path, base, registry)
    except ManifestError:
        raise
    except JoinError as error:
        raise ManifestError(str(error)) from None
    return Manifest(path, file.digest, tables, registry)


def _document(text: bytes, path: Location) -> dict[str, Any]:
    document = json_text.decode(text.removeprefix(b"\xef\xbb\xbf"), str(path))
    if not isinstance(document, dict):
        msg = f"{path}: the manifest is {json_text.shown(document)}, expected an object with tables"
        raise ManifestError(msg)
    return document


def _tables(
    document: dict[str, Any], path: Location, base: Location, registry: Registry
) -> tuple[TableSpec, ...]:
    defaults = document.get("defaults", {})
    entries = document.get("tables")
    if not isinstance(defaults, dict):
        msg = f"{path}::$.defaults: is {json_text.shown(defaults)}, expected an object of options"
        raise ManifestError(msg)
    if not isinstance(entries, list) or not entries:
        msg = f"{path}::$.tables: expected a list of at least one table"
        raise ManifestError(msg)
    where = f"{path}::$.defaults"
    refuse_unknown(defaults, (*OPTION_NAMES, "references"), where, "option")
    references = read_references(defaults, where)
    options = {name: value for name, value in defaults.items() if name != "references"}
    parse_options(options, where)
    tables = tuple(
        _table(entry, options, references, f"{path}::$.tables[{number}]", base, registry)
        for number, entry in enumerate(entries)
    )
    _refuse_repeated_ids(tables, path)
    refuse_shared_paths(tables, str(path), manifest=path)
    return tables


def _table(
    entry: object,
    defaults: dict[str, Any],
    references: tuple[Reference, ...],
    where: str,
    base: Location,
    registry: Registry,
) -> TableSpec:
    if not isinstance(entry, dict):
        msg = f"{where}: is {json_text.shown(entry)}, expected an object"
        raise ManifestError(msg)
    refuse_unknown(entry, (*TABLE_KEYS, *OPTION_NAMES), where, "key")
    audit = read_text(entry, "audit_json", where) if entry.get("audit_json") is not None else None
    own_options = {name: value for name, value in entry.items() if name in OPTION_NAMES}
    scores = entry.get("scores")
    if not isinstance(scores, list) or not scores:
        msg = f"{where}.scores: expected a list of at least one score file"
        raise ManifestError(msg)
    options = parse_options({**defaults, **own_options}, where)
    sidecars = [
        read_sidecar_entry(score, f"{where}.scores[{number}]", base)
        for number, score in enumerate(scores)
    ]
    if options.canonical_names:
        sidecars = [_with_canonical_label(sidecar, registry) for sidecar in sidecars]
    scale = read_scale(entry, where)
    return TableSpec(
        id=read_text(entry, "id", where),
        features=base.resolve(read_text(entry, "features", where)),
        scores=tuple(sidecars),
        out=base.resolve(read_text(entry, "out", where)),
        audit_json=base.resolve(audit) if audit else None,
        options=options,
        scale=scale,
        registry=table_registry(registry, scale, where),
        references=read_references(entry, where) or references,
    )


def _with_canonical_label(sidecar: Sidecar, registry: Registry) -> Sidecar:
    """Return a sidecar under its scorer's canonical name, so that all its names are one asset."""
    label = sidecar.label and registry.canonical(sidecar.label)
    return msgspec.structs.replace(sidecar, label=label)


def _refuse_repeated_ids(tables: tuple[TableSpec, ...], path: Location) -> None:
    seen: dict[str, int] = {}
    for number, table in enumerate(tables):
        first = seen.setdefault(table.id, number)
        if first != number:
            msg = (
                f"{path}::$.tables[{number}].id: {table.id!r} is the id of tables[{first}] already"
            )
            raise ManifestError(msg)


def refuse_shared_paths(
    tables: tuple[TableSpec, ...], where: str, manifest: Location | None = None
) -> None:
    """Refuse outputs that would overwrite one another, an input, or the manifest itself.

    Raises:
        ManifestError: names the tables and the path, also of a path that is no text.
    """
    for table in tables:
        _refuse_other_bytes(table, where)
    inputs = _input_paths(tables, manifest)
    writers: dict[str, str] = {}
    for table in tables:
        for output in table.outputs:
            reader = inputs.reader(output)
            if reader is not None:
                msg = f"{where}: table {table.id!r} writes {output}, an input of {reader!r}"
                raise ManifestError(msg)
            real = inputs.identity(output)
            if real in writers:
                msg = f"{where}: tables {writers[real]!r} and {table.id!r} both write {output}"
                raise ManifestError(msg)
            writers[real] = table.id


def _input_paths(tables: tuple[TableSpec, ...], manifest: Location | None) -> InputPaths:
    """Return what the tables read, and who reads it."""
    inputs = InputPaths()
    for table in tables:
        for path in table.inputs:
            inputs.add(path, table.id)
    for path in {path for table in tables for path, _ in table.registry.files}:
        inputs.add(path, "scorers")
    if manifest is not None:
        inputs.add(manifest, "manifest")
    return inputs


def _refuse_other_bytes(table: TableSpec, where: str) -> None:
    """Refuse paths that no table and no report could hold."""
    for path in (*table.inputs, *table.outputs):
        try:
            str(path).encode()
        except UnicodeEncodeError:
            msg = f"{where}: the path {str(path)!r} is not UTF-8 text; rename the file"
            raise ManifestError(msg) from None


def refuse_shared_outputs(manifest: Manifest, reports: list[Location]) -> None:
    """Refuse reports that would overwrite one another, the manifest, or a file of a table.

    Raises:
        ManifestError: names the path.
    """
    taken = taken_paths(manifest)
    for report in reports:
        if taken.reader(report):
            msg = f"{report}: a report would overwrite another file of the batch; name another"
            raise ManifestError(msg)
        taken.add(report, "the batch")


def taken_paths(manifest: Manifest) -> InputPaths:
    """Return the manifest and every file that its tables read or write."""
    taken = InputPaths()
    for path in (manifest.path, *(path for table in manifest.tables for path in table.paths)):
        taken.add(path, "the batch")
    return taken
