"""How a sidecar is written, `SCORER=path`, `path` or an object, and what that means."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError, Problems
from second_opinion_assets.contract.key_pattern import compile_key_pattern
from second_opinion_assets.contract.options import as_sentence, gather_unknown
from second_opinion_assets.join.manifest_scorers import read_score_scale
from second_opinion_assets.registry.facts import Registry
from second_opinion_assets.scores.sidecar import Format, Sidecar, SidecarRules
from second_opinion_assets.storage.first_names import FirstNames
from second_opinion_assets.storage.groups import is_given
from second_opinion_assets.storage.location import HERE, Location

PAIR = 2
_NO_RULES = SidecarRules()
RULE_NAMES = tuple(field.name for field in msgspec.structs.fields(SidecarRules))
SCORE_KEYS = ("path", "label", "scale", *RULE_NAMES)


def parse_sidecar(spec: str, base: Location = HERE, names: FirstNames | None = None) -> Sidecar:
    """Read ``SCORER=path`` or ``path``, maybe with the score's field behind: ``path::field``.

    What is there goes first: a text that is a path of a file or folder, or a pattern that some file
    matches, is that path, whatever characters it has.

    Args:
        spec: the text.
        base: what a relative path is relative to.
        names: those of that folder, where many sidecars are read.
    """
    label, written, field = _parts(spec, lambda text: _is_given(text, base, names))
    if "" in (label, written.strip(), field):
        msg = f"score file {spec!r}: expected SCORER=path or path, maybe with ::field behind"
        raise JoinError(msg)
    _refuse_stream(written, f"score file {spec!r}")
    rules = SidecarRules(score_field=field) if field else _NO_RULES
    return Sidecar(base.resolve(written), written, spec, label, rules)


def _is_given(text: str, base: Location, names: FirstNames | None) -> bool:
    return (names is None or names.may_begin(text)) and is_given(base.resolve(text))


def _parts(spec: str, is_path: Callable[[str], bool]) -> tuple[str | None, str, str | None]:
    """Return the scorer, the path and the field of a text; None for a part that it lacks."""
    path, field = _without_field(spec, is_path)
    label, separator, rest = spec.partition("=")
    if not separator or "/" in label or "::" in label or is_path(path):
        return None, path, field
    return label.strip(), *_without_field(rest, is_path)


def _without_field(text: str, is_path: Callable[[str], bool]) -> tuple[str, str | None]:
    path, separator, field = text.rpartition("::")
    if not separator or is_path(text):
        return text, None
    return path, field.strip()


def parse_sidecars(
    specs: Iterable[str], base: Location = HERE
) -> tuple[tuple[Sidecar, ...], dict[str, str]]:
    """Read the sidecars of a command line, each as a manifest has it; objects stand as JSON.

    Returns:
        The sidecars, and the scales that objects name, by scorer.
    """
    sidecars: list[Sidecar] = []
    scale: dict[str, str] = {}
    for spec in specs:
        if not spec.lstrip().startswith("{") or is_given(base.resolve(spec)):
            sidecars.append(parse_sidecar(spec, base))
            continue
        entry = json_text.decode(spec.encode(errors="surrogateescape"), "scores")
        sidecars.append(read_sidecar_entry(entry, "scores", base))
        read_score_scale(entry, "scores", scale)
    return tuple(sidecars), scale


def as_written(sidecar: Sidecar) -> str | dict[str, Any]:
    """Return a sidecar as an entry of a manifest: shortly, if that says everything."""
    rules: dict[str, Any] = msgspec.to_builtins(sidecar.rules)
    if not rules and not _is_ambiguous(sidecar):
        return sidecar.spec
    named = {} if sidecar.rules.scorers else {"label": sidecar.label}
    return {"path": sidecar.written, **named, **rules}


def _is_ambiguous(sidecar: Sidecar) -> bool:
    """Return whether a sidecar's text would mean something else where its file is not there."""
    label = sidecar.label
    text = f"{label}={sidecar.written}" if label else sidecar.written
    before, separator, _ = text.partition("=")
    read_as = before if separator and "/" not in before else None
    return read_as != label or "::" in text


