"""`wayhome cluster apply`: a node says no, and the old configuration is back; on canaries first."""

from collections.abc import Callable

import pytest
from tests.operator.agents import Agents
from tests.operator.changing import NEW, NODES, content, ours
from tests.operator.world import CONFIG, World

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
