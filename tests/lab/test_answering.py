"""Who answers in a lab that is kept up: real programs ask, also through a proxy of the network."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.trace.small import A, P

from wayhome.lab import attendant, deaths
from wayhome.lab.answering import Answering
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.plan import answered
from wayhome.lab.programs import Program
from wayhome.network import (
    End,
    Forward,
    Link,
    Listener,
    Network,
    Node,
    NodeKind,
    Port,
    Protocol,
    Route,
    RouteTable,
    RoutingRule,
    Target,
)

pytestmark = pytest.mark.kernel


def chain() -> Network:
    """A client, a proxy that two networks share, and a server to which the client has no way."""
    everything = RouteTable.of([Route(P("0.0.0.0/0"), Forward("eth0"))])
    both = RouteTable.of(
        [Route(P("10.0.0.0/24"), Forward("eth0")), Route(P("10.1.0.0/24"), Forward("eth1"))]
    )
    rules = (RoutingRule(table="main"),)
    ends = [
        Node(
            name=name,
            kind=NodeKind.INSTANCE,
            ports=(Port(name="eth0", addresses=(A(address),)),),
            rules=rules,
            tables={"main": everything},
        )
        for name, address in (("client", "10.0.0.1"), ("server", "10.1.0.1"))
    ]
    proxy = Node(
        name="proxy",
        kind=NodeKind.INSTANCE,
        ports=(
            Port(name="eth0", addresses=(A("10.0.0.2"),)),
            Port(name="eth1", addresses=(A("10.1.0.2"),)),
        ),
        rules=rules,
        tables={"main": both},
        listeners=(
            Listener(protocol=Protocol.TCP, port=8080, upstreams=(Target(A("10.1.0.1"), 9000),)),
            Listener(protocol=Protocol.TCP, port=8081, upstreams=(Target(A("10.1.0.77"), 9000),)),
        ),
    )
    links = [
        Link(End("client", "eth0"), End("proxy", "eth0")),
        Link(End("server", "eth0"), End("proxy", "eth1")),
    ]
    return Network.of([*ends, proxy], links)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[BuiltNetwork]:
    """The chain, with everybody answering; the attendant ends with the test's process at the latest."""
    network = chain()
    ports = answered(network, [(Protocol.UDP, 53), (Protocol.ICMP, None)])
    with BuiltNetwork(network, tmp_path) as built:
        child = attendant.start(built, Answering(built, ports), tmp_path, ())
        yield built
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


def ask(built: BuiltNetwork, *command: str, node: str = "client") -> tuple[int, str]:
    return built.run(Program(node, "client", command), 10)


def curl(built: BuiltNetwork, url: str) -> tuple[int, str]:
    return ask(built, "curl", "--silent", "--max-time", "2", url)


def test_a_proxy_relays_and_the_server_sees_it(built: BuiltNetwork) -> None:
    status, said = curl(built, "http://10.0.0.2:8080/health")
    assert (status, json.loads(said)["source"]) == (0, "10.1.0.2")
    _, said = curl(built, "http://10.0.0.2/health")
    assert json.loads(said)["source"] == "10.0.0.1"


def test_a_proxy_whose_upstream_is_nobody_gives_no_answer(built: BuiltNetwork) -> None:
    status, said = curl(built, "http://10.0.0.2:8081/health")
    assert (status in {28, 52, 56}, said) == (True, "")


def test_a_datagram_is_answered_with_its_source(built: BuiltNetwork) -> None:
    program = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2);"
        "s.sendto(b'?', ('10.0.0.2', 53)); print(*s.recvfrom(99))"
    )
    _, said = ask(built, "python3", "-c", program)
    assert said == "b'10.0.0.1\\n' ('10.0.0.2', 53)\n"


def test_what_dies_is_written_down(built: BuiltNetwork, tmp_path: Path) -> None:
    assert curl(built, "http://10.1.0.1/health")[0] == 28
    until = time.monotonic() + 5
    while not (found := deaths.read(tmp_path)):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert (found[-1].death.node, found[-1].death.destination) == ("proxy", "10.1.0.1")


def test_many_ask_at_once_and_some_say_nothing(built: BuiltNetwork) -> None:
    """Whoever connects and is silent keeps nobody from an answer."""
    program = (
        "import socket, urllib.request\n"
        "silent = [socket.create_connection(('10.0.0.2', 80), 2) for _ in range(200)]\n"
        "read = lambda: urllib.request.urlopen('http://10.0.0.2/health', timeout=2).status\n"
        "print({read() for _ in range(50)})\n"
    )
    assert ask(built, "python3", "-c", program) == (0, "{200}\n")
