"""The scope of Pods with real packets: what this node's Pods open is masqueraded, and nothing else."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from tests.kernel.nodes import nft
from tests.kernel.policies import make_policy
from tests.kernel.wire import Wire

from wayhome.kernel import Applier, Masquerade, NftablesKernel, ruleset_of
from wayhome.lab.connections import forget_connections
from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel

IP_TRANSPARENT = 19  # not in the socket module
PODS = ("10.4.0.0/24", "fd04::/64")
WORLD4, WORLD6 = "203.0.113.2", "2001:db8:1::2"
NODES_OWN = {socket.AF_INET: "10.4.0.1", socket.AF_INET6: "fd04::1"}
"""The node's addresses inside the Pod ranges."""


@pytest.fixture
def masqueraded(wire: Wire) -> Iterator[Wire]:
    """Every destination is masqueraded, in both families."""
    with NftablesKernel() as kernel:
        Applier(kernel).apply(ruleset_of(make_policy(ipv6=True, pods=PODS)))
        yield wire


@dataclass
class Connection:
    """An open TCP connection, and how its server saw the client's address."""

    server: socket.socket
    client: socket.socket
    client_seen: str

    def says(self, speaker: socket.socket, listener: socket.socket) -> bool:
        """Whether what one end says is heard at the other."""
        speaker.sendall(b"?")
        try:
            return listener.recv(1) == b"?"
        except (TimeoutError, ConnectionResetError):
            return False


@contextmanager
def connected(
    clients: NetworkNamespace, servers: NetworkNamespace, server: str, port: int = 8080
) -> Iterator[Connection]:
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with servers.entered():
        ear = socket.create_server(("", port), family=family)
    with ear:
        ear.settimeout(5)
        with clients.entered():
            client = socket.create_connection((server, port), timeout=5)
        accepted, peer = ear.accept()
        with client, accepted:
            client.settimeout(1)
            accepted.settimeout(1)
            yield Connection(accepted, client, peer[0])


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_what_the_node_sends_from_an_address_in_the_pod_range(
    masqueraded: Wire, family: socket.AddressFamily
) -> None:
    own = NODES_OWN[family]
    world = WORLD4 if family == socket.AF_INET else WORLD6
    with socket.socket(family, socket.SOCK_DGRAM) as mouth:
        mouth.bind((own, 4444))
        mouth.sendto(b"?", (world, masqueraded.PORT))
    seen = masqueraded.arrived(family)
    assert (seen.source, seen.source_port) == (own, 4444)
    with masqueraded.ext.entered():
        ear = socket.create_server(("", 8080), family=family)
    with ear, socket.create_connection((world, 8080), 5, (own, 0)) as client:
        ear.settimeout(5)
        accepted, peer = ear.accept()
        accepted.close()
        assert peer[:2] == client.getsockname()[:2]
        assert peer[0] == own


def test_a_transparent_proxy_on_the_node_sends_in_a_pods_name(masqueraded: Wire) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
        mouth.bind((masqueraded.POD4, 4444))
        mouth.sendto(b"?", (WORLD4, masqueraded.PORT))
    assert masqueraded.arrived(socket.AF_INET).source == masqueraded.NODE4


def test_a_pod_that_calls_itself_by_way_of_the_node_comes_from_the_pod(masqueraded: Wire) -> None:
    """The packet leaves by the port through which it came, and has an input interface all the same."""
    nft(
        "add table ip service\n"
        "add chain ip service prerouting { type nat hook prerouting priority dstnat; }\n"
        f"add rule ip service prerouting ip daddr 9.9.9.9 dnat to {masqueraded.POD4}\n"
    )
    with connected(masqueraded.pod, masqueraded.pod, "9.9.9.9") as connection:
        assert connection.client_seen == "10.4.0.1"
        assert connection.says(connection.client, connection.server)


@pytest.mark.parametrize("port", [8080, 50123])
@pytest.mark.parametrize(
    ("server", "client"), [(Wire.POD4, WORLD4), (Wire.POD6, WORLD6)], ids=["IPv4", "IPv6"]
)
def test_a_forgotten_inbound_connection_goes_on_whoever_speaks_first(
    masqueraded: Wire, server: str, client: str, port: int
) -> None:
    with connected(masqueraded.ext, masqueraded.pod, server, port) as connection:
        assert connection.client_seen == client
        forget_connections()
        assert connection.says(connection.server, connection.client)
        assert connection.says(connection.client, connection.server)
        forget_connections()
        assert connection.says(connection.client, connection.server)
        assert connection.says(connection.server, connection.client)


def test_without_that_rule_a_server_that_speaks_first_is_cut_off(masqueraded: Wire) -> None:
    """What really happens otherwise: nf_conntrack_tcp_loose takes the server's packet for a new connection."""
    nft("flush chain inet wayhome postrouting\nadd rule inet wayhome postrouting masquerade")
    with connected(masqueraded.ext, masqueraded.pod, Wire.POD4) as connection:
        forget_connections()
        assert not connection.says(connection.server, connection.client)
        with pytest.raises(ConnectionResetError):
            connection.server.recv(1)


def test_a_forgotten_outbound_connection_does_not_leak_the_pods_address(masqueraded: Wire) -> None:
    """It ends at once: the other side sees an unknown port, and resets."""
    with connected(masqueraded.pod, masqueraded.ext, "8.8.8.8") as connection:
        assert connection.client_seen == masqueraded.NODE4
        forget_connections()
        connection.client.sendall(b"?")
        with pytest.raises(ConnectionResetError):
            connection.client.recv(1)


def test_a_forgotten_outbound_connection_goes_on_where_ports_are_kept(wire: Wire) -> None:
    with NftablesKernel() as kernel:
        options = Masquerade(random_fully=False)
        Applier(kernel).apply(ruleset_of(make_policy(pods=PODS), options))
        with connected(wire.pod, wire.ext, "8.8.8.8") as connection:
            forget_connections()
            assert connection.says(connection.client, connection.server)
            assert connection.says(connection.server, connection.client)


def test_a_forgotten_inbound_datagram_exchange_is_taken_for_a_new_one(masqueraded: Wire) -> None:
    """As the note in the rules' module says: UDP has nothing by which it could be told."""
    with masqueraded.pod.entered():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with masqueraded.ext.entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with server, client:
        server.bind((masqueraded.POD4, 5353))
        client.bind((WORLD4, 50123))
        for end in (server, client):
            end.settimeout(5)
        client.sendto(b"?", (masqueraded.POD4, 5353))
        assert server.recvfrom(1)[1] == (WORLD4, 50123)
        server.sendto(b"!", (WORLD4, 50123))
        assert client.recvfrom(1)[1] == (masqueraded.POD4, 5353)
        forget_connections()
        server.sendto(b"!", (WORLD4, 50123))
        assert client.recvfrom(1)[1][0] == masqueraded.NODE4
        forget_connections()
        client.sendto(b"?", (masqueraded.POD4, 5353))  # if the client speaks first, all is well
        assert server.recvfrom(1)[1] == (WORLD4, 50123)
        server.sendto(b"!", (WORLD4, 50123))
        assert client.recvfrom(1)[1] == (masqueraded.POD4, 5353)
