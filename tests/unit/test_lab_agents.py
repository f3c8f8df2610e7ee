"""Which agents a lab runs, how it starts them, and what is left of the network without them."""

from pathlib import Path

import pytest
from tests.lab.daemon_sets import CASE, started_as

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.clouds.kubernetes.attach import AGENT_CHAIN
from wayhome.lab.agents import (
    NodeAgent,
    Places,
    _label,
    agents_in,
    program,
    with_configmap,
    without_agents,
)
from wayhome.lab.the_case import CLUSTER
from wayhome.lab.the_case.files import CONFIGURATION
from wayhome.network import Network

PLACES = Places(Path("/lab"), Path("/lab/volume"), Path("/lab/state"))
LISTED = {"config": CONFIGURATION}


def agents(estate: Estate) -> tuple[NodeAgent, ...]:
    return agents_in(estate, compile_estate(estate))


def argv(estate: Estate) -> tuple[str, ...]:
    return program(agents(estate)[0], PLACES).argv[2:]


def chains(network: Network) -> set[str]:
    return {n.name for n in network.nodes for c in n.translation_out if c.name == AGENT_CHAIN}


def test_each_node_of_the_case_has_upstreams_agent() -> None:
    assert [(one.label, one.items) for one in agents(CASE)] == [
        ("gke-node-01", {"config": "ip-masq-agent"}),
        ("gke-node-02", {"config": "ip-masq-agent"}),
    ]
    assert argv(CASE) == (
        "wayhome.agent",
        "--masq-chain=IP-MASQ",
        "--config=/lab/volume/ip-masq-agent",
        "--state=/lab/state",
        "--query-socket=",
        "--log-format=json",
    )


def test_without_its_agents_nothing_is_left_of_their_chains_and_all_else_is() -> None:
    network = compile_estate(CASE)
    mine = agents_in(CASE, network)
    bare = without_agents(network, mine)
    assert chains(network) == {one.node for one in mine}
    assert chains(bare) == set()
    assert [n.name for n in bare.nodes] == [n.name for n in network.nodes]
    assert bare.links == network.links
    half = without_agents(network, mine[:1])
    assert chains(half) == {mine[1].node}
    assert without_agents(network, ()) is network


def test_a_command_line_from_exports_leads_an_agent_to_no_files_of_this_machine() -> None:
    hostile = started_as(
        "ip-masq-agent:v2", "--state=/root", "--config=/etc/shadow", "--query-socket=/run/x",
        "--metrics-bind-address=0.0.0.0:80", "--kubeconfig=/root/.kube/config", "--enable-ipv6", "--to-ports=1-9",
    )  # fmt: skip
    words = argv(hostile)
    assert words[1:3] == ("--enable-ipv6=true", "--to-ports=1-9")
    assert not [word for word in words if "root" in word or "shadow" in word or "metrics" in word]


def test_azures_agent_reads_every_file_of_its_folder() -> None:
    estate = started_as("ip-masq-agent-v2:v0.1")
    (one, _) = agents(estate)
    assert one.items is None
    assert argv(estate)[1:3] == ("--dialect=azure", "--config=/lab/volume")


def test_the_projects_own_is_about_the_pods_of_its_node() -> None:
    estate = started_as("wayhome-agent:1", "--configmap=kube-system/ip-masq-agent", "--scope=pods")
    assert argv(estate)[:3] == ("wayhome", "agent", "--pod-cidrs=172.16.1.0/24")


def test_several_configmaps_are_no_file_and_the_node_stays_compiled() -> None:
    assert agents(started_as("wayhome-agent:1", "--configmap=kube-system/a,kube-system/b")) == ()


def test_what_nobody_knows_stays_compiled() -> None:
    """A list that is refused: the agent holds what it held before, whatever that was."""
    assert (
        agents(with_configmap(CASE, CLUSTER, {"config": b"nonMasqueradeCIDRs: [nonsense]"})) == ()
    )


@pytest.mark.parametrize("data", [LISTED, {"masq.yaml": CONFIGURATION}, None])
def test_an_agents_volume_has_what_the_configmap_has(data: dict[str, bytes] | None) -> None:
    estate = with_configmap(with_configmap(CASE, CLUSTER, LISTED), CLUSTER, data)
    for one in agents(estate):
        assert one.data(estate) == (data or {})


def test_a_key_from_exports_leads_to_no_files_of_this_machine() -> None:
    """All of Azure's keys become files."""
    estate = started_as("ip-masq-agent-v2:v0.1", estate=with_configmap(CASE, CLUSTER, {
        "ip-masq-agent": CONFIGURATION, "../../escaped": b"", "/etc/escaped": b"", "..data": b"", "a\nb": b"",
    }))  # fmt: skip
    assert agents(estate)[0].data(estate) == {"ip-masq-agent": CONFIGURATION}


def test_nodes_of_two_clusters_have_labels_of_their_own() -> None:
    assert _label("node-1", {"node-1"}) == "node-1.1"
    assert _label("../../etc", ()) == "-..-etc"
