"""What a network may have by itself that no export shows: subnets, static routes, what its Cloud Routers learned, or a hub's."""

import shlex
from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.gap import Gap, command
from wayhome.clouds.gcp.derive.next_hops import hub_routes
from wayhome.clouds.gcp.derive.ranges import EVERYTHING, PRIVATE
from wayhome.clouds.gcp.derive.subnets import subnets_known
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router, RouterStatus
from wayhome.clouds.knowledge import State
from wayhome.clouds.located import Located
from wayhome.clouds.values import project_of
from wayhome.prefixes import Prefix


def local_gaps(estate: Estate, network: Located[Network]) -> Iterator[Gap]:
    """The gaps of one network, without those of its peers."""
    project, name = project_of(network.name), network.value.name

    def gap(
        fact: str,
        words: str,
        unless: str,
        *,
        within: tuple[Prefix, ...] = PRIVATE,
        subnets: bool = False,
    ) -> Gap:
        return Gap(
            network=network.name,
            destinations=within,
            subnets=subnets,
            fact=fact,
            command=command(words, project),
            unless=unless,
        )

    if not subnets_known(estate, network):
        unless = f"{name} has a subnet there"
        yield gap(f"the subnetworks of {name}", "networks subnets list", unless, subnets=True)
    if estate.knows(Route, project).state is not State.EXPORTED:
        unless = f"{name} has a static route there"
        yield gap(f"the static routes of {name}", "routes list", unless, within=EVERYTHING)
    if estate.knows(Router, project).state is not State.EXPORTED:
        unless = f"a Cloud Router of {name} has learned a route there"
        fact = f"whether {name} has Cloud Routers, and what they learned"
        yield gap(fact, "routers list", unless)
    hubs = (route.value.next_hop_hub for route in estate.of(Route, network.name))
    for hub in dict.fromkeys(hub for hub in hubs if hub is not None):
        yield Gap(
            network=network.name,
            destinations=PRIVATE,
            subnets=False,
            fact=f"which dynamic routes {name} has from the hub {hub.short}",
            command=hub_routes(hub),
            unless=f"another spoke of {hub.short} has learned a route there",
        )
    for router in estate.of(Router, network.name):
        sessions = [peer for peer in router.value.bgp_peers if peer.enable != "FALSE"]
        if sessions and estate.get(RouterStatus, f"{router.name}/status") is None:
            short, region = router.value.name, router.value.region.short
            yield gap(
                f"what the Cloud Router {short} has learned",
                f"routers get-status {shlex.quote(short)} --region={shlex.quote(region)}",
                unless="",  # to learn routes is what it is there for
            )
