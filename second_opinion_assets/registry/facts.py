"""What is known of each scorer: its scales, direction, licence and training sets, by its names.

Facts and where they are read from. Whether scores fit a scale is the business of `scales`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache, cached_property

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError, Problems
from second_opinion_assets.contract.fields import slug
from second_opinion_assets.contract.options import as_sentence, refuse_unknown
from second_opinion_assets.registry.scales import Scale
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input

SHIPPED = Location(__file__).with_name("scorers.json")
_NO_SEPARATORS = str.maketrans("", "", " \t_./-")


class Direction(StrEnum):
    """Which way a scorer's scores get better."""

    HIGHER = "higher"
    LOWER = "lower"


class ScorerFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of one scorer; None is what nobody has verified.

    Attributes:
        name: the canonical name, whose slug names columns where canonical names are asked for.
        aliases: other names that mean the same scorer.
        scales: the scales that its scores are found on, the default first.
        direction: whether higher or lower scores are better.
        licence: the terms it comes under, as an SPDX identifier where there is one.
        redistributable: whether those terms let its scores be passed on.
        trained_on: the sets it learnt from, which are no fair test of it.
        homepage: where the project lives.
        note: what else to know before using its scores.
        sources: fact to where it was verified; a scale has its own.
    """

    name: str
    aliases: tuple[str, ...] = ()
    scales: tuple[Scale, ...] = ()
    direction: Direction | None = None
    licence: str | None = None
    redistributable: bool | None = None
    trained_on: tuple[str, ...] | None = None
    homepage: str | None = None
    note: str | None = None
    sources: dict[str, str] = {}

    @property
    def scale(self) -> Scale | None:
        """The scale that the scores are taken to be on."""
        return self.scales[0] if self.scales else None

    def on_scale(self, label: str) -> ScorerFacts:
        """Return the same facts with one of the scales as the default.

        Raises:
            JoinError: the scorer has no such scale.
        """
        if not self.scales:
            msg = f"{self.name} has no scale declared; declare it among the manifest's scorers"
            raise JoinError(msg)
        refuse_unknown([label], [scale.label for scale in self.scales], self.name, "scale")
        return msgspec.structs.replace(
            self, scales=tuple(sorted(self.scales, key=lambda scale: scale.label != label))
        )


class _RegistryFile(msgspec.Struct, frozen=True):
    scorers: tuple[ScorerFacts, ...]


FACT_NAMES = tuple(field.name for field in msgspec.structs.fields(ScorerFacts))
SCALE_FIELDS = tuple(field.name for field in msgspec.structs.fields(Scale))


class Registry(msgspec.Struct, frozen=True, dict=True):
    """Facts by name and alias; of two entries with one name the first counts.

    Attributes:
        entries: what is known, in order of precedence.
        files: the files of a user that entries were read from, with their digests.
    """

    entries: tuple[ScorerFacts, ...]
    files: tuple[tuple[Location, FileDigest], ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, ScorerFacts]:
        index: dict[str, ScorerFacts] = {}
        for entry in self.entries:
            first = index.setdefault(spelling(entry.name), entry)
            for alias in entry.aliases:
                index.setdefault(spelling(alias), first)
        return index

    def facts(self, name: str) -> ScorerFacts:
        """Return what is known of a scorer by any of its names; of a stranger, its name alone."""
        return self._by_name.get(spelling(name)) or ScorerFacts(name)

    def direction(self, name: str) -> Direction | None:
        """Return whether higher or lower scores are better, None where that is not known."""
        known = self._by_name.get(spelling(name))
        return known.direction if known else None

    def canonical(self, name: str) -> str:
        """Return a scorer's canonical name; a stranger keeps its own."""
        known = self._by_name.get(spelling(name))
        return known.name if known else name

    def canonical_names(self) -> dict[str, str]:
        """Return the canonical name of each spelling that is known."""
        return {name: facts.name for name, facts in self._by_name.items()}

    def scale_ends(self) -> dict[str, list[object]]:
        """Return direction and ends of scales of each spelling that is known, as plain values."""
        return {
            name: [facts.direction, *((s.minimum, s.maximum, s.typical) for s in facts.scales)]
            for name, facts in self._by_name.items()
        }

    def before(self, entries: Iterable[ScorerFacts]) -> Registry:
        """Return a registry in which other entries go first."""
        return msgspec.structs.replace(self, entries=(*entries, *self.entries))

    def on_scales(self, chosen: Mapping[str, str]) -> Registry:
        """Return a registry with other default scales.

        Args:
            chosen: a scorer's name or alias to the name of one of its scales; of two names of one
                scorer the first counts.

        Raises:
            JoinError: a scorer without a scale of that name.
        """
        if not chosen:
            return self
        facts = [self.facts(name).on_scale(label) for name, label in chosen.items()]
        return self.before(facts)


