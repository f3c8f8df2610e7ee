"""What lies at the other end of tunnels and attachments: a site, another cloud.

Of a site only this is known: what it announced (or what static routes send there), which ends there, and what it was
told over BGP, which it sends back to whoever told it. How it routes anything else is opaque.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from wayhome.clouds.gcp.compile.parts import Parts
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes
from wayhome.clouds.gcp.derive.ranges import EVERYTHING
from wayhome.clouds.gcp.derive.route import EffectiveRoute
from wayhome.network import (
    End,
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


@dataclass(frozen=True, slots=True)
class SiteEnd:
    """An end at a site: of which tunnel or attachment (its full name), and where our side of the link is.

    `bgp`: the site is told what it may send here. `selectors`: what it may send at all; empty: anything.
    """

    resource: str
    ours: End
    bgp: bool
    selectors: tuple[Prefix, ...]


@dataclass(slots=True)
class Site:
    """A site, by the name of its gateway or its address."""

    name: str
    ends: list[SiteEnd] = field(default_factory=list)

    def add(self, parts: Parts, routes: EffectiveRoutes) -> None:
        """Its node and its links."""
        resources = {end.resource for end in self.ends}
        announced, told = [], []
        for network in routes.networks.values():
            announced += [r for r in network.custom if r.next_hop.resource in resources]
            told += [r for r in network.advertised if r.next_hop.resource in resources]
        local = tuple(dict.fromkeys(route.destination for route in announced))
        parts.add(
            Node(
                name=self.name,
                kind=NodeKind.SITE,
                ports=tuple(Port(name=end.resource) for end in self.ends),
                local=local,
                rules=(RoutingRule(table="main"),),
                tables={"main": RouteTable.of(self._routes(told))},
                assumptions=(f"something in {self.name} has the address and answers",),
            )
        )
        for end in self.ends:
            parts.join(end.ours, End(self.name, end.resource))

    def _routes(self, told: list[EffectiveRoute]) -> Iterator[Route]:
        """What it was told, by MED; then what its tunnels select; then what nobody knows."""
        for route in told:
            yield Route(
                route.destination,
                Forward(route.next_hop.resource),
                route.type.value,
                route.lowest_priority,
                evidence=route.evidence[0],
            )
        selected = [prefix for end in self.ends for prefix in end.selectors if not end.bgp]
        for prefix in set(selected).difference(EVERYTHING):
            yield Route(prefix, Opaque(self._missing(Verdict.REACHABLE)), order=1 << 30)
        bgp = all(end.bgp for end in self.ends)
        likely = Verdict.UNREACHABLE if bgp or selected else None
        for prefix in EVERYTHING:
            yield Route(prefix, Opaque(self._missing(likely)), order=1 << 30)

    def _missing(self, likely: Verdict | None) -> Missing:
        unless = {
            Verdict.UNREACHABLE: f"{self.name} has a static route to the tunnel for it",
            Verdict.REACHABLE: f"{self.name} has no route to the tunnel for it",
        }
        return Missing(
            f"whether {self.name} routes the source's address to the tunnel",
            "show ip route SOURCE  # on the site's router",
            likely,
            unless.get(likely, "") if likely else "",
        )
