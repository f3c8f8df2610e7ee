"""`wayhome cluster apply` as a process, against the tests' API server and agents that say what they hold."""

import os
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kube.api_server.rights import ADMIN_TOKEN
from tests.kube.server_process import ENVIRONMENT
from tests.operator.agents import Agents
from tests.operator.world import CONFIG, World

from wayhome.kube.status_lease import State

NEW = "nonMasqueradeCIDRs:\n  - 10.0.0.0/8\n  - 172.16.0.0/16\n"
NODES = ("a", "b", "c")


@pytest.fixture
def started(world: World) -> Iterator[Callable[..., Agents]]:
    made: list[Agents] = []

    def start(**behaviour: Any) -> Agents:
        made.append(Agents(world, *NODES, **behaviour))
        return made[-1]

    world.wayhome()
    yield start
    for agents in made:
        agents.stop()


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "new.yaml"
    path.write_text(NEW)
    return str(path)


def content(world: World) -> tuple[dict[str, str], dict[str, str]] | None:
    """Data and annotations."""
    item = world.configmap()
    if item is None:
        return None
    return item.get("data") or {}, item["metadata"].get("annotations") or {}


def ours(world: World, text: str = CONFIG) -> None:
    """The ConfigMap as an earlier apply has left it."""
    world.apply(
        "wayhome", {"data": {"config": text}, "metadata": {"annotations": {"wayhome/nodes": "3"}}}
    )


def test_a_new_configuration_is_everywhere_and_the_command_undoes_it(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    agents = started()
    ours(world)
    done = world.run("apply", file, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "3"})
    assert [agents.held(node) for node in NODES] == [NEW] * 3
    assert "172.16.0.0/16  the node's address -> the Pod's address  (line 3)" in done.stdout
    assert "3 of 3 nodes on version" in done.stdout
    undo(world, done.stdout)
    assert content(world) == ({"config": CONFIG}, {"wayhome/nodes": "3"})
    assert world.run("apply", file, "--yes").returncode == 0  # and nobody else has it now


