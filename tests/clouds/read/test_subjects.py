"""Outputs that do not say what they are about."""

from pathlib import Path
from typing import Any

import pytest
from tests.clouds.read.directory import COMPUTE, Json, estate_of, network, problems

from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls
from wayhome.clouds.gcp.resources.load_balancing import InstanceGroupMembers
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.gcp.resources.project import Project, ServiceProjects
from wayhome.clouds.gcp.resources.router import RouterStatus
from wayhome.clouds.knowledge import State

NETWORK = "projects/p/global/networks/n"
PEER_ROUTES = [
    {"destRange": "10.2.0.0/16", "type": "SUBNET_PEERING_ROUTE", "imported": True, "priority": 0}
]


def peered(project: str = "p", name: str = "n", peering: str = "to-peer") -> Json:
    peer = {"name": peering, "network": f"{COMPUTE}projects/x/global/networks/y", "state": "ACTIVE"}
    return network(name, project, peerings=[peer])


@pytest.mark.parametrize(
    "name",
    [
        "to-peer.europe-west4.INCOMING.json",
        "routes/to-peer/europe-west4/incoming.json",
        "n/europe-west4_INCOMING_to-peer.json",
    ],
)
def test_a_peering_is_named_by_the_path(tmp_path: Path, name: str) -> None:
    files = {"n.json": [peered(), network("other")], name: PEER_ROUTES}
    estate = estate_of(tmp_path, files)
    full = f"{NETWORK}/peerings/to-peer/routes/INCOMING/europe-west4"
    found = estate.all(PeeringRoutes)[full].value
    assert (found.network, found.peering, found.direction, found.region) == (
        NETWORK, "to-peer", "INCOMING", "europe-west4"
    )  # fmt: skip
    assert [str(one.dest_range) for one in found.routes] == ["10.2.0.0/16"]
    assert estate.of(PeeringRoutes, f"{NETWORK}/peerings/to-peer")
    assert not estate.findings


def test_a_peering_that_exchanges_nothing(tmp_path: Path) -> None:
    files = {"n.json": [peered()], "to-peer.europe-west4.INCOMING.json": []}
    estate = estate_of(tmp_path, files)
    full = f"{NETWORK}/peerings/to-peer/routes/INCOMING/europe-west4"
    assert estate.all(PeeringRoutes)[full].value.routes == ()
    assert estate.knows(PeeringRoutes, full).state is State.EXPORTED
    assert not estate.findings


def test_routes_of_a_peering_whose_network_is_not_exported(tmp_path: Path) -> None:
    """The name is as it should be: to ask for it once more would help nobody."""
    files = {"n.json": [network("other")], "to-peer.europe-west4.INCOMING.json": PEER_ROUTES}
    (problem,) = problems(estate_of(tmp_path, files))
    assert "is named after no peering of a network that was exported" in problem
    assert "gcloud compute networks list" in problem


def test_damaged_routes_of_a_peering_are_no_other_damage(tmp_path: Path) -> None:
    files = {"n.json": [peered()], "to-peer.europe-west4.INCOMING.json": b'[{"dest'}
    estate = estate_of(tmp_path, files)
    assert estate.knows(PeeringRoutes, f"{NETWORK}/peerings/to-peer").state is State.DAMAGED
    assert estate.knows(Network, "projects/p").state is State.EXPORTED


def test_peerings_of_one_name_are_told_apart_by_the_network(tmp_path: Path) -> None:
    files = {
        "n.json": [peered(), peered("q")],
        "q/to-peer.europe-west4.OUTGOING.json": PEER_ROUTES,
        "to-peer.europe-west4.OUTGOING.json": PEER_ROUTES,
    }
    estate = estate_of(tmp_path, files)
    assert [name.split("/")[1] for name in estate.all(PeeringRoutes)] == ["q"]
    assert "to-peer.europe-west4.OUTGOING.json: does not say which" in problems(estate)[0]


@pytest.mark.parametrize("name", ["x.json", "to-peer.INCOMING.json", "to-peer.europe-west4.json"])
def test_a_path_that_says_too_little(tmp_path: Path, name: str) -> None:
    estate = estate_of(tmp_path, {"n.json": [peered()], name: PEER_ROUTES})
    assert not estate.all(PeeringRoutes)
    assert estate.knows(PeeringRoutes, f"{NETWORK}/peerings/to-peer").state is State.DAMAGED
    assert "call it PEERING.REGION.INCOMING.json" in problems(estate)[0]


