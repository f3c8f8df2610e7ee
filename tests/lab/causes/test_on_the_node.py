"""Causes that lie on the Pod's own node: its routes, its bridges, its kernel's settings."""

from dataclasses import replace

import pytest
from tests.lab.causes.scenario import (
    NODE_02,
    TARGET,
    Make,
    Scenario,
    ask,
    ask_in_vain,
    collected,
    confirmed,
    run,
)

from wayhome.clouds.node.routes import REVERSE_PATH
from wayhome.diagnosis.cause import Cause
from wayhome.lab.compiled import LabNetwork
from wayhome.network import Network
from wayhome.trace import Lost

pytestmark = pytest.mark.kernel


def test_a_bridge_of_the_node_has_the_destination_s_range(scenario: Make) -> None:
    """Docker's default bridge, made on a node: it asks for the target's address where only containers could answer."""
    found = scenario("docker-overlap")
    assert found.cause is Cause.ON_NODE_OVERLAP
    with found.lab() as lab:
        seen = ask(lab, found.asked)
        assert (seen.lost, seen.died_at, seen.cause) == (
            Lost.FORWARD,
            NODE_02,
            "ROUTE_STAYS_ON_NODE",
        )
        assert "dev docker0" in confirmed(lab, NODE_02, found)
        assert "bridge" in run(lab, NODE_02, "ip", "-d", "link", "show", "dev", "docker0")
        assert run(lab, NODE_02, "ip", "neigh", "show", "dev", "docker0").startswith("10.2.0.1 ")
        # Without the bridge it leaves the node. Then the reply is lost, as it is in the case.
        run(lab, NODE_02, "ip", "link", "delete", "docker0")
        seen = ask(lab, found.asked)
    assert (seen.lost, seen.delivered_to) == (Lost.REPLY, TARGET)


def test_the_node_s_routes_lead_out_by_another_interface(scenario: Make) -> None:
    found = scenario("wrong-interface")
    assert found.cause is Cause.WRONG_INTERFACE
    with found.lab() as lab:
        assert not ask(lab, found.asked).reached
        assert "dev eth1" in confirmed(lab, NODE_02, found)


def test_the_kernel_s_own_reverse_path_filter_drops_the_reply(scenario: Make) -> None:
    """Built without the rules that stand for it: here rp_filter itself is set, and what it drops is in its own counter."""
    found = scenario("reverse-path-filter")
    assert found.cause is Cause.WRONG_INTERFACE
    loose = scenario("reverse-path-loose")
    assert loose.cause is None
    with LabNetwork(_unfiltered(found)) as lab:
        assert ask(lab, found.asked).reached
        for strictness, reached in (("1", False), ("2", True)):
            _set(lab, strictness)
            before = _dropped(lab)
            seen = (ask if reached else ask_in_vain)(lab, found.asked)
            assert (seen.reached, seen.delivered_to) == (reached, TARGET)
            assert (_dropped(lab) > before) is not reached
            assert collected(lab, found).cause is (None if reached else Cause.WRONG_INTERFACE)


def _unfiltered(found: Scenario) -> Network:
    node = found.network.places[NODE_02].node
    ports = tuple(
        replace(port, permitted=None) if port.spoofed == REVERSE_PATH else port
        for port in node.ports
    )
    assert ports != node.ports
    others = (one for one in found.network.nodes if one.name != NODE_02)
    return Network.of([replace(node, ports=ports), *others], found.network.links)


def _set(lab: LabNetwork, strictness: str) -> None:
    run(lab, NODE_02, "sh", "-c", f"echo {strictness} > /proc/sys/net/ipv4/conf/all/rp_filter")


def _dropped(lab: LabNetwork) -> int:
    """IPReversePathFilter of /proc/net/netstat, which is a line of names and a line of values."""
    lines = run(lab, NODE_02, "cat", "/proc/net/netstat").splitlines()
    names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
    return int(values[names.index("IPReversePathFilter")])
