from pathlib import Path

import pytest
from tests.lab.causes.scenario import Make, Scenario


@pytest.fixture
def scenario(tmp_path: Path) -> Make:
    """The scenario of a case of the corpus, by its name."""
    return lambda case: Scenario.of(case, tmp_path)
