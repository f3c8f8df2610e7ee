"""Peerings as links between fabrics, and a stand-in for each peer that is not exported.

A dynamic route holds for senders of some regions only, and at the peer's fabric nothing would tell a sender's region
any more. So where a side exports dynamic routes, there is one more link for each region that they hold in.

Of a peer that nobody may read, this side knows the subnets and, with `peerings list-routes`, the routes that it offers.
The stand-in has those. Whether its firewall lets a packet in, and whether it has a way back for a source that is not
one of our subnets, is unknown; what this side exports makes one answer likely.
"""

import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.parts import (
    ATTACHED,
    FROM_CUSTOM_PEER,
    FROM_PEER,
    Parts,
    region_class,
)
from wayhome.clouds.gcp.compile.tables import DELIVER
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes
from wayhome.clouds.gcp.derive.exchange import ACTIVE, not_exported
from wayhome.clouds.gcp.derive.gap import command
from wayhome.clouds.gcp.derive.imports import other_side, peering_name
from wayhome.clouds.gcp.derive.ranges import EVERYTHING, PRIVATE
from wayhome.clouds.gcp.derive.route import EffectiveRoute
from wayhome.clouds.gcp.resources.network import Network, Peering
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.located import Located
from wayhome.clouds.values import project_of
from wayhome.network import (
    End,
    Filter,
    FilterAction,
    FilterRule,
    Forward,
    Missing,
    Node,
    NodeKind,
    Opaque,
    Port,
    Route,
    RouteTable,
    RoutingRule,
    Verdict,
)
from wayhome.prefixes import Prefix


def port_of(route: EffectiveRoute) -> str:
    """The fabric's port by which an imported route leaves."""
    name = route.next_hop.target
    return f"{name}@{route.region}" if route.region is not None else name


def add_peerings(parts: Parts, estate: Estate, routes: EffectiveRoutes) -> None:
    """Links between exported networks, and stand-ins for the others."""
    unread: dict[str, list[tuple[Located[Network], int]]] = defaultdict(list)
    for network in estate.all(Network).values():
        for number, peering in enumerate(network.value.peerings):
            if peering.state != ACTIVE:
                continue
            peer = estate.get(Network, peering.network)
            if peer is None:
                unread[peering.network].append((network, number))
            elif network.name < peer.name:
                mirror = other_side(peer, network.name)
                # The cloud allows one peering between two networks; of several the first counts.
                first = other_side(network, peer.name)
                if mirror is not None and first == (number, peering) and mirror[1].state == ACTIVE:
                    _join(parts, routes, (network, peering), (peer, mirror[1]))
    for name, sides in unread.items():
        _StandIn(name, sides, parts, estate, routes).add()


def _join(
    parts: Parts, routes: EffectiveRoutes, left: tuple[Located[Network], Peering], right: tuple[Located[Network], Peering]
) -> None:  # fmt: skip
    names = [peering_name(side[0].name, side[1]) for side in (left, right)]
    regions = {
        route.region
        for side, name in zip((left, right), names, strict=True)
        for route in routes.networks[side[0].name].peer_custom
        if route.region is not None and route.next_hop.target == name
    }
    custom = (_takes_custom(right[1], left[1]), _takes_custom(left[1], right[1]))
    here, there = left[0].name, right[0].name
    for region in (None, *sorted(regions)):
        ours, theirs = (
            Port(name=_regional(name, region), ingress_class=_classes(asked, region))
            for name, asked in zip(names, custom, strict=True)
        )
        free = theirs.name not in parts.fabric_ports[there]
        if free and parts.attach(here, ours, there, theirs.name):
            parts.fabric_ports[there][theirs.name] = theirs


def _takes_custom(importer: Peering, exporter: Peering) -> bool:
    """Whether the importer's side may ask the exporter's fabric for custom routes."""
    return importer.import_custom_routes and exporter.export_custom_routes


def _regional(name: str, region: str | None) -> str:
    return name if region is None else f"{name}@{region}"


def _classes(custom: bool, region: str | None) -> frozenset[str]:
    classes = {FROM_PEER}
    if custom:
        classes.add(FROM_CUSTOM_PEER)
    if region is not None:
        classes.add(region_class(region))
    return frozenset(classes)


