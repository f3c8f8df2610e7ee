"""A small network for packets: a Pod, its node and the world."""

import socket
from dataclasses import dataclass
from pathlib import Path

import pyroute2

from wayhome.lab.namespaces import NetworkNamespace

IP_PKTINFO = 8  # not in the socket module
EVERYTHING = {socket.AF_INET: "0.0.0.0/0", socket.AF_INET6: "::/0"}


@dataclass(frozen=True)
class Seen:
    """A packet as the other side saw it."""

    source: str
    source_port: int
    destination: str


class Wire:
    """A Pod, its node and the world: `pod` -- `node` -- `ext`, and ext answers for every address there is.

    A packet is sent in one network and read where it arrives, so what the node made of it is
    simply seen. Addresses: the Pod's 10.4.0.2 and fd04::2; the node's 10.4.0.1 and fd04::1 towards the Pod, and
    NODE4 and NODE6 towards the world.
    """

    POD4, POD6 = "10.4.0.2", "fd04::2"
    NODE4, NODE6 = "203.0.113.1", "2001:db8:1::1"
    PORT = 7777

    def __init__(self) -> None:
        self.pod, self.node, self.ext = (NetworkNamespace.create() for _ in range(3))
        _link(self.pod, self.node)
        _address(self.pod, self.node, "10.4.0.2/24", "fd04::2/64")
        _address(self.node, self.pod, "10.4.0.1/24", "fd04::1/64")
        _link(self.node, self.ext)
        _address(self.node, self.ext, "203.0.113.1/30", "2001:db8:1::1/64")
        _address(self.ext, self.node, "203.0.113.2/30", "2001:db8:1::2/64")
        _default_route(self.pod, "10.4.0.1", "fd04::1")
        _default_route(self.node, "203.0.113.2", "2001:db8:1::2")
        with self.node.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
        with self.ext.entered(), pyroute2.IPRoute() as ip:
            loopback = ip.link_lookup(ifname="lo")[0]
            for family, everything in EVERYTHING.items():
                ip.route(
                    "add", family=family, dst=everything, oif=loopback, type="local", scope="host"
                )
            # Replies to the Pod's own address find their way, as in a routed network.
            ip.route("add", dst="10.4.0.0/24", gateway="203.0.113.1")
            ip.route("add", dst="fd04::/64", gateway="2001:db8:1::1")
        self._mouths: dict[socket.AddressFamily, socket.socket] = {}
        self._ears = {family: self._listen(family) for family in (socket.AF_INET, socket.AF_INET6)}

    def _listen(self, family: socket.AddressFamily) -> socket.socket:
        with self.ext.entered():
            ear = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            ear.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        ear.bind(("", self.PORT))
        ear.settimeout(5)
        return ear

    def send(self, destination: str, *, new: bool = False) -> Seen:
        """Send a datagram from the Pod to any address, and return what arrived in ext.

        The socket is the same each time, so one destination is one connection; `new` takes another socket.
        """
        family = socket.AF_INET6 if ":" in destination else socket.AF_INET
        if new and family in self._mouths:
            self._mouths.pop(family).close()
        if family not in self._mouths:
            with self.pod.entered():
                self._mouths[family] = socket.socket(family, socket.SOCK_DGRAM)
        self._mouths[family].sendto(b"?", (destination, self.PORT))
        return self.arrived(family)

    def arrived(self, family: socket.AddressFamily) -> Seen:
        """The next datagram that arrived in ext."""
        _, ancillary, _, source = self._ears[family].recvmsg(64, 64)
        (info,) = (data for _, _, data in ancillary)
        address = info[8:12] if family == socket.AF_INET else info[:16]
        return Seen(source[0], source[1], socket.inet_ntop(family, address))

    def add_pod_range(self, pod: str, node: str) -> None:
        """One more /24 between Pod and node; ext finds the way back to it."""
        _address(self.pod, self.node, f"{pod}/24")
        _address(self.node, self.pod, f"{node}/24")
        with self.ext.entered(), pyroute2.IPRoute() as ip:
            ip.route("add", dst=f"{pod.rpartition('.')[0]}.0/24", gateway=self.NODE4)

    def close(self) -> None:
        for opened in (*self._mouths.values(), *self._ears.values()):
            opened.close()
        for namespace in (self.pod, self.node, self.ext):
            namespace.close()


def _link(one: NetworkNamespace, other: NetworkNamespace) -> None:
    """A veth pair between two networks; each end is called after the other side."""
    peer = {"ifname": _port_towards(one), "net_ns_fd": other.descriptor}
    with one.entered(), pyroute2.IPRoute() as ip:
        ip.link("add", ifname=_port_towards(other), kind="veth", peer=peer)


def _port_towards(namespace: NetworkNamespace) -> str:
    return f"to-{namespace.descriptor}"


def _address(own: NetworkNamespace, other: NetworkNamespace, *cidrs: str) -> None:
    """Addresses on the port towards another network, usable at once, and the port up."""
    port = _port_towards(other)
    with own.entered(), pyroute2.IPRoute() as ip:
        for setting in (f"ipv4/conf/{port}/rp_filter", f"ipv6/conf/{port}/accept_dad"):
            Path("/proc/sys/net", setting).write_text("0")
        index = ip.link_lookup(ifname=port)[0]
        for cidr in cidrs:
            address, length = cidr.split("/")
            ip.addr("add", index=index, address=address, prefixlen=int(length))
        ip.link("set", index=index, state="up")


def _default_route(namespace: NetworkNamespace, four: str, six: str) -> None:
    with namespace.entered(), pyroute2.IPRoute() as ip:
        for (family, everything), gateway in zip(EVERYTHING.items(), (four, six), strict=True):
            ip.route("add", family=family, dst=everything, gateway=gateway)
