"""Errors that do not depend on one another are raised as one."""

from __future__ import annotations

import pytest

from second_opinion_assets.contract.errors import JoinError, ManifestError, Problems
from second_opinion_assets.contract.options import parse_options


def test_problems_in_their_order() -> None:
    """Problems come in the order of their places; those at no known place come last."""
    problems = Problems(["a", "b"])
    problems.add("elsewhere")
    with problems.at("b"):
        parse_options({"overwrite": 1}, "b")
    problems.add("first at a", "a")
    problems.add("second at a", "a")
    with pytest.raises(ManifestError, match=r"\n") as caught:
        problems.refuse(ManifestError)
    assert str(caught.value).split("\n") == [
        "first at a",
        "second at a",
        "b: overwrite: Expected `bool`, got `int`",
        "elsewhere",
    ]


def test_no_problem() -> None:
    """Without a problem nothing is raised."""
    problems = Problems()
    with problems.at():
        pass
    problems.refuse()


def test_what_is_told_already() -> None:
    """Nothing is gathered at a place that is left out."""
    problems = Problems(["a"])
    problems.leave_out("a")
    problems.add("at a", "a")
    problems.refuse()


def test_bugs_are_no_problems() -> None:
    """An exception that is no error of the join is not gathered."""
    problems = Problems()
    with pytest.raises(ZeroDivisionError, match="division"), problems.at():
        _ = 1 / 0
    problems.refuse()


def test_one_problem_reads_as_it_does_alone() -> None:
    """One problem is raised with its own text."""
    problems = Problems()
    problems.add("alone")
    with pytest.raises(JoinError, match=r"^alone$"):
        problems.refuse()
