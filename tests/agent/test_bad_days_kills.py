"""Killed at random moments during changes; `scripts/bench kills` does the same a thousand times for each back end."""

from pathlib import Path

import pytest
from bench.kills import BACKENDS, Victim

from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("backend", BACKENDS)
def test_killed_at_any_moment_the_kernel_holds_a_whole_configuration(
    netns: NetworkNamespace, tmp_path: Path, backend: str
) -> None:
    victim = Victim(tmp_path, backend, seed=7)
    try:
        victim.learn()
        outcome = victim.kill(30)
    finally:
        victim.stop()
    assert outcome.wrong == []
    assert outcome.kills == 30
    assert 0 < outcome.amid_a_change < 30, "every moment was the same one"
