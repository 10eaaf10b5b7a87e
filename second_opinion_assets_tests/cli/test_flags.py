"""Options are named as flags on the command line, and only where they are options."""

from __future__ import annotations

import pytest

from second_opinion_assets.cli.flags import in_flags
from second_opinion_assets.cli.materialize import materialize_command
from second_opinion_assets.contract.options import OPTION_NAMES


@pytest.mark.parametrize(
    ("said", "in_flags_said"),
    [
        ("name it as score_field", "name it as --score-field"),
        ("; key_normalize: stem would find 3", "; --key-normalize stem would find 3"),
        ("key_normalize stem would find 3", "--key-normalize stem would find 3"),
        ("say allow_empty: true", "say --allow-empty"),
        ("use overwrite to replace them", "use --overwrite to replace them"),
        (
            "duplicates: first, duplicates: last or duplicates: mean",
            "--duplicates first, --duplicates last or --duplicates mean",
        ),
        ("key_pattern '^(.+)_540p$' would", "--key-pattern '^(.+)_540p$' would"),
        ("no key column 'score_field' among", "no key column 'score_field' among"),
        ("/data/score_field/x.json: not JSON", "/data/score_field/x.json: not JSON"),
        ("prefix and overwrite are words", "prefix and overwrite are words"),
    ],
)
def test_options_become_flags(said: str, in_flags_said: str) -> None:
    """A name of an option is a flag; one in quotes or in a path is not."""
    assert in_flags(said) == in_flags_said


def test_every_option_is_a_flag() -> None:
    """Every option of the join is one of the command's."""
    assert set(OPTION_NAMES) <= {parameter.name for parameter in materialize_command.params}
