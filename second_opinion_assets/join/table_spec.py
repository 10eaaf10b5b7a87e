"""One join: what goes in, what comes out, and how, with paths resolved.

Where that is written, in a manifest or on a command line, does not belong here.
"""

from __future__ import annotations

import msgspec

from second_opinion_assets.contract.options import JoinOptions, MissingPolicy
from second_opinion_assets.registry.aligned import unknown_ends
from second_opinion_assets.registry.clip_links import NO_LINKS, ClipLinks
from second_opinion_assets.registry.facts import Registry, shipped_registry
from second_opinion_assets.registry.groups import NO_GROUPS, Groups
from second_opinion_assets.registry.references import Reference
from second_opinion_assets.scores.sidecar import Sidecar
from second_opinion_assets.storage.location import Location


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
        groups: what its clips are grouped by in its agreement.
        clips: where its clips can be looked at.
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
    groups: Groups = NO_GROUPS
    clips: ClipLinks = NO_LINKS

    @property
    def promotion_grade(self) -> bool:
        """Whether every row must have an ``ok`` score from every scorer."""
        return self.options.missing_policy is MissingPolicy.fail

    def scorer_name(self, name: str) -> str:
        """Return the name that a scorer goes by in this table."""
        return self.registry.canonical(name) if self.options.canonical_names else name

    def aligns(self, scorer: str) -> bool:
        """Return whether a scorer gets a column of its scores on the one scale."""
        return self.options.aligned_scores and not unknown_ends(self.registry.facts(scorer))

    @property
    def inputs(self) -> list[Location]:
        return [self.features, *(sidecar.path for sidecar in self.scores)]

    @property
    def failed_audit(self) -> Location | None:
        """Where the audit of a join goes whose table was refused for its counts."""
        audit = self.audit_json
        return audit and audit.with_stem(f"{audit.stem}.failed")

    @property
    def outputs(self) -> list[Location]:
        return [self.out, *filter(None, (self.audit_json, self.failed_audit))]

    @property
    def paths(self) -> list[Location]:
        return [*self.inputs, *self.outputs]
