"""Real exports, from github.com/GoogleCloudPlatform/gcpdiag (Apache-2.0), test-data/ at 06ec858."""

import pytest
from tests.clouds.read.directory import DUMPS, problems

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.knowledge import State
from wayhome.clouds.read import read_estate
from wayhome.clouds.resource import Resource

pytestmark = pytest.mark.skipif(not DUMPS.is_dir(), reason="../shared/data/gcp-dumps is not here")

GKE1 = "projects/gcpdiag-gke1-aaaa"
VPC2 = "projects/gcpdiag-vpc2-runbook"
POLICY = "projects/gcpdiag-fw-policy-aaaa"


def _counts(estate: Estate) -> dict[type[Resource], int]:
    return {kind: len(table.objects) for kind, table in estate.tables.items()}


def test_a_project_with_seven_clusters() -> None:
    estate = read_estate(DUMPS / "gke1")
    assert _counts(estate) == {
        Cluster: 7, EffectiveFirewalls: 1, FirewallRule: 34, Instance: 15, Network: 1, Route: 46, Router: 4,
        Subnetwork: 37,
    }  # fmt: skip
    network = f"{GKE1}/global/networks/default"
    for kind in (Subnetwork, FirewallRule, Instance, Router, Cluster):
        assert len(estate.of(kind, network)) == len(estate.all(kind))
    assert len(estate.of(Route, network)) == 41
    routed = {
        name.rpartition("/")[2]: str(one.value.cluster_ipv4_cidr)
        for name, one in estate.all(Cluster).items()
        if one.value.ip_allocation_policy.use_routes
    }
    assert routed == {"gke2": "10.4.0.0/14", "gke3": "10.1.0.0/19", "gke6": "10.12.0.0/14"}
    peerings = estate.all(Network)[network].value.peerings
    assert [one.network.project for one in peerings] == [
        "projects/gke-prod-europe-west4-a-55a0",
        "projects/gke-prod-europe-west4-559c",
    ]


def test_what_its_authors_changed_by_hand_is_noticed() -> None:
    estate = read_estate(DUMPS / "gke1")
    assert set(estate.disputed) == {
        f"{GKE1}/regions/us-east4/routers/dummy-router3",
        f"{GKE1}/regions/europe-west4/subnetworks/default",
    }
    assert len(problems(estate)) == 3
    assert problems(estate)[2].startswith(
        "compute-subnetwork-policy.json: holds 1 objects of no kind"
    )
    assert estate.knows(Route, GKE1).state is State.EXPORTED
    assert estate.knows(Router, GKE1).state is State.NOT_EXPORTED  # some regions only
    assert estate.knows(Router, f"{GKE1}/regions/us-west2").state is State.EXPORTED


def test_alias_ranges_and_forwarding() -> None:
    estate = read_estate(DUMPS / "gke1")
    zone = f"{GKE1}/zones/europe-west4-a/instances"
    native = estate.all(Instance)[f"{zone}/gke-gke1-default-pool-671518f6-zsnm"]
    interface = native.value.network_interfaces[0]
    assert [(str(one.ip_cidr_range), one.subnetwork_range_name) for one in interface.alias_ip_ranges] == [
        ("192.168.1.0/24", "gke1-secondary-range-pod")
    ]  # fmt: skip
    assert interface.access_configs[0].nat_ip == "34.90.1.21"
    assert not native.value.can_ip_forward


def test_a_project_with_a_stored_connectivity_test() -> None:
    estate = read_estate(DUMPS / "vpc2")
    assert _counts(estate) == {
        EffectiveFirewalls: 1, FirewallRule: 8, Instance: 4, Network: 1, Route: 44,
    }  # fmt: skip
    assert estate.knows(Instance, VPC2).state is State.NOT_EXPORTED  # two zones only
    assert estate.knows(Instance, f"{VPC2}/zones/europe-west2-b").state is State.EXPORTED
    assert [text.partition(":")[0] for text in problems(estate)] == ["connectivity-test.json"]


def test_a_project_with_hierarchical_policies() -> None:
    estate = read_estate(DUMPS / "fw-policy")
    found = estate.all(EffectiveFirewalls)[f"{POLICY}/global/networks/default/effectiveFirewalls"]
    policies = found.value.firewall_policys
    assert [(one.short_name, one.type) for one in policies] == [
        ("parent-folder-policy", "HIERARCHY"),
        ("sub-folder-policy", "HIERARCHY"),
        ("test-sorting-same-ip-policy", "HIERARCHY"),
    ]
    first = policies[0].rules[0]
    assert (first.priority, first.action, first.match.layer4_configs[0].ports) == (
        9000, "allow", ("2000-2002",)
    )  # fmt: skip
    assert len(estate.all(FirewallRule)) == 13
    assert not estate.findings
