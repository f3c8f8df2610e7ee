"""The node's own addresses, as the rules' `fib … type local` knows them: the routes of type local.

A route, and not the list of interfaces' addresses: 127.0.0.0/8 is local as a whole, and so is what somebody routed
to the node itself. Only the three tables that every packet is looked up in count: a transparent proxy has `local
default` in a table of its own, which a rule opens to marked packets alone. A VRF's table is not seen for the same
reason.
"""

import struct
from collections.abc import Mapping

from wayhome.kernel.backend import KernelError
from wayhome.kernel.netlink import Netlink
from wayhome.kernel.routes import RouteType, read_routes, rtnetlink
from wayhome.prefixes import Family, Intervals

RT_TABLES = (253, 254, 255)
"""default, main, local: the tables of the rules that ip-rule(8) calls the default ones."""

LocalAddresses = Mapping[Family, Intervals]


def local_addresses() -> LocalAddresses:
    """The addresses that are local in the calling thread's network namespace. Raises KernelError."""
    try:
        with rtnetlink() as netlink:
            return {family: _read(netlink, family) for family in Family}
    except (OSError, ValueError, struct.error) as error:
        raise KernelError(f"reading the node's own addresses: {error}") from error


def _read(netlink: Netlink, family: Family) -> Intervals:
    return Intervals.of(
        (route.destination.first, route.destination.last)
        for route in read_routes(netlink, family, RouteType.LOCAL)
        if route.table in RT_TABLES
    )
