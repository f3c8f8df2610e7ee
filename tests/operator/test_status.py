"""`wayhome cluster status` as a process, against the tests' API server."""

import os
import subprocess
import time
from datetime import UTC, datetime

import pytest
from tests.operator.world import CONFIG, REJECTION, World

from wayhome.kube.status_lease import State

PROBLEM = REJECTION.partition("; ")[0]


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
    assert world.conditions() == {
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


@pytest.mark.parametrize("key", ["config", "masq.yaml"])
def test_a_configmap_in_the_wrong_namespace_is_found_and_the_command_puts_it_right(
    world: World, key: str
) -> None:
    world.wayhome(f"--configmap-key={key}")
    world.node("a")
    world.holds("a", None, "")
    item = {"metadata": {"name": "ip-masq-agent"}, "data": {key: CONFIG}}
    world.server.ask("POST", "/api/v1/namespaces/default/configmaps", item)
    found = world.document("status")
    assert found["exit_code"] == 1
    (said,) = (note["text"] for note in found["notes"] if "has no effect" in note["text"])
    assert said.startswith("ConfigMap default/ip-masq-agent has no effect")
    command = said.partition("make it there with: ")[2]
    environment = os.environ | {"KUBECONFIG": str(world.server.kubeconfig)}
    subprocess.run(["sh", "-c", command], env=environment, check=True, stdout=subprocess.DEVNULL)
    made = world.configmap()
    assert made is not None
    assert made["data"] == {key: CONFIG}


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
