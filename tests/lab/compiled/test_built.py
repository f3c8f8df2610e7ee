"""A network that is up: what ends in it is seen by the network's own names, and programs run in it."""

import socket
import sys
import time
from pathlib import Path

import pytest
from tests.trace.small import attached, fabric, firewall, host, subnet

from wayhome.lab.compiled import BuiltNetwork, NoSuchNodeError, Sighted, built
from wayhome.lab.programs import Program
from wayhome.network import End, Link, Network

pytestmark = pytest.mark.kernel

HOSTILE = "projects/p/instances/\x1b[31m " + "n" * 300


def _network() -> Network:
    """Two hosts at a fabric, whose firewall lets nothing to the second; a third address is nobody's."""
    ports = [attached("a", "10.0.0.1/32"), attached("b", "10.0.0.2/32", filter_out=firewall())]
    middle = fabric("the fabric", ports, subnet("10.0.0.0/24"))
    links = [
        Link(End("a", "eth0"), End("the fabric", "a")),
        Link(End(HOSTILE, "eth0"), End("the fabric", "b")),
    ]
    return Network.of([middle, host("a", "10.0.0.1"), host(HOSTILE, "10.0.0.2")], links)


def _send(network: BuiltNetwork, node: str, destination: str) -> None:
    with (
        network.namespace(node).entered(),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel,
    ):
        channel.sendto(b"datagram", (destination, 4000))


def _next(network: BuiltNetwork) -> Sighted:
    until = time.monotonic() + 2
    while time.monotonic() < until:
        for log in network.logs:
            for sighted in log.read():
                if sighted.packet and sighted.packet.destination_port == 4000:
                    return sighted
    raise AssertionError("no packet was seen to end")


def test_ends_are_told_by_the_networks_own_names() -> None:
    with BuiltNetwork(_network()) as network:
        assert network.sees_drops
        ends = {}
        for node, destination in (("a", "10.0.0.2"), ("a", "10.0.0.77"), (HOSTILE, "10.0.0.1")):
            _send(network, node, destination)
            sighted = _next(network)
            ends[destination] = (sighted.node, sighted.cause)
    assert ends == {
        "10.0.0.2": ("the fabric", "FIREWALL_RULE"),
        "10.0.0.77": ("the fabric", "UNKNOWN_INTERNAL_ADDRESS"),
        "10.0.0.1": ("a", None),
    }


def test_without_a_kernels_log_it_is_built_and_drops_are_counted_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(93, "Protocol not supported")

    monkeypatch.setattr(built, "DropLog", refuse)
    with BuiltNetwork(_network()) as network:
        assert (network.sees_drops, network.logs) == (False, [])
        _send(network, "a", "10.0.0.77")
        status, text = network.run(
            Program("the fabric", "nft", ("nft", "list", "ruleset")), seconds=5
        )
        assert (status, "log group" in text) == (0, False)
        assert "counter packets 1 " in text


def test_programs_run_on_their_nodes_and_end_with_the_network(tmp_path: Path) -> None:
    code = "import socket, time; print(socket.if_nameindex(), flush=True); time.sleep(60)"
    with BuiltNetwork(_network(), tmp_path) as network:
        running = network.start(Program(HOSTILE, "sleeper", (sys.executable, "-c", code)))
        running.wait_until(lambda text: "p0" in text, 5)
        assert running.output.parent == tmp_path
        assert running.output.name.isascii()
        assert network.endings() == ()
        short = network.start(Program("a", "short", (sys.executable, "-c", "print('done')")))
        short.process.wait(5)
        assert network.endings() == ("short on a ended with exit status 0; it printed last:\ndone",)
    assert running.process.poll() is not None


def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with BuiltNetwork(_network(), tmp_path) as network:
        code = "import time; print('begun', flush=True); time.sleep(60)"
        status, text = network.run(Program("a", "slow", (sys.executable, "-c", code)), seconds=0.3)
    assert (status, text) == (-15, "begun\n")
    assert list(tmp_path.iterdir()) == []


def test_a_node_that_is_not_there_is_named_with_some_that_are() -> None:
    with (
        BuiltNetwork(_network()) as network,
        pytest.raises(NoSuchNodeError, match=r"no node the fabrik in .* such as the fabric"),
    ):
        network.namespace("the fabrik")
