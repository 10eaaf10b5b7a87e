"""How far second opinions agree with the references of their table; one partition a table.

Turning a joined table's history and run config into what is compared, and the result into events,
belongs here. The comparison is in `second_opinion_assets.agreement`.
"""

from collections.abc import Iterator

import dagster as dg
import msgspec
from pydantic import Field

from second_opinion_assets.agreement.agreement import Agreement, Pair
from second_opinion_assets.agreement.joined_table import (
    AGREEMENT_VERSION,
    MADE_OF,
    agreement_fingerprint,
    made_of,
)
from second_opinion_assets.agreement.make import MadeAgreement
from second_opinion_assets.agreement.show import (
    SHOWN_CLIPS,
    disputed,
    figures,
    headline,
    notes,
)
from second_opinion_assets.agreement.show_answers import answer_parts
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import slug
from second_opinion_assets.contract.printable import one_line
from second_opinion_assets.graph.history import joined_table
from second_opinion_assets.graph.metadata import described, markdown
from second_opinion_assets.graph.names import (
    AGREEMENT_KEY,
    JOINED_KEY,
    MANIFEST_FINGERPRINT,
    OPINIONS_AGREE,
    RUN_PROVENANCE,
    Metadata,
)
from second_opinion_assets.graph.runs import (
    Event,
    Outcome,
    asset_of_tables,
    events_of_run,
)
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.provenance import Invocation
from second_opinion_assets.join.taken_paths import taken_paths
from second_opinion_assets.registry.references import Reference, parse_references
from second_opinion_assets.report.markdown import render
from second_opinion_assets.report.report import inline_svg
from second_opinion_assets.report.sections import Part, Picture
from second_opinion_assets.storage.groups import InputPaths
from second_opinion_assets.storage.location import Location

SHOWN_AT_ONCE = 1000
"""The UI puts Markdown of this length and more behind a link."""
_CHECK = (
    "No scorer ranks clips the other way round than a reference does. If one does, its direction, "
    "its scale or its clips are wrong, or the reference is."
)
_DESCRIPTION = (
    "For each scorer how far its ok scores agree with the references of the table (vmaf*, mos*, "
    "dmos*, or what the manifest names by `references`) and with the other scorers: Pearson, "
    "Spearman, Kendall. And the clips to look at, which scorers and a reference rank furthest "
    "apart. Advisory evidence: where they differ, either may be right."
)


class AgreementConfig(dg.Config):
    """Settings of the agreement for one launch; what is left out is as the manifest says."""

    references: list[str] | None = Field(
        default=None,
        description="Columns to hold the scorers against; letter case does not matter, and * "
        "stands for any letters.",
    )


def agreement_asset(
    manifest: Manifest, settings: Settings, problem: str = ""
) -> dg.AssetsDefinition:
    """Return the asset of the agreement of each table of a manifest."""

    def second_opinion_agreement(
        context: dg.AssetExecutionContext, config: AgreementConfig
    ) -> Iterator[Event]:
        taken = taken_paths(manifest)

        def make(table_id: str) -> Outcome:
            try:
                return _agreement(context, manifest, table_id, config, taken)
            except JoinError as error:
                return Outcome([], {}, failure=str(error))

        yield from events_of_run(context, manifest, make)

    return asset_of_tables(
        manifest,
        second_opinion_agreement,
        AGREEMENT_KEY,
        role="agreement",
        description=described(problem, _DESCRIPTION),
        deps=[dg.AssetDep(JOINED_KEY)],
        checks={OPINIONS_AGREE: _CHECK},
        code_version=AGREEMENT_VERSION,
        most_tables=settings.agreements_per_run,
        kinds={"json", "parquet"},
    )


