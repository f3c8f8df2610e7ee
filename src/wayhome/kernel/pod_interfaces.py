"""Which addresses this node's Pods have, as its own routes tell, whoever gave them out.

A Pod hangs on a veth or netkit pair with the other end in another network namespace. Its address is behind

- a host route (/32, /128) to that interface: Calico (cali…), GKE and its Dataplane V2 (gke…), AWS (eni…), Azure (azv…),
  kindnet and the ptp plugin (veth…), Cilium with endpoint routes (lxc…);
- the subnet of a bridge that such interfaces are ports of: kubenet (cbr0), the bridge plugin and flannel (cni0);
- eBPF, without a route: Cilium. There the address of cilium_host tells, which Cilium takes from the same range.

Not a Pod's: a link with a route through a gateway, which is the node's own way out where the node is a container itself
(kind, k3d); a subnet that is connected to such an interface directly, likewise; the bridges that container engines and
hypervisors make for themselves, of which only the name tells; link-local addresses.

Source: rtnetlink(7); IFLA_* in linux/if_link.h; IFLA_LINK_NETNSID is there where a pair's ends are apart.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.kernel import attributes
from wayhome.kernel.backend import KernelError
from wayhome.kernel.foreign.links import IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINKINFO, RTM_GETLINK
from wayhome.kernel.netlink import NLM_F_DUMP, Netlink
from wayhome.kernel.routes import Route, RouteType, read_routes, rtnetlink
from wayhome.policy.policy import LINK_LOCAL
from wayhome.prefixes import Family, Prefix

IFLA_MASTER, IFLA_LINK_NETNSID = 10, 37
CILIUM_HOST = "cilium_host"
_PAIRS = ("veth", "netkit")
_OTHERS_BRIDGES = re.compile(
    r"docker0|br-[0-9a-f]{12}|podman[0-9]+|cni-podman[0-9]+|nerdctl[0-9]+|virbr[0-9]+|lxcbr[0-9]+|lxdbr[0-9]+|incusbr[0-9]+"
)
_MULTICAST = {Family.IPV4: Prefix.parse("224.0.0.0/4"), Family.IPV6: Prefix.parse("ff00::/8")}

_ifinfomsg = struct.Struct("=BxHiII")  # family, type, index, flags, change
_u32 = struct.Struct("=I")


@dataclass(frozen=True, slots=True)
class PodAddress:
    """An address of a Pod, or the range of a bridge with Pods, and the interface that leads to it."""

    prefix: Prefix
    interface: str


@dataclass(frozen=True, slots=True)
class _Link:
    name: str
    kind: str
    elsewhere: bool
    """Its other end is in another network namespace."""
    master: int


def pod_addresses() -> tuple[PodAddress, ...]:
    """What the routes of the calling thread's network namespace tell, sorted. Raises KernelError."""
    try:
        with rtnetlink() as netlink:
            links = dict(_links(netlink))
            found = {address for family in Family for address in _addresses(netlink, family, links)}
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise KernelError(f"reading the routes to this node's Pods: {error}") from error
    return tuple(sorted(found, key=lambda one: (one.prefix, one.interface)))


def _addresses(netlink: Netlink, family: Family, links: dict[int, _Link]) -> Iterator[PodAddress]:
    routes = read_routes(netlink, family, RouteType.UNICAST)
    ways_out = {route.interface for route in routes if route.has_gateway}
    bridges = _bridges_of_pods(links)
    for route in routes:
        link = links.get(route.interface)
        if link is None or route.interface in ways_out or not _is_of_one_place(route):
            continue
        is_host = route.destination.length == family.bits
        if (_is_pods(link) and is_host) or route.interface in bridges:
            yield PodAddress(route.destination, link.name)
    for route in read_routes(netlink, family, RouteType.LOCAL):
        link = links.get(route.interface)
        if link is not None and link.name == CILIUM_HOST and _is_of_one_place(route):
            yield PodAddress(route.destination, link.name)


def _is_pods(link: _Link) -> bool:
    return link.kind in _PAIRS and link.elsewhere


def _bridges_of_pods(links: dict[int, _Link]) -> set[int]:
    masters = {link.master for link in links.values() if _is_pods(link)}
    return {
        index
        for index in masters
        if index in links
        and links[index].kind == "bridge"
        and not _OTHERS_BRIDGES.fullmatch(links[index].name)
    }


def _is_of_one_place(route: Route) -> bool:
    """Neither the default, nor link-local, nor multicast: every interface has those."""
    destination, family = route.destination, route.destination.family
    return destination.length > 0 and not (
        LINK_LOCAL[family].holds(destination) or _MULTICAST[family].holds(destination)
    )


def _links(netlink: Netlink) -> Iterator[tuple[int, _Link]]:
    for answer in netlink.ask(RTM_GETLINK, _ifinfomsg.pack(0, 0, 0, 0, 0), NLM_F_DUMP):
        said = attributes.parse(answer[_ifinfomsg.size :])
        info = attributes.parse(said.get(IFLA_LINKINFO, b""))
        master = _u32.unpack(said[IFLA_MASTER])[0] if IFLA_MASTER in said else 0
        yield (
            _ifinfomsg.unpack_from(answer)[2],
            _Link(
                attributes.as_text(said.get(IFLA_IFNAME, b"")),
                attributes.as_text(info.get(IFLA_INFO_KIND, b"")),
                IFLA_LINK_NETNSID in said,
                master,
            ),
        )
