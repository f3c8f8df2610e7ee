"""What is not there was not there, not asked for, not readable, or not understood; these are told apart."""

from pathlib import Path
from typing import Any

import pytest
from tests.clouds.read.directory import (
    COMPUTE,
    cluster,
    estate_of,
    instance,
    kubernetes,
    listed,
    network,
    problems,
    route,
)

from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router
from wayhome.clouds.knowledge import State
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.network_policy import NetworkPolicy
from wayhome.clouds.kubernetes.resources.pod import Pod

CLUSTER = "projects/p/locations/z/clusters/c"


def test_a_list_says_that_there_are_no_others(tmp_path: Path) -> None:
    estate = estate_of(tmp_path, {"a.json": [route(), route(project="q")]})
    assert estate.knows(Route, "projects/p").state is State.EXPORTED
    assert estate.knows(Route, "projects/q").state is State.EXPORTED
    assert estate.knows(Route, "projects/other").state is State.NOT_EXPORTED
    assert estate.knows(Network, "projects/p").state is State.NOT_EXPORTED


def test_an_object_says_nothing_about_others(tmp_path: Path) -> None:
    estate = estate_of(tmp_path, {"a.json": network()})
    assert estate.knows(Network, "projects/p").state is State.NOT_EXPORTED


def test_a_list_of_one_zone_is_no_list_of_the_project(tmp_path: Path) -> None:
    content = {
        "kind": "compute#instanceList",
        "id": "projects/p/zones/z/instances",
        "items": [instance()],
    }
    estate = estate_of(tmp_path, {"a.json": content})
    assert estate.knows(Instance, "projects/p/zones/z").state is State.EXPORTED
    assert estate.knows(Instance, "projects/p").state is State.NOT_EXPORTED


@pytest.mark.parametrize("items", [{}, {"items": []}, {"items": None}])
def test_an_empty_list_of_an_api(tmp_path: Path, items: dict[str, Any]) -> None:
    content = {"kind": "compute#routerList", "id": "projects/p/regions/r/routers"} | items
    estate = estate_of(tmp_path, {"a.json": content})
    assert estate.knows(Router, "projects/p/regions/r").state is State.EXPORTED


def test_one_page_of_several(tmp_path: Path) -> None:
    content = {"kind": "compute#routeList", "items": [route()], "nextPageToken": "x"}
    estate = estate_of(tmp_path, {"a.json": content})
    assert estate.knows(Route, "projects/p").state is State.NOT_EXPORTED
    assert problems(estate) == ["a.json, /items: it is one page of several; export all pages"]


def test_a_zone_that_did_not_answer(tmp_path: Path) -> None:
    content = {
        "kind": "compute#instanceAggregatedList",
        "id": "projects/p/aggregated/instances",
        "items": {
            "zones/y": {"warning": {"code": "UNREACHABLE", "message": "zone y is down"}},
            "zones/z": {"instances": [instance()]},
        },
    }
    estate = estate_of(tmp_path, {"a.json": content})
    found = estate.knows(Instance, "projects/p")
    assert (found.state, found.scope) == (State.NOT_READABLE, "projects/p/zones/y")
    assert estate.knows(Instance, "projects/p/zones/z").state is State.EXPORTED
    assert problems(estate) == [
        "a.json, /items: lacks projects/p/zones/y (zone y is down); export it again"
    ]


@pytest.mark.parametrize("name", ["routers.json", "p-routers.json", "routers.p.json"])
def test_an_empty_file_of_gcloud_is_known_by_its_name_and_folder(tmp_path: Path, name: str) -> None:
    files = {"p/n.json": [network()], f"p/{name}": [], "q/n.json": [network(project="q")]}
    estate = estate_of(tmp_path, files)
    assert estate.knows(Router, "projects/p").state is State.EXPORTED
    assert estate.knows(Router, "projects/q").state is State.NOT_EXPORTED
    assert not estate.findings