def router(name: str, *peers: str) -> Json:
    return {
        "kind": "compute#router",
        "name": name,
        "network": f"{COMPUTE}{NETWORK}",
        "region": f"{COMPUTE}projects/p/regions/r",
        "bgpPeers": [{"name": peer} for peer in peers],
    }


def status(*peers: str) -> Json:
    best = {
        "kind": "compute#route",
        "network": f"{COMPUTE}{NETWORK}",
        "destRange": "192.168.0.0/16",
        "nextHopIp": "169.254.0.2",
        "priority": 100,
    }
    sessions = [{"name": peer, "status": "UP", "advertisedRoutes": [best]} for peer in peers]
    return {
        "kind": "compute#routerStatusResponse",
        "result": {
            "network": f"{COMPUTE}{NETWORK}",
            "bestRoutes": [best],
            "bgpPeerStatus": sessions,
        },
    }


def test_a_router_is_known_by_its_peers(tmp_path: Path) -> None:
    files = {"r.json": [router("one", "a", "b"), router("two", "c")], "s.json": status("c")}
    estate = estate_of(tmp_path, files)
    (name,) = estate.all(RouterStatus)
    assert name == "projects/p/regions/r/routers/two/status"
    assert estate.knows(RouterStatus, "projects/p/regions/r/routers/two").state is State.EXPORTED
    assert estate.of(RouterStatus, NETWORK)


def test_a_status_that_fits_two_routers(tmp_path: Path) -> None:
    files = {"r.json": [router("one", "a"), router("two", "a")], "s.json": status("a")}
    estate = estate_of(tmp_path, files)
    assert not estate.all(RouterStatus)
    assert problems(estate) == [
        "s.json: does not say which router's status it is; name the router in collected.json"
    ]


@pytest.mark.parametrize(
    "content, kind, scope",
    [
        ({"firewallPolicys": [{"name": "1", "type": "HIERARCHY"}]}, EffectiveFirewalls, NETWORK),
        (
            [{"instance": f"{COMPUTE}projects/p/zones/z/instances/i", "status": "RUNNING"}],
            InstanceGroupMembers,
            "projects/p/zones/z/instanceGroups/g",
        ),
    ],
)
def test_what_only_collected_can_say(
    tmp_path: Path,
    content: Any,
    kind: type[EffectiveFirewalls | InstanceGroupMembers],
    scope: str,
) -> None:
    alone = estate_of(tmp_path / "alone", {"a.json": content})
    assert not alone.all(kind)
    assert "does not say whose" in problems(alone)[0]
    entry = {"resource": kind.KIND, "scope": scope, "state": "exported", "file": "a.json"}
    files = {"a.json": content, "collected.json": {"schema": 1, "collected": [entry]}}
    estate = estate_of(tmp_path / "with", files)
    assert list(estate.all(kind)) == [f"{scope}/{kind.COLLECTION}"]
    assert not estate.findings


def test_service_projects_are_of_the_project_whose_folder_they_are_in(tmp_path: Path) -> None:
    project = {"kind": "compute#project", "name": "host", "xpnProjectStatus": "HOST"}
    listed = [{"id": "web", "type": "PROJECT"}]
    project |= {"selfLink": f"{COMPUTE}projects/host"}
    files = {"host/project-info.json": project, "host/sharing.json": listed, "o.json": [network()]}
    estate = estate_of(tmp_path / "a", files)
    assert estate.all(Project)["projects/host"].value.xpn_project_status == "HOST"
    assert (
        estate.all(ServiceProjects)["projects/host/service-projects"].value.projects[0].id == "web"
    )
    assert estate.knows(ServiceProjects, "projects/host").state is State.EXPORTED
    empty = estate_of(
        tmp_path / "b", files | {"host/sharing.json": b"{}", "host/service-projects.json": []}
    )
    assert empty.knows(ServiceProjects, "projects/host").state is State.EXPORTED
    nowhere = estate_of(tmp_path / "c", {"sharing.json": listed})
    assert "does not say whose service projects it lists" in problems(nowhere)[0]
