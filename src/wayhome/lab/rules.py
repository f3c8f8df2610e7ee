"""A node's filters and drops as text for `nft -f -`.

One table, in the node's namespace. Packets meet, in this order: who may enter by this port, the port's inbound
filter, the drop routes; and on the way out, the port's outbound filter (`filters`). Wherever one is dropped, it is
counted and logged to LOG_GROUP with the cause as its prefix; `drops` listens there.

A drop route is a blackhole route of the kernel, whose look-up finds the longest prefix; the rule here only gives it
its cause. It matches where the look-up finds no interface to leave by. (`fib daddr type blackhole` loads and never
matches IPv4: the type is looked up among local addresses only, and everything else is called unicast.) Among the
drop routes that contain a destination, the one that the look-up found is the longest, so the rules go from long
prefixes to short ones. They stand behind the translation of replies (priority `filter`), where the destination is
the one that will be routed.

One command per line: nft 1.0.6 rejects some one-liners. Names are generated: a chain called `fwd` is a syntax error.
"""

from collections.abc import Iterator
from ipaddress import ip_network

from wayhome.lab.filters import FAMILIES, TABLE, drop, port_filters, prefix_set
from wayhome.lab.topology import NO_ROUTE, SOURCE_NOT_ALLOWED, DropRoute, Node, Port

_NEIGHBOURS = ("nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert")
_EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_LINK_LOCAL = (ip_network("fe80::/10"), ip_network("::/128"))
_NO_WAY_ON = "fib daddr type != { local, broadcast, multicast, anycast } fib daddr oif missing"


def render(node: Node, *, log: bool = True) -> str:
    """The node's rules, or nothing where it has none. Without `log` a drop is counted and not seen."""
    return "".join(f"{line}\n" for line in _lines(node, log=log))


def drop_routes(node: Node) -> tuple[DropRoute, ...]:
    """The node's drop routes, longest first; a node that forwards has one for everything that no route covers."""
    drops = [route for route in node.routes if isinstance(route, DropRoute)]
    if node.forwards:
        routed = {route.destination for route in node.routes}
        drops += [DropRoute(destination=p, cause=NO_ROUTE) for p in _EVERYTHING if p not in routed]
    return tuple(sorted(drops, key=lambda drop: -drop.destination.prefixlen))


def _lines(node: Node, *, log: bool) -> Iterator[str]:
    drops = drop_routes(node)
    guarded = [port for port in node.ports if port.sources is not None]
    filtered = [port for port in node.ports if port.inbound or port.outbound]
    if not (drops or guarded or filtered):
        return
    yield f"add table inet {TABLE}"
    yield f"add chain inet {TABLE} way_in {{ type filter hook prerouting priority filter ; }}"
    yield f"add chain inet {TABLE} way_out {{ type filter hook postrouting priority filter ; }}"
    for hook in ("way_in", "way_out"):
        # Without its neighbours IPv6 does not begin; no cloud's firewall asks for a rule.
        yield f"add rule inet {TABLE} {hook} icmpv6 type {{ {', '.join(_NEIGHBOURS)} }} accept"
    for port in guarded:
        for match in _foreign_sources(port):
            yield f"add rule inet {TABLE} way_in {match} {drop(SOURCE_NOT_ALLOWED, log=log)}"
    for number, port in enumerate(filtered):
        yield from port_filters(number, port, log=log)
    for route in drops:
        family = "ip" if route.destination.version == 4 else "ip6"
        yield (
            f"add rule inet {TABLE} way_in {_NO_WAY_ON} "
            f"{family} daddr {route.destination} {drop(route.cause, log=log)}"
        )


def _foreign_sources(port: Port) -> Iterator[str]:
    """Matches of what may not enter by a port: one for each family. IPv6 needs link-local sources too."""
    for family, version, _ in FAMILIES:
        mine = prefix_set((*(port.sources or ()), *_LINK_LOCAL), version)
        others = f"{family} saddr != {mine}" if mine else "meta nfproto ipv4"
        yield f'iifname "{port.name}" {others}'
