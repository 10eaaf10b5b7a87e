"""The asset checks of a joined table: what each says, and how a join's counts answer it."""

import warnings
from collections.abc import Iterable, Iterator, Mapping

import dagster as dg
from dagster import AssetCheckSeverity

from second_opinion_assets.contract.fields import slug
from second_opinion_assets.contract.printable import one_line
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.graph.metadata import count_metadata, markdown
from second_opinion_assets.graph.names import (
    COVERAGE,
    KEYS_MATCH,
    LICENCE,
    OUTPUT_ROWS,
    PROMOTION_GATE,
    ROWS_KEPT,
    SCORES_IN_RANGE,
    SCORES_VARY,
    USABLE_SCORES,
    Metadata,
)
from second_opinion_assets.join.gates import least_coverage
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.matching.doubts import few_ok
from second_opinion_assets.matching.key_hints import few_keys_found, key_hint
from second_opinion_assets.registry.scales import ScaleDoubt, scale_doubt
from second_opinion_assets.report.joined import first_gaps, tallies
from second_opinion_assets.report.markdown import render
from second_opinion_assets.report.sections import Table
from second_opinion_assets.storage.git import why_untracked

JOIN_CHECKS = {
    PROMOTION_GATE: (
        "Every row of a promotion-grade table (missing_policy `fail` in the manifest) has an ok "
        "score from every scorer: it must not be used for retraining until this passes. Any other "
        "table passes; `coverage` shows its gaps."
    ),
    COVERAGE: (
        "Each scorer has an ok score for as many rows as `min_coverage` asks, or for every row "
        "where the manifest asks nothing of it."
    ),
    ROWS_KEPT: "As many rows came out as went in, or as policy `drop` was to keep.",
    KEYS_MATCH: "At least 5 % of the keys of each scorer's sidecar are found in the table.",
    USABLE_SCORES: (
        "At least half of each scorer's score rows are ok, and at least half of the rows of the "
        "table have an ok score of it."
    ),
    SCORES_VARY: "No score column is all null, all zero or constant.",
    SCORES_IN_RANGE: (
        "The ok scores of each scorer lie on the scale that is declared for it. Where a table's "
        "are on another one, its manifest says so by `scale`; which a scorer has, by `scorers`."
    ),
    LICENCE: (
        "Scores that may not be passed on are not written where git would track them. Write them "
        "below a folder that `.gitignore` names."
    ),
}


def check_specs(
    asset: dg.AssetKey,
    partitions_def: dg.PartitionsDefinition[str],
    descriptions: Mapping[str, str],
) -> list[dg.AssetCheckSpec]:
    """Return the checks of an asset, with a result of its own for each table.

    Args:
        asset: the key of the asset.
        partitions_def: its tables.
        descriptions: what each check says, by name.
    """
    with warnings.catch_warnings():
        # Without partitions one table's result would hide another's; the parameter is a preview.
        warnings.filterwarnings("ignore", message=".*partitions_def.*")
        return [
            dg.AssetCheckSpec(
                name,
                asset=asset,
                description=description,
                blocking=name == PROMOTION_GATE,
                partitions_def=partitions_def,
            )
            for name, description in descriptions.items()
        ]


def check_results(
    tally: Tally, spec: TableSpec, *, promotion_grade: bool, published: bool
) -> Iterator[dg.AssetCheckResult]:
    """Yield the result of every check of a table that was joined.

    Args:
        tally: what the join counted.
        spec: what was asked for.
        promotion_grade: whether the table may not be used with gaps.
        published: whether the join wrote the table, or refused to for its gaps.
    """
    yield _promotion_gate(tally, promotion_grade=promotion_grade, published=published)
    yield _coverage(tally, spec, published=published)
    yield _rows_kept(tally, published=published)
    yield _keys_match(tally)
    yield _usable_scores(tally)
    yield _scores_vary(tally)
    yield _scores_in_range(tally, spec)
    yield _licence(tally, spec, published=published)


