"""A table's provenance as an in-toto Statement, for tools that sign, store and check such.

The Statement is not signed: putting it into an envelope is the signer's business.
Form: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from second_opinion_assets.contract.audit import Audit
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import json_document, publish_text

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "second-opinion-assets:ai-run-provenance/v1"
"""Names this project's run_provenance block and claims no domain of the web.

SLSA provenance would say more than is known: it needs the identity of a build platform that vouches
for what its users cannot influence, and here the user's own machine made the table.
"""
SUFFIX = ".intoto.json"


def statement(audit: Audit) -> dict[str, Any]:
    """Return the Statement that an audit's output came from its provenance, as plain values."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": Location(audit.output).name, "digest": {"sha256": audit.output_sha256}}
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": msgspec.to_builtins(audit.run_provenance),
    }


def write_statements(audits: Iterable[Audit], folder: Location) -> None:
    """Write the Statement of each audit into a folder, named after its output.

    Raises:
        JoinError: two outputs have one name, and nothing was written; or a file cannot be written.
    """
    by_name: dict[str, Audit] = {}
    for audit in audits:
        name = Location(audit.output).name + SUFFIX
        first = by_name.setdefault(name, audit)
        if first is not audit:
            msg = (
                f"{folder / name}: is for both {first.output} and {audit.output}; "
                "verify them into a folder each"
            )
            raise JoinError(msg)
    for name, audit in by_name.items():
        publish_text(folder / name, json_document(statement(audit)).decode())