def test_an_empty_file_in_a_folder_of_several_projects_says_nothing(tmp_path: Path) -> None:
    files = {"n.json": [network()], "routers.json": [], "m.json": [network(project="q")]}
    estate = estate_of(tmp_path, files)
    assert estate.knows(Router, "projects/p").state is State.NOT_EXPORTED
    assert "routers.json: is empty, and does not say of what it is a list" in problems(estate)[0]


def test_an_empty_list_of_kubectl(tmp_path: Path) -> None:
    files = {"gke_p_z_c/networkpolicies.json": listed(), "gke_p_z_c/x.json": listed()}
    estate = estate_of(tmp_path, files)
    assert estate.knows(NetworkPolicy, CLUSTER).state is State.EXPORTED
    assert len(estate.findings) == 1


def test_pods_of_one_namespace_are_not_all_pods(tmp_path: Path) -> None:
    some = listed(kubernetes("Pod", "a", "d"), kubernetes("Pod", "b", "d"))
    every = listed(kubernetes("ConfigMap", "a", "d"), kubernetes("ConfigMap", "b", "e"))
    files = {"c.json": [cluster()], "pods.json": some, "maps.json": every}
    estate = estate_of(tmp_path, files)
    assert estate.knows(Pod, CLUSTER).state is State.NOT_EXPORTED
    assert estate.knows(Pod, f"{CLUSTER}/k8s/namespaces/d").state is State.EXPORTED
    assert estate.knows(ConfigMap, CLUSTER).state is State.EXPORTED


def test_what_was_not_understood_makes_its_kind_unknown_there(tmp_path: Path) -> None:
    files = {"a.json": [route(), route("s", destRange="ten")], "b.json": [route(project="q")]}
    estate = estate_of(tmp_path, files)
    found = estate.knows(Route, "projects/p")
    assert found.state is State.DAMAGED
    assert found.evidence is not None
    assert (found.evidence.file, found.evidence.pointer) == ("a.json", "/1/destRange")
    assert estate.knows(Route, "projects/q").state is State.EXPORTED


@pytest.mark.parametrize(
    "hops",
    [{"nextHopGateway": None}, {"nextHopIp": "10.0.0.1"}],
    ids=["none that is known", "two"],
)
def test_a_route_has_one_next_hop(tmp_path: Path, hops: dict[str, Any]) -> None:
    estate = estate_of(tmp_path, {"a.json": [route(), route("s", **hops)]})
    assert estate.knows(Route, "projects/p").state is State.DAMAGED
    assert list(estate.all(Route)) == ["projects/p/global/routes/r"]


def test_a_file_without_a_sign_may_have_held_anything(tmp_path: Path) -> None:
    files = {"a.json": [route()], "b.json": b'[\n  {\n    "na'}
    estate = estate_of(tmp_path, files)
    assert estate.knows(Route, "projects/p").state is State.DAMAGED
    assert estate.knows(Pod, "anywhere").state is State.DAMAGED


def test_an_empty_file_is_a_command_that_failed(tmp_path: Path) -> None:
    files = {"p/a.json": [network()], "p/routes.json": b""}
    estate = estate_of(tmp_path, files)
    assert estate.knows(Route, "projects/p").state is State.DAMAGED
    assert estate.knows(Network, "projects/p").state is State.EXPORTED
    assert problems(estate) == [
        "p/routes.json: is empty: its command failed; run the command again"
    ]


def test_what_gcloud_says_instead_of_json_is_no_json(tmp_path: Path) -> None:
    files = {"a.json": [network()], "routes.json": b"ERROR: (gcloud.compute.routes.list) 403"}
    estate = estate_of(tmp_path, files)
    assert estate.knows(Route, "projects/p").state is State.DAMAGED


PEERING = "projects/p/global/networks/n/peerings/a/routes/INCOMING/europe-west4"


def _collected(*entries: dict[str, str]) -> dict[str, Any]:
    return {"schema": 1, "collected": list(entries)}


