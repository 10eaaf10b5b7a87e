"""An explanation for a person at a terminal, and for a program."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from second_opinion_assets.contract.options import KeyNormalize
from second_opinion_assets.contract.printable import printable_json
from second_opinion_assets.contract.tally import ScorerTally
from second_opinion_assets.join.explain import (
    ExplainedScorer,
    ExplainedSidecar,
    Explanation,
    NamedBy,
    manifest_entry,
)
from second_opinion_assets.join.readings import Reading
from second_opinion_assets.matching.key_hints import shown_key
from second_opinion_assets.matching.keys import Normalizer
from second_opinion_assets.report.terminal import columns

SHOWN_FILES = 5
EXPLAIN_SCHEMA = "second-opinion-explain-v1"
_NAMED_BY = {
    NamedBy.rows: "named by its rows",
    NamedBy.label: "as you named it",
    NamedBy.file: "no row names it: the file's name stands in, any name will do",
}


def lines(explanation: Explanation, words: Callable[[str], str] = str) -> Iterator[str]:
    """Yield the explanation as lines of text.

    Args:
        explanation: of a feature table and its sidecars.
        words: puts a message into the words of a command; what stands in the files stays.
    """
    features = explanation.features
    yield f"{features.path}: {features.rows} rows"
    yield f"  key     {features.key_columns[0]}{_samples(features.keys)}"
    if features.key_columns[1:]:
        yield f"          also usual: {', '.join(features.key_columns[1:])}"
    for sidecar in explanation.sidecars:
        yield from _sidecar_lines(sidecar, words)
    if explanation.readings:
        yield ""
        yield from _matrix(explanation, words)
        yield ""
        yield from map(words, _verdict(explanation))
    if not explanation.is_of_files:
        return
    yield ""
    yield "A manifest in this folder, such as second-opinion.json:"
    yield ""
    manifest = json.dumps(_manifest(explanation), indent=2, ensure_ascii=False)
    yield from printable_json(manifest).split("\n")


def document(explanation: Explanation) -> dict[str, Any]:
    """Return the explanation as plain JSON values."""
    best = explanation.best
    return {
        "schema": EXPLAIN_SCHEMA,
        "status": "failed" if explanation.problems else "ok",
        "problems": explanation.problems,
        "options": explanation.options.as_dict(),
        "features": msgspec.to_builtins(explanation.features, enc_hook=str),
        "sidecars": msgspec.to_builtins(explanation.sidecars, enc_hook=str),
        "readings": [msgspec.to_builtins(reading) for reading in explanation.readings],
        "best": best and {"key_column": best.key_column, "key_normalize": best.key_normalize.value},
        "manifest_entry": manifest_entry(explanation),
        "manifest": _manifest(explanation),
    }


def _manifest(explanation: Explanation) -> dict[str, Any]:
    """Return a whole manifest, which joins these files in the best way that was found."""
    return {"tables": [manifest_entry(explanation)]}


def _sidecar_lines(sidecar: ExplainedSidecar, words: Callable[[str], str]) -> Iterator[str]:
    path = sidecar.sidecar.path
    if sidecar.problem:
        yield f"{path}: cannot be used"
        problem = words(sidecar.problem).split("\n")
        yield f"  error   {problem[0]}"
        yield from (f"          {line}" for line in problem[1:])
        return
    form = sidecar.reader.replace("_", " ") if sidecar.reader else "frame"
    yield f"{path}: {form}, {sidecar.rows} rows"
    if sidecar.ignored:
        shown = sidecar.ignored[:SHOWN_FILES]
        more = len(sidecar.ignored) - len(shown)
        yield f"  ignored {', '.join(shown)}{f' and {more} more' if more else ''}"
    if sidecar.skipped_lines:
        first = f", the first {sidecar.skipped[0]}" if sidecar.skipped else ""
        yield f"  skipped {sidecar.skipped_lines} lines that are no score rows{first}"
    for scorer in sidecar.scorers:
        yield f"  scorer  {scorer.competitor} ({_NAMED_BY[scorer.named_by]})"
        yield f"  key     {', '.join(scorer.key_fields) or 'none'}{_samples(scorer.keys)}"
        yield f"  score   {_score(scorer)}: {scorer.ok_rows} ok, {scorer.bad_rows} bad"
        if scorer.duplicate_rows:
            yield f"  repeats {scorer.duplicate_rows} rows that say what an earlier one does"
        if scorer.replaced_rows:
            yield f"  replaced {scorer.replaced_rows} bad rows of keys that have an ok row"
        for row in scorer.bad:
            yield f"  bad     {row.key}: {words(row.reason)} ({row.where})"
        for warning in scorer.warnings:
            yield f"  warning {words(warning)}"


def _score(scorer: ExplainedScorer) -> str:
    fields = ", ".join(scorer.score_fields) or "none"
    return f"{fields}, averaged over frames" if scorer.frame_scores else fields


def _samples(keys: list[str]) -> str:
    return f", such as {', '.join(map(shown_key, keys[:2]))}" if keys else ""


def _matrix(explanation: Explanation, words: Callable[[str], str]) -> Iterator[str]:
    """Yield a table: one row a reading of the keys, one column a scorer."""
    readings = explanation.readings
    scorers = list(dict.fromkeys(name for r in readings if r.tally for name in r.tally.scorers))
    cells = [["key_column", "key_normalize", *scorers, ""]]
    for number, reading in enumerate(readings):
        counts = [_count(reading, name) for name in scorers]
        note = "as asked" if number == 0 else _others_named(reading)
        cells.append(
            [reading.key_column, _mode(reading), *counts, note or words(_why_not(reading))]
        )
    yield f"Rows of {explanation.features.rows} that find an ok score, by how keys are read:"
    yield from columns(cells, numbers=range(2, 2 + len(scorers)))


def _mode(reading: Reading) -> str:
    if reading.key_normalize is KeyNormalize.auto:
        return f"auto (here {reading.resolved})"
    return str(reading.key_normalize)


def _count(reading: Reading, scorer: str) -> str:
    if reading.tally is None:
        return "-"
    return str(_found(reading.tally.scorers[scorer]))


def _found(tally: ScorerTally) -> int:
    return tally.matched_rows


def _others_named(reading: Reading) -> str:
    """Return what else a reading sets."""
    options = {"score_key_field": reading.score_key_field, "key_pattern": reading.key_pattern}
    return ", ".join(f"{name} {value}" for name, value in options.items() if value)


def _why_not(reading: Reading) -> str:
    if reading.problem:
        return reading.problem
    ambiguous = reading.tally.ambiguous_rows if reading.tally else 0
    return f"{ambiguous} rows have an ambiguous key" if ambiguous else ""


def _verdict(explanation: Explanation) -> Iterator[str]:
    """Yield what comes of the options as asked, and what would do better."""
    asked, best = explanation.readings[0], explanation.best
    if asked.tally is None:
        yield f"As asked: {asked.problem}"
    else:
        for name, tally in asked.tally.scorers.items():
            yield from _scorer_verdict(name, tally, explanation)
    if best is not None and best.ok_rows > max(asked.ok_rows, 0):
        yield f"With {_setting(explanation, best)}: {_found_in_words(explanation, best)}."
    elif asked.ok_rows <= 0:
        yield (
            "No reading of these keys finds more: key_column and score_key_field name other "
            "fields, key_pattern takes a part of a key."
        )


def _scorer_verdict(name: str, tally: ScorerTally, explanation: Explanation) -> Iterator[str]:
    rows = explanation.features.rows
    yield f"As asked: {_found(tally)} of {rows} rows find an ok score of {name}."
    for collision in tally.collisions[:2]:
        yield f"  {collision.reason} ({collision.where})"
    column = explanation.readings[0].key_column
    for sample in [sample.key for sample in tally.missing if sample.key][:1]:
        yield _looked_for("row", column, sample, "score", explanation)
    for sample in tally.unmatched[:1]:
        yield _looked_for("score", _key_field(name, explanation), sample, "row", explanation)


def _key_field(scorer_name: str, explanation: Explanation) -> str:
    scorers = (scorer for sidecar in explanation.sidecars for scorer in sidecar.scorers)
    return next(s.key_fields[0] for s in scorers if s.competitor == scorer_name)


def _looked_for(whose: str, field: str, key: str, other: str, explanation: Explanation) -> str:
    """Return what one key is reduced to, which the other side does not have."""
    options = explanation.options
    reduced = Normalizer(options.key_normalize, field, options.key_pattern).one(key)
    as_what = "as it stands" if reduced == key else f"as {shown_key(reduced)}"
    return f"  a {whose}'s {field} {shown_key(key)} is taken {as_what}: no {other} has that key"


def _setting(explanation: Explanation, best: Reading) -> str:
    """Return the options that the best reading changes, as messages name them."""
    asked = explanation.readings[0]
    changes = []
    if best.key_column != asked.key_column:
        changes.append(f"key_column {_quoted(best.key_column)}")
    if best.score_key_field:
        changes.append(f"score_key_field {_quoted(best.score_key_field)}")
    if best.key_normalize is not asked.key_normalize:
        changes.append(f"key_normalize {best.key_normalize}")
    if best.key_pattern:
        changes.append(f"key_pattern {_quoted(best.key_pattern)}")
    return " and ".join(changes)


def _quoted(text: str) -> str:
    """Return a text in quotes that a shell takes as they are; only a quote in it needs more."""
    return f"'{text}'"


def _found_in_words(explanation: Explanation, best: Reading) -> str:
    rows = explanation.features.rows
    tallies = best.tally.scorers if best.tally else {}
    counts = {name: _found(tally) for name, tally in tallies.items()}
    return ", ".join(f"{count} of {rows} for {name}" for name, count in counts.items())
