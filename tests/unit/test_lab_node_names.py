"""What a person calls the nodes of a lab."""

from pathlib import Path

import pytest

from wayhome.clouds import endpoints
from wayhome.clouds.compile import compile_estate
from wayhome.clouds.read import read_estate
from wayhome.lab.node_names import NodeNameError, NodeNames
from wayhome.network import Address, Network, Node, NodeKind

THE_CASE = Path(__file__).parents[2] / "examples/the-case/exports"
MY_POD = (
    "projects/source-project/locations/asia-northeast1-a/clusters/my-gke"
    "/k8s/namespaces/default/pods/my-pod"
)
TARGET = "projects/destination-project/zones/asia-northeast1-a/instances/target-gce-01"


@pytest.fixture(scope="module")
def the_case() -> NodeNames:
    estate = read_estate(THE_CASE)
    network = compile_estate(estate)
    return NodeNames.of(network, endpoints.names(estate, network))


def names_of(*full: str) -> NodeNames:
    return NodeNames.of(Network.of([Node(name=name, kind=NodeKind.INSTANCE) for name in full], []))


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("my-pod", MY_POD),
        ("default/my-pod", MY_POD),
        ("172.16.2.2", MY_POD),
        (MY_POD, MY_POD),
        ("target-gce-01", TARGET),
        ("instances/target-gce-01", TARGET),
        ("my-network", "projects/source-project/global/networks/my-network"),
        ("internet", "internet"),
    ],
)
def test_a_node_is_found_by_what_people_call_it(the_case: NodeNames, text: str, full: str) -> None:
    assert the_case.find(text) == full


def test_each_node_has_a_short_name_that_means_it(the_case: NodeNames) -> None:
    short = {full: the_case.short(full) for full in the_case.others}
    assert short[MY_POD] == "my-pod"
    assert short["projects/source-project/global/networks/my-network/internet-gateway"] == (
        "my-network/internet-gateway"
    )
    assert {the_case.find(name): full for full, name in short.items()} == {
        full: full for full in the_case.others
    }


def test_a_name_of_several_nodes_lists_what_to_write(the_case: NodeNames) -> None:
    with pytest.raises(NodeNameError) as raised:
        the_case.find("internet-gateway")
    assert str(raised.value) == (
        "internet-gateway means several nodes: "
        "projects/destination-project/global/networks/target-network/internet-gateway, "
        "projects/source-project/global/networks/my-network/internet-gateway; write one of these names"
    )


def test_an_address_of_several_nodes_means_none_of_them() -> None:
    names = NodeNames({"a": ("10.0.0.1",), "b": ("10.0.0.1",)})
    with pytest.raises(NodeNameError, match=r"^10\.0\.0\.1 means several nodes: a, b; write"):
        names.find("10.0.0.1")


def test_a_pod_on_its_nodes_network_means_the_node() -> None:
    network = Network.of([Node(name="zones/z/instances/i", kind=NodeKind.INSTANCE)], [])
    names = NodeNames.of(network, {"zones/z/instances/i": ("fluentd", "logs/fluentd")})
    assert {names.find(name) for name in ("fluentd", "logs/fluentd", "i")} == {
        "zones/z/instances/i"
    }


@pytest.mark.parametrize("text", ["", "/", "pod", "my-bod", "instances/"])
def test_a_name_of_nobody_shows_some_that_are(text: str) -> None:
    few = names_of("p/a/pods/my-pod", "p/a/pods/other-pod")
    with pytest.raises(NodeNameError, match="no node of the network; its nodes are: my-pod, other"):
        few.find(text)
    many = names_of(*(f"p/pods/pod-{number}" for number in range(50)), "p/pods/my-pod")
    with pytest.raises(NodeNameError, match="it has 51 nodes, such as "):
        many.find(text)


def test_names_of_somebody_hostile_are_quoted_and_not_cut() -> None:
    long = "x" * 300
    names = names_of("p/\x1b[31mred", f"p/{long}", "a name", f"q/{long}")
    with pytest.raises(NodeNameError, match=r"\\x1b\[31mred") as raised:
        names.find("\x1b[0m")
    assert str(raised.value).isprintable()
    with pytest.raises(NodeNameError, match=f"p/{long}, q/{long}"):
        names.find(long)
    assert names.find("a name") == "a name"


def test_addresses_are_names_of_both_families(the_case: NodeNames) -> None:
    found = {str(Address.parse("10.2.0.1")), "10.1.0.3"}
    assert {the_case.short(the_case.find(address)) for address in found} == {
        "target-gce-01",
        "gke-node-02",
    }