def spelling(name: str) -> str:
    """Return what all spellings of a name have in common: `Q-Align` and `qalign` are one.

    A `+` stays, since CLIP-IQA+ is not CLIP-IQA.
    """
    return name.lower().translate(_NO_SEPARATORS)


@cache
def shipped_registry() -> Registry:
    """Return the registry that comes with this package, from `scorers.json` beside this module.

    A test holds that the file is a registry, so it is read without looking for what is wrong.
    """
    with Input(SHIPPED) as file:
        return Registry(msgspec.json.decode(file.read(), type=_RegistryFile).scorers)


def read_entries(file: Input) -> tuple[ScorerFacts, ...]:
    """Read a file of entries, ``{"scorers": […]}``.

    Raises:
        JoinError: what is no registry, with the place in it.
    """
    path = file.location
    document = json_text.decode(file.read().removeprefix(b"\xef\xbb\xbf"), str(path))
    if not isinstance(document, dict) or not isinstance(document.get("scorers"), list):
        msg = f"{path}: a file of scorers is an object with a list `scorers`"
        raise JoinError(msg)
    refuse_unknown(document, ["scorers"], str(path), "key")
    where = f"{path}::$.scorers"
    entries = []
    problems = Problems()
    for number, value in enumerate(document["scorers"]):
        with problems.at():
            entries.append(parse_entry(value, f"{where}[{number}]"))
    with problems.at():
        refuse_shared_names(entries, where)
    problems.refuse()
    return tuple(entries)


def refuse_shared_names(entries: Iterable[ScorerFacts], where: str) -> None:
    """Raise a JoinError if two entries answer to one name, which would leave it to chance."""
    owners: dict[str, ScorerFacts] = {}
    for entry in entries:
        for name in (entry.name, *entry.aliases):
            owner = owners.setdefault(spelling(name), entry)
            if owner is not entry:
                msg = f"{where}: {name!r} is a name of two scorers, {owner.name} and {entry.name}"
                raise JoinError(msg)


def parse_entry(value: object, where: str) -> ScorerFacts:
    """Build one entry from plain values.

    Raises:
        JoinError: an unknown field, or a value that no such fact can have.
    """
    if not isinstance(value, dict):
        msg = f"{where}: is {json_text.shown(value)}, expected an object with a name"
        raise JoinError(msg)
    problems = Problems()
    with problems.at():
        refuse_unknown(value, FACT_NAMES, where, "field")
    scales = value.get("scales", [])
    for number, scale in enumerate(scales if isinstance(scales, list) else []):
        if isinstance(scale, dict):
            with problems.at():
                refuse_unknown(scale, SCALE_FIELDS, f"{where}.scales[{number}]", "field")
    if "direction" in value and value["direction"] not in (*Direction, None):
        shown = json_text.shown(value["direction"])
        problems.add(f"{where}: direction is {shown}, expected {' or '.join(Direction)}")
    problems.refuse()
    try:
        facts = msgspec.convert(value, ScorerFacts)
    except msgspec.ValidationError as error:
        msg = f"{where}: {as_sentence(str(error))}"
        raise JoinError(msg) from None
    if not slug(facts.name):
        msg = f"{where}: name is {facts.name!r}, expected a letter a-z or a digit in it"
        raise JoinError(msg)
    labels = [scale.label for scale in facts.scales]
    if len(set(labels)) < len(labels):
        msg = f"{where}.scales: two scales have one name among {', '.join(labels)}"
        raise JoinError(msg)
    refuse_unknown(facts.sources, FACT_NAMES, f"{where}.sources", "fact")
    return facts
