"""What tests of the comparison need."""

from __future__ import annotations

import pytest

from second_opinion_assets_tests.agreement.opinions import Opinions
from second_opinion_assets_tests.workspace import Workspace


@pytest.fixture
def opinions(work: Workspace) -> Opinions:
    """Return what writes and compares joined tables."""
    return Opinions(work)