def undo(world: World, output: str) -> None:
    """Do what the command line says undoes it."""
    program, *arguments = shlex.split(output.partition("this undoes it:\n")[2].splitlines()[0])
    assert program == "kubectl"
    done = subprocess.run([program, *arguments], cwd=world.folder, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


EVIL = 'nonMasqueradeCIDRs: [10.0.0.0/8]  # it\'s "quoted" $HOME `id` \\ \u00e9 \u202e\r\n\n\n'


def test_the_undoing_command_restores_any_text_byte_for_byte(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started()
    for text in (EVIL, "# long\n" * 1000 + CONFIG):
        ours(world, text)
        done = world.run("apply", file, "--yes")
        assert done.returncode == 0, done.stdout
        assert "\u202e" not in done.stdout
        undo(world, done.stdout)
        assert content(world) == ({"config": text}, {"wayhome/nodes": "3"})


def test_without_a_configmap_it_is_made_and_undoing_removes_it(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started()
    done = world.run("apply", file, "--yes")
    assert done.returncode == 0
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "3"})
    undo(world, done.stdout)
    assert content(world) is None


def test_a_dry_run_writes_nothing(world: World, started: Callable[..., Agents], file: str) -> None:
    started()
    done = world.run("apply", file, "--dry-run")
    assert done.returncode == 0
    assert "172.16.0.0/12 but 172.16.0.0/16  the Pod's address -> the node's address" in done.stdout
    assert content(world) is None


def test_a_file_with_errors_is_not_written(world: World, started: Callable[..., Agents]) -> None:
    started()
    done = world.run("apply", "-", "--yes", given="nonMasqueradeCIDRs:\n  - 10.0.0.1/8\n")
    assert done.returncode == 1
    assert "-:2: error: " in done.stdout
    assert "cannot be compared" not in done.stdout  # it is the new one that is none
    assert content(world) is None


def test_without_a_terminal_it_asks_for_yes(world: World, file: str) -> None:
    done = world.run("apply", file)
    assert done.returncode == 2
    assert "--yes" in done.stderr


STATES = ["none", "ours", "persons", "wrong key"]


def stand(world: World, state: str) -> None:
    if state == "ours":
        ours(world)
    elif state == "persons":
        world.put(CONFIG)
    elif state == "wrong key":
        item = {
            "metadata": {"name": "ip-masq-agent", "annotations": {"a": "b"}},
            "data": {"masq.yaml": CONFIG},
        }
        world.server.ask("POST", "/api/v1/namespaces/kube-system/configmaps", item)


@pytest.mark.parametrize("canary", [(), ("--canary", "b")])
@pytest.mark.parametrize("state", STATES)
def test_a_node_that_rejects_it_puts_the_old_one_back_exactly(
    world: World, started: Callable[..., Agents], file: str, state: str, canary: tuple[str, ...]
) -> None:
    stand(world, state)
    agents = started(refusing={"b": "172.16.0.0/16"})
    before = content(world)
    held = [agents.held(node) for node in NODES]
    done = world.run("apply", file, "--yes", "--force-conflicts", *canary)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "b: rejected: line 1: 172.16.0.0/16 is nothing for b" in done.stdout
    assert "rolled back" in done.stdout
    assert content(world) == before
    if state == "wrong key" and not canary:
        # What is back is no configuration, so nodes that took the new one keep it; that is said.
        assert "a, c still hold the new configuration" in done.stdout
    else:
        assert [agents.held(node) for node in NODES] == held
    if canary:
        item = world.configmap()
        managers = {m["manager"] for m in item["metadata"]["managedFields"]} if item else set()
        assert managers <= ({"wayhome"} if state == "ours" else {"kubectl-create", "Python-urllib"})


def test_a_node_that_stays_silent_is_waited_for_and_then_told(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    agents = started(silent=("c",))
    ours(world)
    done = world.run("apply", file, "--yes", "--timeout", "2")
    assert done.returncode == 3
    assert "timed out: after 2 s there is no answer from c" in done.stdout
    assert "this undoes it:" in done.stdout
    assert agents.held("a") == NEW
    found = content(world)
    assert found is not None
    assert found[0]["config"] == NEW


def test_silence_is_a_reason_to_go_back_if_that_is_asked_for(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started(silent=("c",))
    ours(world)
    before = content(world)
    done = world.run("apply", file, "--yes", "--timeout", "2", "--rollback-on-timeout")
    assert done.returncode == 1
    assert content(world) == before


def test_a_canary_takes_it_first_and_then_everybody(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started()
    ours(world)
    done = world.run("apply", file, "--yes", "--canary", "a,c")
    assert done.returncode == 0, done.stdout
    assert "the candidate is written for a, c: version" in done.stdout
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "3"})


def test_a_silent_canary_ends_it(world: World, started: Callable[..., Agents], file: str) -> None:
    agents = started()
    ours(world)
    before = content(world)
    agents._nodes.remove("a")
    done = world.run("apply", file, "--yes", "--canary", "a", "--timeout", "2")
    assert done.returncode == 1
    assert "there is no answer from a" in done.stdout
    assert content(world) == before


def test_a_canary_that_nobody_would_hear_is_refused(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started(silent=("c",))
    assert "there is no node x" in world.run("apply", file, "--yes", "--canary", "x").stdout
    done = world.run("apply", file, "--yes", "--canary", "c")
    assert done.returncode == 2
    assert "no canary can be c (silent so far)" in done.stdout


def wait_for(found: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


def has(world: World, key: str) -> Callable[[], bool]:
    def found() -> bool:
        item = world.configmap()
        return bool(item) and key in ((item or {}).get("data") or {})

    return found


@pytest.mark.parametrize("ending", ["rejected", "waiting"])
def test_what_somebody_else_writes_meanwhile_is_never_overwritten(
    world: World, started: Callable[..., Agents], file: str, ending: str
) -> None:
    agents = started(silent=("c",))
    ours(world)
    running = world.start("apply", file, "--yes", "--timeout", "60", "--rollback-on-timeout")
    wait_for(has(world, "config.previous"))
    world.put("masqLinkLocal: true\n", manager="kubectl-edit")
    if ending == "rejected":
        agents._refusing["a"] = "172.16.0.0/16"
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 1, output
    assert "was changed by kubectl-edit at 20" in output
    found = content(world)
    assert found is not None
    assert found[0]["config"] == "masqLinkLocal: true\n"


def test_a_change_between_the_look_and_the_write_is_not_overwritten(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started()
    ours(world)
    # The answer to the dry run takes its time.
    slow = {"verb": "patch", "resource": "configmaps", "seconds": 0.002}
    world.server.control("POST", "faults", action="slow", **slow)
    already = patches(world)
    running = world.start("apply", file, "--yes")
    wait_for(lambda: patches(world) > already)
    world.put("masqLinkLocal: true\n", manager="kubectl-edit")
    output, _ = running.communicate(timeout=60)
    found = content(world)
    assert found is not None
    assert found[0]["config"] == "masqLinkLocal: true\n"
    assert running.returncode == 1
    assert "changed by somebody else" in output
    assert "was changed by kubectl-edit at 20" in output


def test_a_persons_text_is_taken_over_only_on_demand(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started()
    world.put(CONFIG)
    done = world.run("apply", file, "--yes")
    assert done.returncode == 1
    assert "was set by kubectl-create" in done.stdout
    assert "--force-conflicts takes it over" in done.stdout
    assert content(world) == ({"config": CONFIG}, {})
    assert world.run("apply", file, "--yes", "--force-conflicts").returncode == 0


@pytest.mark.parametrize(
    ("metadata", "manager", "name"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "net:/ConfigMap:kube-system/ip-masq-agent"}}, "argocd-controller", "Argo CD"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "net"}}, "kustomize-controller", "Flux"),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "helm", "Helm"),
        ({}, "argocd-controller", "Argo CD"),
        ({"labels": {"addonmanager.kubernetes.io/mode": "Reconcile"}}, "kubectl-client-side-apply", "the cloud's addon manager"),
    ],
)  # fmt: skip
def test_what_a_tool_keeps_is_refused_with_the_patch_for_its_source(
    world: World, file: str, metadata: dict[str, Any], manager: str, name: str
) -> None:
    world.apply(manager, {"metadata": metadata, "data": {"config": CONFIG}})
    before = content(world)
    done = world.run("apply", file, "--yes", "--force-conflicts")
    assert done.returncode == 1
    assert f"is kept by {name} (" in done.stdout
    patch = yaml.safe_load("apiVersion" + done.stdout.partition("apiVersion")[2])
    assert patch["data"] == {"config": NEW}
    assert content(world) == before