def test_collected_says_what_is_not_readable_and_what_files_are(tmp_path: Path) -> None:
    peer_routes = [{"destRange": "10.2.0.0/16", "type": "SUBNET_PEERING_ROUTE", "imported": True}]
    entries = _collected(
        {"resource": "compute#network", "scope": "projects/q", "state": "not-readable", "reason": "403"},
        {"resource": "compute#router", "scope": "projects/p", "state": "exported", "file": "1.json"},
        {"resource": "compute#exchangedPeeringRoutesList", "scope": PEERING, "state": "exported", "file": "2.json"},
        {"resource": "Pod", "scope": "clusters/kind", "state": "exported", "file": "3.json"},
    )  # fmt: skip
    files = {
        "x/collected.json": entries,
        "x/1.json": [],
        "x/2.json": peer_routes,
        "x/3.json": listed(kubernetes("Pod", "a", "d")),
    }
    estate = estate_of(tmp_path, files)
    assert not estate.findings
    refused = estate.knows(Network, "projects/q")
    assert (refused.state, refused.reason) == (State.NOT_READABLE, "403")
    assert estate.knows(Router, "projects/p").state is State.EXPORTED
    assert estate.knows(PeeringRoutes, PEERING).state is State.EXPORTED
    assert estate.all(PeeringRoutes)[PEERING].value.direction == "INCOMING"
    assert list(estate.all(Pod)) == ["clusters/kind/k8s/namespaces/d/pods/a"]
    assert estate.knows(Pod, "clusters/kind").state is State.EXPORTED


def test_collected_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    entry = {
        "resource": "compute#route",
        "scope": "projects/p",
        "state": "exported",
        "file": "r.json",
    }
    estate = estate_of(tmp_path, {"collected.json": _collected(entry)})
    assert estate.knows(Route, "projects/p").state is State.DAMAGED
    assert problems(estate) == [
        "collected.json, /collected/0: names the file r.json, which is not there; run the command again"
    ]


def test_a_damaged_file_is_what_collected_says_that_it_is(tmp_path: Path) -> None:
    entry = {
        "resource": "compute#route",
        "scope": "projects/p",
        "state": "exported",
        "file": "r.json",
    }
    files = {
        "collected.json": _collected(entry),
        "r.json": b'[{"na',
        "q.json": [route(project="q")],
    }
    estate = estate_of(tmp_path, files)
    assert estate.knows(Route, "projects/p").state is State.DAMAGED
    assert estate.knows(Route, "projects/q").state is State.EXPORTED


@pytest.mark.parametrize(
    "content, where",
    [
        ({"schema": 2, "collected": []}, "/schema"),
        (_collected({"resource": "x", "scope": "y", "state": "exported"}), "/collected/0/resource"),
        (_collected({"resource": "Pod", "scope": "y", "state": "\x1b["}), "/collected/0/state"),
        ({"schema": 1}, ""),
        ([], ""),
    ],
)
def test_a_wrong_collected_is_an_error(tmp_path: Path, content: Any, where: str) -> None:
    estate = estate_of(tmp_path, {"collected.json": content})
    (found,) = estate.findings
    assert found.pointer == where
    assert str(found).isprintable()


def test_one_may_read_what_another_may_not(tmp_path: Path) -> None:
    entry = {"resource": "compute#route", "scope": "projects/p", "state": "not-readable"}
    estate = estate_of(tmp_path, {"collected.json": _collected(entry), "r.json": [route()]})
    assert estate.knows(Route, "projects/p").state is State.EXPORTED


def test_firewall_rules_of_a_network_are_known_by_its_effective_ones(tmp_path: Path) -> None:
    rule = {
        "kind": "compute#firewall",
        "name": "f",
        "network": f"{COMPUTE}projects/p/global/networks/n",
        "allowed": [{"IPProtocol": "all"}],
        "selfLink": f"{COMPUTE}projects/p/global/firewalls/f",
    }
    estate = estate_of(tmp_path, {"a.json": {"firewalls": [rule], "firewallPolicys": []}})
    assert estate.knows(FirewallRule, "projects/p/global/networks/n").state is State.EXPORTED
    assert estate.knows(FirewallRule, "projects/p").state is State.NOT_EXPORTED
    located = estate.all(FirewallRule)["projects/p/global/firewalls/f"]
    assert located.evidence.pointer == "/firewalls/0"
