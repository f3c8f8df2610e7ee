import asyncio
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.lab.small import (
    CLIENT,
    CLIENT6,
    SERVER,
    SERVER6,
    allowing,
    ask,
    end,
    only,
    small_network,
)

from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.prober import Prober
from wayhome.lab.programs import Program
from wayhome.network import Network
from wayhome.network import Protocol as NetworkProtocol
from wayhome.probe import attempt, stream
from wayhome.probe.observation import Address, Leg, Loss, Observation, Protocol
from wayhome.probe.server import LISTENING

pytestmark = pytest.mark.kernel
Build = Callable[[Network], BuiltNetwork]
# A probe that ends by its time-out fails these tests: nothing here waits for it unless it says so.
TIMEOUT = 5.0
# The kernel would keep a logged packet for a second, unless told otherwise.
AT_ONCE = 0.8


@pytest.fixture
def serving(build: Build) -> Build:
    def serve(described: Network) -> BuiltNetwork:
        network = build(described)
        argv = (sys.executable, "-m", "wayhome.probe.server", "--address", "::")
        server = network.start(Program("server", "server", argv))
        server.wait_until(lambda text: LISTENING in text, 10)
        return network

    return serve


def probe(network: BuiltNetwork, address: Address = SERVER) -> dict[Protocol, Observation]:
    with Prober(network, TIMEOUT) as prober:
        started = time.monotonic()
        seen = prober.probe([ask(protocol, address=address) for protocol in Protocol])
        assert time.monotonic() - started < AT_ONCE
    return dict(zip(Protocol, seen, strict=True))


