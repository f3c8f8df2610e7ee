"""Entries of `conntrack -L`, of all forms that it prints."""

import pytest

from wayhome.clouds.located import Located
from wayhome.clouds.node.connections import connections_between, count_answered
from wayhome.clouds.node.counters import counters_of
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.network import Address, Evidence, Protocol

POD, TARGET, NODE = map(Address.parse, ("172.16.2.2", "10.2.0.1", "10.1.0.3"))
TCP = "tcp      6 86398 ESTABLISHED src=172.16.2.2 dst=10.2.0.1 sport=40000 dport=80 src=10.2.0.1 dst=10.1.0.3 sport=80 dport=2000 [ASSURED] mark=0 use=1"
UDP = "udp      17 28 src=172.16.2.2 dst=10.2.0.1 sport=40000 dport=53 [UNREPLIED] src=10.2.0.1 dst=172.16.2.2 sport=53 dport=40000 mark=0 use=1"
ECHO = "icmp     1 29 src=172.16.2.2 dst=10.2.0.1 type=8 code=0 id=7 src=10.2.0.1 dst=10.1.0.3 type=0 code=0 id=7 mark=0 use=1"


def state(*lines: str) -> NodeState:
    text = Located("\n".join(lines) + "\n", Evidence("n", "conntrack.txt"))
    return NodeState("n", {NodeOutput.CONNTRACK: text})


@pytest.mark.parametrize("prefix", ["", "ipv4     2 "])
def test_addresses_ports_and_translation(prefix: str) -> None:
    tcp, udp, echo = connections_between(
        state(*(prefix + line for line in (TCP, UDP, ECHO))), POD, TARGET
    )
    assert (tcp.protocol, tcp.source_port, tcp.port, tcp.seen_as) == (Protocol.TCP, 40000, 80, NODE)
    assert (udp.protocol, udp.port, udp.seen_as) == (Protocol.UDP, 53, POD)
    assert (echo.protocol, echo.port, echo.seen_as) == (Protocol.ICMP, None, NODE)


def test_only_what_is_asked_about() -> None:
    longer = TCP.replace("172.16.2.2", "172.16.2.22").replace("dst=10.2.0.1 ", "dst=10.2.0.11 ")
    assert list(connections_between(state(longer), POD, TARGET)) == []
    assert list(connections_between(NodeState("n", {}), POD, TARGET)) == []


@pytest.mark.parametrize(
    "line", [TCP[:60], TCP[:90], "tcp 6 1 src=172.16.2.2 dst=10.2.0.1 ", "conntrack v1.4.7"]
)
def test_a_line_that_stops_is_no_entry(line: str) -> None:
    assert list(connections_between(state(line), POD, TARGET)) == []


def test_ports_are_counted_by_protocol_and_by_whom_they_are_answered() -> None:
    held = state(TCP, TCP.replace("40000", "40001"), UDP, TCP.replace("sport=80", "sport=81"))
    assert count_answered(held, Protocol.TCP, TARGET, 80, NODE) == 2
    assert count_answered(held, Protocol.UDP, TARGET, 80, NODE) == 0


def test_counters_are_summed_over_processors() -> None:
    text = "cpu=0 found=2 insert_failed=41 drop=0\ncpu=1 found=0 insert_failed=1 drop=2\n"
    located = Located(text, Evidence("n", "conntrack-counters.txt"))
    found = counters_of(NodeState("n", {NodeOutput.CONNTRACK_COUNTERS: located}))
    assert found == {"found": 2, "insert_failed": 42, "drop": 2}
    assert counters_of(NodeState("n", {})) == {}
