"""Routes that a peer offers and this side does not take, where the peer itself is not exported.

`peerings list-routes` shows them. Taking them is a setting of this side; what becomes of packets in the peer's network no
replay can tell, so that it is said and not tried.
"""

from collections.abc import Iterator

from wayhome.clouds.gcp.derive.imports import peering_name
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoute, PeeringRoutes
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import short
from wayhome.diagnosis.path import Side
from wayhome.diagnosis.repairs.exchange_routes import KIND
from wayhome.diagnosis.repairs.peering_setting import Setting
from wayhome.diagnosis.repairs.proposal import NotPossible, Proposal
from wayhome.diagnosis.situation import Situation


def offered_routes(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Which setting would take a route to where the packet was going."""
    scene = Scene.of(situation)
    if scene is None or scene.vpc is None:
        return
    for number, peering in enumerate(scene.vpc.value.peerings):
        if situation.estate.get(Network, peering.network) is not None:
            continue
        take = Setting(Side(scene.vpc, number), "import_custom_routes")
        for row in _not_taken(situation, peering_name(scene.vpc.name, peering)):
            if not take.is_set and row.dest_range.prefix.contains(*scene.towards):
                yield NotPossible(
                    KIND,
                    f"{short(peering.network)} offers {row.dest_range}, and what becomes of packets there is not exported, so "
                    f"that no replay could tell; this side takes the route with: {take.command()}",
                )


def _not_taken(situation: Situation, peering: str) -> Iterator[PeeringRoute]:
    for listed in situation.estate.of(PeeringRoutes, peering):
        if listed.value.direction == "INCOMING":
            yield from (row for row in listed.value.routes if not row.imported)