def _promotion_gate(tally: Tally, *, promotion_grade: bool, published: bool) -> dg.AssetCheckResult:
    """Return whether a table that must be complete is."""
    grade: Metadata = {"promotion_grade": dg.MetadataValue.bool(promotion_grade)}
    if not promotion_grade:
        return dg.AssetCheckResult(
            check_name=PROMOTION_GATE,
            passed=True,
            description="not promotion-grade; the check coverage shows gaps, if there are any",
            metadata=grade,
        )
    description, metadata = _evidence(tally, published=published)
    return dg.AssetCheckResult(
        check_name=PROMOTION_GATE,
        passed=not tally.gaps,
        description=description,
        metadata={**grade, **metadata},
    )


def _coverage(tally: Tally, spec: TableSpec, *, published: bool) -> dg.AssetCheckResult:
    """Return whether each scorer has scores for as many rows as is asked of it."""
    least = least_coverage(spec, tally)
    low = [name for name in tally.scorers if tally.coverage(name) < least.get(name, 1.0)]
    description, metadata = _evidence(tally, published=published)
    for name, share in least.items():
        metadata[f"{slug(name)}/min_coverage"] = dg.MetadataValue.float(float(share))
    return dg.AssetCheckResult(
        check_name=COVERAGE,
        passed=not low,
        severity=AssetCheckSeverity.WARN,
        description=description,
        metadata=metadata,
    )


def _evidence(tally: Tally, *, published: bool) -> tuple[str, Metadata]:
    """Return the gaps of a table, if there are any, as a description and as metadata.

    The description shows what there is to know, since the UI puts a check's tables of metadata
    behind links.
    """
    metadata: Metadata = {**count_metadata(tally), "tallies": markdown(tallies(tally))}
    if not published:
        del metadata[OUTPUT_ROWS]
    if not tally.gaps:
        return "every row has an ok score from every scorer", metadata
    metadata["sample_rows"] = markdown(first_gaps(tally))
    metadata["missing_keys"] = dg.MetadataValue.json(
        {name: [row.key for row in scorer.missing] for name, scorer in tally.scorers.items()}
    )
    metadata["bad_keys"] = dg.MetadataValue.json(
        {name: [row.key for row in scorer.bad] for name, scorer in tally.scorers.items()}
    )
    return render(tally.gaps, tallies(tally), first_gaps(tally)), metadata


def _rows_kept(tally: Tally, *, published: bool) -> dg.AssetCheckResult:
    if not published:
        return dg.AssetCheckResult(
            check_name=ROWS_KEPT, passed=True, description="nothing was published"
        )
    expected = tally.input_rows - tally.dropped_rows
    metadata: Metadata = {OUTPUT_ROWS: dg.MetadataValue.int(tally.output_rows)}
    if tally.dropped_rows:
        metadata["dropped_rows"] = dg.MetadataValue.int(tally.dropped_rows)
    if tally.output_rows != expected:
        metadata["expected_rows"] = dg.MetadataValue.int(expected)
    return dg.AssetCheckResult(
        check_name=ROWS_KEPT, passed=tally.output_rows == expected, metadata=metadata
    )


def _keys_match(tally: Tally) -> dg.AssetCheckResult:
    doubtful = {name: s for name, s in tally.scorers.items() if few_keys_found(s)}
    metadata: Metadata = {}
    if doubtful:
        modes = sorted({mode for scorer in doubtful.values() for mode in scorer.keys_found_by_mode})
        rows = [
            [
                name,
                str(scorer.scores_loaded),
                *(str(scorer.keys_found_by_mode.get(mode, "")) for mode in modes),
                str(scorer.remedy or "none"),
            ]
            for name, scorer in doubtful.items()
        ]
        metadata["keys_found_by_key_normalize"] = markdown(
            Table(["scorer", "keys", *modes, "use"], rows)
        )
    return dg.AssetCheckResult(
        check_name=KEYS_MATCH,
        passed=not doubtful,
        severity=AssetCheckSeverity.WARN,
        description=_sentence(key_hint(scorer) for scorer in doubtful.values()),
        metadata=metadata,
    )


