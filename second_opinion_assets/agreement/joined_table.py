"""What an agreement is made from: a joined table, and a hash of all that reaches the agreement.

Loads no library of statistics, since a sensor looks here often.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Self

import msgspec

from second_opinion_assets.contract.audit import Audit
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.registry.facts import Registry
from second_opinion_assets.registry.groups import NO_GROUPS, Groups
from second_opinion_assets.registry.references import USUAL, Reference
from second_opinion_assets.storage.location import Location

MADE_OF = "made_of"
"""Under this name an agreement's provenance has what it was made of."""
AGREEMENT_VERSION = "3"
"""Changes whenever the same joined table and settings would give another agreement."""


class JoinedTable(msgspec.Struct, frozen=True):
    """A joined table, as far as its opinions and references are concerned.

    Attributes:
        path: where it is.
        key_column: the column that names the clip.
        columns: its columns, without those of the scorers.
        column_prefixes: what a scorer's columns start with, by the scorer's name.
        sha256: of its bytes when it was joined.
        version: its data version.
    """

    path: Location
    key_column: str
    columns: tuple[str, ...]
    column_prefixes: dict[str, str]
    sha256: str | None
    version: str

    @classmethod
    def of(cls, audit: Audit, path: Location, columns: Iterable[str], version: str) -> Self:
        """Return a joined table by its audit, with all of its columns."""
        appended = audit.columns.names
        return cls(
            path=path,
            key_column=audit.key_column,
            columns=tuple(name for name in columns if name not in appended),
            column_prefixes={name: s.column_prefix for name, s in audit.scorers.items()},
            sha256=audit.output_sha256,
            version=version,
        )


def agreement_fingerprint(
    joined_version: str,
    scorers: Iterable[str],
    references: Sequence[Reference],
    registry: Registry,
    groups: Groups = NO_GROUPS,
) -> str:
    """Return a hash that changes whenever the agreement of a table would.

    Args:
        joined_version: the data version of the joined table.
        scorers: its scorers.
        references: what they are to be held against; nothing for the usual names.
        registry: what is known of the scorers.
        groups: what its clips are grouped by.
    """
    facts = [registry.facts(name) for name in sorted(scorers)]
    parts = {
        "agreement_version": AGREEMENT_VERSION,
        "joined": joined_version,
        "references": references,
        "groups": groups,
        "scorers": [
            [known.name, known.direction, known.trained_on, known.scales] for known in facts
        ],
        "directions": [registry.direction(asked.column) for asked in references or USUAL],
    }
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def made_of(
    sha256: str | None, scorers: Iterable[str], spec: TableSpec, references: Sequence[Reference]
) -> str:
    """Return a hash by which an agreement that lies beside its table is known as the one asked.

    Args:
        sha256: of the joined table, when it was joined.
        scorers: its scorers.
        spec: what the manifest says of it.
        references: what the scorers are to be held against; nothing for the usual names.
    """
    return agreement_fingerprint(sha256 or "", scorers, references, spec.registry, spec.groups)
