"""`wayhome cluster status`: whose agents there are, what they read, and what they cannot say."""

from typing import Any

import pytest
import yaml
from tests.operator.world import BROKEN, CONFIG, World


def test_upstreams_agents_are_unverified_and_a_text_that_they_would_refuse_is_told(
    world: World,
) -> None:
    world.upstream()
    world.node("a")
    world.put("nonMasqueradeCIDRs: [10.0.0.0/8]\nresyncInterval: 30s\n")
    found = world.document("status")
    assert (found["exit_code"], found["conditions"]) == (3, {"unverified": 1})
    assert "a change is read within about 90 s" in found["notes"][0]["text"]
    assert found["agents"][0]["maker"] == "upstream"
    world.put(BROKEN)
    found = world.document("status")
    assert found["exit_code"] == 1
    assert "line 1" in found["notes"][0]["text"] or "line 2" in found["notes"][0]["text"]


def test_no_agent_at_all_is_said(world: World) -> None:
    world.node("a")
    world.put(CONFIG)
    done = world.run("status")
    assert done.returncode == 1
    assert "there is no DaemonSet of a masquerade agent" in done.stdout


@pytest.mark.parametrize(
    ("name", "image", "more", "known"),
    [
        ("ip-masq-agent", "gke.gcr.io/ip-masq-agent:v2.12.6-gke.15", {"labels": {"addonmanager.kubernetes.io/mode": "Reconcile"}}, ("upstream", True)),
        ("azure-ip-masq-agent", "mcr.microsoft.com/aks/ip-masq-agent-v2:v0.1.15", {}, ("azure", False)),
        ("cilium", "quay.io/cilium/cilium:v1.19", {"volumes": [{"name": "m", "configMap": {"name": "ip-masq-agent"}}]}, ("cilium", False)),
        ("ip-masq-agent", "registry.example:5000/net/wayhome@sha256:00", {}, ("wayhome", False)),
    ],
)  # fmt: skip
def test_agents_are_known_by_what_they_run(
    world: World, name: str, image: str, more: dict[str, Any], known: tuple[str, bool]
) -> None:
    world.daemon_set(name, image, **more)
    world.daemon_set("kube-proxy", "registry.k8s.io/kube-proxy:v1.36.0")
    found = world.document("status")["agents"]
    assert [(each["maker"], each["managed"]) for each in found] == [known]


def test_a_daemonset_that_only_looks_like_ours_leads_nobody_astray(world: World) -> None:
    world.node("a")
    world.server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "aaa"}})
    own = ("--configmap=aaa/ip-masq-agent", "--status-namespace=aaa")
    world.daemon_set("wayhome-agent", "registry.example/wayhome:1", *own, namespace="aaa")
    world.wayhome()
    found = world.document("status")
    assert found["configmap"]["namespace"] == "kube-system"
    assert found["exit_code"] == 3
    assert "contradict each other" in found["notes"][0]["text"]
    (world.folder / "new").write_text(CONFIG)
    refused = world.run("apply", "new", "--yes")
    assert refused.returncode == 2
    assert "--configmap" in refused.stdout
    given = world.document("status", "--configmap=kube-system/ip-masq-agent")
    assert not any("contradict" in note["text"] for note in given["notes"])


@pytest.mark.parametrize("named", ["../../secrets/x", "kube-system/..", "Kube/x", "a/b/c"])
def test_a_flag_that_is_no_name_leads_nowhere(world: World, named: str) -> None:
    """Whoever may write a DaemonSet says what the operator's own rights are used on."""
    world.node("a")
    world.put(CONFIG)
    own = (f"--configmap={named}", "--status-namespace=../../../nodes")
    world.daemon_set("wayhome-agent", "registry.example/wayhome:1", *own, namespace="wayhome")
    found = world.document("status")
    assert found["configmap"]["name"] == "ip-masq-agent"
    assert found["agents"][0]["configmaps"] == []
    assert any("which names no ConfigMap" in note["text"] for note in found["notes"])
    calls = world.server.control("GET", "calls")
    assert isinstance(calls, list)
    assert not any(".." in str(call) for call in calls)
    assert world.run("status", f"--configmap={named}").returncode == 2
    assert world.run("status", "--status-namespace=..").returncode == 2
    probed = world.document("probe", "../x", "10.0.0.1:80")
    assert (probed["exit_code"], "is no name of an object" in probed["error"]) == (2, True)


