"""A network in which BGP has told nobody anything yet, and can. Pure.

What goes are the routes that were learned over a session, as the exports say or as follows from them: the speakers bring
them back, or do not. What comes are the addresses of the sessions' ends, and the way from one to the other.

A route that a network imported from a peer whose Cloud Router learned it stays: a peering is no BGP session.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from wayhome.clouds.gcp.derive.route import RouteType
from wayhome.lab.bgp.sessions import Session, Speaker
from wayhome.network import (
    Address,
    Forward,
    Network,
    Node,
    NodeKind,
    Opaque,
    Port,
    Route,
    RouteTable,
    RoutingRule,
)
from wayhome.prefixes import Family

LEARNED_INTO = {NodeKind.FABRIC: ("custom", "exported"), NodeKind.SITE: ("main",)}
"""The tables of a speaker that hold what it learns."""
_LEARNED = {NodeKind.FABRIC: RouteType.DYNAMIC, NodeKind.SITE: RouteType.ADVERTISED}
_SESSIONS = "bgp sessions"


def with_bgp_alone(network: Network, speakers: Iterable[Speaker]) -> Network:
    """The network whose sites have no route but what BGP tells them.

    Nobody knows whether a site has others; a lab has to decide it. A site that is reached in other ways too stays open.
    """
    sites = {speaker.node: _ports_of(speaker.sessions) for speaker in speakers}
    return Network.of(
        (
            _without_unknown(node)
            if node.kind is NodeKind.SITE and sites.get(node.name) == {p.name for p in node.ports}
            else node
            for node in network.nodes
        ),
        network.links,
    )


def with_host(network: Network, site: str, host: Address) -> Network:
    """The network where a site has a host: what the site itself sends comes from there. Of others nothing is known."""
    node = network.places[site].node
    first, *others = node.ports
    lived_in = replace(node, ports=(replace(first, addresses=(host, *first.addresses)), *others))
    return Network.of(
        (lived_in if one.name == site else one for one in network.nodes), network.links
    )


def before_bgp(network: Network, speakers: Iterable[Speaker]) -> Network:
    """The network before the first session is up."""
    sessions = {speaker.node: speaker.sessions for speaker in speakers}
    return Network.of(
        (
            _speaking(node, sessions[node.name]) if node.name in sessions else node
            for node in network.nodes
        ),
        network.links,
    )


def _without_unknown(site: Node) -> Node:
    tables = {
        name: RouteTable.of(r for r in table.routes if not isinstance(r.action, Opaque))
        for name, table in site.tables.items()
    }
    return replace(site, tables=tables)


def _speaking(node: Node, sessions: tuple[Session, ...]) -> Node:
    over = _ports_of(sessions)
    tables = dict(node.tables)
    for name in LEARNED_INTO[node.kind]:
        kept = (route for route in tables[name].routes if not _is_learned(route, node, over))
        tables[name] = RouteTable.of(kept)
    tables[_SESSIONS] = RouteTable.of(
        Route(session.remote.address.prefix, Forward(session.at.port)) for session in sessions
    )
    return replace(
        node,
        ports=tuple(_ports(node, sessions)),
        rules=(RoutingRule(table=_SESSIONS, locally_sent=True), *node.rules),
        tables=tables,
    )


def _is_learned(route: Route, node: Node, over: set[str]) -> bool:
    way = route.action
    return (
        route.kind == _LEARNED[node.kind].value
        and route.destination.family is Family.IPV4
        and isinstance(way, Forward)
        and way.port in over
    )


def _ports_of(sessions: tuple[Session, ...]) -> set[str]:
    return {session.at.port for session in sessions}


def _ports(node: Node, sessions: tuple[Session, ...]) -> Iterator[Port]:
    for port in node.ports:
        own = tuple(session.local.address for session in sessions if session.at.port == port.name)
        yield replace(port, addresses=(*port.addresses, *own))
