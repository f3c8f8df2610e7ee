import os
import socket
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.lab.small import (
    CLIENT,
    CLIENT6,
    SERVER,
    SERVER6,
    allowing,
    deaths,
    end,
    only,
    receiver,
    send,
    small_network,
)

from wayhome.lab import sysctls
from wayhome.lab.compiled import BuiltNetwork, build
from wayhome.lab.compiled.names import Interface, Names
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.network import FilterAction, Network, Protocol

pytestmark = pytest.mark.kernel

Build = Callable[[Network], BuiltNetwork]
UDP_4000 = allowing(Protocol.UDP, 4000)


@pytest.mark.parametrize(("source", "destination"), [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_a_packet_crosses_two_links_and_keeps_its_source(
    build: Build, source: object, destination: object
) -> None:
    network = build(small_network())
    with receiver(network, "server") as server:
        send(network, "client", str(destination))
        data, sender = server.recvfrom(100)
    assert (data, sender[0].removeprefix("::ffff:")) == (b"datagram", str(source))


@pytest.mark.parametrize("address", [CLIENT, CLIENT6])
def test_a_missing_route_home_kills_the_reply_and_says_so(build: Build, address: object) -> None:
    network = build(small_network(without=(str(address),)))
    send(network, "server", str(address), source_port=4001)
    (drop,) = deaths(network)
    assert (drop.node, drop.cause) == ("fabric", "NO_ROUTE")
    assert drop.packet is not None
    assert (drop.packet.destination, drop.packet.source_port) == (address, 4001)


def test_the_longest_drop_route_gives_the_cause_and_a_longer_route_passes(build: Build) -> None:
    network = build(
        small_network(
            drops=(
                ("10.0.0.0/8", "short"),
                ("10.0.1.0/24", "long"),
            )
        )
    )
    causes = []
    for destination in ("10.0.1.9", "10.7.7.7", "192.0.2.1"):
        send(network, "client", destination)
        causes += [drop.cause for drop in deaths(network)]
    assert causes == ["long", "short", "NO_ROUTE"]
    with receiver(network, "server") as server:
        send(network, "client", str(SERVER))
        assert server.recv(100) == b"datagram"


@pytest.mark.parametrize(("source", "destination"), [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_who_is_not_named_may_not_enter_by_a_port(
    build: Build, source: object, destination: object
) -> None:
    others = ("10.9.0.0/16", "fd99::/64")
    network = build(small_network(sources=others))
    send(network, "client", str(destination))
    (drop,) = deaths(network)
    assert drop.cause == "FOREIGN_IP_DISALLOWED"
    assert drop.packet is not None
    assert drop.packet.source == source


def test_a_port_that_names_only_one_family_lets_nobody_of_the_other_in(build: Build) -> None:
    network = build(small_network(sources=("fd00::/64",)))
    send(network, "client", str(SERVER))
    assert [drop.cause for drop in deaths(network)] == ["FOREIGN_IP_DISALLOWED"]


def test_a_stateful_filter_lets_the_reply_pass_and_nothing_else(build: Build) -> None:
    network = build(small_network(to_client=only(), to_server=only(UDP_4000), from_client=None))
    with receiver(network, "server") as server, receiver(network, "client", 5000) as client:
        client.sendto(b"question", (f"::ffff:{SERVER}", 4000))
        _, asker = server.recvfrom(100)
        server.sendto(b"answer", asker)
        assert client.recv(100) == b"answer"
        with receiver(network, "server", 4002) as other:
            other.sendto(b"not asked for", asker)  # the same client's port, from another port
        (drop,) = deaths(network)
        assert drop.packet is not None
        assert (drop.cause, drop.packet.source_port) == ("firewall", 4002)


def test_each_port_remembers_what_passed_it(build: Build) -> None:
    """The question passes the client's port and dies at the server's: only the client's has seen it.

    What the server then sends from its own accord looks like the reply there, and opens the server's port in turn.
    """
    network = build(
        small_network(
            to_client=only(cause="client-side"),
            to_server=only(cause="server-side"),
        )
    )
    with receiver(network, "server") as server, receiver(network, "client", 5000) as client:
        client.sendto(b"question", (f"::ffff:{SERVER}", 4000))
        assert [drop.cause for drop in deaths(network)] == ["server-side"]
        server.sendto(b"not a reply", (f"::ffff:{CLIENT}", 5001))
        assert [drop.cause for drop in deaths(network)] == ["client-side"]
        server.sendto(b"as if a reply", (f"::ffff:{CLIENT}", 5000))
        assert client.recv(100) == b"as if a reply"
        client.sendto(b"question", (f"::ffff:{SERVER}", 4000))
        assert server.recv(100) == b"question"


def test_a_stateless_filter_judges_replies_by_its_rules(build: Build) -> None:
    network = build(small_network(to_client=only(UDP_4000, stateful=False)))
    with receiver(network, "server") as server, receiver(network, "client", 5000) as client:
        client.sendto(b"question", (f"::ffff:{SERVER}", 4000))
        _, asker = server.recvfrom(100)
        server.sendto(b"answer", asker)
        (drop,) = deaths(network)
    assert drop.packet is not None
    assert (drop.cause, drop.packet.destination_port) == ("firewall", 5000)


def test_a_rule_is_about_the_destinations_that_it_names(build: Build) -> None:
    named = ("10.0.1.0/24", "fd00:1::/64")
    others = ("10.9.0.0/24", "fd00:9::/64")
    for destinations, reached in ((named, True), (others, False)):
        allowed = only(allowing(destinations=destinations))
        network = build(small_network(to_server=allowed))
        for address in (SERVER, SERVER6):
            with receiver(network, "server") as server:
                send(network, "client", str(address))
                if reached:
                    assert server.recv(100) == b"datagram"
                else:
                    assert [drop.cause for drop in deaths(network)] == ["firewall"]


def test_a_rule_that_names_destinations_of_one_family_says_nothing_of_the_other(
    build: Build,
) -> None:
    allowed = only(allowing(destinations=("10.0.0.0/8",)))
    network = build(small_network(to_server=allowed))
    send(network, "client", str(SERVER6))
    assert [drop.cause for drop in deaths(network)] == ["firewall"]


def test_a_port_with_two_filters_lets_replies_pass_both_ways(build: Build) -> None:
    """What one filter lets pass, the other one knows as a flow; each judges what begins in its own direction."""
    udp_5000 = allowing(Protocol.UDP, 5000)
    network = build(
        small_network(
            from_client=only(UDP_4000, cause="way-in"),
            to_client=only(udp_5000, cause="way-out"),
        )
    )
    with receiver(network, "server", 6000) as server, receiver(network, "client", 6001) as client:
        with receiver(network, "server", 4000) as asked:
            client.sendto(b"question", (f"::ffff:{SERVER}", 4000))
            _, asker = asked.recvfrom(100)
            asked.sendto(b"answer", asker)
            assert client.recv(100) == b"answer"
        with receiver(network, "client", 5000) as asked:
            server.sendto(b"question", (f"::ffff:{CLIENT}", 5000))
            _, asker = asked.recvfrom(100)
            asked.sendto(b"answer", asker)
            assert server.recv(100) == b"answer"
        client.sendto(b"not allowed in", (f"::ffff:{SERVER}", 5000))
        assert [drop.cause for drop in deaths(network)] == ["way-in"]
        server.sendto(b"not allowed out", (f"::ffff:{CLIENT}", 4000))
        assert [drop.cause for drop in deaths(network)] == ["way-out"]


def test_the_first_rule_that_matches_decides(build: Build) -> None:
    network = build(
        small_network(
            to_server=only(
                allowing(action=FilterAction.DENY, sources=(f"{CLIENT}/32",)),
                allowing(),
            )
        )
    )
    send(network, "client", str(SERVER))
    assert [drop.cause for drop in deaths(network)] == ["firewall"]
    with receiver(network, "server") as server:
        send(network, "client", str(SERVER6))  # the rule that denies is about IPv4
        assert server.recv(100) == b"datagram"


def test_prefixes_may_overlap(build: Build) -> None:
    overlapping = ("10.0.0.0/8", "10.0.0.0/24", "::/0", "fd00::/64")
    allowed = only(allowing(sources=overlapping))
    network = build(small_network(sources=overlapping, to_server=allowed))
    for address in (SERVER, SERVER6):
        with receiver(network, "server") as server:
            send(network, "client", str(address))
            assert server.recv(100) == b"datagram"


def test_settings_are_the_nodes_own_and_not_inherited(build: Build) -> None:
    network = build(small_network())
    for node, forwards in (("fabric", "1"), ("client", "0")):
        with network.namespace(node).entered():
            assert Path("/proc/sys/net/ipv4/ip_forward").read_text().strip() == forwards
            for interface in network.nodes[node].names.ports.values():
                path = Path("/proc/sys/net/ipv4/conf", interface.name, "rp_filter")
                assert path.read_text().strip() == "0"


# What a host may have chosen for its networks, and what a node has all the same.
OF_THE_NODE = {
    "rp_filter": "0",
    "send_redirects": "0",
    "accept_redirects": "0",
    "arp_ignore": "0",
    "arp_filter": "0",
    "arp_announce": "0",
    "route_localnet": "0",
}


def test_what_a_network_began_with_does_not_decide_what_passes() -> None:
    four, six = Path("/proc/sys/net/ipv4/conf"), Path("/proc/sys/net/ipv6/conf")
    with NetworkNamespace.create() as namespace, namespace.entered():
        for scope in ("all", "default"):
            for name in OF_THE_NODE:
                (four / scope / name).write_text("1")
            (six / scope / "addr_gen_mode").write_text("0")
        sysctls.write(sysctls.settings(forwards=True, ipv6=True))
        subprocess.run(["ip", "link", "add", "later", "type", "veth"], check=True)
        for scope in ("all", "default", "later"):
            found = {name: (four / scope / name).read_text().strip() for name in OF_THE_NODE}
            assert found == OF_THE_NODE, scope
        assert (six / "later" / "addr_gen_mode").read_text().strip() == "1"


def test_a_port_whose_other_end_stays_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "CARRIER_SECONDS", 0.05)
    with NetworkNamespace.create() as namespace, namespace.entered():
        subprocess.run(["ip", "link", "add", "p0", "type", "veth"], check=True)
        subprocess.run(["ip", "link", "set", "p0", "up"], check=True)
        names = Names(count(), ports={"eth0": Interface("p0", socket.if_nametoindex("p0"))})
        client = build.BuiltNode(end("client", CLIENT), names, namespace)
        with pytest.raises(OSError, match="no carrier at eth0 of client"):
            build._wait_for_carriers(client)
        subprocess.run(["ip", "link", "set", "veth0", "up"], check=True)
        monkeypatch.setattr(build, "CARRIER_SECONDS", 10)
        build._wait_for_carriers(client)


READ_ONLY = """
import socket
import sys
from itertools import count
from pathlib import Path
from tests.lab.small import small_network
from wayhome.lab.namespaces import enter
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.syscalls import MS_BIND, MS_REMOUNT, mount
enter()
read_only = 1
mount(b"/proc/sys", b"/proc/sys", None, MS_BIND)
mount(None, b"/proc/sys", None, MS_REMOUNT | MS_BIND | read_only)
try:
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
except OSError as error:
    print(error.strerror)
with BuiltNetwork(small_network(), Path(sys.argv[1])):
    print("built")
"""


def test_settings_that_a_container_mounts_read_only_are_written_in_a_mount_of_our_own(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, tmp_path],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
    )  # fmt: skip
    assert done.stdout == "Read-only file system\nbuilt\n", done.stderr
