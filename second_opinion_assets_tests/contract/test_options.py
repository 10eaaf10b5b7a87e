"""The options of a join: their names, defaults and the values they take."""

from __future__ import annotations

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import OPTION_NAMES, JoinOptions, parse_options


def test_option_names() -> None:
    """The options are those of the contract."""
    assert (
        *("missing_policy", "key_column", "score_key_field", "score_field", "label_as_score"),
        *("key_normalize", "key_pattern", "duplicates", "prefix", "overwrite", "canonical_names"),
        *("aligned_scores", "min_coverage", "allow_empty"),
    ) == OPTION_NAMES


def test_defaults() -> None:
    """Without options everything is marked, nothing replaced, and names are looked for."""
    assert parse_options({}, "here").as_dict() == {
        "missing_policy": "mark",
        "key_column": None,
        "score_key_field": None,
        "score_field": None,
        "label_as_score": False,
        "key_normalize": "auto",
        "key_pattern": None,
        "duplicates": "error",
        "prefix": "second_opinion",
        "overwrite": False,
        "canonical_names": False,
        "min_coverage": None,
        "allow_empty": False,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(
            {"missing_polcy": "drop"},
            r"^here: unknown option 'missing_polcy'; did you mean missing_policy\?$",
            id="typo",
        ),
        pytest.param({"zzz": 1}, r"^here: unknown option 'zzz'; expected one of ", id="unknown"),
        pytest.param(
            {"missing_policy": "skip"},
            r"^here: missing_policy is 'skip', expected one of mark, drop, fail$",
            id="policy",
        ),
        pytest.param(
            {"key_normalize": "Stem"},
            r"^here: key_normalize is 'Stem', expected one of auto, raw, basename, stem, suffix$",
            id="case-of-a-value",
        ),
        pytest.param({"missing_policy": ["drop"]}, r"^here: missing_policy is ", id="list"),
        pytest.param({"overwrite": 1}, r"^here: overwrite: ", id="number-for-yes"),
        pytest.param({"key_column": 5}, r"^here: key_column: ", id="number-for-name"),
        pytest.param({"key_pattern": "("}, r"which is no regular expression: ", id="pattern"),
        pytest.param(
            {"key_pattern": "(a)(b)"}, r"with 2 groups, expected exactly one", id="groups"
        ),
        pytest.param({"prefix": None}, r"^here: prefix: ", id="no-prefix"),
        pytest.param({"prefix": ""}, r"^here: prefix is '', expected letters", id="empty-prefix"),
        pytest.param({"prefix": 'a"b'}, r"^here: prefix is 'a\"b', expected", id="quoted-prefix"),
    ],
)
def test_refused_options(values: dict[str, object], message: str) -> None:
    """What is no option, or no value of one, is refused with the place and what is expected."""
    with pytest.raises(JoinError, match=message):
        parse_options(values, "here")


@pytest.mark.parametrize("prefix", ["so", "Second-Opinion", "v1.2", "_"])
def test_accepted_prefixes(prefix: str) -> None:
    """A prefix may have letters, digits, underscores, dots and hyphens."""
    assert JoinOptions(prefix=prefix).prefix == prefix
