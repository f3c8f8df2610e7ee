"""Why a node could not even send.

A packet of the node's own does not meet the rules that name what they drop (`rules`): where its route is a blackhole,
the look-up refuses it before there is a packet, with EINVAL; where no route covers the destination, with ENETUNREACH.
The kernel does not say which route it was. The topology does: the longest that covers the destination.

Source: fib_props in net/ipv4/fib_semantics.c, ip6_rt_type_to_error() in net/ipv6/route.c.
"""

import errno

from wayhome.lab.rules import drop_routes
from wayhome.lab.topology import NO_ROUTE, DropRoute, Node
from wayhome.probe.observation import Address


def cause(node: Node, destination: Address, error: int) -> str | None:
    """The cause with which the node's routes explain the error; None where they do not."""
    covering = [
        route for route in (*node.routes, *drop_routes(node)) if destination in route.destination
    ]
    longest = max(covering, key=lambda route: route.destination.prefixlen, default=None)
    if isinstance(longest, DropRoute) and error == errno.EINVAL:
        return longest.cause
    if longest is None and error == errno.ENETUNREACH:
        return NO_ROUTE
    return None
