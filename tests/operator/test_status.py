"""`wayhome cluster status` as a process, against the tests' API server."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from tests.kube.api_server.rights import ADMIN_TOKEN
from tests.kube.server_process import ServerProcess
from tests.operator.world import BROKEN, CONFIG, REJECTION, World

from wayhome.kube.status_lease import State

PROBLEM = REJECTION.partition("; ")[0]


def conditions(world: World, *arguments: str) -> dict[str, str]:
    return {row["node"]: row["condition"] for row in world.document("status", *arguments)["nodes"]}


def test_all_nodes_on_the_version_is_0(world: World) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    for name in ("a", "b"):
        world.node(name, podCIDRs=["10.1.0.0/24"])
        world.holds(name, CONFIG, version)
    done = world.run("status")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == f"2 of 2 nodes on version {version}"
    assert "warning" not in done.stdout


def test_every_kind_of_node_is_shown_as_what_it_is_and_counted_right(world: World) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    for name in ("good", "rejecting", "behind", "old", "mute", "stale", "refusing"):
        world.node(name)
    world.node("down", ready=False)
    world.node("win", system="windows")
    world.node("vk", labels={"type": "virtual-kubelet"})
    world.node(
        "fargate", taints=[{"key": "eks.amazonaws.com/compute-type", "effect": "NoSchedule"}]
    )
    world.holds("good", CONFIG, version)
    world.holds("rejecting", None, "", seen_version=version, state=State.REJECTED, error=REJECTION)
    world.holds("behind", "masqLinkLocal: true\n", "3")
    world.holds("old", None, "", seen_version="3", state=State.REJECTED, error="of an older text")
    world.server.control("POST", "clock", ahead=-7200)
    world.holds("stale", CONFIG, version)
    world.server.control("POST", "clock", ahead=0)
    world.holds("refusing", "", "", state=State.KERNEL_REFUSED, error="no nf_tables")
    world.holds("gone", CONFIG, version)
    assert conditions(world) == {
        "good": "current",
        "rejecting": "rejected",
        "behind": "behind",
        "old": "behind",
        "mute": "no-lease",
        "stale": "stale",
        "refusing": "kernel-refused",
        "down": "not-ready",
        "win": "windows",
        "vk": "virtual",
        "fargate": "virtual",
        "gone": "gone",
    }
    done = world.run("status")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == (
        f"1 of 8 nodes on version {version}; 1 rejected: {PROBLEM}; 1 refused by the kernel: no nf_tables; "
        "2 not yet: of an older text; 1 no longer heard of; 1 silent so far; 1 not ready; "
        "not counted: 1 Windows, 2 virtual"
    )


@pytest.mark.parametrize("columns", [80, 200])
def test_the_table_fits_the_terminal_and_shows_the_error(world: World, columns: int) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    name = "gke-cluster-1-default-pool-8f3c1a2b-x7k3"
    world.node(name)
    world.holds(name, None, "", seen_version=version, state=State.REJECTED, error=REJECTION)
    table = world.run("status", columns=columns).stdout.split("\n\n")[0]
    assert max(map(len, table.splitlines())) <= columns
    assert name in table
    assert REJECTION in " ".join(table.split())
    assert ("error" in table.splitlines()[0]) == (columns == 200)


def test_a_wrong_key_is_an_error_with_its_cure(world: World) -> None:
    world.wayhome()
    world.node("a")
    world.server.ask(
        "POST",
        "/api/v1/namespaces/kube-system/configmaps",
        {"metadata": {"name": "ip-masq-agent"}, "data": {"masq.yaml": CONFIG}},
    )
    done = world.run("status")
    assert done.returncode == 1
    assert "has the key masq.yaml and not config" in done.stdout
    assert "--from-file=config=FILE" in done.stdout


def test_no_configmap_means_upstreams_defaults(world: World) -> None:
    world.wayhome()
    world.node("a")
    world.holds("a", None, "")
    done = world.run("status")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "1 of 1 nodes on upstream's defaults"


def test_a_configmap_in_the_wrong_namespace_is_found(world: World) -> None:
    world.wayhome()
    world.node("a")
    world.holds("a", None, "")
    item = {"metadata": {"name": "ip-masq-agent"}, "data": {"config": CONFIG}}
    world.server.ask("POST", "/api/v1/namespaces/default/configmaps", item)
    done = world.run("status")
    assert done.returncode == 1
    assert "ConfigMap default/ip-masq-agent has no effect" in done.stdout


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
    assert conditions(world) == {"a": "current"}


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


def test_a_pod_range_that_the_list_forgets_is_warned_of(world: World) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    for number in range(4):
        world.node(f"n{number}", podCIDRs=[f"172.16.{number}.0/24"])
        world.holds(f"n{number}", CONFIG, version)
    done = world.run("status")
    assert done.returncode == 0
    assert "no entry holds the Pod range 172.16.0.0/22" in done.stdout


def test_whose_clock_is_wrong_does_not_matter(world: World) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    now = datetime.now(UTC)
    for name, hours in (("slow", -2), ("right", 0), ("fast", 2)):
        world.node(name)
        world.holds(name, CONFIG, version, renewed_at=now + timedelta(hours=hours))
    assert set(conditions(world).values()) == {"current"}
    world.server.control("POST", "clock", ahead=3600)  # nobody has renewed anything for an hour
    assert set(conditions(world).values()) == {"stale"}
    assert "silent for 60 min" in world.run("status").stdout
    for name in ("slow", "right", "fast"):
        world.holds(name, CONFIG, version)
    assert set(conditions(world).values()) == {
        "current"
    }  # it is the operator's that is an hour behind


def test_what_agents_warn_of_is_said_once_and_not_what_was_seen_without_them(world: World) -> None:
    world.wayhome()
    text = CONFIG + "unknown: 1\n"
    version = world.put(text)
    bypassed = "packets of this node's Pods go past netfilter"
    for number in range(5):
        world.node(f"n{number}", podCIDRs=[f"172.16.{number}.0/24"])
        own = f"no entry holds the Pod range 172.16.{number}.0/24, so Pods there see a node"
        warning = own if number == 0 else f"{bypassed} (and 2 more)"
        world.holds(f"n{number}", text, version, warning=warning)
    done = world.run("status")
    assert f"warning: n1, n2, n3 and 1 more: {bypassed}\n" in done.stdout
    assert done.stdout.count("172.16.0.0/2") == done.stdout.count("Pod range 172.16.") == 2
    assert "5 of 5 nodes" in done.stdout


def test_an_agent_that_misses_a_pod_range_by_itself_is_heard(world: World) -> None:
    """By its own flags or version it reads the list otherwise than the command line does."""
    world.wayhome()
    version = world.put(CONFIG)
    world.node("a", podCIDRs=["10.4.0.0/24"])
    world.holds("a", CONFIG, version, warning="no entry holds the Pod range 10.4.0.0/24")
    assert "a: no entry holds the Pod range 10.4.0.0/24" in world.run("status").stdout


def restrict(world: World, *granted: tuple[str, str]) -> None:
    """The operator has only these rights: (resource, group)."""
    control(world.server, granted)
    text = world.server.kubeconfig.read_text()
    world.server.kubeconfig.write_text(text.replace(ADMIN_TOKEN, "operators-token"))


def control(server: ServerProcess, granted: tuple[tuple[str, str], ...]) -> None:
    server.control("POST", "tokens", token="operators-token", user="operator")
    server.control("POST", "rules", user="operator", verbs=["get"], resources=["nothing"])
    for resource, group in granted:
        server.control(
            "POST", "rules", user="operator", verbs=["get", "list", "watch"], resources=[resource], group=group
        )  # fmt: skip


ALL = (
    ("configmaps", ""),
    ("nodes", ""),
    ("leases", "coordination.k8s.io"),
    ("daemonsets", "apps"),
)


@pytest.mark.parametrize("missing", [None, "configmaps", "nodes", "leases", "daemonsets"])
def test_a_right_that_is_missing_is_named_and_never_green(
    world: World, missing: str | None
) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    world.node("a")
    if missing != "daemonsets":  # whose agents there are matters only where one is silent
        world.holds("a", CONFIG, version)
    restrict(world, *(right for right in ALL if right[0] != missing))
    done = world.run("status")
    assert done.returncode == (3 if missing else 0), done.stdout
    assert (f'cannot list resource "{missing}"' in done.stdout) or (
        missing is None or f'cannot get resource "{missing}"' in done.stdout
    )


def test_wait_follows_a_change_to_its_end(world: World) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    for name in ("a", "b"):
        world.node(name)
        world.holds(name, "masqLinkLocal: true\n", "1")
    waiting = world.start("status", "--wait", "--timeout", "60")
    time.sleep(1.5)
    world.holds("a", CONFIG, version)
    world.node("c")  # nobody has counted it yet
    world.holds("b", CONFIG, version)
    time.sleep(1)
    assert waiting.poll() is None
    world.holds("c", CONFIG, version)
    output, _ = waiting.communicate(timeout=30)
    assert waiting.returncode == 0, output
    assert output.splitlines()[-1] == f"3 of 3 nodes on version {version}"


def test_wait_ends_with_3_when_the_time_is_over_and_with_1_for_a_rejection(world: World) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    world.node("a")
    done = world.run("status", "--wait", "--timeout", "1")
    assert done.returncode == 3
    assert "1 silent so far" in done.stdout
    world.holds("a", None, "", seen_version=version, state=State.REJECTED, error=REJECTION)
    assert world.run("status", "--wait", "--timeout", "60").returncode == 1


def test_many_nodes_are_summarised_problems_first(world: World) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    for number in range(60):
        world.node(f"n{number:02}")
        if number < 25:
            world.holds(
                f"n{number:02}",
                None,
                "",
                seen_version=version,
                state=State.REJECTED,
                error="line 2: no",
            )
        else:
            world.holds(f"n{number:02}", CONFIG, version)
    short = world.run("status").stdout
    assert short.count("n0") == 10
    assert "  5 more rejected" in short
    assert "  35 current (--all lists them)" in short
    assert "n59" in world.run("status", "--all").stdout


def test_what_a_lease_says_cannot_steer_the_terminal(world: World) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    world.node("a")
    evil = "\x1b[2J\u202egood"
    lease = {
        "metadata": {"name": "a", "annotations": {"wayhome/state": "rejected", "wayhome/error": evil, "wayhome/seen-version": version}},
        "spec": {"renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "leaseDurationSeconds": 1800},
    }  # fmt: skip
    world.server.ask("POST", "/apis/coordination.k8s.io/v1/namespaces/wayhome-status/leases", lease)
    output = world.run("status").stdout
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert "\\x1b[2J" in output


def test_a_cluster_that_cannot_be_asked(world: World) -> None:
    world.server.stop()
    done = world.run("status")
    assert (done.returncode, done.stdout) == (3, "")
    assert "cannot be reached" in done.stderr
    (world.folder / "new").write_text(CONFIG)
    for asked in (("status",), ("apply", "new", "--yes"), ("probe", "a/b", "10.0.0.1:80")):
        found = world.document(*asked)
        assert (found["exit_code"], set(found)) == (3, {"schema", "exit_code", "error"})
        assert "cannot be reached" in found["error"]
    world.server.kubeconfig.write_text("{}")
    assert world.run("status").returncode == 2
    assert world.document("status")["exit_code"] == 2
    world.server.start()
