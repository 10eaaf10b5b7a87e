"""Which columns of a table of scores, CSV or parquet, are what: decided once, for all its rows.

In a table one column is the score: where two might be, the choice is the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from second_opinion_assets.contract.errors import DoubtError, JoinError, NoScoreError
from second_opinion_assets.contract.fields import (
    ALL_KEY_NAMES,
    ALL_SCORE_NAMES,
    LABEL_OR_SCORE,
    RUNTIME_NAMES,
    SCORER_FIELD,
    is_label,
    matching_fields,
)
from second_opinion_assets.scores.payload_fields import is_prediction
from second_opinion_assets.scores.rules import ReadRequest

_SHOWN_COLUMNS = 12


class ScoreColumns(NamedTuple):
    """The columns of a table of scores that are read; the others are passed over.

    Attributes:
        key, score: their names.
        runtimes, scorer, status: names of those that there are, the first with a value counts.
        status_field: what the status column is asked for as.
        further_keys: names of other columns that may tell the clip.
    """

    key: str
    score: str
    runtimes: tuple[str, ...] = ()
    scorer: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    status_field: str = ""
    further_keys: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        others = (*self.runtimes, *self.scorer, *self.status, *self.further_keys)
        return (self.key, self.score, *others)


def known_columns(columns: Sequence[str], asked: ReadRequest) -> int:
    """Return how many of these names are known, or asked for: with any, they are a header."""
    rules = asked.rules
    wanted = [name for name in (rules.key_field, rules.score_field) if name]
    return len(set(matching_fields(tuple(columns), (*ALL_KEY_NAMES, *ALL_SCORE_NAMES, *wanted))))


def score_columns(columns: Sequence[str], asked: ReadRequest, where: str) -> ScoreColumns:
    """Return what is read of a table with these columns.

    Args:
        columns: their names.
        asked: what is asked for of the sidecar.
        where: file and line, for the error message.

    Raises:
        JoinError: no key, score or asked status among them, or two that might be the score.
    """
    names = tuple(columns)
    key = _key_column(names, asked, where)
    score = _score_column(names, asked, where, key)
    status = asked.rules.status_field
    statuses = _others(names, (status,), (key, score))
    if asked.own.status_field and not statuses:
        if taken := matching_fields(names, (status,)):
            role = "key" if taken[0] == key else "score"
            msg = f"{where}: {taken[0]!r} is the {role}; name another column as status_field"
            raise JoinError(msg)
        msg = f"{where}: no status column {status!r} among {_shown(names)}; name it as status_field"
        raise JoinError(msg)
    return ScoreColumns(
        key,
        score,
        _others(names, RUNTIME_NAMES, (key, score)),
        _others(names, (SCORER_FIELD,), (key, score)),
        statuses,
        status,
        _others(names, ALL_KEY_NAMES, (key, score)),
    )


def _key_column(names: tuple[str, ...], asked: ReadRequest, where: str) -> str:
    key = asked.rules.key_field
    found = _one_each(matching_fields(names, (key,) if key else ALL_KEY_NAMES))
    if not found:
        wanted = f"no key column {key!r}" if key else "no key column with a usual name"
        msg = f"{where}: {wanted} among {_shown(names)}; name it as score_key_field"
        raise JoinError(msg)
    _refuse_twins(found[0], names, where)
    return found[0]


def _score_column(names: tuple[str, ...], asked: ReadRequest, where: str, key: str) -> str:
    own, of_table = asked.own.score_field, asked.rules.score_field
    if own:
        found = (own,) if own in names else matching_fields(names, (own,))
    else:
        found = matching_fields(names, (of_table,))[:1] if of_table else ()
        found = found or _usual_scores(
            tuple(name for name in names if name != key), asked.label or "", where
        )
    found = tuple(name for name in dict.fromkeys(found) if name != key)
    if not found:
        wanted = f"no score column {own!r}" if own else "no score column with a usual name"
        msg = f"{where}: {wanted} among {_shown(names)}; name it as score_field{_label_hint(names)}"
        raise NoScoreError(msg)
    if len(found) > 1 and of_table and not matching_fields(names, (of_table,)):
        msg = f"{where}: no score column {of_table!r} among {_shown(names)}; name it as score_field"
        raise NoScoreError(msg)
    if len(found) > 1:
        msg = (
            f"{where}: {found[0]!r} and {found[1]!r} might both be the score; "
            "name the one that is as score_field"
        )
        raise JoinError(msg)
    _refuse_twins(found[0], names, where)
    return found[0]


def _usual_scores(names: tuple[str, ...], scorer: str, where: str) -> tuple[str, ...]:
    """Return the columns with usual names of scores.

    Raises:
        JoinError: one of them may be the label that another column is a prediction of.
    """
    found = matching_fields(names, ALL_SCORE_NAMES)
    label = next((name for name in found if name.lower() == LABEL_OR_SCORE), None)
    prediction = next((name for name in names if is_prediction(name, scorer)), None)
    if label and prediction:
        msg = (
            f"{where}: {label!r} beside {prediction!r} may be the label; "
            "name the score as score_field"
        )
        raise DoubtError(msg)
    return found


def _refuse_twins(name: str, names: tuple[str, ...], where: str) -> None:
    """Raise a JoinError if another column has the name of one that is read."""
    if names.count(name) > 1:
        msg = f"{where}: two columns are called {name!r}; give them names of their own"
        raise DoubtError(msg)


def _one_each(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _others(
    names: tuple[str, ...], wanted: tuple[str, ...], taken: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(name for name in _one_each(matching_fields(names, wanted)) if name not in taken)


def _shown(names: tuple[str, ...]) -> str:
    more = ", …" if len(names) > _SHOWN_COLUMNS else ""
    return ", ".join(names[:_SHOWN_COLUMNS]) + more


def _label_hint(names: tuple[str, ...]) -> str:
    labels = [name for name in names if is_label(name)]
    return f" ({labels[0]} is a label, and no score)" if labels else ""
