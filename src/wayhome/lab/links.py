"""Links, addresses and routes of a whole topology, over netlink.

A veth pair is made with each end at once in its node's namespace, so no interface is ever moved or renamed and a
name has to be unique only within its node. One request costs under a millisecond; programs (`ip`) would cost as
many processes.

Addresses of a gateway need no common subnet: routes are onlink, as on an instance of Google's, whose only address
is a /32. A drop route is a blackhole: silent, unlike unreachable and prohibit.

A port that is up before its other end hears of its carrier from a work queue of the kernel (linkwatch), usually at
once and now and then a second later. Until then it has no multicast route: IPv4 works, IPv6 is asked for its address
in vain, and asked again a second later. So a network is ready when the ports that have IPv6 addresses also have
their link-local one, the last that they get.
"""

import errno
import socket
import time
from collections.abc import Mapping
from typing import Any

from pyroute2 import IPRoute

from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.rules import drop_routes
from wayhome.lab.sysctls import has_ipv6
from wayhome.lab.topology import DropRoute, Node, Route, Topology

LINK_SECONDS = 10.0
IFA_F_TENTATIVE = 0x40
_RT_SCOPE_LINK = 253


def connect(topology: Topology, namespaces: Mapping[str, NetworkNamespace]) -> None:
    """Make all links."""
    with IPRoute() as here:
        for one, other in topology.links:
            here.link(
                "add",
                kind="veth",
                ifname=one.port,
                net_ns_fd=namespaces[one.node].descriptor,
                peer={"ifname": other.port, "net_ns_fd": namespaces[other.node].descriptor},
            )


def configure(node: Node) -> None:
    """Set a node's addresses, ports and routes, in the network that the calling thread is in."""
    with IPRoute() as here:
        index = {link.get_attr("IFLA_IFNAME"): link["index"] for link in here.get_links()}
        for port in node.ports:
            for interface in port.addresses:
                here.addr(
                    "add",
                    index=index[port.name],
                    address=str(interface.ip),
                    prefixlen=interface.network.prefixlen,
                )
            here.link("set", index=index[port.name], state="up")
        for route in node.routes:
            if isinstance(route, Route):
                here.route("add", **_route(route, index))
        for drop in drop_routes(node):
            if drop.destination.version == 6 and not has_ipv6():
                continue
            here.route("add", **_destination(drop), type="blackhole")


def wait_until_ready(node: Node) -> None:
    """Wait until IPv6 works on the node's ports, in the network that the calling thread is in. Raises OSError."""
    waited_for = {p.name for p in node.ports if any(a.version == 6 for a in p.addresses)}
    if not waited_for:
        return
    until = time.monotonic() + LINK_SECONDS
    with IPRoute() as here:
        index = {link["index"]: link.get_attr("IFLA_IFNAME") for link in here.get_links()}
        while missing := waited_for - {
            index[address["index"]]
            for address in here.get_addr(family=socket.AF_INET6)
            if address["scope"] == _RT_SCOPE_LINK and not address["flags"] & IFA_F_TENTATIVE
        }:
            if time.monotonic() > until:
                ports = ", ".join(sorted(missing))
                raise OSError(errno.ENETDOWN, f"no carrier at {ports} of {node.name}")
            time.sleep(0.001)


def _route(route: Route, index: Mapping[str, int]) -> dict[str, Any]:
    onward: dict[str, Any] = {"scope": "link"}
    if route.gateway is not None:
        onward = {"gateway": str(route.gateway), "flags": ["onlink"]}
    return {**_destination(route), "oif": index[route.port], **onward}


def _destination(route: Route | DropRoute) -> dict[str, Any]:
    family = socket.AF_INET if route.destination.version == 4 else socket.AF_INET6
    return {
        "dst": str(route.destination),
        "family": family,
    }  # the text alone does not tell for ::/0
