"""The join: which feature row gets which score, and the rows that come out."""

from __future__ import annotations

from collections.abc import Sequence

from second_opinion_assets_tests.plain.contract import Options, Refused, Row, ScoreFile
from second_opinion_assets_tests.plain.keys import Gain, Key, clear, gains, mode_of, normalized
from second_opinion_assets_tests.plain.names import FURTHER_KEY_NAMES, KEY_NAMES
from second_opinion_assets_tests.plain.one_scale import OnOneScale, on_one_scale
from second_opinion_assets_tests.plain.scores import Score, read_scores, slug
from second_opinion_assets_tests.plain.values import named, own_text


def plain_join(rows: Sequence[Row], files: Sequence[ScoreFile], options: Options) -> list[Row]:
    """Return the joined rows: input columns, numbers as `Number`, then the columns of each scorer.

    Raises:
        Refused: the table is to be refused.
        Unclear: the contract leaves it open.
    """
    scorers = read_scores(files, options)
    kept = without_replaced(rows, list(scorers), options)
    keys = feature_keys(kept, options)
    found = {name: what_each_gets(keys, scores) for name, scores in scorers.items()}
    aligned = {
        name: on_one_scale(name, gained) if options.aligned_scores else None
        for name, gained in found.items()
    }
    joined = []
    for number, row in enumerate(kept):
        got = {name: of_scorer[number] for name, of_scorer in found.items()}
        statuses = [gain if isinstance(gain, str) else gain.status for gain in got.values()]
        if options.missing_policy == "fail" and set(statuses) != {"ok"}:
            raise Refused(statuses)
        if options.missing_policy == "drop" and "missing" in statuses:
            continue
        joined.append(dict(row))
        for name, gain in got.items():
            joined[-1].update(appended(options.prefix, name, gain, aligned[name]))
    return joined


def without_replaced(rows: Sequence[Row], scorers: Sequence[str], options: Options) -> list[Row]:
    """Return the rows without the columns that are appended anew, those of one scale among them."""
    names = {
        name
        for scorer in scorers
        for name in appended(options.prefix, scorer, "missing", column_of(scorer, options))
    }
    if any(names & row.keys() for row in rows) and not options.overwrite:
        raise Refused(names)
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def column_of(scorer: str, options: Options) -> OnOneScale | None:
    """Return the one scale of a scorer whose column may not stay: none is left where all go."""
    if options.overwrite:
        return lambda _: None
    return on_one_scale(scorer, []) if options.aligned_scores else None


def feature_keys(rows: Sequence[Row], options: Options) -> list[Key | None]:
    """Return the key of each feature row; None for a null or an empty one."""
    column = key_column_of(rows, options.key_column)
    mode, pattern = mode_of(options.key_normalize, column), options.key_pattern
    keys: list[Key | None] = []
    for row in rows:
        raw = own_text(row.get(column)) or ""
        filled = normalized(raw, mode, column, pattern)
        keys.append(Key.of(clear(raw, pattern, mode), mode, column, pattern) if filled else None)
    return keys


def key_column_of(rows: Sequence[Row], asked: str | None) -> str:
    """Return the column that holds the key of a feature table."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    for wanted in [asked] if asked else [*KEY_NAMES, *FURTHER_KEY_NAMES]:
        for name in named(columns, wanted):
            return name
    raise Refused(columns)


def what_each_gets(keys: Sequence[Key | None], scores: Sequence[Score]) -> list[Score | str]:
    """Return what each feature row gets of one scorer: a score, or the status it has without."""
    filled = [key for key in keys if key is not None]
    got = iter(gains(filled, [score.compared for score in scores]))
    gained: list[Gain] = ["missing" if key is None else next(got) for key in keys]
    return [scores[gain] if isinstance(gain, int) else gain for gain in gained]


def appended(
    prefix: str, competitor: str, gain: Score | str, aligned: OnOneScale | None = None
) -> Row:
    """Return the columns of one scorer for one row: five, and one of the one scale if it has it."""
    start = f"{prefix}_{slug(competitor)}"
    values: tuple[object, ...] = (None, gain, None, 0, "")
    if isinstance(gain, Score):
        values = (gain.score, gain.status, gain.runtime_ms, gain.frames, gain.source)
    names = ("score", "status", "runtime_ms", "frames", "source")
    row = {f"{start}_{name}": value for name, value in zip(names, values, strict=True)}
    return {**row, f"{start}_aligned": aligned(gain)} if aligned else row