def _usable_scores(tally: Tally) -> dg.AssetCheckResult:
    doubtful = [line for scorer in tally.scorers.values() for line in few_ok(scorer)]
    return dg.AssetCheckResult(
        check_name=USABLE_SCORES,
        passed=not doubtful,
        severity=AssetCheckSeverity.WARN,
        description=_sentence(doubtful),
        metadata={
            f"{slug(name)}/ok_rows": dg.MetadataValue.int(scorer.matched_rows)
            for name, scorer in tally.scorers.items()
        },
    )


def _scores_vary(tally: Tally) -> dg.AssetCheckResult:
    flat: dict[str, str] = {}
    for name, scorer in tally.scorers.items():
        if scorer.score_min is None and tally.input_rows:
            flat[name] = "all null"
        elif scorer.matched_rows > 1 and scorer.score_min == scorer.score_max:
            flat[name] = "all zero" if scorer.score_min == 0 else f"constant {scorer.score_min:g}"
    return dg.AssetCheckResult(
        check_name=SCORES_VARY,
        passed=not flat,
        severity=AssetCheckSeverity.WARN,
        description=_sentence(f"{name}: {what}" for name, what in flat.items()),
        metadata={one_line(name): dg.MetadataValue.text(what) for name, what in flat.items()},
    )


def _scores_in_range(tally: Tally, spec: TableSpec) -> dg.AssetCheckResult:
    said: list[str] = []
    doubts: list[str] = []
    metadata: Metadata = {}
    for name, scorer in tally.scorers.items():
        scales = spec.registry.facts(name).scales
        if not scales:
            said.append(f"{name}: no scale declared")
        elif scorer.score_min is None or scorer.score_max is None:
            said.append(f"{name}: no ok score")
        elif doubt := scale_doubt(scales, scorer.score_min, scorer.score_max):
            doubts.append(f"{name}: {doubt}")
            metadata.update(_doubt_metadata(slug(name), doubt))
        else:
            said.append(f"{name}: within {scales[0].label}")
    return dg.AssetCheckResult(
        check_name=SCORES_IN_RANGE,
        passed=not doubts,
        severity=AssetCheckSeverity.WARN,
        description=_sentence(doubts or said),
        metadata=metadata,
    )


def _doubt_metadata(part: str, doubt: ScaleDoubt) -> Metadata:
    fits = doubt.fits.label if doubt.fits else "none that is known"
    return {
        f"{part}/expected": dg.MetadataValue.text(doubt.declared.label),
        f"{part}/actual": dg.MetadataValue.text(f"{doubt.low:g} … {doubt.high:g}"),
        f"{part}/would_fit": dg.MetadataValue.text(fits),
    }


def _licence(tally: Tally, spec: TableSpec, *, published: bool) -> dg.AssetCheckResult:
    facts = [spec.registry.facts(name) for name in tally.scorers]
    restricted = [known for known in facts if known.redistributable is False]
    names = ", ".join(known.name for known in restricted)
    if not restricted:
        return _licence_kept("no score here is known as one that may not be passed on")
    if not published:
        return _licence_kept("nothing was published")
    if why := why_untracked(spec.out):
        return _licence_kept(f"{names} may not be passed on; {why}")
    return dg.AssetCheckResult(
        check_name=LICENCE,
        passed=False,
        severity=AssetCheckSeverity.WARN,
        description=render(
            f"{names} may not be passed on, and git would track {spec.out.name}; let it be ignored"
        ),
        metadata={
            "output": dg.MetadataValue.path(str(spec.out)),
            **{
                f"{slug(known.name)}/licence": dg.MetadataValue.text(known.licence or "not known")
                for known in restricted
            },
        },
    )


def _sentence(parts: Iterable[str]) -> str | None:
    """Return parts of a description as Markdown, which the UI takes it for; None of none."""
    return render("; ".join(parts)) or None


def _licence_kept(why: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=LICENCE, passed=True, severity=AssetCheckSeverity.WARN, description=render(why)
    )
