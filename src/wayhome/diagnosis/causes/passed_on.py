"""Why a network does not have its neighbour's route: what a peering keeps back, what a Cloud Router does not advertise."""

from collections.abc import Iterator

from wayhome.clouds.gcp.derive.exchange import ACTIVE, not_exported, not_imported
from wayhome.clouds.gcp.derive.imports import other_side
from wayhome.clouds.gcp.derive.route import EffectiveRoute, NextHopType
from wayhome.clouds.gcp.resources.network import Network, Peering
from wayhome.clouds.located import Located
from wayhome.diagnosis.causes.routers import CLOUD_ROUTER, AdvertisingRouter, routers_on_the_way
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.path import networks_on_the_way
from wayhome.network import Evidence

NO_CLOUD_ROUTER = (
    "no Cloud Router is involved: a VPC peering exchanges routes by itself. Over a VPN or an Interconnect it would be "
    "one: it advertises the ranges of subnets, and not the routes to Pods"
)
_FLAGS = {
    "exportCustomRoutes is false": "does not export custom routes",
    "importCustomRoutes is false": "does not import custom routes",
}
Found = tuple[list[Evidence], tuple[str, ...]]


def not_passed_on(scene: Scene, came_from: Located[Network] | None) -> Found:
    """Why the network in which the reply died has no route from the one that the packet came from."""
    here = scene.vpc
    if here is None or came_from is None:
        return [], ()
    exporter = other_side(came_from, here.name)
    importer = other_side(here, came_from.name)
    if exporter is None or importer is None:
        return _not_advertised(scene, came_from)
    evidence, sentence = _not_exchanged(scene, (came_from, *exporter), (here, *importer))
    return evidence, (sentence, NO_CLOUD_ROUTER) if sentence else ()


def not_active(scene: Scene) -> Found:
    """The peerings of the network in which the packet died over which nothing goes."""
    here = scene.vpc
    evidence, sentences = [], []
    for number, peering in enumerate(here.value.peerings if here else ()):
        if here is not None and peering.state != ACTIVE:
            evidence.append(here.at("peerings", number, "state"))
            sentences.append(
                f"the peering {peering.name} of {here.name} with {peering.network} is {peering.state or 'in no known state'}: "
                "nothing goes over it until both sides have one with the other"
            )
    return evidence, tuple(sentences)


def last_vpc(scene: Scene, before: str) -> Located[Network] | None:
    """The VPC network from which the packet came on its way out."""
    earlier = [name for name in networks_on_the_way(scene.situation) if name != before]
    return scene.situation.estate.get(Network, earlier[-1]) if earlier else None


_Side = tuple[Located[Network], int, Peering]


def _not_exchanged(scene: Scene, exporter: _Side, importer: _Side) -> tuple[list[Evidence], str]:
    (there, out, exports), (here, taken, imports) = exporter, importer
    route = max(_routes_of(scene, there.name), key=lambda r: r.destination.length, default=None)
    if route is None and not scene.situation.routes.networks[there.name].gaps:
        return [], f"{there.name} itself has no route to {scene.towards} that it could pass on"
    evidence, reasons = [], []
    for network, number, verb, why in (
        (
            there,
            out,
            "export",
            not_exported(route, exports)
            if route
            else _no_custom(exports.export_custom_routes, "export"),
        ),
        (
            here,
            taken,
            "import",
            not_imported(route, imports)
            if route
            else _no_custom(imports.import_custom_routes, "import"),
        ),
    ):
        if why in _FLAGS:
            evidence.append(network.at("peerings", number, f"{verb}CustomRoutes"))
            reasons.append(f"{network.name} {_FLAGS[why]}")
        elif why:
            evidence += [*(route.evidence[:1] if route else ()), network.at("peerings", number)]
            reasons.append(f"{network.name} does not {verb} it: {why}")
    if not reasons:
        return [], ""
    return evidence, (
        f"the route to {scene.towards} is not exchanged over the peering: {' and '.join(reasons)}"
    )


def _no_custom(flag: bool, verb: str) -> str:
    """Of a route that may be there and was not exported from the cloud: whether it would be exchanged."""
    return "" if flag else f"{verb}CustomRoutes is false"


def _routes_of(scene: Scene, network: str) -> Iterator[EffectiveRoute]:
    """The network's own routes to where the packet goes."""
    own = scene.situation.routes.networks[network]
    for route in (*own.subnets, *own.custom):
        if route.next_hop.type is not NextHopType.INTERNET_GATEWAY and route.destination.contains(
            scene.towards.family, scene.towards.value
        ):
            yield route


def router_that_does_not_advertise(
    scene: Scene, came_from: Located[Network] | None
) -> AdvertisingRouter | None:
    """The Cloud Router on the way out whose other end does not learn from it where the source is."""
    for router in routers_on_the_way(scene.situation):
        if came_from is not None and router.located.value.network == came_from.name:
            silent = router.does_not_advertise(scene.situation, scene.towards)
            return router if silent else None
    return None


def _not_advertised(scene: Scene, came_from: Located[Network]) -> Found:
    """Over a VPN or an Interconnect the neighbour knows what a Cloud Router told it."""
    router = router_that_does_not_advertise(scene, came_from)
    if router is None:
        return [], ()
    sentence = router.does_not_advertise(scene.situation, scene.towards)
    return [router.located.at("bgp")], (sentence, CLOUD_ROUTER)