def test_a_program_that_is_not_known_is_taken_for_one(world: World, file: str) -> None:
    world.apply("my-operator", {"data": {"config": CONFIG}})
    done = world.run("apply", file, "--yes")
    assert done.returncode == 1
    assert "was set by my-operator" in done.stdout
    assert "kind: ConfigMap" in done.stdout


@pytest.mark.parametrize("step", ["candidate", "everywhere"])
@pytest.mark.parametrize("next_run", ["goes on", "rejects"])
def test_killed_in_the_middle_the_next_run_says_what_it_finds_and_goes_on(
    world: World, started: Callable[..., Agents], file: str, step: str, next_run: str
) -> None:
    agents = started()
    ours(world)
    before = content(world)
    agents._nodes.remove("a")
    canary = ("--canary", "a") if step == "candidate" else ()
    running = world.start("apply", file, "--yes", *canary)
    wait_for(has(world, "config.next" if step == "candidate" else "config.previous"))
    running.kill()
    running.communicate()
    said = world.run("status").stdout
    assert "earlier `wayhome cluster apply" in said
    if next_run == "rejects":
        agents._refusing["b"] = "172.16.0.0/16"
    agents._nodes.append("a")
    agents._seen = "look again"
    done = world.run("apply", file, "--yes")
    assert "earlier `wayhome cluster apply" in done.stdout
    if next_run == "rejects":
        assert done.returncode == 1, done.stdout
        assert content(world) == before
    else:
        assert done.returncode == 0, done.stdout
        assert content(world) == ({"config": NEW}, {"wayhome/nodes": "3"})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("canary", [(), ("--canary", "c")])
def test_interrupted_it_puts_the_old_one_back(
    world: World, started: Callable[..., Agents], file: str, number: int, canary: tuple[str, ...]
) -> None:
    agents = started()
    ours(world)
    before = content(world)
    agents._nodes.remove("c")
    running = world.start("apply", file, "--yes", "--timeout", "60", *canary)
    wait_for(has(world, "config.next" if canary else "config.previous"))
    time.sleep(0.3)
    agents._nodes.append("c")
    running.send_signal(number)
    output, _ = running.communicate(timeout=30)
    assert "it was interrupted: the old configuration is put back" in output
    assert content(world) == before
    assert running.returncode == -signal.SIGINT


