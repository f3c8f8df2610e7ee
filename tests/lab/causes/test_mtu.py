"""Packets of real sizes: what passes the node's interface and not the network beyond it is lost, and nobody is told."""

import socket

import pytest
from tests.lab.causes.scenario import TARGET, Make, ask_in_vain, run

from wayhome.diagnosis.cause import Cause
from wayhome.lab.compiled import Asked, LabNetwork, Seen
from wayhome.lab.compiled.mtus import TOO_LARGE
from wayhome.network import Flow, Protocol, Verdict
from wayhome.trace import Lost

pytestmark = pytest.mark.kernel

MY_NETWORK = "projects/source-project/global/networks/my-network"
LARGEST = 1460 - 20 - 8
"""Data of a datagram or an echo, in a packet of the network's MTU."""
SENT = 1500 - 20 - 8


def sized(lab: LabNetwork, asked: Asked, protocol: Protocol, size: int) -> Seen:
    (seen,) = lab.ask([Asked(flow_of(asked, protocol), asked.at, size)])
    return seen


def flow_of(asked: Asked, protocol: Protocol) -> Flow:
    port = None if protocol is Protocol.ICMP else asked.flow.port
    return Flow(asked.flow.source, asked.flow.destination, protocol, port)


def test_large_datagrams_and_echoes_vanish_in_the_network(scenario: Make) -> None:
    found = scenario("mtu")
    assert (found.answer.verdict, found.cause) == (Verdict.AMBIGUOUS, Cause.MTU)
    assert found.found.confirm.startswith(f"ping -M do -c 1 -s {LARGEST + 1} 10.2.0.1 ")
    assert f"-s {LARGEST} is answered" in found.found.confirm
    with found.lab() as lab:
        for protocol in (Protocol.UDP, Protocol.ICMP):
            assert sized(lab, found.asked, protocol, LARGEST).reached
            for size in (LARGEST + 1, SENT):
                seen = sized(lab, found.asked, protocol, size)
                assert (seen.lost, seen.died_at, seen.cause) == (
                    Lost.FORWARD,
                    MY_NETWORK,
                    TOO_LARGE,
                )
        # What the Pod's own interface does not take, its own kernel says.
        assert sized(lab, found.asked, Protocol.UDP, SENT + 1).cause == "EMSGSIZE"


def test_tcp_sends_what_both_ends_take(scenario: Make) -> None:
    """As many bytes as fill several packets: the target announces what it takes, and each packet fits."""
    found = scenario("mtu-tcp")
    assert found.cause is None
    with found.lab() as lab, lab.built.namespace(TARGET).entered():
        server = socket.create_server(("", 80))
        with lab.built.namespace(found.asked.at).entered():
            client = socket.create_connection((str(found.asked.flow.destination), 80), 3)
        with server, client:
            accepted, _ = server.accept()
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1460 - 40
            client.sendall(bytes(8 * SENT))
            client.shutdown(socket.SHUT_WR)
            accepted.settimeout(3)
            with accepted, accepted.makefile("rb") as received:
                assert len(received.read()) == 8 * SENT


def test_a_node_with_the_network_s_mtu_tells_its_pod(scenario: Make) -> None:
    """The neighbour that is no cause: where the node's own interface is the narrow one, the Pod is told, and adapts."""
    found = scenario("repaired-by-list")
    assert found.cause is None
    with found.lab() as lab:
        ask_in_vain(lab, Asked(flow_of(found.asked, Protocol.UDP), found.asked.at, SENT))
        again = sized(lab, found.asked, Protocol.UDP, SENT)
        told = run(lab, found.asked.at, "ip", "route", "get", str(found.asked.flow.destination))
    assert again.cause == "EMSGSIZE"
    assert "mtu 1460" in told
