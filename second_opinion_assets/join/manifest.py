"""What is to be joined: one table, or the tables of a batch manifest, with paths resolved."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError, ManifestError, Problems
from second_opinion_assets.contract.options import (
    OPTION_NAMES,
    gather_unknown,
    parse_options,
    refuse_unknown,
)
from second_opinion_assets.join.manifest_scorers import (
    read_registry,
    read_scale,
    read_score_scale,
    table_registry,
)
from second_opinion_assets.join.manifest_sidecars import (
    read_path,
    read_sidecar_entry,
    read_text,
    with_canonical_names,
)
from second_opinion_assets.join.manifest_text import decode_manifest
from second_opinion_assets.join.shared_paths import shared_paths
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.registry.clip_links import (
    CLIP_KEYS,
    ClipLinks,
    read_clip_links,
)
from second_opinion_assets.registry.facts import Registry, shipped_registry
from second_opinion_assets.registry.groups import GROUP_KEYS, NO_GROUPS, Groups, read_groups
from second_opinion_assets.registry.references import Reference, read_references
from second_opinion_assets.scores.sidecar import Sidecar
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.first_names import FirstNames
from second_opinion_assets.storage.folders import listed_once
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.machine import machine_errors
from second_opinion_assets.storage.reading import Input

_STEM = 40
_UNUSUAL = re.compile(r"[^A-Za-z0-9_-]")
EVIDENCE_KEYS = ("references", *GROUP_KEYS, *CLIP_KEYS)
"""What is said for the evidence alone: it changes no joined table."""
TABLE_KEYS = ("id", "features", "scores", "out", "audit_json", "scale", *EVIDENCE_KEYS)


class Manifest(msgspec.Struct, frozen=True, dict=True):
    """The tables of a batch, the file they were read from, and what is known of scorers."""

    path: Location
    digest: FileDigest
    tables: tuple[TableSpec, ...]
    registry: Registry = msgspec.field(default_factory=shipped_registry)

    @cached_property
    def name(self) -> str:
        """What tells it from other manifests; it follows from its path."""
        return manifest_name(self.path)

    def table(self, table_id: str) -> TableSpec:
        """Return the table of this id.

        Raises:
            JoinError: there is none, perhaps not any more.
        """
        try:
            return self._by_id[table_id]
        except KeyError:
            msg = f"{self.path}: has no table {table_id!r} any more"
            raise JoinError(msg) from None

    @cached_property
    def _by_id(self) -> dict[str, TableSpec]:
        return {table.id: table for table in self.tables}


def manifest_name(path: Location) -> str:
    """Return a name that the manifest of this path has and no other, for folders and tags."""
    told = hashlib.sha256(str(path.absolute()).encode(errors="surrogateescape")).hexdigest()
    return f"{_UNUSUAL.sub('_', path.stem)[:_STEM]}-{told[:12]}"


@listed_once()
def load_manifest(
    path: Location,
    base_dir: Location | None = None,
    copies: Mapping[Location, Location] = MappingProxyType({}),
) -> Manifest:
    """Read and check a manifest; its files need not exist yet.

    Args:
        path: the manifest: JSON, or YAML or TOML by its suffix.
        base_dir: what its paths are relative to; by default the manifest's folder.
        copies: what to read in the place of it, and of files of scorers that it names.

    Raises:
        ManifestError: a manifest that cannot be used, each mistake in a line with its place.
    """
    try:
        with machine_errors(path), Input(copies.get(path, path)) as file:
            document = _document(file.read(), path)
        base = base_dir or path.parent
        problems = Problems(document)
        registry = None
        with problems.at("scorers"):
            registry = read_registry(document.get("scorers"), f"{path}::$.scorers", base, copies)
        common = _Common(path, base, registry, FirstNames(base), clips=ClipLinks(base=base))
        with problems.at("defaults"):
            common.read_defaults(document.get("defaults", {}), f"{path}::$.defaults")
        tables: tuple[TableSpec, ...] = ()
        with problems.at("tables"):
            tables = _tables(document.get("tables"), common)
        problems.refuse()
    except JoinError as error:
        raise ManifestError(*error.lines) from None
    return Manifest(path, file.digest, tables, registry or shipped_registry())


@dataclass
class _Common:
    """What a manifest says for all of its tables, as far as it is right.

    Attributes:
        path: the manifest.
        base: what its paths are relative to.
        registry: what is known of scorers; None where that could not be read.
        names: those in the base.
        options: the options that tables have by default.
        references, groups, clips: those that they have by default.
    """

    path: Location
    base: Location
    registry: Registry | None
    names: FirstNames
    options: dict[str, object] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    groups: Groups = NO_GROUPS
    clips: ClipLinks = field(default_factory=ClipLinks)

    def read_defaults(self, defaults: object, where: str) -> None:
        """Take the defaults; JoinError for those that are wrong, the others being taken."""
        if not isinstance(defaults, dict):
            msg = f"{where}: is {json_text.shown(defaults)}, expected an object of options"
            raise JoinError(msg)
        problems = Problems(defaults)
        for name, value in defaults.items():
            with problems.at(name):
                refuse_unknown([name], (*OPTION_NAMES, *EVIDENCE_KEYS), where, "option")
                if name == "references":
                    self.references = read_references(defaults, where)
                elif name in GROUP_KEYS:
                    self.groups = read_groups(defaults, name, where, self.groups)
                elif name in CLIP_KEYS:
                    self.clips = read_clip_links(defaults, name, where, self.clips)
                else:
                    parse_options({name: value}, where)
                    self.options[name] = value
        problems.refuse()


def _document(text: bytes, path: Location) -> dict[str, Any]:
    document = decode_manifest(text, path)
    if not isinstance(document, dict):
        msg = f"{path}: the manifest is {json_text.shown(document)}, expected an object with tables"
        raise JoinError(msg)
    return document


def _tables(entries: object, common: _Common) -> tuple[TableSpec, ...]:
    where = f"{common.path}::$.tables"
    if not isinstance(entries, list) or not entries:
        msg = f"{where}: expected a list of at least one table"
        raise JoinError(msg)
    problems = Problems(range(len(entries)))
    tables: dict[int, TableSpec] = {}
    for number, entry in enumerate(entries):
        with problems.at(number):
            tables[number] = _table(entry, f"{where}[{number}]", common)
    for number, first, table_id in _repeated_ids(entries):
        msg = f"{where}[{number}].id: {table_id!r} is the id of tables[{first}] already"
        problems.add(msg, number)
    for number, problem in shared_paths(tables, common.path):
        problems.add(f"{common.path}: {problem}", number)
    problems.refuse()
    return tuple(tables.values())


def _table(entry: object, where: str, common: _Common) -> TableSpec:
    if not isinstance(entry, dict):
        msg = f"{where}: is {json_text.shown(entry)}, expected an object"
        raise JoinError(msg)
    problems = Problems(entry)
    own_options = {name: value for name, value in entry.items() if name in OPTION_NAMES}
    gather_unknown(entry, (*TABLE_KEYS, *OPTION_NAMES), where, problems)
    for name, value in own_options.items():
        with problems.at(name):
            parse_options({name: value}, where)
    with problems.at("id"):
        table_id = read_text(entry, "id", where)
    with problems.at("features"):
        features = common.base.resolve(read_path(entry, "features", where))
    with problems.at("out"):
        out = common.base.resolve(read_path(entry, "out", where))
    audit = None
    with problems.at("audit_json"):
        if entry.get("audit_json") is not None:
            audit = common.base.resolve(read_path(entry, "audit_json", where))
    scale: dict[str, str] = {}
    with problems.at("scores"):
        sidecars = _sidecars(entry.get("scores"), f"{where}.scores", common, scale)
    with problems.at("scale"):
        read_scale(entry, where, scale)
        registry = table_registry(common.registry, scale, where)
    with problems.at("references"):
        references = read_references(entry, where) or common.references
    groups = common.groups
    for name in GROUP_KEYS:
        with problems.at(name):
            groups = read_groups(entry, name, where, groups)
    clips = common.clips
    for name in CLIP_KEYS:
        with problems.at(name):
            clips = read_clip_links(entry, name, where, clips)
    problems.refuse()
    options = parse_options({**common.options, **own_options}, where)
    if options.canonical_names:
        sidecars = [with_canonical_names(sidecar, registry, where) for sidecar in sidecars]
    return TableSpec(
        id=table_id,
        features=features,
        scores=tuple(sidecars),
        out=out,
        audit_json=audit,
        options=options,
        scale=scale,
        registry=registry,
        references=references,
        groups=groups,
        clips=clips,
    )


def _sidecars(scores: object, where: str, common: _Common, scale: dict[str, str]) -> list[Sidecar]:
    """Return the score files of a table, and add the scales that they name to `scale`."""
    if not isinstance(scores, list) or not scores:
        msg = f"{where}: expected a list of at least one score file"
        raise JoinError(msg)
    problems = Problems(range(len(scores)))
    sidecars = []
    for number, score in enumerate(scores):
        place = f"{where}[{number}]"
        with problems.at(number):
            sidecars.append(read_sidecar_entry(score, place, common.base, common.names))
        if not isinstance(score, str):  # which names no scale
            with problems.at(number):
                read_score_scale(score, place, scale)
    problems.refuse()
    return sidecars


def _repeated_ids(entries: list[Any]) -> Iterator[tuple[int, int, str]]:
    """Yield the number of each table whose id another one has already, that one's, and the id."""
    seen: dict[str, int] = {}
    for number, entry in enumerate(entries):
        table_id = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(table_id, str) and (first := seen.setdefault(table_id, number)) != number:
            yield number, first, table_id