def test_interrupted_twice_it_says_what_state_it_leaves(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started(silent=("c",))
    ours(world)
    running = world.start("apply", file, "--yes", "--timeout", "60")
    wait_for(has(world, "config.previous"))
    time.sleep(0.3)
    # The way back hangs.
    world.server.control("POST", "faults", action="silence", verb="patch", resource="configmaps")
    running.send_signal(signal.SIGINT)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=30)
    assert "unknown: it was ended before the old configuration was back" in output
    assert "this undoes it:" in output
    assert running.returncode == -signal.SIGINT
    undo(world, output)
    found = content(world)
    assert found is not None
    assert found[0]["config"] == CONFIG


@pytest.mark.parametrize("action", ["lost", "close"])
def test_an_answer_that_is_lost_is_looked_for(
    world: World, started: Callable[..., Agents], file: str, action: str
) -> None:
    started()
    ours(world)
    # The dry run is the first patch, the write the second, and the third finishes.
    fault = {"verb": "patch", "resource": "configmaps", "spared": 1}
    world.server.control("POST", "faults", action=action, **fault)
    already = patches(world)
    done = world.run("apply", file, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "3"})
    assert patches(world) - already == (3 if action == "lost" else 4)


def deletions(world: World) -> int:
    calls = world.server.control("GET", "calls")
    assert isinstance(calls, list)
    return sum(c["verb"] == "delete" and c["resource"] == "configmaps" for c in calls)


def patches(world: World) -> int:
    calls = world.server.control("GET", "calls")
    assert isinstance(calls, list)
    return sum(c["verb"] == "patch" and c["resource"] == "configmaps" for c in calls)


def test_upstreams_agents_leave_it_unverified(world: World, file: str) -> None:
    world.upstream()
    world.node("a")
    done = world.run("apply", file, "--yes")
    assert done.returncode == 3
    assert "unverified" in done.stdout
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "1"})


def test_the_document_says_it_all(world: World, started: Callable[..., Agents], file: str) -> None:
    started()
    found = world.document("apply", file, "--yes")
    assert (found["exit_code"], found["result"]) == (0, "applied")
    assert found["changes"][-1]["prefix"] == "192.168.0.0/16"
    assert found["status"]["conditions"] == {"current": 3}
    assert found["undo"].startswith("kubectl ")
    again = world.document("apply", file, "--yes")
    assert (again["result"], again["undo"]) == ("unchanged", None)
    world.put(CONFIG)
    refused = world.document("apply", file, "--yes")
    assert (refused["exit_code"], refused["result"]) == (1, "refused")
    assert "kubectl-create" in refused["reasons"][0]


