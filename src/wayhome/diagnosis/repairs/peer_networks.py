"""Peer two networks that are not: a third one that both are peered with passes nothing on.

Each side makes an object of its own, and nothing is exchanged before both have; the control shows it. Where the source's
address is in no subnet (the Pods of a route-based cluster), custom routes have to be exchanged too. The cloud refuses a
peering between networks that have overlapping subnets, or peers with such.

Source: Google's "VPC Network Peering", overlapping subnets at time of peering.
"""

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from wayhome.clouds.gcp.derive.exchange import ACTIVE
from wayhome.clouds.gcp.resources.network import Network, Peering
from wayhome.clouds.located import Located
from wayhome.clouds.values import NetworkReference
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import gcloud, short
from wayhome.diagnosis.path import networks_at
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.repairs.validity import refused_peering, unknown_neighbours
from wayhome.diagnosis.situation import Situation
from wayhome.trace import Lost

KIND = "peer-networks"


def peer_networks(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Peer the source's network with the destination's, where nothing leads there."""
    scene = Scene.of(situation)
    if scene is None or scene.lost is not Lost.FORWARD or scene.drop.cause == "FIREWALL_RULE":
        return
    for here, there in _pairs(situation):
        if not _peered(here, there) and not _peered(there, here):
            yield _proposal(situation, here, there, both=True)
            one_side = _proposal(situation, here, there, both=False)
            yield replace(one_side, kind="peer-one-side", control=True)


def _pairs(situation: Situation) -> Iterator[tuple[Located[Network], Located[Network]]]:
    """The exported networks of the source and of the destination."""
    estate = situation.estate
    owners = situation.network.owners(situation.asked.flow.destination)
    ends = dict.fromkeys(name for owner in owners for name in networks_at(situation, owner.name))
    for source in networks_at(situation, situation.asked.source.node):
        for destination in ends:
            here, there = estate.get(Network, source), estate.get(Network, destination)
            if here is not None and there is not None and here.name != there.name:
                yield here, there


def _peered(network: Located[Network], peer: Located[Network]) -> bool:
    return any(peering.network == peer.name for peering in network.value.peerings)


def _proposal(
    situation: Situation, here: Located[Network], there: Located[Network], *, both: bool
) -> Proposal:
    own = situation.routes.networks[here.name].subnets
    source = situation.trace.shown.result.packet.source
    custom = not any(route.destination.contains(*source) for route in own)
    ours = _side(here, there, "export_custom_routes" if custom else "", active=both)
    theirs = _side(there, here, "import_custom_routes" if custom else "", active=both)
    sides = [(here, there, ours), (there, here, theirs)] if both else [(here, there, ours)]
    with_routes = ", and exchange custom routes" if custom else ""
    unknown = dict.fromkeys(
        name for one in (here, there) for name in unknown_neighbours(situation.estate, one.name)
    )
    notes = [
        f"what {short(name)} has is not known: it is peered with one of them" for name in unknown
    ]
    return Proposal(
        kind=KIND,
        summary=f"{short(here.name)} and {short(there.name)} are peered with each other{with_routes}",
        changes=Changes(changed=tuple(_with(network, peering) for network, _, peering in sides)),
        commands=tuple(_create(*one) for one in sides),
        undo=tuple(_delete(network, peering) for network, _, peering in reversed(sides)),
        notes=("all subnets of both are exchanged: only firewalls keep them apart then", *notes),
        refused=tuple(refused_peering(situation.estate, here.name, there.name)),
    )


def _side(of: Located[Network], to: Located[Network], flag: str, *, active: bool) -> Peering:
    taken = {peering.name for peering in of.value.peerings}
    name = f"to-{short(to.name)}"[:63]
    if name in taken:
        name = f"to-{to.name.split('/')[1]}-{short(to.name)}"[:63]
    peering = Peering(
        name=name, network=NetworkReference(to.name), state=ACTIVE if active else "INACTIVE"
    )
    return msgspec.structs.replace(peering, **{flag: True}) if flag else peering


def _with(network: Located[Network], peering: Peering) -> Located[Network]:
    peerings = (*network.value.peerings, peering)
    return Located(msgspec.structs.replace(network.value, peerings=peerings), network.evidence)


def _create(network: Located[Network], peer: Located[Network], peering: Peering) -> str:
    return gcloud(
        "networks", "peerings", "create", peering.name,
        project=network.name.split("/")[1], network=short(network.name),
        peer_project=peer.name.split("/")[1], peer_network=short(peer.name),
        export_custom_routes=peering.export_custom_routes,
        import_custom_routes=peering.import_custom_routes,
    )  # fmt: skip


def _delete(network: Located[Network], peering: Peering) -> str:
    return gcloud(
        "networks", "peerings", "delete", peering.name,
        project=network.name.split("/")[1], network=short(network.name), quiet=True,
    )  # fmt: skip
