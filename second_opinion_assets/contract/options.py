"""The options of one join: their names, their values and their defaults.

Where they come from (command line, manifest, run config) does not belong here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from second_opinion_assets.contract.errors import JoinError, Problems
from second_opinion_assets.contract.json_text import shown
from second_opinion_assets.contract.key_pattern import compile_key_pattern

DEFAULT_PREFIX = "second_opinion"
_PREFIX = re.compile(r"[A-Za-z0-9_.\-]+")


class MissingPolicy(StrEnum):
    """What happens to a row that lacks a scorer."""

    mark = "mark"
    drop = "drop"
    fail = "fail"


class KeyNormalize(StrEnum):
    """How the text of a key is reduced before both sides are compared."""

    auto = "auto"
    raw = "raw"
    basename = "basename"
    stem = "stem"
    suffix = "suffix"


class Duplicates(StrEnum):
    """What happens to ok score rows of one clip that say different things."""

    error = "error"
    first = "first"
    last = "last"
    mean = "mean"


class JoinOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value for every option of a join.

    Attributes:
        missing_policy: `mark` keeps every row, `drop` drops the rows that lack a scorer,
            `fail` publishes nothing unless every row has an ``ok`` score from every scorer.
        key_column: column of the feature table that holds the key; None looks for a usual name.
        score_key_field: field of a score row that holds the key; None looks for a usual name.
        score_field: field that holds the score where a row has it; else a usual name is taken.
        label_as_score: whether `score_field` may be a label, such as `gt_score`.
        key_normalize: how keys are reduced on both sides.
        key_pattern: regular expression with one group, which is what a key is reduced from; a key
            that does not match keeps its own text.
        duplicates: what is done about different ok rows of one clip and scorer: `error` refuses the
            table, `first` and `last` take one of them, `mean` the mean of their scores.
        prefix: first part of the name of every appended column.
        overwrite: replace columns of these names that the table has already.
        canonical_names: call a scorer that the registry knows by its one canonical name.
        aligned_scores: append also each score on one scale, 0 worst and 100 best, of the scorers
            whose scale and direction are known.
        min_coverage: least share of the rows, 0 to 1, that must have an ``ok`` score, of every
            scorer or of each that is named; below it nothing is published. None asks for nothing.
        allow_empty: publish a table in which no row has an ``ok`` score from any scorer.
    """

    missing_policy: MissingPolicy = MissingPolicy.mark
    key_column: str | None = None
    score_key_field: str | None = None
    score_field: str | None = None
    label_as_score: bool = False
    key_normalize: KeyNormalize = KeyNormalize.auto
    key_pattern: str | None = None
    duplicates: Duplicates = Duplicates.error
    prefix: str = DEFAULT_PREFIX
    overwrite: bool = False
    canonical_names: bool = False
    aligned_scores: bool = False
    min_coverage: float | dict[str, float] | None = None
    allow_empty: bool = False

    def __post_init__(self) -> None:
        """Refuse a prefix that could not name a column everywhere, and a pattern that is none."""
        if not _PREFIX.fullmatch(self.prefix):
            msg = f"prefix is {self.prefix!r}, expected letters, digits and any of _ . -"
            raise ValueError(msg)
        if self.key_pattern is not None:
            compile_key_pattern(self.key_pattern)
        refuse_no_share(self.min_coverage)

    def as_dict(self) -> dict[str, object]:
        """Return the options as plain JSON values, in the order they are declared.

        Without aligned scores nothing is said of them: the fingerprints of tables that were joined
        before there were such stay as they are.
        """
        options: dict[str, object] = msgspec.to_builtins(self)
        if not self.aligned_scores:
            del options["aligned_scores"]
        return options


def refuse_no_share(coverage: object) -> None:
    """Raise a ValueError for a least coverage that is neither a share nor a share by scorer."""
    expected = "expected a share of the rows, from 0 to 1"
    if isinstance(coverage, dict):
        for scorer, share in coverage.items():
            if not _is_share(share):
                msg = f"min_coverage of {scorer} is {shown(share)}, {expected}"
                raise ValueError(msg)
    elif coverage is not None and not _is_share(coverage):
        msg = f"min_coverage is {shown(coverage)}, {expected}, or an object of such by scorer"
        raise ValueError(msg)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


OPTION_NAMES = tuple(field.name for field in msgspec.structs.fields(JoinOptions))


def parse_options(values: Mapping[str, object], where: str) -> JoinOptions:
    """Build options from plain values.

    Args:
        values: option name to value; names must be of `OPTION_NAMES`.
        where: what the values were read from, for the error message; nothing for a command line.

    Raises:
        JoinError: unknown options, and values that an option cannot have, a line for each.
    """
    problems = Problems()
    for name, value in values.items():
        with problems.at():
            _refuse_option(name, value, where)
    problems.refuse()
    return msgspec.convert(values, JoinOptions)


def _refuse_option(name: str, value: object, where: str) -> None:
    """Raise a JoinError for an option that is unknown, or cannot have this value."""
    refuse_unknown([name], OPTION_NAMES, where, "option")
    enums = {
        "missing_policy": MissingPolicy,
        "key_normalize": KeyNormalize,
        "duplicates": Duplicates,
    }
    enum = enums.get(name)
    before = f"{where}: " if where else ""
    if enum and value not in list(enum):
        msg = f"{before}{name} is {value!r}, expected one of {', '.join(enum)}"
        raise JoinError(msg)
    try:
        if name == "min_coverage":  # of what may be one of two things msgspec says too little
            refuse_no_share(value)
        msgspec.convert({name: value}, JoinOptions)
    except ValueError as error:  # msgspec's own is one
        msg = f"{before}{as_sentence(str(error))}"
        raise JoinError(msg) from None


def refuse_unknown(names: Iterable[str], known: Iterable[str], where: str, noun: str) -> None:
    """Raise a JoinError for the names that are not known, each with the nearest one that is."""
    known = list(known)
    problems = Problems()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
            problems.add(f"{where}: unknown {noun} {name!r}; {hint}")
    problems.refuse()


def gather_unknown(
    entry: Mapping[str, object], known: Sequence[str], where: str, problems: Problems
) -> None:
    """Gather the keys of an entry that are not known, each at its place.

    If there is one, what is missing is left out: it may be what the unknown key was meant to be.
    """
    unknown = [name for name in entry if name not in known]
    for name in unknown:
        with problems.at(name):
            refuse_unknown([name], known, where, "key")
    for name in known if unknown else ():
        if name not in entry:
            problems.leave_out(name)


def as_sentence(validation_error: str) -> str:
    """Turn msgspec's ``Expected `str`, got `int` - at `$.key``` into field-first words."""
    problem, _, place = validation_error.partition(" - at `$.")
    return f"{place.rstrip('`')}: {problem}" if place else problem