def test_a_lease_from_before_the_removal_is_no_answer_to_it(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    """There was no ConfigMap, and there is none again: only the Lease's own age tells the two apart."""
    started(silent=("c",), refusing={"a": "172.16.0.0/16"})
    world.holds("c", None, "")
    done = world.run("apply", file, "--yes", "--ask-nodes=0", "--timeout=3")
    assert done.returncode == 1
    assert content(world) is None
    assert "the old configuration is back: 2 of 3 nodes on upstream's defaults" in done.stdout
    assert (
        world.run("status").returncode == 0
    )  # a Lease that is renewed counts for whoever asks later


def test_a_lease_that_is_written_after_the_removal_is_an_answer(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started(silent=("c",), refusing={"a": "172.16.0.0/16"})
    world.holds("c", None, "")
    running = world.start("apply", file, "--yes", "--ask-nodes=0", "--timeout=20")
    wait_for(lambda: deletions(world) > 0)
    time.sleep(0.5)
    assert running.poll() is None
    world.holds("c", None, "")
    out, _ = running.communicate(timeout=10)
    assert "the old configuration is back: 3 of 3 nodes on upstream's defaults" in out


def test_without_the_right_to_write_nothing_is_begun(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started()
    world.server.control("POST", "tokens", token="operators-token", user="operator")
    for resource, group in (
        ("configmaps", ""),
        ("nodes", ""),
        ("leases", "coordination.k8s.io"),
        ("daemonsets", "apps"),
    ):
        world.server.control(
            "POST", "rules", user="operator", verbs=["get", "list", "watch"], resources=[resource], group=group
        )  # fmt: skip
    text = world.server.kubeconfig.read_text()
    world.server.kubeconfig.write_text(text.replace(ADMIN_TOKEN, "operators-token"))
    done = world.run("apply", file, "--yes")
    assert done.returncode == 3
    assert 'cannot patch resource "configmaps"' in done.stdout
    assert content(world) is None


def test_an_api_server_that_fails_for_a_while_does_not_end_it(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    agents = started()
    ours(world)
    agents._nodes.remove("c")
    running = world.start("apply", file, "--yes", "--timeout", "60")
    wait_for(has(world, "config.previous"))
    for verb in ("get", "list", "watch"):
        fault = {"action": "answer", "verb": verb, "code": 503}
        for resource in ("configmaps", "nodes", "leases"):
            if (verb, resource) != ("list", "configmaps"):  # what the agents here look with
                world.server.control("POST", "faults", resource=resource, times=2, **fault)
    world.server.control("POST", "watches", action="break")
    agents._nodes.append("c")
    agents._seen = "look again"
    output, errors = running.communicate(timeout=60)
    assert running.returncode == 0, output + errors


@pytest.mark.parametrize(
    ("typed", "ending"), [(b"n\n", 1), (b"\x04", 1), (b"\x03", -signal.SIGINT)]
)
def test_on_a_terminal_it_asks_and_anything_but_yes_writes_nothing(
    world: World, started: Callable[..., Agents], file: str, typed: bytes, ending: int
) -> None:
    started()
    answered, output = on_a_terminal(world, typed, "apply", file)
    assert "write it? [y/N]: " in output
    assert answered == ending
    assert content(world) is None


def test_on_a_terminal_yes_is_yes(world: World, started: Callable[..., Agents], file: str) -> None:
    started()
    answered, output = on_a_terminal(world, b"y\n", "apply", file)
    assert answered == 0, output
    assert "applied" in output
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "3"})


def on_a_terminal(world: World, typed: bytes, *arguments: str) -> tuple[int, str]:
    """Run it on one, and type once it asks. Returns how it ended and what it printed."""
    terminal, other_end = os.openpty()
    running = subprocess.Popen(
        ["setsid", "--ctty", *world.command(*arguments)],
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        cwd=world.folder,
        env=ENVIRONMENT | {"TERM": "xterm"},
    )
    os.close(other_end)
    output = b""
    with open(terminal, "r+b", buffering=0) as screen:
        while True:
            if select.select([screen], [], [], 1.0)[0]:
                try:
                    output += screen.read(4096)
                except OSError:  # it has ended
                    break
            elif output.endswith(b"[y/N]: "):  # a Ctrl-C just before it waits does not end that
                screen.write(typed)
    return running.wait(30), output.decode()


def version_of(world: World) -> str:
    item = world.configmap()
    assert item is not None
    return str(item["metadata"]["resourceVersion"])


def test_nodes_without_known_pod_ranges_are_waited_for_and_are_no_reason_to_go_back(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started(silent=("b", "c"))
    ours(world)
    version = version_of(world)
    refused = {"state": State.SCOPE_REFUSED, "error": "the Node b has no Pod ranges"}
    world.holds("b", CONFIG, version, **refused)
    world.holds("c", CONFIG, version)
    running = world.start("apply", file, "--yes", "--ask-nodes=0", "--timeout=30")
    wait_for(has(world, "config.previous"))
    written = version_of(world)
    world.holds("c", NEW, written, **refused)
    time.sleep(1.0)
    assert running.poll() is None  # b's agent has not read it
    world.holds("b", NEW, written, **refused)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "applied" in out
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "3"})


def test_a_lease_from_before_the_change_is_no_answer_even_if_it_says_the_same_text(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    """Its node's kernel may have come to hold another text in between, and its Lease not yet say so."""
    started(silent=("c",), refusing={"a": "172.16.0.0/16"})
    ours(world)
    world.holds("c", CONFIG, version_of(world))
    done = world.run("apply", file, "--yes", "--ask-nodes=0", "--timeout=3")
    assert done.returncode == 1
    assert "is put back" in done.stdout
    assert "the old configuration is back: 2 of 3 nodes on version" in done.stdout
