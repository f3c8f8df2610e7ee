"""`scripts/bench --agreement`: what it says where tracer and kernel agree."""

import pytest

from bench import agreement

pytestmark = pytest.mark.kernel


def test_it_counts_and_says_how_flows_ended(capsys: pytest.CaptureFixture[str]) -> None:
    assert agreement.run(10, 5) == 0
    said = capsys.readouterr().out
    assert said.startswith("seed 5\n")
    assert "no disagreement: " in said
    assert "came home" in said