def _agreement(
    context: dg.AssetExecutionContext,
    manifest: Manifest,
    table_id: str,
    config: AgreementConfig,
    taken: InputPaths,
) -> Outcome:
    """Compare the opinions on one table, and return what became of it."""
    # Here, since it loads pandas, scipy and matplotlib, which takes seconds.
    from second_opinion_assets.agreement.make import make_agreement  # noqa: PLC0415

    joined = joined_table(context.instance, manifest, table_id)
    spec = manifest.table(table_id)
    references = spec.references
    if config.references is not None:
        references = parse_references(config.references, "run config: references")
    args = {
        "partition": spec.id,
        "joined": str(joined.path),
        "references": msgspec.to_builtins(references),
        "groups": msgspec.to_builtins(spec.groups),
        MADE_OF: made_of(joined.sha256, joined.column_prefixes, spec, references),
    }
    invocation = Invocation(Location(__file__), (), args)
    made = make_agreement(joined, spec, references, invocation, taken)
    context.log.info("%s: %s", spec.id, one_line(headline(made.agreement)))

    def version(asked: tuple[Reference, ...]) -> str:
        scorers, registry = joined.column_prefixes, spec.registry
        return agreement_fingerprint(joined.version, scorers, asked, registry, spec.groups)

    return Outcome(
        [_opinions_agree(made)],
        {
            **_metadata(made),
            # As of a join: a launch that overrides the manifest is left alone by automation.
            MANIFEST_FINGERPRINT: dg.MetadataValue.text(version(spec.references)),
        },
        version=version(references),
    )


def _metadata(made: MadeAgreement) -> Metadata:
    """Return the agreement as the UI shows it, and figures that plot over time."""
    agreement = made.agreement
    known = notes(agreement)
    return {
        "agreement": markdown(figures(agreement)),
        **{
            f"disputed_by_{_key(reference)}": _disputed_metadata(agreement, reference)
            for reference in reversed(agreement.references)
        },
        **{
            name: markdown(*_answer_picture(made, name), *parts)
            for name, parts in answer_parts(agreement).items()
        },
        "pictures": markdown(*_pictures(made)),
        **({"notes": markdown(*known)} if known else {}),
        "rows": dg.MetadataValue.int(agreement.rows),
        "clips": dg.MetadataValue.int(agreement.clips),
        **_srocc(agreement.against_references),
        **{name: dg.MetadataValue.path(str(path)) for name, path in made.files.named().items()},
        RUN_PROVENANCE: dg.MetadataValue.json(msgspec.to_builtins(made.provenance)),
    }


def _opinions_agree(made: MadeAgreement) -> dg.AssetCheckResult:
    """Return whether no scorer is contrary to a reference.

    The description holds pictures and tables, since the UI shows it at once and puts large metadata
    behind links.
    """
    agreement = made.agreement
    parts = [
        *notes(agreement),
        *_pictures(made),
        *(part for reference in agreement.references for part in disputed(agreement, reference)),
        figures(agreement),
    ]
    return dg.AssetCheckResult(
        check_name=OPINIONS_AGREE,
        passed=not agreement.contrary,
        severity=dg.AssetCheckSeverity.WARN,
        description=render(*parts),
        metadata=_srocc(agreement.contrary),
    )


def _srocc(pairs: list[Pair]) -> Metadata:
    """Return the Spearman correlations of pairs; of two with one name the first counts."""
    found = {
        f"{slug(pair.scorer)}/srocc_{_key(pair.other)}": pair.correlation.spearman
        for pair in reversed(pairs)
    }
    return {
        name: dg.MetadataValue.float(round(rho, 4))
        for name, rho in sorted(found.items())
        if rho is not None
    }


def _key(reference: str) -> str:
    return slug(reference) or reference


def _disputed_metadata(agreement: Agreement, reference: str) -> dg.MetadataValue:
    """Return the most disputed clips, fewer of them where the UI then shows them at once."""
    texts = [render(*disputed(agreement, reference, most)) for most in (SHOWN_CLIPS, 5, 3)]
    text = next((text for text in texts if len(text) < SHOWN_AT_ONCE), texts[0])
    return dg.MetadataValue.md(text)


def _pictures(made: MadeAgreement) -> list[Part]:
    return [Picture(title, inline_svg(svg)) for title, svg in made.pictures.items()]


def _answer_picture(made: MadeAgreement, name: str) -> list[Part]:
    found = made.answer_pictures.get(name)
    return [Picture(found[0], inline_svg(found[1]))] if found else []
