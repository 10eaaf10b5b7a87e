"""Results of the join as Dagster metadata: what a person reads in the UI.

Few, stable, numeric keys plot over time; tables of text are Markdown.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import msgspec

from second_opinion_assets.contract.audit import Audit
from second_opinion_assets.contract.columns import ALIGNED, SCORE, AppendedColumn, appended_columns
from second_opinion_assets.contract.fields import slug
from second_opinion_assets.contract.printable import without_secrets
from second_opinion_assets.contract.refusals import NotPublishedError
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.graph.names import (
    COLUMN_SCHEMA,
    COUNTS,
    DRIFT,
    FEATURES_KEY,
    INPUT_ROWS,
    OUTPUT,
    OUTPUT_ROWS,
    PARTITION_ROWS,
    RUN_PROVENANCE,
    SUMMARY,
    Metadata,
)
from second_opinion_assets.join.join import JoinResult
from second_opinion_assets.join.outcomes import TableSummary
from second_opinion_assets.matching.doubts import doubts
from second_opinion_assets.matching.drift import Drift
from second_opinion_assets.registry.aligned import BETTER, ONE_SCALE
from second_opinion_assets.registry.facts import ScorerFacts
from second_opinion_assets.report.drift import drift_parts
from second_opinion_assets.report.joined import first_gaps, preview, tallies
from second_opinion_assets.report.markdown import render
from second_opinion_assets.report.sections import Link, Listing, Part, Strong, Table

_WEB = {"http", "https"}


def markdown(*parts: Part) -> dg.MetadataValue:
    """Return parts of a report as metadata."""
    return dg.MetadataValue.md(render(*parts))


def warnings_metadata(tally: Tally) -> Metadata:
    """Return what is doubtful about the counts of scorers; nothing if nothing is."""
    found = [doubt for scorer in tally.scorers.values() for doubt in doubts(scorer)]
    return {"warnings": markdown(Listing(found))} if found else {}


def join_metadata(result: JoinResult, scorer_keys: Mapping[str, dg.AssetKey]) -> Metadata:
    """Return the metadata of one joined table: what people read, then figures, then the rest.

    The rest is what Dagster and this graph read.

    Args:
        result: what the join did.
        scorer_keys: the asset that a scorer's columns come from, by the scorer's name.
    """
    counts, provenance = audit_metadata(result.audit)
    return {
        "tallies": markdown(tallies(result.tally)),
        **warnings_metadata(result.tally),
        **({"gaps": markdown(first_gaps(result.tally))} if result.tally.gaps else {}),
        "changes": markdown(*drift_parts(result.drift)),
        "preview": markdown(preview(result)),
        **provenance,
        OUTPUT: dg.MetadataValue.path(str(result.spec.out)),
        **(
            {"audit": dg.MetadataValue.path(str(result.spec.audit_json))}
            if result.spec.audit_json
            else {}
        ),
        "missing_policy": dg.MetadataValue.text(result.spec.options.missing_policy.value),
        "key_column": dg.MetadataValue.text(result.key_column),
        **count_metadata(result.tally),
        **change_metadata(result.drift),
        PARTITION_ROWS: dg.MetadataValue.int(result.tally.output_rows),
        "dagster/uri": dg.MetadataValue.text(result.spec.out.as_uri()),
        COLUMN_SCHEMA: _column_schema(result),
        "dagster/column_lineage": _column_lineage(result, scorer_keys),
        **summary_metadata(result.tally, published=True),
        DRIFT: dg.MetadataValue.json(msgspec.to_builtins(result.drift)),
        **counts,
    }


def attempt_metadata(error: NotPublishedError) -> Metadata:
    """Return what is known of a join that published nothing, what people read first."""
    provenance = error.audit and error.audit.run_provenance
    return {
        "tallies": markdown(tallies(error.tally)),
        **warnings_metadata(error.tally),
        **({"gaps": markdown(first_gaps(error.tally))} if error.tally.gaps else {}),
        **(
            {RUN_PROVENANCE: dg.MetadataValue.json(msgspec.to_builtins(provenance))}
            if provenance
            else {}
        ),
        **summary_metadata(error.tally, published=False),
    }


def described(problem: str, description: str) -> str:
    """Return the description of an asset, with what is wrong with the manifest before it."""
    return f"{render(Strong(problem))}\n\n{description}" if problem else description


def summary_metadata(tally: Tally, *, published: bool) -> Metadata:
    """Return the counts that a report on all tables is made from, without reading any."""
    summary = TableSummary.of(tally, published=published)
    return {SUMMARY: dg.MetadataValue.json(msgspec.to_builtins(summary))}


def audit_metadata(audit: Audit) -> tuple[Metadata, Metadata]:
    """Return an audit as it is stored with each joined table: its counts, its run_provenance."""
    counts = msgspec.to_builtins(audit)
    provenance = counts.pop(RUN_PROVENANCE)
    return (
        {COUNTS: dg.MetadataValue.json(counts)},
        {RUN_PROVENANCE: dg.MetadataValue.json(provenance)},
    )


def stored_audit(metadata: Mapping[str, Any]) -> Audit | None:
    """Return the audit that was stored with a joined table; None if an older version joined it.

    Args:
        metadata: the values of its materialization, by name.
    """
    if COUNTS not in metadata or RUN_PROVENANCE not in metadata:
        return None
    try:
        return msgspec.convert(
            {**metadata[COUNTS], RUN_PROVENANCE: metadata[RUN_PROVENANCE]}, Audit
        )
    except msgspec.ValidationError:
        return None


def change_metadata(drift: Drift) -> Metadata:
    """Return the figures that plot over time of what changed since the previous join."""
    metadata: Metadata = {}
    if found := drift.changes:
        metadata["changed_rows"] = dg.MetadataValue.int(found.changed_rows)
        metadata["added_rows"] = dg.MetadataValue.int(found.added_rows)
        metadata["gone_rows"] = dg.MetadataValue.int(found.gone_rows)
        for name, scorer in found.scorers.items():
            metadata[f"{slug(name)}/mean_shift"] = dg.MetadataValue.float(scorer.mean_shift or 0.0)
    return metadata


def count_metadata(tally: Tally) -> Metadata:
    """Return the figures of a join that plot over time: totals, and the coverage by scorer.

    What else there is by scorer, the table of tallies has.
    """
    counts: Metadata = {
        INPUT_ROWS: dg.MetadataValue.int(tally.input_rows),
        OUTPUT_ROWS: dg.MetadataValue.int(tally.output_rows),
        "matched_rows": dg.MetadataValue.int(tally.matched_rows),
        "missing_rows": dg.MetadataValue.int(tally.missing_rows),
        "bad_rows": dg.MetadataValue.int(tally.bad_rows),
        "null_keys": dg.MetadataValue.int(tally.null_keys),
    }
    for name, scorer in tally.scorers.items():
        counts[f"{slug(name)}/coverage"] = dg.MetadataValue.float(round(scorer.coverage, 4))
    return counts


def _column_schema(result: JoinResult) -> dg.TableSchemaMetadataValue:
    columns = [dg.TableColumn(name, kind) for name, kind in result.columns]
    names = iter(result.appended)
    for scorer in result.tally.scorers:
        facts = result.spec.registry.facts(scorer)
        columns.extend(
            _appended_column(next(names), column, scorer, facts)
            for column in appended_columns(aligned=result.spec.aligns(scorer))
        )
    return dg.MetadataValue.table_schema(dg.TableSchema(columns))


def _appended_column(
    name: str, column: AppendedColumn, scorer: str, facts: ScorerFacts
) -> dg.TableColumn:
    """Return a column with its meaning, and whether it is one to learn from."""
    description = column.description.format(scorer=scorer)
    if not column.model_ready:
        return dg.TableColumn(
            name, column.type, f"{description}; no quality signal", tags={"bookkeeping": ""}
        )
    tags = {"model_ready": ""}
    if column is ALIGNED:
        tags |= {"scale": ONE_SCALE.label, "direction": f"{BETTER}_is_better"}
        return dg.TableColumn(name, column.type, description, tags=tags)
    if facts.scale:
        tags["scale"] = facts.scale.label
    if facts.direction:
        tags["direction"] = f"{facts.direction}_is_better"
    meaning = scale_sentence(facts)
    return dg.TableColumn(
        name, column.type, f"{description}; {meaning}" if meaning else description, tags=tags
    )


def scale_sentence(facts: ScorerFacts) -> str:
    """Return scale and direction in words, as far as they are known."""
    parts = []
    if facts.scale:
        others = ", ".join(scale.label for scale in facts.scales[1:])
        parts.append(f"scale {facts.scale.label}{f' (also seen on {others})' if others else ''}")
    if facts.direction:
        parts.append(f"{facts.direction} is better")
    return ", ".join(parts)


def facts_metadata(facts: ScorerFacts) -> Metadata:
    """Return what is known of a scorer, with where each fact was verified."""
    known: Metadata = {"scorer": dg.MetadataValue.text(facts.name)}
    if facts.scales:
        known["scale"] = dg.MetadataValue.text(facts.scales[0].label)
    if facts.scales[1:]:
        others = ", ".join(scale.label for scale in facts.scales[1:])
        known["other_scales"] = dg.MetadataValue.text(others)
    if facts.direction:
        known["direction"] = dg.MetadataValue.text(f"{facts.direction} is better")
    if facts.licence:
        known["licence"] = dg.MetadataValue.text(facts.licence)
    if facts.redistributable is not None:
        known["redistributable"] = dg.MetadataValue.bool(facts.redistributable)
    if facts.trained_on:
        known["trained_on"] = dg.MetadataValue.text(", ".join(facts.trained_on))
    if facts.homepage:
        known["homepage"] = _page(facts.homepage)
    if facts.note:
        known["note"] = dg.MetadataValue.text(facts.note)
    if facts.sources or any(scale.source for scale in facts.scales):
        known["verified_at"] = markdown(_sources(facts))
    return known


def _column_lineage(
    result: JoinResult, scorer_keys: Mapping[str, dg.AssetKey]
) -> dg.TableColumnLineageMetadataValue:
    """Return where the columns to learn from come from.

    That of all others would be half of the event, and says nothing: a feature comes from the
    column of its name.
    """
    deps = {}
    names = iter(result.appended)
    for scorer in result.tally.scorers:
        for column in appended_columns(aligned=result.spec.aligns(scorer)):
            name = next(names)
            if column.model_ready:
                deps[name] = [
                    dg.TableColumnDep(FEATURES_KEY, result.key_column),
                    dg.TableColumnDep(scorer_keys[scorer], SCORE.suffix),
                ]
    return dg.MetadataValue.column_lineage(dg.TableColumnLineage(deps))


def _sources(facts: ScorerFacts) -> Table:
    """Return where the facts on a scorer were verified, one row a place."""
    sources = [(f"scale {scale.label}", scale.source) for scale in facts.scales if scale.source]
    by_place: dict[str, list[str]] = {}
    for fact, place in (*sources, *facts.sources.items()):
        by_place.setdefault(place, []).append(fact)
    return Table(["fact", "where"], [[", ".join(told), _link(at)] for at, told in by_place.items()])


def _page(address: str) -> dg.MetadataValue:
    """Return an address as one to press, if it is of the web: others could be programs."""
    shown = without_secrets(address)
    is_web = urlsplit(shown).scheme in _WEB
    return dg.MetadataValue.url(shown) if is_web else dg.MetadataValue.text(shown)


def _link(place: str) -> str | Link:
    """Return a web address as a link that fits into a table: its host and last part."""
    place = without_secrets(place)
    address = urlsplit(place)
    is_web = address.scheme in _WEB and address.netloc and place.isprintable()
    if not is_web or set(place) & set(" |()<>"):
        return place
    owner = "/".join(address.path.split("/")[1:3])
    name = address.path.rstrip("/").rpartition("/")[2]
    return Link(f"{owner or address.netloc}: {name}", place)
