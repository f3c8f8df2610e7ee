"""What depends on the connections that the node tracks: real entries of a real table, which the diagnosis then reads.

That the table itself is full cannot be seen here: its size (nf_conntrack_max) is the host's, and a namespace can only read it.
"""

from dataclasses import replace

import pytest
from tests.lab.causes import tracked
from tests.lab.causes.scenario import NODE_02, TARGET, Make, Scenario, ask, ask_in_vain, collected

from wayhome.diagnosis.cause import Cause
from wayhome.lab.compiled import LabNetwork, Seen
from wayhome.lab.compiled.held import held_in, load
from wayhome.network import Address, Verdict
from wayhome.trace import Lost

pytestmark = pytest.mark.kernel

OPEN_BEFORE, NEW = 40000, 40001
TO_PORTS = 20


def test_a_flow_that_was_open_before_the_change_keeps_its_translation(scenario: Make) -> None:
    """The chain is written anew as upstream's agent does it, under a flow that goes on."""
    before, after = scenario("node-agrees"), scenario("pinned-flow")
    asked = after.asked
    with before.lab() as lab:
        tracked.keep(lab, NODE_02)
        seen = ask(lab, asked, source_port=OPEN_BEFORE)
        assert (seen.lost, seen.source_seen) == (Lost.REPLY, asked.flow.source)
        _hold(lab, after)
        seen = ask(lab, asked, source_port=OPEN_BEFORE)
        assert (seen.lost, seen.source_seen) == (Lost.REPLY, asked.flow.source)
        seen = ask(lab, asked, source_port=NEW)
        assert (seen.reached, seen.source_seen) == (True, Address.parse("10.1.0.3"))

        told = collected(lab, after)
        assert (told.answer.verdict, told.cause) == (Verdict.AMBIGUOUS, Cause.PINNED_FLOW)
        assert f"--orig-src {asked.flow.source}" in told.found.confirm
        tracked.forget(lab, NODE_02)
        assert ask(lab, asked, source_port=OPEN_BEFORE).reached
        assert collected(lab, after).cause is None, "what is open now began after the change"


def test_all_ports_towards_one_destination_are_taken(scenario: Make) -> None:
    found = scenario("port-exhaustion")
    with found.lab() as lab:
        tracked.keep(lab, NODE_02)
        assert all(one.reached for one in _open(lab, found, TO_PORTS // 2))
        assert collected(lab, found).cause is None
        assert all(one.reached for one in _open(lab, found, TO_PORTS // 2))
        failed = tracked.insert_failed(lab, NODE_02)
        assert ask_in_vain(lab, found.asked).delivered_to is None
        assert tracked.insert_failed(lab, NODE_02) > failed

        told = collected(lab, found)
        assert (told.answer.verdict, told.cause) == (Verdict.AMBIGUOUS, Cause.PORT_EXHAUSTION)
        assert f"{TO_PORTS} connections" in told.found.because
        # The same ports are free towards anybody else.
        elsewhere = replace(found.asked, flow=replace(found.asked.flow, port=54))
        assert ask(lab, elsewhere).delivered_to == TARGET


def _hold(lab: LabNetwork, found: Scenario) -> None:
    """Let the node hold the rules that these exports show."""
    rules = held_in(found.estate, found.network)[NODE_02]
    with lab.built.namespace(NODE_02).entered():
        assert load(rules) == ""


def _open(lab: LabNetwork, found: Scenario, number: int) -> list[Seen]:
    """So many flows to the one destination, each from a port of its own."""
    return lab.ask([found.asked] * number)
