"""The routes that BIRD put into a kernel's table: what a node really looks up, whatever BIRD says of itself.

Source: rtnetlink(7); RTPROT_BIRD in linux/rtnetlink.h. A kernel before 4.20 sends all routes, so they are looked at here.
"""

import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import closing

from wayhome.kernel.attributes import parse
from wayhome.kernel.netlink import NLM_F_DUMP, Netlink
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.prefixes import Family, Prefix

NETLINK_ROUTE, RTM_GETROUTE = 0, 26
RTA_DST, RTA_TABLE = 1, 15
RTPROT_BIRD = 12

_rtmsg = struct.Struct(
    "=BBBBBBBBI"
)  # family, dst_len, src_len, tos, table, protocol, scope, type, flags


def learned(namespace: NetworkNamespace, table: int) -> frozenset[Prefix]:
    """The destinations of BIRD's routes in a table. Raises OSError."""
    with namespace.entered(), closing(Netlink(NETLINK_ROUTE)) as netlink:
        return frozenset(_dump(netlink, table))


def _dump(netlink: Netlink, wanted: int) -> Iterator[Prefix]:
    body = _rtmsg.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
    for answer in netlink.ask(RTM_GETROUTE, body, NLM_F_DUMP):
        _, length, _, _, _, protocol, _, _, _ = _rtmsg.unpack_from(answer)
        said = parse(answer[_rtmsg.size :])
        table = int.from_bytes(said[RTA_TABLE], sys.byteorder)
        if protocol == RTPROT_BIRD and table == wanted:
            yield Prefix(Family.IPV4, int.from_bytes(said.get(RTA_DST, b"")), length)
