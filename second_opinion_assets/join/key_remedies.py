"""What would find more keys of scorers of which few were found, by another look at the table."""

from __future__ import annotations

from collections.abc import Sequence

from second_opinion_assets.contract.fields import ALL_KEY_NAMES
from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.matching.keys import KeyColumn
from second_opinion_assets.matching.remedies import RemedySearch
from second_opinion_assets.scores.keyed_scorers import Scorer
from second_opinion_assets.scores.score_table import ScoreTable
from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.open import open_keys
from second_opinion_assets.tables.table import read_usable_key_columns


def read_usual_columns(features: Input | Frame, first: str) -> dict[str, KeyColumn]:
    """Return the columns of a feature table that may hold the key, one that is named first.

    Raises:
        JoinError: a row that is none, or a key of that one that is no text or number.
    """
    table = open_keys(features)
    names = [column.name for column in table.columns]
    usual = [name for wanted in ALL_KEY_NAMES for name in names if name.lower() == wanted]
    others = [name for name in dict.fromkeys(usual) if name != first]
    return read_usable_key_columns(table, first, others)


def common_fields(tables: Sequence[ScoreTable]) -> list[str]:
    """Return the further key fields that every row of all scorers has."""
    fields = tables[0].further_key_fields if tables else []
    return [name for name in fields if all(name in table.further_key_fields for table in tables)]


def add_remedies(
    scorers: Sequence[Scorer],
    tally: Tally,
    key_column: str,
    features: Input | Frame,
    options: JoinOptions,
) -> None:
    """Note in the tally of each scorer what would find more of its keys.

    Args:
        scorers: those of whose keys few were found.
        tally: of the join.
        key_column: the column whose keys they were looked for in.
        features: the feature table, which is looked at again for other columns.
        options: of the join.
    """
    columns = read_usual_columns(features, key_column)
    fields = common_fields([scorer.rows for scorer in scorers])
    for scorer in scorers:
        search = RemedySearch(scorer.rows, fields, columns, options)
        found = tally.scorers[scorer.name]
        found.keys_found_by_mode, found.remedy = search.by_mode, search.best()
