"""Where no route led on: out, home, or through a network between two others. These are asked last, and always answer."""

from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.live import advertised_by, list_routes, routes_towards
from wayhome.diagnosis.causes.passed_on import (
    last_vpc,
    not_active,
    not_passed_on,
    router_that_does_not_advertise,
)
from wayhome.diagnosis.causes.scene import Scene, unique
from wayhome.diagnosis.causes.transitive import network_of, peering_between, said_of
from wayhome.network import NodeKind
from wayhome.trace import Lost
from wayhome.trace.exchange import REPLY_NOT_EXPECTED
from wayhome.trace.walk import ROUTING_LOOP

_NOBODY_HAS_IT = "UNKNOWN_INTERNAL_ADDRESS"
_WHY = {
    "PRIVATE_TRAFFIC_TO_INTERNET": "only a route to the internet is left, and that carries no private address",
    "NO_EXTERNAL_ADDRESS": "the destination is public, and the source has neither an external address nor a Cloud NAT",
    "PRIVATE_GOOGLE_ACCESS_DISALLOWED": "the source's subnetwork has no Private Google Access",
    _NOBODY_HAS_IT: "the address lies in a subnetwork, and nothing that was exported has it",
    "VPN_TUNNEL_REMOTE_SELECTOR_MISMATCH": "the tunnel's remote traffic selector does not hold it",
    "NO_TRAFFIC_SELECTOR_TO_GCP_DESTINATION": "the tunnel's local traffic selector does not hold it",
    "NO_KNOWN_ROUTE_FROM_PEERED_NETWORK_TO_DESTINATION": "that network exports no route to it over the peering",
    "ROUTE_BLACKHOLE": "a route drops it",
    ROUTING_LOOP: "the routes send it round in a circle",
    REPLY_NOT_EXPECTED: "it is delivered to somebody who does not wait for it",
}


def transitive_peering(scene: Scene) -> Found | None:
    """Both ends are peers of one network, and not of each other: what a peer has learnt is never passed on."""
    here, there = scene.vpc, network_of(scene.situation, scene.towards)
    between = peering_between(here, there)
    if here is None or there is None or between is None:
        return None
    return Found(
        cause=Cause.TRANSITIVE_PEERING,
        because=said_of(here, there, between),
        deciding=unique([here.at("peerings"), there.at("peerings"), *scene.evidence]),
        confirm=list_routes(scene, here, between),
    )


def no_forward_route(scene: Scene) -> Found | None:
    """On its way out the packet came to where nothing leads to the destination."""
    if scene.lost is not Lost.FORWARD:
        return None
    where = scene.vpc.name if scene.vpc else scene.node.name
    there = network_of(scene.situation, scene.towards)
    states, inactive = not_active(scene)
    kept_back, why_not = ([], ()) if inactive or there is scene.vpc else not_passed_on(scene, there)
    return Found(
        cause=Cause.NO_FORWARD_ROUTE,
        because=f"{where} has no way to {scene.towards}: {_why(scene)}",
        deciding=unique([*kept_back, *states, *scene.evidence]),
        confirm=routes_towards(scene, scene.towards, peer=there.name if there else None),
        notes=(*why_not[:1], *inactive, *_about_services(scene)),
    )


def no_return_route(scene: Scene) -> Found:
    """The packet arrived, and the reply found no way home."""
    towards, where = scene.towards, scene.vpc.name if scene.vpc else scene.node.name
    whose = "the Pod's own address" if scene.from_pod and not scene.translated else f"{towards}"
    came_from = last_vpc(scene, before=where)
    if scene.node.kind is NodeKind.INSTANCE and scene.drop.cause == _NOBODY_HAS_IT:
        return _somebody_elses(scene, whose)
    kept_back, notes = not_passed_on(scene, came_from)
    silent = router_that_does_not_advertise(scene, came_from)
    peer = came_from.name if came_from else None
    kept = [step.evidence for step in scene.steps("SKIP_GKE_POD_IP_MASQUERADING")]
    return Found(
        cause=Cause.NO_RETURN_ROUTE,
        because=f"the packet arrives with {whose}, and {where} has no route back to {towards}: {_why(scene)}",
        deciding=unique([*kept_back, *scene.evidence, *kept]),
        confirm=advertised_by(silent.located.name)
        if silent
        else routes_towards(scene, towards, peer=peer),
        notes=notes,
    )


def _somebody_elses(scene: Scene, whose: str) -> Found:
    """The way back is that of somebody else's equal range: two clusters that plan alone both take the default."""
    return Found(
        cause=Cause.NO_RETURN_ROUTE,
        because=f"the packet arrives with {whose}, and the routes back to {scene.towards} lead to {scene.node.name}, where "
        f"no Pod has it ({scene.drop.cause}): that node's range overlaps the source's",
        deciding=scene.evidence,
        confirm=routes_towards(scene, scene.towards),
    )


def _why(scene: Scene) -> str:
    said = _WHY.get(scene.drop.cause, scene.drop.detail)
    return f"{said} ({scene.drop.cause})" if said else scene.drop.cause


def _about_services(scene: Scene) -> tuple[str, ...]:
    if scene.drop.cause != _NOBODY_HAS_IT:
        return ()
    return (
        "a managed service that no export lists may have the address, such as a Cloud SQL instance",
    )
