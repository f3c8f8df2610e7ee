"""What a real agent tells a cluster, over TLS, with the rights of its manifests and no others."""

import subprocess
from collections import Counter

import pytest
from tests.agent.agent_process import CASE, get, kept, nft, wait_until
from tests.agent.agent_rights import STATUS_NAMESPACE, granted
from tests.agent.api_agent import ApiAgent
from tests.agent.cluster import Cluster, watch
from tests.kernel.nodes import owned_table
from tests.kube.steps import NAME

from wayhome.agent.node_status import QUARREL
from wayhome.kube.status_lease import State

pytestmark = pytest.mark.kernel

BAD = "nonMasqueradeCIDRs:\n- 10.0.0.1/8\n"


def test_the_lease_says_what_the_kernel_holds_and_the_event_what_is_wrong(
    cluster: Cluster, told_agent: ApiAgent
) -> None:
    first = cluster.write({"config": CASE})
    watch(told_agent)
    status = cluster.wait_for(State.APPLIED, held_version=first, seen_version=first)
    assert status.backend == "nftables"
    assert status.source == f"configmap kube-system/{NAME} config"
    assert status.held_key == "config"

    wrong = cluster.write({"config": BAD})
    status = cluster.wait_for(State.REJECTED, held_version=first, seen_version=wrong)
    assert status.error.startswith("line 2: 10.0.0.1/8 has bits set")
    (event,) = wait_until(cluster.events, lambda: "an Event")
    assert event["message"] == status.error
    assert event["involvedObject"]["resourceVersion"] == wrong

    masq = cluster.write({"masq.yaml": CASE})  # the account's mistake
    status = cluster.wait_for(State.REJECTED, held_version=first, seen_version=masq)
    assert "masq.yaml" in status.error
    wait_until(lambda: len(cluster.events()) == 2, lambda: "another Event")

    second = cluster.write({"config": CASE + "  - 10.2.0.0/16\n"})
    cluster.wait_for(State.APPLIED, held_version=second, error="")

    calls = cluster.agents_calls()
    assert all(granted(call) for call in calls)
    assert 403 not in {call["code"] for call in calls}
    assert {(call["resource"], call["verb"]) for call in calls} == {
        ("configmaps", "list"),
        ("configmaps", "watch"),
        ("leases", "patch"),
        ("leases", "create"),
        ("events", "create"),
        ("nodes", "get"),
    }


def test_kubectl_describe_shows_the_event(cluster: Cluster, told_agent: ApiAgent) -> None:
    cluster.write({"config": BAD})
    watch(told_agent)
    wait_until(cluster.events, lambda: "an Event")
    shown = cluster.kubectl("describe", "configmap", NAME, "--namespace", "kube-system")
    assert shown.returncode == 0, shown.stderr
    assert "Rejected" in shown.stdout
    assert "line 2: 10.0.0.1/8 has bits set" in shown.stdout


def test_a_kernel_that_refuses_is_told_and_nothing_is_claimed_until_it_does_not(
    cluster: Cluster, told_agent: ApiAgent
) -> None:
    version = cluster.write({"config": CASE})
    with owned_table():
        watch(told_agent)
        status = cluster.wait_for(State.KERNEL_REFUSED, seen_version=version)
        assert (status.held_version, status.held_digest, status.applied_at) == ("", "", None)
        assert (
            status.error
            == told_agent.wait_for("kernel")["message"].partition("; the kernel holds")[0]
        )
    assert cluster.wait_for(State.APPLIED, held_version=version).error == ""


def test_damaged_rules_are_whole_again_and_so_it_is_said(
    cluster: Cluster, told_agent: ApiAgent
) -> None:
    version = cluster.write({"config": CASE})
    watch(told_agent)
    cluster.wait_for(State.APPLIED, held_version=version)
    nft("delete table inet wayhome")
    told_agent.wait_for("repaired")
    assert cluster.wait_for(State.APPLIED, held_version=version).error == ""


def test_while_somebody_keeps_damaging_the_rules_the_lease_does_not_say_applied(
    cluster: Cluster, told_agent: ApiAgent
) -> None:
    """The fifth repair comes 15 s after the first; from then on they are further apart than anybody may rely on."""
    version = cluster.write({"config": CASE})
    watch(told_agent)
    cluster.wait_for(State.APPLIED, held_version=version)
    for count in range(1, 6):
        nft("delete table inet wayhome")
        wait_for_repairs(told_agent, count)
    status = cluster.wait_for(State.KERNEL_REFUSED, held_version=version)
    assert status.error == QUARREL
    nft("delete table inet wayhome")  # and this is how it stays for up to a minute
    second = cluster.write({"config": CASE + "  - 10.2.0.0/16\n"})
    assert cluster.wait_for(State.KERNEL_REFUSED, held_version=second).error == QUARREL
    assert "10.2.0.0/16" in (kept() or ())  # a change of the configuration is not kept waiting


def wait_for_repairs(agent: ApiAgent, count: int) -> None:
    def repaired() -> bool:
        return sum(line["event"] in {"repaired", "alarm"} for line in agent.lines()) == count

    wait_until(repaired, lambda: f"repair {count}", 20)


def test_metrics_count_what_was_told(cluster: Cluster, told_agent: ApiAgent) -> None:
    cluster.write({"config": BAD})
    watch(told_agent, "--metrics-bind-address=127.0.0.1:9696")
    wait_until(cluster.events, lambda: "an Event")
    cluster.wait_for(State.REJECTED)
    wait_until(lambda: 'wayhome_events_total{result="created"} 1' in get("/metrics")[1], lambda: get("/metrics")[1])  # fmt: skip
    text = get("/metrics")[1]
    assert "wayhome_lease_errors_total 0" in text
    assert 'scope="node"' in text


def test_a_cluster_that_grants_no_leases_delays_nothing(
    told_agent: ApiAgent, cluster: Cluster
) -> None:
    cluster.ask("DELETE", f"/api/v1/namespaces/{STATUS_NAMESPACE}")
    cluster.write({"config": CASE})
    watch(told_agent)
    told_agent.wait_for("applied")
    assert "kubectl create namespace" in told_agent.wait_for("status")["message"]
    cluster.write({"config": CASE + "  - 10.2.0.0/16\n"})
    told_agent.wait_for("applied")
    assert told_agent.stop() == 0


def test_an_agent_that_ends_writes_nothing_more(cluster: Cluster, told_agent: ApiAgent) -> None:
    version = cluster.write({"config": CASE})
    watch(told_agent)
    before = cluster.wait_for(State.APPLIED, held_version=version)
    calls = Counter(call["resource"] for call in cluster.agents_calls())
    assert told_agent.stop() == 0
    assert Counter(call["resource"] for call in cluster.agents_calls()) == calls
    assert cluster.status() == before
    assert subprocess.run(["nft", "list", "table", "inet", "wayhome"], check=False, capture_output=True).returncode == 0  # fmt: skip