def read_sidecar_entry(
    entry: object, where: str, base: Location, names: FirstNames | None = None
) -> Sidecar:
    """Return the sidecar that an entry of a table's `scores` asks for.

    Args:
        entry: ``SCORER=path``, ``path``, or an object with `path` and maybe more.
        where: its place, for the error message.
        base: what a relative path is relative to.
        names: those of that folder, where many sidecars are read.

    Raises:
        JoinError: an entry that cannot be used, a line for each mistake with the place in it.
    """
    if isinstance(entry, str):
        try:
            return parse_sidecar(entry, base, names)
        except JoinError as error:
            msg = f"{where}: {error}"
            raise JoinError(msg) from None
    if not isinstance(entry, dict):
        msg = f"{where}: is {json_text.shown(entry)}, expected SCORER=path, path or an object"
        raise JoinError(msg)
    problems = Problems(entry)
    gather_unknown(entry, SCORE_KEYS, where, problems)
    with problems.at("path"):
        written = read_path(entry, "path", where)
    label = None
    with problems.at("label"):
        if entry.get("label") is not None:
            label = read_text(entry, "label", where)
    rules = {name: value for name, value in entry.items() if name in RULE_NAMES}
    for name, value in rules.items():
        with problems.at(name):
            _refuse_rule(name, value, where)
    with problems.at("scorers"):
        _refuse_scorers(entry, f"{where}.scorers")
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
        if rules.columns is not None:
            _refuse_columns(rules.columns, f"{where}.columns")
    except ValueError as error:  # msgspec's own is one
        msg = f"{where}: {as_sentence(str(error))}"
        raise JoinError(msg) from None


def _refuse_columns(columns: tuple[str, ...], where: str) -> None:
    """Raise a JoinError for names of columns that cannot be told apart."""
    if len(columns) < PAIR or len(set(columns)) < len(columns) or not all(map(str.strip, columns)):
        msg = f'{where}: expected a name for each column, all different, as ["path", "score"]'
        raise JoinError(msg)


def _refuse_scorers(entry: dict[str, Any], where: str) -> None:
    """Raise a JoinError for scorers of a file that cannot be told apart by their fields."""
    scorers = entry.get("scorers")
    if scorers is None or not isinstance(scorers, dict):
        return
    if not scorers or not all(name.strip() and field for name, field in scorers.items()):
        msg = f'{where}: expected an object of scorers, as {{"MUSIQ": "musiq"}}, field by scorer'
        raise JoinError(msg)
    for name in ("label", "score_field"):
        if entry.get(name) is not None:
            msg = f"{where}: names scorers and their fields already; leave out {name}"
            raise JoinError(msg)
    by_field: dict[str, str] = {}
    for name, field in scorers.items():
        if (first := by_field.setdefault(field, name)) != name:
            msg = f"{where}: {first} and {name} would have one field, {field}; leave out one"
            raise JoinError(msg)


def read_path(entry: dict[str, Any], name: str, where: str) -> str:
    """Return a path that an entry must have.

    Raises:
        JoinError: there is none, or an empty one, or one that stands for a stream.
    """
    written = read_text(entry, name, where)
    _refuse_stream(written, f"{where}.{name}")
    return written


def _refuse_stream(written: str, what: str) -> None:
    if "://" in written:
        try:
            Location(written)
        except JoinError as error:
            msg = f"{what}: {error}"
            raise JoinError(msg) from None
    if written == "-":
        msg = f"{what}: - is for the feature table and output of one join; name a file"
        raise JoinError(msg)


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


def with_canonical_names(sidecar: Sidecar, registry: Registry, where: str) -> Sidecar:
    """Return a sidecar under its scorer's canonical name, so that all its names are one asset.

    Raises:
        JoinError: two of its scorers have one canonical name.
    """
    label = sidecar.label and registry.canonical(sidecar.label)
    rules = sidecar.rules
    if rules.scorers:
        named = {registry.canonical(name): field for name, field in rules.scorers.items()}
        if len(named) < len(rules.scorers):
            names = ", ".join(rules.scorers)
            msg = f"{where}.scores: two of {names} are one scorer by canonical_names; leave one out"
            raise JoinError(msg)
        rules = replace(rules, scorers=named)
    return replace(sidecar, label=label, rules=rules)
