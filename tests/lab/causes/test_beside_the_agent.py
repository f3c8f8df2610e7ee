"""From a node in order to a cause, under the project's own agent: what changes is done by the programs that do it.

The exports begin without any state of the node; `wayhome collect` then asks the node itself, and `why` names the cause.
"""

import shutil
import sys
from pathlib import Path

import pytest
from tests.lab.causes import tracked
from tests.lab.causes.running_agents import configure, running
from tests.lab.causes.scenario import NODE_02, Make, Scenario, ask, collected, run

from wayhome.diagnosis.cause import Cause
from wayhome.network import Address, Verdict
from wayhome.trace import Lost

pytestmark = pytest.mark.kernel

DOCKERS = ("-s", "172.16.0.0/16", "!", "-o", "docker0", "-j", "MASQUERADE")
NODE = Address.parse("10.1.0.3")


def unseen(found: Scenario) -> Scenario:
    """The scenario where nothing of the node's own state was collected."""
    shutil.rmtree(found.exports / "nodes")
    return found.again()


def test_docker_comes_to_the_node(scenario: Make, tmp_path: Path) -> None:
    found = unseen(scenario("foreign-rule"))
    assert found.cause is None
    with running(found, tmp_path) as (lab, _):
        seen = ask(lab, found.asked)
        assert (seen.reached, seen.source_seen) == (True, found.asked.flow.source)
        assert collected(lab, found).cause is None

        run(lab, NODE_02, "iptables-nft", "-t", "nat", "-A", "POSTROUTING", *DOCKERS)
        assert ask(lab, found.asked).cause == "FIREWALL_RULE"
        told = collected(lab, found)
        assert told.cause is Cause.FOREIGN_RULE
        assert "of Docker in ip nat POSTROUTING" in told.found.because
        conflicts = (sys.executable, "-m", "wayhome", "node", "conflicts")
        assert "written by Docker" in run(lab, NODE_02, *conflicts, status=1)


def test_the_list_changes_under_a_flow(scenario: Make, tmp_path: Path) -> None:
    before, after = scenario("the-case-udp"), unseen(scenario("pinned-flow"))
    assert (before.cause, after.cause) == (Cause.NO_RETURN_ROUTE, None)
    with running(before, tmp_path) as (lab, agents):
        tracked.keep(lab, NODE_02)
        seen = ask(lab, after.asked, source_port=40000)
        assert (seen.lost, seen.source_seen) == (Lost.REPLY, after.asked.flow.source)
        configure(agents, after.estate)
        seen = ask(lab, after.asked, source_port=40001)
        assert (seen.reached, seen.source_seen) == (True, NODE)
        seen = ask(lab, after.asked, source_port=40000)
        assert (seen.lost, seen.source_seen) == (Lost.REPLY, after.asked.flow.source)

        told = collected(lab, after)
        assert (told.answer.verdict, told.cause) == (Verdict.AMBIGUOUS, Cause.PINNED_FLOW)
        tracked.forget(lab, NODE_02)
        assert ask(lab, after.asked, source_port=40000).reached
        assert collected(lab, after).cause is None
