"""Pods as the network plugins hang them on a node, in real networks: whose address is seen, and whose is not."""

import select
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from tests.kernel.pods import Plumbing, plumbing

from wayhome.kernel.link_listener import LinkListener
from wayhome.kernel.pod_interfaces import pod_addresses
from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel


@pytest.fixture
def node(netns: NetworkNamespace) -> Iterator[Plumbing]:
    with plumbing() as found:
        yield found


def seen() -> set[tuple[str, str]]:
    return {(str(one.prefix), one.interface) for one in pod_addresses()}


def kubenet(node: Plumbing) -> None:
    node.bridge("cbr0", "10.244.1.1/24", "veth1a", "veth1b")


def calico(node: Plumbing) -> None:
    node.cable("cali12345")
    node.route("192.168.5.7/32", "cali12345")
    node.ip.route("add", type="blackhole", dst="192.168.5.0/26")


def cilium_endpoint_routes(node: Plumbing) -> None:
    node.cable("lxc123")
    node.route("10.0.1.77/32", "lxc123")


def eks(node: Plumbing) -> None:
    for number in (1, 2):
        node.cable(f"eni{number}")
        node.route(f"10.20.3.{number}/32", f"eni{number}")


def dual_stack(node: Plumbing) -> None:
    node.cable("gke77")
    node.route("10.4.0.5/32", "gke77")
    node.route("2001:db8:4::5/128", "gke77")


def cilium_without_routes(node: Plumbing) -> None:
    """Its own pair, with both ends here; the routes to other nodes' Pods lead there too."""
    node.ip.link("add", ifname="cilium_host", kind="veth", peer={"ifname": "cilium_net"})
    for name in ("cilium_host", "cilium_net"):
        node.ip.link("set", index=node.index(name), state="up")
    node.address("10.0.1.9/32", "cilium_host")
    node.route("10.0.2.0/24", "cilium_host", gateway="10.0.1.9")
    node.cable("lxc123")


@pytest.mark.parametrize(
    ("plugin", "expected"),
    [
        (kubenet, {("10.244.1.0/24", "cbr0")}),
        (calico, {("192.168.5.7/32", "cali12345")}),
        (cilium_endpoint_routes, {("10.0.1.77/32", "lxc123")}),
        (eks, {("10.20.3.1/32", "eni1"), ("10.20.3.2/32", "eni2")}),
        (dual_stack, {("10.4.0.5/32", "gke77"), ("2001:db8:4::5/128", "gke77")}),
        (cilium_without_routes, {("10.0.1.9/32", "cilium_host")}),
    ],
)
def test_pods_are_seen(
    node: Plumbing, plugin: Callable[[Plumbing], None], expected: set[tuple[str, str]]
) -> None:
    plugin(node)
    assert seen() == expected


def way_out_of_a_node_in_a_container(node: Plumbing) -> None:
    node.cable("eth0")
    node.address("172.18.0.3/16", "eth0")
    node.route("0.0.0.0/0", "eth0", gateway="172.18.0.1")
    node.route("172.18.0.1/32", "eth0")


def second_network_of_such_a_node(node: Plumbing) -> None:
    node.cable("eth1")
    node.address("172.19.0.3/16", "eth1")


def docker(node: Plumbing) -> None:
    node.bridge("docker0", "172.17.0.1/16", "veth9")
    node.bridge("br-0123456789ab", "172.20.0.1/16", "veth8")


def bridge_without_pods(node: Plumbing) -> None:
    node.bridge("br0", "192.0.2.1/24")


def pair_with_both_ends_here(node: Plumbing) -> None:
    node.ip.link("add", ifname="here", kind="veth", peer={"ifname": "there"})
    for name in ("here", "there"):
        node.ip.link("set", index=node.index(name), state="up")
    node.route("10.9.9.9/32", "here")


def link_local(node: Plumbing) -> None:
    node.cable("cali1")
    node.route("169.254.1.1/32", "cali1")


@pytest.mark.parametrize(
    "plugin",
    [
        way_out_of_a_node_in_a_container,
        second_network_of_such_a_node,
        docker,
        bridge_without_pods,
        pair_with_both_ends_here,
        link_local,
    ],
)
def test_what_is_no_pods_is_not(node: Plumbing, plugin: Callable[[Plumbing], None]) -> None:
    plugin(node)
    assert seen() == set()


def test_a_thousand_pods_are_read_at_once(node: Plumbing) -> None:
    node.cable("cali1")
    expected = set()
    for number in range(1000):
        prefix = f"10.7.{number // 250}.{number % 250}/32"
        node.route(prefix, "cali1")
        expected.add((prefix, "cali1"))
    assert seen() == expected


def test_pods_that_come_and_go_are_heard_of_and_routes_are_not(node: Plumbing) -> None:
    with closing(LinkListener()) as listener:

        def heard() -> bool:
            found = bool(select.select([listener], [], [], 0)[0])
            listener.drain()
            return found

        assert not heard()
        for number in range(100):  # more than the buffer holds
            node.cable(f"cali{number}")
        assert heard()
        node.route("10.9.9.9/32", "cali1")
        assert not heard()
        node.ip.link("del", index=node.index("cali1"))
        assert heard()
        assert not heard()
