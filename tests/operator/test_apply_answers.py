"""`wayhome cluster apply`: who has answered, who is waited for, and what silence means."""

import time
from collections.abc import Callable

from tests.operator.agents import Agents
from tests.operator.changing import NEW, content, deletions, has, ours, version_of, wait_for
from tests.operator.world import CONFIG, World

from wayhome.kube.status_lease import State


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


def test_upstreams_agents_leave_it_unverified(world: World, file: str) -> None:
    world.upstream()
    world.node("a")
    done = world.run("apply", file, "--yes")
    assert done.returncode == 3
    assert "unverified" in done.stdout
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "1"})


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
