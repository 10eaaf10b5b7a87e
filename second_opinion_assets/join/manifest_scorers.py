"""What a manifest says of scorers: a registry of the user's own, and the scales of a table."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.registry.facts import (
    Registry,
    parse_entry,
    read_entries,
    refuse_shared_names,
    shipped_registry,
)
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input


def read_registry(value: object, where: str, base: Location) -> Registry:
    """Return the registry of a manifest: the user's entries first, then the shipped ones.

    Args:
        value: what stands as `scorers`: the path of a file, or a list of paths and entries.
        where: its place, for the error message.
        base: what a relative path is relative to.

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
    # Entries of the manifest itself go before those of its files.
    entries = [
        parse_entry(part, f"{where}[{number}]")
        for number, part in enumerate(parts)
        if not isinstance(part, str)
    ]
    refuse_shared_names(entries, where)
    files = []
    for written in (part for part in parts if isinstance(part, str)):
        path = base.resolve(written)
        with Input(path) as file:
            entries.extend(read_entries(file))
        files.append((path, file.digest))
    return replace(shipped.before(entries), files=tuple(files))


def read_scale(entry: dict[str, Any], where: str) -> dict[str, str]:
    """Return which of its scales each scorer of a table is on, as far as the table says.

    A table says it by ``"scale": {"DOVER": "0-1"}``, a score file by ``"scale": "0-1"`` beside
    its label, which goes first.

    Raises:
        JoinError: something else than names, or a score file without a label.
    """
    scale = {} if entry.get("scale") is None else entry["scale"]
    if not isinstance(scale, dict):
        msg = f'{where}.scale: is {json_text.shown(scale)}, expected an object, {{"SCORER": "0-1"}}'
        raise JoinError(msg)
    chosen: dict[str, str] = {}
    for number, score in enumerate(entry["scores"]):
        if isinstance(score, dict) and score.get("scale") is not None:
            place = f"{where}.scores[{number}]"
            if not score.get("label"):
                msg = f"{place}.scale: needs a label beside it, the scorer whose scale it is"
                raise JoinError(msg)
            label = _text(score["scale"], f"{place}.scale")
            known = chosen.setdefault(score["label"], label)
            if known != label:
                msg = (
                    f"{place}.scale: {score['label']} is on {known} already; one column, one scale"
                )
                raise JoinError(msg)
    for name, label in scale.items():
        chosen.setdefault(name, _text(label, f"{where}.scale.{name}"))
    return chosen


def table_registry(registry: Registry, scale: dict[str, str], where: str) -> Registry:
    """Return a manifest's registry with the scales that one table chooses.

    Raises:
        JoinError: a scale that the scorer does not have.
    """
    try:
        return registry.on_scales(scale)
    except JoinError as error:
        msg = f"{where}.scale: {error}"
        raise JoinError(msg) from None


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        msg = f"{where}: is {json_text.shown(value)}, expected the name of a scale"
        raise JoinError(msg)
    return value
