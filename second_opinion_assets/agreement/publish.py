"""The agreement of a table as files beside it: JSON, and its figures as parquet.

What they say comes from `compare`.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import msgspec
import pandas as pd

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.contract.audit import ReportProvenance
from second_opinion_assets.storage.journal import writing
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import USUAL_WAIT
from second_opinion_assets.storage.publishing import (
    json_document,
    new_publication,
    publish_all,
)

SCHEMA = "second-opinion-agreement-v1"
_FIGURES = ("n", "pearson", "spearman", "kendall", "spearman_p", "not_enough")


class AgreementFiles(msgspec.Struct, frozen=True):
    """Where the agreement of a table goes.

    Named after all of the joined table's name: of one stem there may be one of each form.
    """

    agreement_json: Location
    agreement_parquet: Location

    @classmethod
    def beside(cls, joined: Location) -> AgreementFiles:
        return cls(
            joined.with_name(f"{joined.name}.agreement.json"),
            joined.with_name(f"{joined.name}.agreement.parquet"),
        )

    def named(self) -> dict[str, Location]:
        """Return the files by name."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


def document(agreement: Agreement, table_id: str, provenance: ReportProvenance) -> dict[str, Any]:
    """Return the agreement of a table as what its JSON holds."""
    return {
        "schema": SCHEMA,
        "table": table_id,
        **msgspec.to_builtins(agreement),
        "run_provenance": provenance,
    }


def figures(agreement: Agreement, table_id: str) -> pd.DataFrame:
    """Return one row a pair, so that the files of many tables can be read as one."""
    pairs = [
        (kind, pair)
        for kind, pairs in (
            ("reference", agreement.against_references),
            ("scorer", agreement.between_scorers),
        )
        for pair in pairs
    ]
    rows = [
        {
            "table": table_id,
            "scorer": pair.scorer,
            "against": kind,
            "other": pair.other,
            **{name: getattr(pair.correlation, name) for name in _FIGURES},
        }
        for kind, pair in pairs
    ]
    types = dict.fromkeys(("table", "scorer", "against", "other", "not_enough"), "string")
    types |= {"n": "int64", **dict.fromkeys(_FIGURES[1:5], "float64")}
    columns = ["table", "scorer", "against", "other", *_FIGURES]
    return pd.DataFrame(rows, columns=columns).astype(types)


def publish(
    agreement: Agreement, table_id: str, files: AgreementFiles, provenance: ReportProvenance
) -> None:
    """Write both files beside their targets, then put them in place.

    Raises:
        JoinError: a file cannot be written; both are as they were.
    """
    parquet = BytesIO()
    figures(agreement, table_id).to_parquet(parquet, index=False)
    with (
        writing([files.agreement_json, files.agreement_parquet], USUAL_WAIT),
        new_publication(files.agreement_json) as one,
        new_publication(files.agreement_parquet) as other,
    ):
        one.write(json_document(document(agreement, table_id, provenance)))
        other.write(parquet.getvalue())
        one.finish()
        other.finish()
        publish_all([one, other])
