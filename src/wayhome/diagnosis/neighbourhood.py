"""The part of a large estate that a flow can have to do with, so that a replay need not compile the rest again.

A packet goes from network to network by peerings and tunnels, and what a network knows comes from its neighbours. So the
networks that the flow met or that its ends are in are kept, and all that are not more than two steps from one of them.
What lies beyond is as if it had not been exported: a flow that gets there is undetermined, and never answered wrongly.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.table import Table
from wayhome.diagnosis.path import networks_at, vpc_of
from wayhome.diagnosis.situation import Situation

LARGE = 40
"""Up to so many networks an estate stays whole: its compilation takes no time worth saving."""
STEPS = 2


def around(situation: Situation) -> Situation:
    """The same question in the neighbourhood; the situation itself where that is no smaller, or has another answer.

    Raises EndpointError and NetworkError.
    """
    networks = situation.estate.all(Network)
    if len(networks) <= LARGE:
        return situation
    near = _near(situation)
    if len(near) >= len(networks):
        return situation
    smaller = situation.with_estate(cut(situation.estate, near))
    same = smaller.trace.verdict is situation.trace.verdict and smaller.trace.drop == situation.trace.drop  # fmt: skip
    return smaller if same else situation


def _near(situation: Situation) -> set[str]:
    """The networks that stay."""
    neighbours = _neighbours(situation)
    found = set(_met(situation))
    for _ in range(STEPS):
        found |= {neighbour for name in found for neighbour in neighbours[name]}
    return found


def _met(situation: Situation) -> Iterator[str]:
    """Those on all ways that the flow may take, and those around its ends."""
    for way in situation.trace.ways:
        for hop in (*way.result.forward, *way.result.reply):
            if found := vpc_of(hop.node):
                yield found
    for owner in situation.network.owners(situation.asked.flow.destination):
        yield from networks_at(situation, owner.name)


def _neighbours(situation: Situation) -> dict[str, set[str]]:
    """By network: those it is peered with, and those at the far ends of its tunnels."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, network in situation.estate.all(Network).items():
        for peering in network.value.peerings:
            found[name].add(peering.network)
            found[peering.network].add(name)
    places = situation.network.places
    for name in situation.estate.all(VpnTunnel):
        here = _end(situation, name, "vpc")
        far = _end(situation, name, "far")
        there = _end(situation, far, "vpc") if far in places else ""
        if here and there:
            found[here].add(there)
    return found


def _end(situation: Situation, node: str, port: str) -> str:
    place = situation.network.places.get(node)
    end = place.peers.get(port) if place else None
    return end.node if end else ""


def cut(estate: Estate, networks: set[str]) -> Estate:
    """The estate with these networks and nothing of the others."""
    clusters = {
        name
        for name, cluster in estate.all(Cluster).items()
        if _belongs(cluster) and _belongs(cluster).isdisjoint(networks)
    }
    tables = {}
    for kind, table in estate.tables.items():
        kept = {
            name: located
            for name, located in table.objects.items()
            if name.partition("/k8s/")[0] not in clusters
            and not ((belongs := _belongs(located)) and belongs.isdisjoint(networks))
        }
        tables[kind] = table if len(kept) == len(table.objects) else Table(kept)
    return replace(estate, tables=tables)


def _belongs(located: Located[Resource]) -> set[str]:
    """The networks that an object names as its own."""
    names = (located.name, *located.value.owners())
    return {found for name in names if (found := vpc_of(name))}
