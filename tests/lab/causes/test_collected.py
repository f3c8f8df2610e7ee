"""The round trip: `wayhome collect --node` on a node of the lab, by the real commands, and what `why` makes of that.

The exports lose what they said of the node; what its kernel says instead names the same cause.
"""

import shutil
from pathlib import Path

import pytest
from tests.lab.causes.running_agents import running
from tests.lab.causes.scenario import Make, collected

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    "case",
    [
        "foreign-rule",
        "foreign-rule-keeps",
        "node-holds-the-old-list",
        "docker-overlap",
        "wrong-interface",
        "mtu",
    ],
)
def test_the_lab_s_node_says_the_same_as_the_real_one(
    case: str, scenario: Make, tmp_path: Path
) -> None:
    found = scenario(case)
    assert found.cause is not None
    with running(found, tmp_path) as (lab, _):
        shutil.rmtree(found.exports / "nodes")
        assert found.again().cause is not found.cause
        told = collected(lab, found)
    assert told.cause is found.cause
