"""The BGP sessions of an estate: who speaks to whom, over what, and what each announces. Pure.

A Cloud Router is a program of its network's: it speaks for the network's fabric, and its sessions run through the tunnel
or attachment that they are for. At the other end stands another exported Cloud Router, or a site. Of a site only what
it told is known, so that is what it announces.

A session is here if both of its ends are known and agree about each other, and what it runs over is up; others, and those
that the router's status says are down, are not, and what was learned over them stays in the network as it was exported.
So does what is IPv6.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.advertise import DEFAULT_PRIORITY
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes
from wayhome.clouds.gcp.derive.route import EffectiveRoute, RouteType
from wayhome.clouds.gcp.resources.router import BgpPeer, Interface, Router, RouterStatus
from wayhome.clouds.located import Located
from wayhome.network import Address, End, Network, NodeKind
from wayhome.prefixes import Family, Prefix


@dataclass(frozen=True, slots=True)
class Announcement:
    """A prefix, and how much it is worth: of two, the other end prefers the lower MED."""

    prefix: Prefix
    med: int


@dataclass(frozen=True, slots=True)
class Peer:
    """One end of a session."""

    address: Address
    asn: int


@dataclass(frozen=True, slots=True)
class Session:
    """A session, seen from one end: the port that it leaves by, and what is announced over it."""

    name: str
    at: End
    local: Peer
    remote: Peer
    announced: tuple[Announcement, ...]


@dataclass(frozen=True, slots=True)
class Speaker:
    """A node that speaks BGP. Never without a session."""

    node: str
    sessions: tuple[Session, ...]


def speakers(estate: Estate, routes: EffectiveRoutes, network: Network) -> tuple[Speaker, ...]:
    """All of an estate's speakers; `network` is what it was compiled to."""
    ours = list(_of_routers(estate, routes, network))
    ends = {(session.at, session.local, session.remote) for session in ours}
    by_node: dict[str, list[Session]] = defaultdict(list)
    for session in ours:
        far = far_end(network, session.at)
        if far is None:
            continue
        if network.places[far.node].node.kind is NodeKind.SITE:
            by_node[session.at.node].append(session)
            by_node[far.node].append(_of_site(session, far, routes))
        elif (far, session.remote, session.local) in ends:
            by_node[session.at.node].append(session)
    return tuple(Speaker(node, tuple(sessions)) for node, sessions in by_node.items())


def far_end(network: Network, end: End) -> End | None:
    """The port at which arrives what leaves by `end`, behind any tunnels in between; None where one of them is down."""
    there = network.places[end.node].peers.get(end.port)
    while there is not None:
        place = network.places[there.node]
        if place.node.not_running is not None:
            return None
        if place.node.kind is not NodeKind.TUNNEL:
            return there
        others = [name for name in place.ports if name != there.port]
        there = place.peers.get(others[0]) if len(others) == 1 else None
    return None


def _of_routers(
    estate: Estate, routes: EffectiveRoutes, network: Network
) -> Iterator[Session]:  # fmt: skip
    for router in estate.all(Router).values():
        fabric = router.value.network
        if fabric not in network.places or fabric not in routes.networks:
            continue
        status = estate.get(RouterStatus, f"{router.name}/status")
        states = status.value.result.bgp_peer_status if status else ()
        down = {one.name for one in states if one.status == "DOWN"}
        for peer in router.value.bgp_peers:
            if peer.enable != "FALSE" and peer.name not in down:
                yield from _session(router, peer, network, routes.networks[fabric].advertised)


def _session(
    router: Located[Router],
    peer: BgpPeer,
    network: Network,
    advertised: tuple[EffectiveRoute, ...],
) -> Iterator[Session]:
    fabric, bgp = router.value.network, router.value.bgp
    interface = next((i for i in router.value.interfaces if i.name == peer.interface_name), None)
    link = _link(interface)
    own, theirs = peer.ip_address, peer.peer_ip_address
    if link not in network.places[fabric].ports or own is None or theirs is None:
        return
    if bgp is None or bgp.asn is None or peer.peer_asn is None:
        return
    yield Session(
        name=peer.name,
        at=End(fabric, link),
        local=Peer(Address(own.family, own.value), bgp.asn),
        remote=Peer(Address(theirs.family, theirs.value), peer.peer_asn),
        announced=_announced(route for route in advertised if route.next_hop.resource == link),
    )


def _link(interface: Interface | None) -> str:
    """The full name of the tunnel or attachment, which is also that of the fabric's port to it."""
    if interface is None:
        return ""
    return interface.linked_vpn_tunnel or interface.linked_interconnect_attachment or ""


def _of_site(session: Session, far: End, routes: EffectiveRoutes) -> Session:
    """The other end of a router's session: the site told what the router learned."""
    learned = (
        route
        for route in routes.networks[session.at.node].custom
        if route.type is RouteType.DYNAMIC and route.next_hop.resource == session.at.port
    )
    return replace(
        session,
        at=far,
        local=session.remote,
        remote=session.local,
        announced=_announced(learned),
    )


def _announced(routes: Iterable[EffectiveRoute]) -> tuple[Announcement, ...]:
    """One for each prefix: a route that holds in several regions costs more in those that are far away."""
    meds: dict[Prefix, int] = {}
    for route in routes:
        prefix = route.destination
        if prefix.family is Family.IPV4:
            med = DEFAULT_PRIORITY if route.priority is None else route.priority
            meds[prefix] = min(med, meds.get(prefix, med))
    return tuple(Announcement(prefix, med) for prefix, med in meds.items())
