"""The kernel's routes of one type, by rtnetlink. What is asked for is one type because the kernel then sends no other.

Source: rtnetlink(7); RTA_* and RTN_* in linux/rtnetlink.h; fib_valid_dumpreq and NETLINK_GET_STRICT_CHK (Linux 4.20;
an earlier kernel sends all, and they are looked at here again).
"""

import enum
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from wayhome.kernel import attributes
from wayhome.kernel.netlink import NLM_F_DUMP, DumpInterruptedError, Netlink
from wayhome.prefixes import Family, Prefix

NETLINK_ROUTE = 0
NETLINK_GET_STRICT_CHK = 12
RTM_GETROUTE = 26
RTM_F_CLONED = 0x200
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_VIA = 1, 4, 5, 18
READINGS = 5
"""How often to read before giving up: addresses come and go while they are read."""

_rtmsg = struct.Struct(
    "=BBBBBBBBI"
)  # family, dst_len, src_len, tos, table, protocol, scope, type, flags
_u32 = struct.Struct("=I")


class RouteType(enum.IntEnum):
    """What becomes of a packet: RTN_*."""

    UNICAST = 1
    LOCAL = 2


@dataclass(frozen=True, slots=True)
class Route:
    """A route to `destination`. `interface`: its index, 0 where it names none or several. `table` 0 to 255, or 252."""

    destination: Prefix
    table: int
    interface: int
    has_gateway: bool


@contextmanager
def rtnetlink() -> Iterator[Netlink]:
    """A socket to ask, in the calling thread's network namespace. Raises OSError."""
    with closing(Netlink(NETLINK_ROUTE)) as netlink:
        with suppress(OSError):
            netlink.enable(NETLINK_GET_STRICT_CHK)
        yield netlink


def read_routes(netlink: Netlink, family: Family, kind: RouteType) -> list[Route]:
    """All of them. Raises OSError, ValueError or struct.error."""
    for attempt in range(1, READINGS + 1):
        try:
            return list(_dump(netlink, family, kind))
        except DumpInterruptedError:
            if attempt == READINGS:
                raise
    raise AssertionError


def _dump(netlink: Netlink, family: Family, kind: RouteType) -> Iterator[Route]:
    wanted = _rtmsg.pack(int(family.socket_family), 0, 0, 0, 0, 0, 0, kind, 0)
    for answer in netlink.ask(RTM_GETROUTE, wanted, NLM_F_DUMP, consistent=True):
        _, length, _, _, table, _, _, found, flags = _rtmsg.unpack_from(answer)
        if found != kind or flags & RTM_F_CLONED:
            continue
        said = attributes.parse(answer[_rtmsg.size :])
        first = int.from_bytes(said.get(RTA_DST, b""))
        interface = _u32.unpack(said[RTA_OIF])[0] if RTA_OIF in said else 0
        gateway = RTA_GATEWAY in said or RTA_VIA in said
        yield Route(Prefix(family, first, length), table, interface, gateway)
