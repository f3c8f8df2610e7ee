"""The node's own addresses, as the rules' `fib … type local` knows them: the routes of type local.

A route, and not the list of interfaces' addresses: 127.0.0.0/8 is local as a whole, and so is what somebody routed
to the node itself. Only the three tables that every packet is looked up in count: a transparent proxy has `local
default` in a table of its own, which a rule opens to marked packets alone. A VRF's table is not seen for the same
reason.

Source: rtnetlink(7); fib_valid_dumpreq and NETLINK_GET_STRICT_CHK, by which the kernel sends no other route
(Linux 4.20; an earlier one sends all, and they are looked at here again).
"""

import struct
from collections.abc import Mapping
from contextlib import suppress

from wayhome.kernel import attributes
from wayhome.kernel.backend import KernelError
from wayhome.kernel.netlink import NLM_F_DUMP, DumpInterruptedError, Netlink
from wayhome.prefixes import Family, Intervals

NETLINK_ROUTE = 0
NETLINK_GET_STRICT_CHK = 12
RTM_GETROUTE = 26
RT_TABLES = (253, 254, 255)
"""default, main, local: the tables of the rules that ip-rule(8) calls the default ones."""
RTN_LOCAL = 2
RTA_DST = 1
READINGS = 5
"""How often to read before giving up: addresses come and go while they are read."""

LocalAddresses = Mapping[Family, Intervals]

_rtmsg = struct.Struct(
    "=BBBBBBBBI"
)  # family, dst_len, src_len, tos, table, protocol, scope, type, flags


def local_addresses() -> LocalAddresses:
    """The addresses that are local in the calling thread's network namespace. Raises KernelError."""
    try:
        netlink = Netlink(NETLINK_ROUTE)
        try:
            with suppress(OSError):
                netlink.enable(NETLINK_GET_STRICT_CHK)
            return {family: _read(netlink, family) for family in Family}
        finally:
            netlink.close()
    except (OSError, ValueError, struct.error) as error:
        raise KernelError(f"reading the node's own addresses: {error}") from error


def _read(netlink: Netlink, family: Family) -> Intervals:
    for attempt in range(1, READINGS + 1):
        try:
            return _dump(netlink, family)
        except DumpInterruptedError:
            if attempt == READINGS:
                raise
    raise AssertionError


def _dump(netlink: Netlink, family: Family) -> Intervals:
    wanted = _rtmsg.pack(int(family.socket_family), 0, 0, 0, 0, 0, 0, RTN_LOCAL, 0)
    spans = []
    for answer in netlink.ask(RTM_GETROUTE, wanted, NLM_F_DUMP, consistent=True):
        _, length, _, _, table, _, _, kind, _ = _rtmsg.unpack_from(answer)
        if table in RT_TABLES and kind == RTN_LOCAL:
            destination = attributes.parse(answer[_rtmsg.size :]).get(RTA_DST, b"")
            first = int.from_bytes(destination)
            spans.append((first, first | (1 << (family.bits - length)) - 1))
    return Intervals.of(spans)
