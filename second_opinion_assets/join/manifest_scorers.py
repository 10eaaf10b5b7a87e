"""What a manifest says of scorers: a registry of the user's own, and the scales of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError, Problems
from second_opinion_assets.registry.facts import (
    Registry,
    ScorerFacts,
    parse_entry,
    read_entries,
    refuse_shared_names,
    shipped_registry,
)
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input


def read_registry(
    value: object, where: str, base: Location, copies: Mapping[Location, Location]
) -> Registry:
    """Return the registry of a manifest: the user's entries first, then the shipped ones.

    Args:
        value: what stands as `scorers`: the path of a file, or a list of paths and entries.
        where: its place, for the error message.
        base: what a relative path is relative to.
        copies: files to read in the place of others.

    Raises:
        JoinError: what is no registry, with the place in it.
    """
    shipped = shipped_registry()
    if value is None:
        return shipped
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list):
        msg = (
            f"{where}: is {json_text.shown(value)}, expected the path of a file of scorers, "
            "or a list of paths and entries"
        )
        raise JoinError(msg)
    own: list[ScorerFacts] = []
    of_files: list[ScorerFacts] = []
    files = []
    problems = Problems(range(len(parts)))
    for number, part in enumerate(parts):
        with problems.at(number):
            if not isinstance(part, str):
                own.append(parse_entry(part, f"{where}[{number}]"))
                continue
            path = base.resolve(part)
            with Input(copies.get(path, path)) as file:
                of_files.extend(read_entries(file))
            files.append((path, file.digest))
    with problems.at():
        refuse_shared_names(own, where)
    problems.refuse()
    # Entries of the manifest itself go before those of its files.
    return replace(shipped.before([*own, *of_files]), files=tuple(files))


def read_score_scale(score: object, where: str, chosen: dict[str, str]) -> None:
    """Take the scale that a score file names, ``"scale": "0-1"`` beside `label`.

    Args:
        score: an entry of a table's `scores`.
        where: its place, for the error message.
        chosen: scorer to scale, to which it is added.

    Raises:
        JoinError: no name, no scorer named, or another scale than a file before it names.
    """
    if not isinstance(score, dict) or score.get("scale") is None:
        return
    label = _text(score["scale"], f"{where}.scale")
    name = score.get("label")
    if score.get("scorers"):
        msg = f"{where}.scale: of several scorers; name that of each in the table's scale"
        raise JoinError(msg)
    if not name:
        msg = f"{where}.scale: needs `label` beside it, the name of the scorer whose scale it is"
        raise JoinError(msg)
    if isinstance(name, str) and chosen.setdefault(name, label) != label:
        msg = f"{where}.scale: {name} is on {chosen[name]} already; one column, one scale"
        raise JoinError(msg)


def read_scale(entry: dict[str, Any], where: str, chosen: dict[str, str]) -> None:
    """Take the scales that a table names, ``"scale": {"DOVER": "0-1"}``.

    Args:
        entry: the table.
        where: its place, for the error message.
        chosen: scorer to scale; what its score files name is there already, and stays.

    Raises:
        JoinError: something else than names.
    """
    scale = {} if entry.get("scale") is None else entry["scale"]
    if not isinstance(scale, dict):
        msg = f'{where}.scale: is {json_text.shown(scale)}, expected an object, {{"SCORER": "0-1"}}'
        raise JoinError(msg)
    problems = Problems()
    for name, label in scale.items():
        with problems.at():
            chosen.setdefault(name, _text(label, f"{where}.scale.{name}"))
    problems.refuse()


def table_registry(registry: Registry | None, scale: dict[str, str], where: str) -> Registry:
    """Return a manifest's registry with the scales that one table chooses.

    Args:
        registry: what is known of scorers; None, where nobody knows, takes any scale.
        scale: scorer to scale.
        where: the table's place, for the error message.

    Raises:
        JoinError: a scale that the scorer does not have.
    """
    if registry is None:
        return shipped_registry()
    problems = Problems()
    for name, label in scale.items():
        with problems.at():
            try:
                registry.on_scales({name: label})
            except JoinError as error:
                msg = f"{where}.scale: {error}"
                raise JoinError(msg) from None
    problems.refuse()
    return registry.on_scales(scale)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        msg = f"{where}: is {json_text.shown(value)}, expected the name of a scale"
        raise JoinError(msg)
    return value
