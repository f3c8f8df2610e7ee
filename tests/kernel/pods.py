"""Pods as network plugins hang them on a node: a cable into another network, and what leads there."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyroute2

from wayhome.lab.namespaces import NetworkNamespace


class Plumbing:
    """The node's end of things: the network that the calling thread is in."""

    def __init__(self) -> None:
        self.pods: list[NetworkNamespace] = []
        self.ip = pyroute2.IPRoute()

    def elsewhere(self) -> NetworkNamespace:
        """One more Pod's network."""
        self.pods.append(NetworkNamespace.create())
        return self.pods[-1]

    def cable(self, name: str) -> int:
        """An interface whose other end is in another network; returns its index."""
        peer = {"ifname": "eth0", "net_ns_fd": self.elsewhere().descriptor}
        self.ip.link("add", ifname=name, kind="veth", peer=peer)
        self.ip.link("set", index=self.index(name), state="up")
        return self.index(name)

    def index(self, name: str) -> int:
        return int(self.ip.link_lookup(ifname=name)[0])

    def route(self, destination: str, name: str, *, gateway: str | None = None) -> None:
        way = {"gateway": gateway} if gateway else {}
        self.ip.route("add", dst=destination, oif=self.index(name), **way)

    def address(self, cidr: str, name: str) -> None:
        address, _, length = cidr.partition("/")
        self.ip.addr("add", index=self.index(name), address=address, prefixlen=int(length))

    def bridge(self, name: str, cidr: str, *ports: str) -> None:
        self.ip.link("add", ifname=name, kind="bridge")
        self.ip.link("set", index=self.index(name), state="up")
        for port in ports:
            self.cable(port)
            self.ip.link("set", index=self.index(port), master=self.index(name))
        self.address(cidr, name)


@contextmanager
def plumbing() -> Iterator[Plumbing]:
    found = Plumbing()
    try:
        yield found
    finally:
        found.ip.close()
        for pod in found.pods:
            pod.close()
