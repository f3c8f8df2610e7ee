"""The exports of the case: what they say, and that nothing is wrong with them."""

import json
from pathlib import Path

import pytest
from tests.clouds.read.directory import EXAMPLES

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import effective_routes
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router, RouterStatus
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.knowledge import State
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.daemon_set import DaemonSet
from wayhome.clouds.kubernetes.resources.network_policy import NetworkPolicy
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.kubernetes.resources.service import Service
from wayhome.clouds.read import read_estate
from wayhome.policy.findings import Severity
from wayhome.prefixes import Prefix

CASE = EXAMPLES / "the-case/exports"
UNCOVERED = EXAMPLES / "the-case-uncovered"
OVER_VPN = EXAMPLES / "the-case-vpn/exports"
SOURCE, DESTINATION = "projects/source-project", "projects/destination-project"
CLUSTER = f"{SOURCE}/locations/asia-northeast1-a/clusters/my-gke"
GOOGLE = (Network, Subnetwork, Route, FirewallRule, Instance, Router, VpnTunnel)
KUBERNETES = (Node, Pod, ConfigMap, Service, NetworkPolicy)


@pytest.fixture(params=[CASE, UNCOVERED, OVER_VPN], ids=["case", "uncovered", "vpn"])
def estate(request: pytest.FixtureRequest) -> Estate:
    return read_estate(request.param)


def test_everything_is_understood_and_known(estate: Estate) -> None:
    assert [str(one) for one in estate.findings if one.severity is not Severity.NOTE] == []
    assert {one.file for one in estate.findings} == {"README.md"}
    for kind in GOOGLE:
        for project in (SOURCE, DESTINATION):
            assert estate.knows(kind, project).state is State.EXPORTED
    for object_ in KUBERNETES:
        assert estate.knows(object_, CLUSTER).state is State.EXPORTED
    agents = f"{CLUSTER}/k8s/namespaces/kube-system"
    assert estate.knows(DaemonSet, agents).state is State.EXPORTED


@pytest.mark.parametrize("folder", [CASE, UNCOVERED], ids=["case", "uncovered"])
def test_the_peering_exchanges_no_custom_routes(folder: Path) -> None:
    estate = read_estate(folder)
    source = estate.all(Network)[f"{SOURCE}/global/networks/my-network"].value
    destination = estate.all(Network)[f"{DESTINATION}/global/networks/target-network"].value
    for here, there in ((source, destination), (destination, source)):
        (peering,) = here.peerings
        assert peering.network == there.self_link
        assert peering.state == "ACTIVE"
        assert not peering.export_custom_routes
        assert not peering.import_custom_routes
    assert not estate.all(Router)
    assert not estate.all(VpnTunnel)
    assert {one.value.direction for one in estate.all(PeeringRoutes).values()} == {
        "INCOMING", "OUTGOING"
    }  # fmt: skip


def test_over_the_vpn_the_routers_say_what_is_derived_and_no_more() -> None:
    estate = read_estate(OVER_VPN)
    assert not any(one.value.peerings for one in estate.all(Network).values())
    networks = effective_routes(estate).networks
    for router in estate.all(Router).values():
        status = estate.all(RouterStatus)[f"{router.name}/status"].value.result
        derived = networks[router.value.network].advertised
        assert len(status.bgp_peer_status) == len(router.value.bgp_peers)
        for session in status.bgp_peer_status:
            said = {(one.dest_range.prefix, one.priority) for one in session.advertised_routes}
            assert said == {
                (one.destination, one.priority)
                for one in derived
                if one.next_hop.resource == session.linked_vpn_tunnel
            }
            assert {str(prefix) for prefix, _ in said} <= {"10.1.0.0/16", "10.2.0.0/16"}


