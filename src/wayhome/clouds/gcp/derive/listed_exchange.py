"""`peerings list-routes` of either direction against what both sides' routes and settings make of a peering.

INCOMING lists what the peer offers: it is compared where the peer is exported. OUTGOING lists what this network offers
and whether the peer takes it: the first follows from this side alone, and is compared whoever the peer is.
"""

from collections.abc import Iterable, Iterator, Mapping

from wayhome.clouds.estate import Estate
from wayhome.clouds.finding import Finding
from wayhome.clouds.gcp.derive.difference import difference, differences
from wayhome.clouds.gcp.derive.effective import NetworkRoutes
from wayhome.clouds.gcp.derive.exchange import ACTIVE, not_exported, not_imported
from wayhome.clouds.gcp.derive.imports import LISTED_TYPES, other_side, peering_name
from wayhome.clouds.gcp.derive.route import EffectiveRoute, RouteType
from wayhome.clouds.gcp.resources.network import Network, Peering
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoute, PeeringRoutes
from wayhome.clouds.located import Located
from wayhome.network.evidence import Evidence
from wayhome.policy.findings import quote
from wayhome.prefixes import Prefix

Row = tuple[PeeringRoute, Evidence]
Exchanged = tuple[RouteType, EffectiveRoute]
"""A route, and its type in the network that takes it."""


def exchange_differences(
    estate: Estate, network: Located[Network], routes: Mapping[str, NetworkRoutes]
) -> Iterator[Finding]:
    """All differences of a network's peerings. `routes`: those of every exported network, by name."""
    for number, peering in enumerate(network.value.peerings):
        if peering.state != ACTIVE:
            continue
        peer = estate.get(Network, peering.network)
        mirror = other_side(peer, network.name) if peer else None
        if peer and not mirror:
            problem = f"peering {quote(peering.name)} is ACTIVE, and {quote(peer.value.name)} has none with {quote(network.value.name)}"
            yield difference(network.at("peerings", number), problem)
            continue
        name = peering_name(network.name, peering)
        for listed in estate.of(PeeringRoutes, name):
            if listed.value.direction == "OUTGOING":
                own = routes[network.name]
                yield from _outgoing(listed, own, peering, mirror[1] if mirror else None)
            elif peer:
                yield from _incoming(listed, routes[network.name], routes[peer.name], name)


def _incoming(
    listed: Located[PeeringRoutes], ours: NetworkRoutes, peers: NetworkRoutes, peering: str
) -> Iterator[Finding]:
    """What this network has over the peering, against what it is said to take."""
    taken = [
        (route.type, route)
        for route in (*ours.peer_subnets, *ours.peer_custom)
        if route.next_hop.target == peering
    ]
    rows = [row for row in _rows(listed) if row[0].imported]
    yield from _by_type("route over", listed, rows, taken, peers)


def _outgoing(
    listed: Located[PeeringRoutes], ours: NetworkRoutes, peering: Peering, mirror: Peering | None
) -> Iterator[Finding]:
    """What this network offers to the peer, and what the peer's own settings make of it."""
    offered = [
        (route.type.over_peering(), route)
        for route in (*ours.subnets, *ours.custom)
        if not not_exported(route, peering)
    ]
    yield from _by_type("route offered over", listed, _rows(listed), offered, ours)
    if mirror is None:
        return
    kept_out = {(kind, route.destination): not_imported(route, mirror) for kind, route in offered}
    for row, at in _rows(listed):
        kind = LISTED_TYPES.get(row.type)
        setting = kept_out.get((kind, row.dest_range.prefix)) if kind else None
        if setting is not None and row.imported is bool(setting):
            said = (
                f"takes it, and there {setting}"
                if setting
                else "does not take it, and there all settings let it in"
            )
            yield difference(
                at, f"{peering.network} is listed as one that {said}: {row.dest_range.prefix}"
            )


def _rows(listed: Located[PeeringRoutes]) -> list[Row]:
    return [(row, listed.at(place)) for place, row in enumerate(listed.value.routes)]


def _by_type(
    what: str,
    listed: Located[PeeringRoutes],
    rows: Iterable[Row],
    derived: Iterable[Exchanged],
    exporter: NetworkRoutes,
) -> Iterator[Finding]:
    """Of one region. Where not all routes of the exporter are known, a row that none makes is no difference."""
    unknown = {gap.subnets for gap in exporter.gaps if not gap.of_peer}
    for text, kind in LISTED_TYPES.items():
        found: dict[Prefix, Evidence] = {
            route.destination: route.evidence[0]
            for type_there, route in derived
            if type_there is kind and route.region in (None, listed.value.region)
        }
        comparable = {row.dest_range.prefix: at for row, at in rows if row.type == text}
        if (kind is RouteType.PEERING_SUBNET) in unknown:
            comparable = {prefix: at for prefix, at in comparable.items() if prefix in found}
        yield from differences(f"{kind.value} {what} {listed.value.peering}", found, comparable)