def test_the_key_that_agents_read_is_the_one_that_counts(world: World) -> None:
    world.wayhome("--configmap-key=masq.yaml")
    world.node("a")
    text = "nonMasqueradeCIDRs: [10.0.0.0/8]\n"
    item = {"metadata": {"name": "ip-masq-agent"}, "data": {"masq.yaml": text}}
    world.server.ask("POST", "/api/v1/namespaces/kube-system/configmaps", item)
    world.holds("a", text, "7", held_key="masq.yaml")
    assert world.conditions() == {"a": "current"}


@pytest.mark.parametrize("key", ["x'; id; '", "..", "a/b"])
def test_a_flag_that_is_no_key_gets_into_no_command(world: World, key: str) -> None:
    world.wayhome(f"--configmap-key={key}")
    world.node("a")
    item = {"metadata": {"name": "ip-masq-agent"}, "data": {"config": CONFIG}}
    world.server.ask("POST", "/api/v1/namespaces/default/configmaps", item)
    found = world.document("status")
    assert found["configmap"]["key"] == "config"
    assert not any(key in note["text"] for note in found["notes"] if "kubectl" in note["text"])
    assert world.run("status", f"--key={key}").returncode == 2


def test_azures_configuration_is_several_files_and_not_judged_by_one(world: World) -> None:
    volume = {"name": "c", "configMap": {"name": "azure-ip-masq-agent-config"}}
    image = "mcr.microsoft.com/aks/ip-masq-agent-v2:v0.1.15"
    world.daemon_set("azure-ip-masq-agent", image, volumes=[volume])
    world.node("a")
    item = {
        "metadata": {"name": "azure-ip-masq-agent-config"},
        "data": {"ip-masq-agent": "nonMasqueradeCIDRs: []\n"},
    }
    world.server.ask("POST", "/api/v1/namespaces/kube-system/configmaps", item)
    found = world.document("status")
    assert (found["exit_code"], found["conditions"]) == (3, {"unverified": 1})
    assert found["configmap"]["name"] == "azure-ip-masq-agent-config"
    (world.folder / "new").write_text(CONFIG)
    refused = world.run("apply", "new", "--yes")
    assert refused.returncode == 2
    assert "--key" in refused.stdout


def test_what_cleans_a_node_is_no_agent(world: World) -> None:
    image = "registry.example/wayhome-agent:1"
    world.daemon_set("cleaning", image, "clean", "--state=/var/lib/wayhome")
    pause = [{"name": "cleaned", "image": image, "command": ["sleep", "infinity"]}]
    world.daemon_set("wayhome-agent-clean", image, containers=pause)
    assert world.document("status")["agents"] == []


def test_autopilots_policies_are_said(world: World) -> None:
    world.upstream()
    definition = {"metadata": {"name": "egressnatpolicies.networking.gke.io"}, "spec": {}}
    world.server.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    spec = {"action": "NoSNAT", "destinations": [{"cidr": "10.48.0.0/14"}]}
    item = {"metadata": {"name": "default"}, "spec": spec}
    world.server.ask("POST", "/apis/networking.gke.io/v1/egressnatpolicies", item)
    world.put(CONFIG)
    (world.folder / "new").write_text("nonMasqueradeCIDRs: [10.0.0.0/8, 172.16.0.0/12]\n")
    refused = world.run("apply", "new", "--yes", "--force-conflicts")
    assert refused.returncode == 1
    policy = yaml.safe_load("apiVersion" + refused.stdout.partition("apiVersion")[2])
    assert policy["kind"] == "EgressNATPolicy"
    assert policy["spec"]["destinations"] == [{"cidr": "10.0.0.0/8"}, {"cidr": "172.16.0.0/12"}]
    done = world.run("status")
    assert (
        "GKE writes the agents' configuration from EgressNATPolicy objects (default)" in done.stdout
    )