def test_every_node_is_an_instance_with_a_route(estate: Estate) -> None:
    cluster = estate.all(Cluster)[CLUSTER].value
    assert cluster.current_master_version == "1.12.7-gke.10"
    assert not cluster.ip_allocation_policy.use_ip_aliases
    network = cluster.network_name
    assert network == f"{SOURCE}/global/networks/my-network"
    routes = {
        str(one.value.next_hop_instance): one.value
        for one in estate.of(Route, network)
        if one.value.description == "k8s-node-route"
    }
    nodes = estate.of(Node, CLUSTER)
    assert len(nodes) == len(routes) == 2
    for node in nodes:
        instance = estate.all(Instance)[node.value.instance].value
        assert instance.can_ip_forward
        assert (
            str(instance.network_interfaces[0].network_ip) == node.value.status.addresses[0].address
        )
        assert routes[node.value.instance].dest_range == node.value.spec.pod_cidr
        assert cluster.cluster_ipv4_cidr is not None
        assert cluster.cluster_ipv4_cidr.prefix.holds(routes[node.value.instance].dest_range.prefix)
        pods = [
            one.value
            for one in estate.of(Pod, CLUSTER)
            if one.value.spec.node_name == node.value.metadata.name
        ]
        for pod in pods:
            address = pod.status.pod_ip
            assert address is not None
            assert node.value.spec.pod_cidr is not None
            inside = node.value.spec.pod_cidr.prefix.contains(address.family, address.value)
            assert inside is not pod.spec.host_network


def test_the_firewalls_allow_the_traffic(estate: Estate) -> None:
    network = f"{DESTINATION}/global/networks/target-network"
    pods = estate.all(Cluster)[CLUSTER].value.cluster_ipv4_cidr
    rules = [one.value for one in estate.of(FirewallRule, network)]
    (rule,) = [one for one in rules if pods in one.source_ranges]
    assert "10.1.0.0/16" in rule.source_ranges
    assert {one.ip_protocol for one in rule.allowed} == {"tcp", "udp", "icmp"}
    assert not any(one.denied for one in rules)


def test_the_account_in_figures() -> None:
    estate = read_estate(CASE)
    ranges = {one.value.ip_cidr_range for one in estate.all(Subnetwork).values()}
    assert ranges == {"10.1.0.0/16", "10.2.0.0/16"}
    target = estate.all(Instance)[f"{DESTINATION}/zones/asia-northeast1-a/instances/target-gce-01"]
    assert target.value.network_interfaces[0].network_ip == "10.2.0.1"
    pod = estate.all(Pod)[f"{CLUSTER}/k8s/namespaces/default/pods/my-pod"].value
    assert (pod.spec.node_name, str(pod.status.pod_ip)) == ("gke-node-02", "172.16.2.2")
    assert estate.all(Cluster)[CLUSTER].value.services_ipv4_cidr == "172.16.240.0/20"
    assert not [one for one in estate.all(ConfigMap) if one.endswith("ip-masq-agent")]
    (agent,) = estate.all(DaemonSet).values()
    assert agent.value.spec.template.spec.containers[0].args == ("--masq-chain=IP-MASQ",)


def test_the_uncovered_variant_has_the_route_that_the_account_quotes() -> None:
    estate = read_estate(UNCOVERED)
    quoted = estate.all(Route)[f"{SOURCE}/global/routes/my-gke-default-pool-xxx"].value
    assert quoted.dest_range == "172.25.0.0/24"
    assert quoted.next_hop_instance is not None
    assert quoted.next_hop_instance.short == "my-gke-default-pool-xxx"
    assert (quoted.priority, quoted.tags) == (1000, ())
    (name,) = [one for one in estate.all(ConfigMap) if one.endswith("ip-masq-agent")]
    found = estate.all(ConfigMap)[name].value
    assert found.metadata.namespace == "kube-system"
    assert found.data == {"config": (EXAMPLES / "the-case/config").read_text()}
    listed = [Prefix.parse(text) for text in ("172.16.0.0/16", "10.1.0.0/16")]
    assert not any(prefix.holds(quoted.dest_range.prefix) for prefix in listed)


@pytest.mark.parametrize("folder", [CASE, UNCOVERED, OVER_VPN], ids=["case", "uncovered", "vpn"])
def test_they_are_printed_as_the_commands_do(folder: Path) -> None:
    """Keys in alphabetical order; two spaces for gcloud, four for kubectl; nothing that is secret."""
    for path in folder.rglob("*.json"):
        text = path.read_text()
        indent = 4 if path.parent.name.startswith("gke_") else 2
        assert text == json.dumps(json.loads(text), indent=indent, sort_keys=True) + "\n"
        for word in ("masterAuth", "privateKey", "ssh-keys", "password", "sharedSecret", "token"):
            assert word not in text
