"""The node's ends of its Pods' cables: how many packets each has brought, by rtnetlink's own counters.

A Pod hangs on a veth or netkit pair, whatever its CNI calls the end (veth…, lxc…, gke…, cali…, eni…). The kernel counts
what comes out of it before anybody may take the packet: traffic control, XDP and netfilter come later. Cilium's own
pair, cilium_host and cilium_net, is no Pod's.

Source: rtnetlink(7); IFLA_* and struct rtnl_link_stats64 in linux/if_link.h.
"""

import struct
from collections.abc import Mapping
from pathlib import Path

from wayhome.kernel import attributes
from wayhome.kernel.backend import KernelError
from wayhome.kernel.netlink import NLM_F_DUMP, Netlink

NETLINK_ROUTE = 0
RTM_GETLINK = 18
IFLA_IFNAME, IFLA_LINKINFO, IFLA_STATS64 = 3, 18, 23
IFLA_INFO_KIND = 1
CILIUM = ("cilium_host", "cilium_net")
"""What Cilium's agent makes on every node that it runs on, that of GKE's Dataplane V2 too."""
_PODS = ("veth", "netkit")

_ifinfomsg = struct.Struct("=BxHiII")  # family, type, index, flags, change
_rx_packets = struct.Struct("=Q")  # the first member of rtnl_link_stats64


def packets_from_pods() -> Mapping[int, int]:
    """Packets that each interface of a Pod has brought so far, by the interface's index. Raises KernelError."""
    found: dict[int, int] = {}
    try:
        netlink = Netlink(NETLINK_ROUTE)
        try:
            for answer in netlink.ask(RTM_GETLINK, _ifinfomsg.pack(0, 0, 0, 0, 0), NLM_F_DUMP):
                held = attributes.parse(answer[_ifinfomsg.size :])
                kind = attributes.parse(held.get(IFLA_LINKINFO, b"")).get(IFLA_INFO_KIND, b"")
                name = attributes.as_text(held.get(IFLA_IFNAME, b""))
                if attributes.as_text(kind) in _PODS and name not in CILIUM:
                    index = _ifinfomsg.unpack_from(answer)[2]
                    (found[index],) = _rx_packets.unpack_from(held[IFLA_STATS64])
        finally:
            netlink.close()
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise KernelError(f"reading the node's interfaces: {error}") from error
    return found


def cilium_interface(devices: Path = Path("/proc/thread-self/net/dev")) -> str | None:
    """The name of an interface that only Cilium makes; None where there is none, or it cannot be known."""
    try:
        names = {line.partition(":")[0].strip() for line in devices.read_text().splitlines()}
    except OSError:
        return None
    return next((name for name in CILIUM if name in names), None)
