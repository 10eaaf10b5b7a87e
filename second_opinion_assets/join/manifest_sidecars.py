"""How a sidecar is written, `LABEL=path`, `path` or an object, and what that means."""

from __future__ import annotations

from typing import Any

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError, Problems
from second_opinion_assets.contract.options import as_sentence, compile_key_pattern, gather_unknown
from second_opinion_assets.scores.sidecar import Format, Sidecar, SidecarRules
from second_opinion_assets.storage.location import HERE, Location

RULE_NAMES = tuple(field.name for field in msgspec.structs.fields(SidecarRules))
SCORE_KEYS = ("path", "label", "scale", *RULE_NAMES)


def parse_sidecar(spec: str, base: Location = HERE) -> Sidecar:
    """Read ``LABEL=path`` or ``path``; what stands before `=` is no label if it has a `/`."""
    label, separator, written = spec.partition("=")
    if not separator or "/" in label:
        label, written = "", spec
    if not written.strip() or (separator and not label.strip() and written != spec):
        msg = f"score file {spec!r}: expected LABEL=path or path"
        raise JoinError(msg)
    return Sidecar(base.resolve(written), written, spec, label.strip() or None)


def read_sidecar_entry(entry: object, where: str, base: Location) -> Sidecar:
    """Return the sidecar that an entry of a table's `scores` asks for.

    Args:
        entry: ``LABEL=path``, ``path``, or an object with `path` and maybe more.
        where: its place, for the error message.
        base: what a relative path is relative to.

    Raises:
        JoinError: an entry that cannot be used, a line for each mistake with the place in it.
    """
    if isinstance(entry, str):
        try:
            return parse_sidecar(entry, base)
        except JoinError as error:
            msg = f"{where}: {error}"
            raise JoinError(msg) from None
    if not isinstance(entry, dict):
        msg = f"{where}: is {json_text.shown(entry)}, expected LABEL=path, path or an object"
        raise JoinError(msg)
    problems = Problems(entry)
    gather_unknown(entry, SCORE_KEYS, where, problems)
    with problems.at("path"):
        written = read_text(entry, "path", where)
    label = None
    with problems.at("label"):
        if entry.get("label") is not None:
            label = read_text(entry, "label", where)
    rules = {name: value for name, value in entry.items() if name in RULE_NAMES}
    for name, value in rules.items():
        with problems.at(name):
            _refuse_rule(name, value, where)
    problems.refuse()
    spec = f"{label}={written}" if label else written
    own = msgspec.convert(rules, SidecarRules)
    return Sidecar(base.resolve(written), written, spec, label, own)


def _refuse_rule(name: str, value: object, where: str) -> None:
    """Raise a JoinError for a rule that cannot have this value."""
    if name == "reader" and value is not None and value not in list(Format):
        found = json_text.shown(value)
        msg = f"{where}.reader: is {found}, expected one of {', '.join(Format)}"
        raise JoinError(msg)
    try:
        rules = msgspec.convert({name: value}, SidecarRules)
        if rules.key_pattern is not None:
            compile_key_pattern(rules.key_pattern)
    except ValueError as error:  # msgspec's own is one
        msg = f"{where}: {as_sentence(str(error))}"
        raise JoinError(msg) from None


def read_text(entry: dict[str, Any], name: str, where: str) -> str:
    """Return a text that an entry must have.

    Raises:
        JoinError: there is none, or an empty one.
    """
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        found = "is missing" if value is None else f"is {json_text.shown(value)}"
        msg = f"{where}.{name}: {found}, expected text"
        raise JoinError(msg)
    return value
