"""What the agent's list does, or fails to do: with the project's own agent on the nodes, and its own rules."""

from pathlib import Path

import pytest
from tests.lab.causes.running_agents import configure, running
from tests.lab.causes.scenario import Make, ask

from wayhome.diagnosis.cause import Cause
from wayhome.network import Address
from wayhome.trace import Lost

pytestmark = pytest.mark.kernel

NODE = Address.parse("10.1.0.3")
NODE_OF_UNCOVERED = Address.parse("10.1.0.2")


def test_a_list_under_the_wrong_key_is_not_live(scenario: Make, tmp_path: Path) -> None:
    """The agent is shown nothing, and says so; under the key that the repair names, it applies the list."""
    found = scenario("wrong-key")
    assert found.cause is Cause.CONFIGURATION_NOT_LIVE
    repair = next(r for r in found.answer.repairs if r.proposal.kind == "fix-configuration")
    assert repair.after is not None
    with running(found, tmp_path) as (lab, agents):
        assert agents.said("no configuration")
        seen = ask(lab, found.asked)
        assert (seen.lost, seen.source_seen) == (Lost.REPLY, found.asked.flow.source)
        configure(agents, repair.after.estate)
        seen = ask(lab, found.asked)
    assert (seen.reached, seen.source_seen) == (True, NODE)


def test_a_list_without_a_range_of_pods_hides_them_from_each_other(
    scenario: Make, tmp_path: Path
) -> None:
    found, refused = scenario("uncovered-pod-to-pod"), scenario("uncovered-policy")
    assert {found.cause, refused.cause} == {Cause.POD_RANGE_NOT_LISTED}
    repair = next(r for r in refused.answer.repairs if r.proposal.kind == "fix-configuration")
    assert repair.after is not None
    with running(found, tmp_path / "open") as (lab, agents):
        seen = ask(lab, found.asked)
        assert (seen.reached, seen.source_seen) == (True, NODE_OF_UNCOVERED)
        configure(agents, repair.after.estate)
        seen = ask(lab, found.asked)
        assert (seen.reached, seen.source_seen) == (True, found.asked.flow.source)
    with running(refused, tmp_path / "closed") as (lab, agents):
        assert ask(lab, refused.asked).cause == "GKE_NETWORK_POLICY"
        configure(agents, repair.after.estate)
        assert ask(lab, refused.asked).reached
