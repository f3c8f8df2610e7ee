"""Native API mode on nodes whose network plugin gives out addresses in one way or another: whose packets the rules are about."""

import subprocess
from collections.abc import Iterator

import pytest
from tests.agent.agent_process import CASE, rules, wait_until
from tests.agent.agent_rights import granted
from tests.agent.api_agent import ApiAgent
from tests.agent.cluster import POD_RANGE, Cluster, watch
from tests.kernel.pods import Plumbing, plumbing

from wayhome.kube.status_lease import State
from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel

NATIVE = "wayhome agent"


@pytest.fixture
def node(netns: NetworkNamespace) -> Iterator[Plumbing]:
    with plumbing() as found:
        yield found


def of_pods() -> bool:
    """Whether the rules in the kernel are about what this node's Pods send."""
    return "@pods4" in rules()


def test_pods_inside_make_the_nodes_ranges_the_scope_without_a_flag(
    cluster: Cluster, told_agent: ApiAgent, node: Plumbing
) -> None:
    node.bridge("cbr0", "10.244.1.1/24", "veth1", "veth2")
    version = cluster.write({"config": CASE + f"  - {POD_RANGE}\n"})
    watch(told_agent, module=NATIVE)
    status = cluster.wait_for(State.APPLIED, held_version=version, scope="pods")
    assert status.warning == ""
    assert of_pods()
    assert POD_RANGE in rules()
    assert told_agent.warnings() == []
    assert [line["event"] for line in told_agent.lines()].count(
        "applied"
    ) == 1  # never another scope before


def test_a_list_that_forgets_the_pods_is_warned_of(
    cluster: Cluster, told_agent: ApiAgent, node: Plumbing
) -> None:
    cluster.write({"config": CASE})
    watch(told_agent, "--metrics-bind-address=127.0.0.1:9696", module=NATIVE)
    status = cluster.wait_for(State.APPLIED, scope="pods")
    wait_until(lambda: cluster.wait_for(State.APPLIED).warning, lambda: "a warning")
    status = cluster.wait_for(State.APPLIED)
    assert status.warning.startswith(f"no entry holds the Pod range {POD_RANGE}")
    assert f"write {POD_RANGE}" in told_agent.wait_for("range not listed")["message"]


@pytest.mark.parametrize(("address", "name"), [("192.168.5.7/32", "cali12345"), ("10.0.1.77/32", "lxc123")])  # fmt: skip
def test_a_pod_outside_refuses_the_scope_and_keeps_upstreams(
    cluster: Cluster, told_agent: ApiAgent, node: Plumbing, address: str, name: str
) -> None:
    node.cable(name)
    node.route(address, name)
    version = cluster.write({"config": CASE})
    watch(told_agent, module=NATIVE)
    status = cluster.wait_for(State.SCOPE_REFUSED, held_version=version, scope="node")
    assert f"{address.removesuffix('/32')} is behind {name}" in status.error
    assert not of_pods()
    line = told_agent.wait_for("scope refused")
    assert line["level"] == "error"
    assert "--pod-cidrs=" in line["message"]
    assert "--scope=node" in line["message"]


def test_a_pod_that_comes_later_and_is_outside_is_noticed_at_once(
    cluster: Cluster, told_agent: ApiAgent, node: Plumbing
) -> None:
    cluster.write({"config": CASE})
    watch(told_agent, module=NATIVE)
    cluster.wait_for(State.APPLIED, scope="pods")
    node.cable("cali1")
    node.route("192.168.5.7/32", "cali1")
    cluster.wait_for(State.SCOPE_REFUSED, scope="node")
    assert not of_pods()


def test_a_node_without_ranges_is_refused_and_has_them_when_it_has_them(
    cluster: Cluster, told_agent: ApiAgent, node: Plumbing
) -> None:
    node.cable("eni1")
    node.route("10.244.1.9/32", "eni1")
    cluster.node()
    version = cluster.write({"config": CASE})
    watch(told_agent, module=NATIVE)
    status = cluster.wait_for(State.SCOPE_REFUSED, held_version=version)
    assert "has no spec.podCIDRs" in status.error
    assert not of_pods()
    cluster.node(POD_RANGE)
    cluster.wait_for(State.APPLIED, scope="pods", timeout=30)
    assert of_pods()
    assert POD_RANGE in rules()
    applied = [line for line in told_agent.lines() if line["event"] == "applied"]
    assert [line["how"] for line in applied] == ["table replaced", "chain rewritten"]


def test_flags_decide_where_they_are_given(
    cluster: Cluster, told_agent: ApiAgent, node: Plumbing
) -> None:
    cluster.write({"config": CASE})
    watch(told_agent, "--scope=node", module=NATIVE)
    cluster.wait_for(State.APPLIED, scope="node")
    assert told_agent.stop() == 0
    watch(told_agent, "--pod-cidrs=10.9.0.0/16", module=NATIVE)
    cluster.wait_for(State.APPLIED, scope="pods")
    assert "10.9.0.0/16" in rules()


def test_remembered_ranges_hold_at_once_where_the_api_is_down(
    cluster: Cluster, told_agent: ApiAgent, node: Plumbing
) -> None:
    cluster.write({"config": CASE})
    watch(told_agent, module=NATIVE)
    cluster.wait_for(State.APPLIED, scope="pods")
    assert told_agent.stop() == 0
    subprocess.run(["nft", "delete", "table", "inet", "wayhome"], check=True)
    cluster.kill()
    watch(told_agent, module=NATIVE)
    told_agent.wait_for("applied")
    told_agent.wait_for("applied")
    assert of_pods()


def test_nothing_more_is_asked_than_is_granted(
    cluster: Cluster, told_agent: ApiAgent, node: Plumbing
) -> None:
    cluster.write({"config": CASE})
    watch(told_agent, module=NATIVE)
    cluster.wait_for(State.APPLIED, scope="pods")
    calls = cluster.agents_calls()
    assert {call["verb"] for call in calls if call["resource"] == "nodes"} == {"get"}
    assert all(granted(call) for call in calls)
    assert 403 not in {call["code"] for call in calls}