class _StandIn:
    """The fabric of a peer that is not exported, and whatever has addresses there."""

    def __init__(
        self, name: str, sides: list[tuple[Located[Network], int]], parts: Parts, estate: Estate,
        routes: EffectiveRoutes,
    ) -> None:  # fmt: skip
        self._name = name
        self._project = project_of(name)
        self._short = name.rpartition("/")[2]
        self._sides = sides
        self._parts = parts
        self._estate = estate
        self._routes = routes
        self._ports: list[Port] = []

    def add(self) -> None:
        """Both nodes, and the links to the networks that peer with it."""
        hosts = f"{self._name}/hosts"
        back: list[Route] = []
        known: list[Prefix] = []
        for network, number in self._sides:
            known += self._offered(network, number)
            if any(
                port.name == peering_name(network.name, network.value.peerings[number])
                for port in self._ports
            ):
                back += self._way_back(network, network.value.peerings[number])
        back += self._otherwise()
        self._ports.append(
            Port(name="hosts", ingress_class=frozenset({ATTACHED}), filter_out=self._firewall())
        )
        # Of what it has, some interfaces may be exported with the projects of their instances.
        known_ports = tuple(self._parts.fabric_ports[self._name].values())
        owned = [Route(p, DELIVER, "SUBNET") for port in known_ports for p in port.owns]
        tables = {
            "owned": RouteTable.of((*owned, *self._parts.fronts[self._name])),
            "offered": RouteTable.of(
                Route(prefix, Forward("hosts"), "SUBNET") for prefix in dict.fromkeys(known)
            ),
            "back": RouteTable.of(back),
        }
        rules = (
            RoutingRule(table="owned"),
            RoutingRule(table="offered"),
            RoutingRule(table="back", ingress=frozenset({ATTACHED})),
        )
        self._parts.add(
            Node(name=self._name, kind=NodeKind.FABRIC, ports=(*self._ports, *known_ports), rules=rules, tables=tables, forwards=True)
        )  # fmt: skip
        self._parts.add(
            Node(
                name=hosts,
                kind=NodeKind.SITE,
                ports=(Port(name="nic0"),),
                local=tuple(dict.fromkeys(known)),
                rules=(RoutingRule(table="main"),),
                tables={"main": RouteTable(tuple(Route(p, Forward("nic0")) for p in EVERYTHING))},
                assumptions=(f"something in {self._short} has the address and answers",),
            )
        )
        self._parts.join(End(self._name, "hosts"), End(hosts, "nic0"))

    def _offered(self, network: Located[Network], number: int) -> Iterator[Prefix]:
        """Join the network, and tell what it has from here."""
        peering = network.value.peerings[number]
        name = peering_name(network.name, peering)
        regions: set[str | None] = {None}
        found = self._routes.networks[network.name]
        for route in (*found.peer_subnets, *found.peer_custom):
            if route.next_hop.target == name:
                regions.add(route.region)
                yield route.destination
        for region in sorted(regions, key=str):
            port = Port(name=_regional(name, region), ingress_class=_classes(True, region))
            if self._parts.attach(network.name, port, self._name, port.name):
                self._ports.append(port)

    def _way_back(self, network: Located[Network], peering: Peering) -> Iterator[Route]:
        """To the subnets of the network: always exchanged. To its custom routes: if the peer imports them."""
        name = peering_name(network.name, peering)
        own = self._routes.networks[network.name]
        forward = Forward(name)
        for route in own.subnets:
            if not not_exported(route, peering):
                yield Route(
                    route.destination, forward, "PEERING_SUBNET", evidence=route.evidence[0]
                )
        taken = self._taken(network, peering)
        for route in own.custom:
            if not_exported(route, peering):
                continue
            decided = taken.get(route.destination)
            kind = route.type.over_peering().value
            if decided is True:
                yield Route(route.destination, forward, kind, evidence=route.evidence[0])
            elif decided is None:
                missing = self._missing_import(network, peering, route)
                yield Route(route.destination, Opaque(missing), kind, evidence=route.evidence[0])

    def _taken(self, network: Located[Network], peering: Peering) -> Mapping[Prefix, bool]:
        """What the peer imports, as `list-routes --direction=OUTGOING` tells it."""
        return {
            row.dest_range.prefix: row.imported
            for listed in self._estate.of(PeeringRoutes, peering_name(network.name, peering))
            if listed.value.direction == "OUTGOING"
            for row in listed.value.routes
        }

    def _missing_import(
        self, network: Located[Network], peering: Peering, route: EffectiveRoute
    ) -> Missing:
        words = (
            f"networks peerings list-routes {shlex.quote(peering.name)} --network={shlex.quote(network.value.name)}"
            f" --region={route.region or 'REGION'} --direction=OUTGOING"
        )
        return Missing(
            f"whether {self._short} imports {route.destination} from {network.value.name}",
            command(words, project_of(network.name)),
            Verdict.REACHABLE,
            f"{self._short} does not import custom routes",
        )

    def _otherwise(self) -> Iterator[Route]:
        words = f"routes list --filter=network~{self._short}$"
        missing = Missing(
            f"whether {self._short} has a route back to the source",
            command(words, self._project),
            Verdict.UNREACHABLE,
            f"{self._short} has another route there",
        )
        for prefix in (*PRIVATE, *EVERYTHING):
            yield Route(prefix, Opaque(missing))

    def _firewall(self) -> Filter:
        missing = Missing(
            f"whether the firewall of {self._short} lets it in",
            command(f"networks get-effective-firewalls {shlex.quote(self._short)}", self._project),
        )
        return Filter(
            stages=(
                (
                    FilterRule(action=FilterAction.ALLOW, unknown=missing),
                    FilterRule(action=FilterAction.DENY, unknown=missing),
                ),
            ),
            step="APPLY_INGRESS_FIREWALL_RULE",
        )
