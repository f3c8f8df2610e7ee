import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import ip_network

import pytest
from tests.lab.small import CLIENT, CLIENT6, SERVER, SERVER6, ask, small_topology

from wayhome.lab.network import Network
from wayhome.lab.prober import Prober
from wayhome.lab.programs import Program
from wayhome.lab.topology import Filter, FilterRule, Topology
from wayhome.probe.observation import Address, Leg, Observation, Protocol
from wayhome.probe.server import LISTENING

pytestmark = pytest.mark.kernel
Build = Callable[[Topology], Network]
# A probe that ends by its time-out fails these tests: nothing here waits for it unless it says so.
TIMEOUT = 5.0
# The kernel would keep a logged packet for a second, unless told otherwise.
AT_ONCE = 0.8


@pytest.fixture
def serving(build: Build) -> Build:
    def serve(topology: Topology) -> Network:
        network = build(topology)
        argv = (sys.executable, "-m", "wayhome.probe.server", "--address", "::")
        server = network.start(Program("server", "server", argv))
        server.wait_until(lambda text: LISTENING in text, 10)
        return network

    return serve


def probe(network: Network, address: Address = SERVER) -> dict[Protocol, Observation]:
    with Prober(network, TIMEOUT) as prober:
        started = time.monotonic()
        seen = prober.probe([ask(protocol, address=address) for protocol in Protocol])
        assert time.monotonic() - started < AT_ONCE
    return dict(zip(Protocol, seen, strict=True))


@pytest.mark.parametrize(("source", "address"), [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_each_protocol_reaches_and_names_the_source_that_the_target_saw(
    serving: Build, source: Address, address: Address
) -> None:
    seen = probe(serving(small_topology()), address)
    assert {p: (o.reached, o.source_seen, o.reason) for p, o in seen.items()} == dict.fromkeys(
        Protocol, (True, source, None)
    )
    assert all(0 < o.milliseconds < 1000 for o in seen.values())


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_request_that_dies_ends_its_probe_at_once(serving: Build, address: Address) -> None:
    seen = probe(serving(small_topology(without=(str(address),))), address)
    for observation in seen.values():
        assert not observation.reached
        assert observation.reason == f"the request to {address} died at fabric: no-route"
        assert observation.source_seen is None


@pytest.mark.parametrize(("source", "address"), [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_a_reply_that_dies_shows_the_source_that_the_target_saw(
    serving: Build, source: Address, address: Address
) -> None:
    seen = probe(serving(small_topology(without=(str(source),))), address)
    for observation in seen.values():
        assert observation.loss is not None
        assert (observation.loss.leg, observation.source_seen) == (Leg.REPLY, source)
        assert observation.reason == f"the reply to {source} died at fabric: no-route"


def test_each_protocol_meets_the_filters_rules(serving: Build) -> None:
    http = Filter(rules=(FilterRule(protocol="tcp", ports=(80,)),))
    seen = probe(serving(small_topology(to_server=http)))
    assert {p: o.reached for p, o in seen.items()} == {
        Protocol.HTTP: True,
        Protocol.TCP: False,
        Protocol.ICMP: False,
    }
    assert seen[Protocol.ICMP].reason == f"the request to {SERVER} died at fabric: firewall"


def test_replies_pass_a_filter_that_allows_nothing_in(serving: Build) -> None:
    seen = probe(serving(small_topology(to_client=Filter(rules=()))))
    assert all(o.reached for o in seen.values())


def test_a_refused_port_is_not_reached_and_says_so(build: Build) -> None:
    seen = probe(build(small_topology()))
    assert seen[Protocol.TCP].reason == f"{SERVER} refuses port 23: nothing listens there"
    assert seen[Protocol.HTTP].reason == f"{SERVER} refuses port 80: nothing listens there"
    assert seen[Protocol.ICMP].reached


def test_where_no_packet_is_seen_to_die_the_time_out_ends_the_probe(build: Build) -> None:
    network = build(small_topology(without=(str(SERVER),)))
    while network.drop_logs:
        network.drop_logs.pop().close()
    with Prober(network, 0.05) as prober:
        (observation,) = prober.probe([ask(Protocol.TCP)])
    assert (
        observation.reason
        == "no answer within 0.05 s, and no packet that is certainly its own was seen to die"
    )
    assert observation.milliseconds >= 50


MASQUERADE = """
add table ip test
add chain ip test post { type nat hook postrouting priority srcnat ; }
add rule ip test post oifname server masquerade random
"""


def test_the_target_sees_the_address_of_who_masquerades(serving: Build) -> None:
    network = serving(small_topology())
    with network.namespace("fabric").entered():
        subprocess.run(["nft", "-f", "-"], input=MASQUERADE, text=True, check=True)
    seen = probe(network)
    assert {str(o.source_seen) for o in seen.values()} == {"169.254.1.1"}


def test_a_lost_reply_to_a_translated_port_is_matched_with_the_only_attempt(serving: Build) -> None:
    """The reply to the masqueraded attempt dies on the fabric, with a port that the prober never chose."""
    network = serving(small_topology(sources=(ip_network(CLIENT),), to_server=None, without=()))
    with network.namespace("client").entered():
        subprocess.run(
            ["nft", "-f", "-"],
            input=MASQUERADE.replace("oifname server masquerade random", "tcp dport 23 snat to 10.0.0.1:1024-1030"),
            text=True, check=True,
        )  # fmt: skip
    with network.namespace("fabric").entered():
        subprocess.run(["ip", "route", "del", "10.0.0.1"], check=True)
    with Prober(network, TIMEOUT) as prober:
        (observation,) = prober.probe([ask(Protocol.TCP)])
    assert observation.loss is not None
    assert (observation.loss.leg, str(observation.source_seen)) == (Leg.REPLY, "10.0.0.1")


ANSWERS = {
    b"HTTP/1.1 503 No\r\n\r\n": "was 'HTTP/1.1 503 No' and not 200",
    b"HTTP/1.1 200 OK\r\n\r\n[": "is not JSON",
    b'HTTP/1.1 200 OK\r\n\r\n{"status": "ok"}': "does not say which source it saw",
    b'HTTP/1.1 200 OK\r\n\r\n{"source": "\x1b[2Jx"}': "not JSON",
    b'HTTP/1.1 200 OK\r\n\r\n{"source": "me"}': "names no address: 'me'",
    b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000: "longer than 65536 bytes",
    b"": "was '' and not 200",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_is_none_is_not_reached(build: Build, answer: bytes) -> None:
    network = build(small_topology())
    says = f"""
import socket
listener = socket.create_server(("0.0.0.0", 80))
print("{LISTENING}", flush=True)
channel, _ = listener.accept()
channel.recv(4096)
try:
    channel.sendall({answer!r})
except OSError:
    pass
channel.close()
"""
    server = network.start(Program("server", "liar", (sys.executable, "-c", says)))
    server.wait_until(lambda text: LISTENING in text, 10)
    with Prober(network, TIMEOUT) as prober:
        (observation,) = prober.probe([ask(Protocol.HTTP)])
    assert not observation.reached
    assert ANSWERS[answer] in str(observation.reason)