@pytest.mark.parametrize(("source", "address"), [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_each_protocol_reaches_and_names_the_source_that_the_target_saw(
    serving: Build, source: Address, address: Address
) -> None:
    seen = probe(serving(small_network()), address)
    assert {p: (o.reached, o.source_seen, o.reason) for p, o in seen.items()} == dict.fromkeys(
        Protocol, (True, source, None)
    )
    assert all(0 < o.milliseconds < 1000 for o in seen.values())


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_request_that_dies_ends_its_probe_at_once(serving: Build, address: Address) -> None:
    seen = probe(serving(small_network(without=(str(address),))), address)
    for observation in seen.values():
        assert not observation.reached
        assert observation.reason == f"the request to {address} died at fabric: NO_ROUTE"
        assert observation.source_seen is None


@pytest.mark.parametrize(("source", "address"), [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_a_reply_that_dies_shows_the_source_that_the_target_saw(
    serving: Build, source: Address, address: Address
) -> None:
    seen = probe(serving(small_network(without=(str(source),))), address)
    for observation in seen.values():
        assert observation.loss is not None
        assert (observation.loss.leg, observation.source_seen) == (Leg.REPLY, source)
        assert observation.reason == f"the reply to {source} died at fabric: NO_ROUTE"


def test_each_protocol_meets_the_filters_rules(serving: Build) -> None:
    http = only(allowing(NetworkProtocol.TCP, 80))
    seen = probe(serving(small_network(to_server=http)))
    assert {p: o.reached for p, o in seen.items()} == {
        Protocol.HTTP: True,
        Protocol.TCP: False,
        Protocol.ICMP: False,
    }
    assert seen[Protocol.ICMP].reason == f"the request to {SERVER} died at fabric: firewall"


def test_replies_pass_a_filter_that_allows_nothing_in(serving: Build) -> None:
    seen = probe(serving(small_network(to_client=only())))
    assert all(o.reached for o in seen.values())


def test_a_refused_port_is_not_reached_and_says_so(build: Build) -> None:
    seen = probe(build(small_network()))
    assert seen[Protocol.TCP].reason == f"{SERVER} refuses port 23: nothing listens there"
    assert seen[Protocol.HTTP].reason == f"{SERVER} refuses port 80: nothing listens there"
    assert seen[Protocol.ICMP].reached


def test_where_no_packet_is_seen_to_die_the_time_out_ends_the_probe(build: Build) -> None:
    network = build(small_network(without=(str(SERVER),)))
    while network.logs:
        network.logs.pop().close()
    with Prober(network, 0.05) as prober:
        (observation,) = prober.probe([ask(Protocol.TCP)])
    assert observation.reason == "no answer within 0.05 s, and none of its packets was seen to die"
    assert observation.milliseconds >= 50


def nft(network: BuiltNetwork, node: str, rules: str) -> None:
    with network.namespace(node).entered():
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


MASQUERADE = """
add table ip test
add chain ip test post { type nat hook postrouting priority srcnat ; }
add rule ip test post oifname p1 masquerade random
"""


def test_the_target_sees_the_address_of_who_masquerades(serving: Build) -> None:
    network = serving(small_network())
    nft(network, "fabric", MASQUERADE)
    seen = probe(network)
    assert {str(o.source_seen) for o in seen.values()} == {"169.254.1.1"}


# The client translates what it sends, as a node does for its Pods: nobody else knows the ports and identifiers.
BEHIND_A_MASQUERADE = """
add table inet test
add chain inet test post { type nat hook postrouting priority srcnat ; }
add rule inet test post meta l4proto { tcp, icmp } snat ip to 10.0.0.1:1024-2023
add rule inet test post meta l4proto { tcp, ipv6-icmp } snat ip6 to [fd00::1]:1024-2023
"""
TWINS = [protocol for protocol in Protocol for _ in range(3)]


def probe_twins(network: BuiltNetwork, address: Address) -> list[str | None]:
    with Prober(network, TIMEOUT) as prober:
        started = time.monotonic()
        seen = prober.probe([ask(protocol, address=address) for protocol in TWINS])
        assert time.monotonic() - started < AT_ONCE
    return [observation.reason for observation in seen]


@pytest.mark.parametrize(("source", "address"), [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_lost_replies_are_told_apart_behind_one_masquerade(
    serving: Build, source: Address, address: Address
) -> None:
    network = serving(small_network(without=(str(source),)))
    nft(network, "client", BEHIND_A_MASQUERADE)
    reason = f"the reply to {source} died at fabric: NO_ROUTE"
    assert probe_twins(network, address) == [reason] * len(TWINS)


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_lost_requests_are_told_apart_behind_one_masquerade(
    serving: Build, address: Address
) -> None:
    network = serving(small_network(to_server=only()))
    nft(network, "client", BEHIND_A_MASQUERADE)
    reason = f"the request to {address} died at fabric: firewall"
    assert probe_twins(network, address) == [reason] * len(TWINS)


# Every other attempt leaves the client from 1024, and what goes back to one of the two dies on the fabric.
FROM_1024_AND_1025 = """
add table ip test
add chain ip test post { type nat hook postrouting priority srcnat ; }
add rule ip test post meta l4proto { tcp, icmp } snat to 10.0.0.1 : numgen inc mod 2 map { 0 : 1024 , 1 : 1025 }
"""
NOT_BACK_TO = """
add table ip test
add chain ip test pre { type filter hook prerouting priority filter ; }
add rule ip test pre tcp dport PORT counter log group 1 prefix "by-hand" drop
add rule ip test pre icmp type echo-reply icmp id PORT counter log group 1 prefix "by-hand" drop
"""


@pytest.mark.parametrize("protocol", Protocol)
def test_of_two_attempts_behind_one_masquerade_only_the_one_that_died_is_lost(
    serving: Build, protocol: Protocol
) -> None:
    network = serving(small_network())
    nft(network, "client", FROM_1024_AND_1025)
    nft(network, "fabric", NOT_BACK_TO.replace("PORT", "1025"))
    with Prober(network, TIMEOUT) as prober:
        first, second = prober.probe([ask(protocol), ask(protocol)])
    assert (first.reached, first.source_seen) == (True, CLIENT)
    assert second.reason == f"the reply to {CLIENT} died at fabric: by-hand"


def listening(network: BuiltNetwork, port: int, then: str) -> None:
    """A server on one port of the server; `then` is what it does with the first `channel`."""
    says = f"""
import socket, time
listener = socket.create_server(("0.0.0.0", {port}))
print("{LISTENING}", flush=True)
channel, _ = listener.accept()
{then}
"""
    server = network.start(Program("server", "listener", (sys.executable, "-c", says)))
    server.wait_until(lambda text: LISTENING in text, 10)


def test_a_reply_that_is_repeated_is_not_held_against_a_later_attempt(build: Build) -> None:
    """The first attempt's SYN-ACK dies, and again a second later, while the second one still waits for its answer."""
    network = build(small_network())
    nft(network, "client", FROM_1024_AND_1025)
    nft(network, "fabric", NOT_BACK_TO.replace("PORT", "1024"))
    answer = b'HTTP/1.1 200 OK\r\n\r\n{"source": "10.0.0.1"}'
    listening(network, 80, f"channel.recv(4096); time.sleep(1.5); channel.sendall({answer!r})")
    with Prober(network, TIMEOUT) as prober:
        (first,) = prober.probe([ask(Protocol.HTTP)])
        (second,) = prober.probe([ask(Protocol.HTTP)])
    assert first.reason == f"the reply to {CLIENT} died at fabric: by-hand"
    assert second.reason is None
    with network.namespace("fabric").entered():
        listed = subprocess.run(
            ["nft", "list", "table", "ip", "test"], capture_output=True, text=True, check=True
        )
    (count,) = re.findall(r"tcp dport 1024 counter packets (\d+)", listed.stdout)
    assert int(count) > 1  # it was repeated, and died again


def test_what_died_before_takes_no_room_from_what_dies_now(serving: Build) -> None:
    """More dies between two probings than the log's buffer holds."""
    network = serving(small_network(without=(str(SERVER),)))
    with network.namespace("client").entered(), socket.socket(type=socket.SOCK_DGRAM) as channel:
        for _ in range(5000):
            channel.sendto(b"datagram", (str(SERVER), 4000))
    for observation in probe(network).values():
        assert observation.reason == f"the request to {SERVER} died at fabric: NO_ROUTE"


SILENT = {
    "nothing": "time.sleep(60)",
    "another greeting": "channel.sendall(b'SSH-2.0-OpenSSH_9.2\\r\\n'); time.sleep(60)",
    "no end": "channel.sendall(b'x' * 70_000); time.sleep(60)",
    "the end": "channel.close(); time.sleep(60)",
    "a reset": (
        "channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\\1\\0\\0\\0\\0\\0\\0\\0')\n"
        "channel.close(); time.sleep(60)"
    ),
}


@pytest.mark.parametrize("then", SILENT)
def test_an_open_port_is_reached_whatever_listens_there_and_its_node_saw_from_where(
    build: Build, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    monkeypatch.setattr(stream, "GREETING_SECONDS", 0.3)
    network = build(small_network())
    listening(network, 2222, SILENT[then])
    with Prober(network, TIMEOUT) as prober:
        (seen,) = prober.probe([replace(ask(Protocol.TCP), port=2222)])
    assert (seen.reached, seen.source_seen, seen.reason) == (True, CLIENT, None)


def test_a_connection_that_is_reset_before_anybody_looks_was_open(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look_late(channel: socket.socket, destination: Address, port: int) -> None:
        asyncio.get_running_loop().call_soon(time.sleep, 0.3)
        await stream.connect(channel, destination, port)

    monkeypatch.setattr(attempt, "connect", look_late)
    network = build(small_network())
    listening(network, 2222, SILENT["a reset"])
    with Prober(network, TIMEOUT) as prober:
        (seen,) = prober.probe([replace(ask(Protocol.TCP), port=2222)])
    assert (seen.reached, seen.source_seen, seen.reason) == (True, CLIENT, None)


def test_a_greeting_without_an_end_is_not_read_to_it(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "GREETING_SECONDS", 30)
    network = build(small_network())
    listening(network, 23, SILENT["no end"])
    with Prober(network, TIMEOUT) as prober:
        started = time.monotonic()
        (seen,) = prober.probe([ask(Protocol.TCP)])
        assert time.monotonic() - started < 20
    assert (seen.reached, seen.source_seen) == (True, CLIENT)


def test_the_time_of_a_connection_does_not_include_the_wait_for_a_greeting(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "GREETING_SECONDS", 0.5)
    network = build(small_network())
    listening(network, 23, "time.sleep(60)")
    with Prober(network, 0.2) as prober:  # nor does the time-out
        started = time.monotonic()
        (seen,) = prober.probe([ask(Protocol.TCP)])
        assert time.monotonic() - started > 0.5
    assert seen.reached
    assert seen.milliseconds < 200


def test_a_greeting_in_pieces_is_read_to_the_end_of_its_line(build: Build) -> None:
    network = build(small_network())
    pieces = (
        "channel.sendall(b'10.0.'); time.sleep(0.1); channel.sendall(b'0.1\\n'); time.sleep(60)"
    )
    listening(network, 23, pieces)
    with Prober(network, TIMEOUT) as prober:
        (seen,) = prober.probe([ask(Protocol.TCP)])
    assert (seen.reached, seen.source_seen) == (True, CLIENT)


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_node_that_cannot_send_is_where_the_request_died(build: Build, address: Address) -> None:
    drops = ((f"{address}/{address.max_prefixlen}", "dropped-here"),)
    network = build(small_network(without=(str(address),), drops=drops))
    with Prober(network, TIMEOUT) as prober:
        seen = prober.probe([ask(p, source="fabric", address=address) for p in Protocol])
    loss = Loss(Leg.REQUEST, "fabric", "dropped-here", address)
    assert [(o.loss, o.reason) for o in seen] == [(loss, str(loss))] * 3


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_node_without_any_route_has_none(build: Build, address: Address) -> None:
    client = replace(end("client", CLIENT, CLIENT6), rules=(), tables={})
    network = build(small_network(client=client))
    with Prober(network, TIMEOUT) as prober:
        seen = prober.probe([ask(p, address=address) for p in Protocol])
    assert {o.reason for o in seen} == {f"the request to {address} died at client: NO_ROUTE"}


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_nodes_own_filter_kills_what_it_sends(build: Build, address: Address) -> None:
    """The kernel refuses an echo with an error of its own (EPERM), and says nothing of a SYN."""
    network = build(small_network(to_server=only()))
    with Prober(network, TIMEOUT) as prober:
        seen = prober.probe([ask(p, source="fabric", address=address) for p in Protocol])
    assert {o.reason for o in seen} == {f"the request to {address} died at fabric: firewall"}


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
    network = build(small_network())
    listening(
        network,
        80,
        f"""
channel.recv(4096)
try:
    channel.sendall({answer!r})
except OSError:
    pass
channel.close()
""",
    )
    with Prober(network, TIMEOUT) as prober:
        (observation,) = prober.probe([ask(Protocol.HTTP)])
    assert not observation.reached
    assert ANSWERS[answer] in str(observation.reason)
