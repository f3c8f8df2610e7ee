"""`wayhome cluster apply` that is killed, interrupted, or left without an answer."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.kube.api_server.rights import ADMIN_TOKEN
from tests.operator.agents import Agents
from tests.operator.changing import NEW, content, has, ours, patches, undo, wait_for
from tests.operator.world import CONFIG, World


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
    assert content(world) == ({"config": CONFIG}, {"wayhome/nodes": "3"})


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


@pytest.mark.parametrize("code", [500, 504])
def test_a_failure_of_the_server_does_not_say_that_nothing_was_done(
    world: World, started: Callable[..., Agents], file: str, code: int
) -> None:
    started()
    ours(world)
    fault = {"verb": "patch", "resource": "configmaps", "spared": 1, "code": code}
    world.server.control("POST", "faults", action="answer", **fault)
    already = patches(world)
    done = world.run("apply", file, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "3"})
    assert patches(world) - already == 4


def test_a_server_that_goes_on_failing_ends_it_before_anything_is_changed(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started()
    ours(world)
    before = content(world)
    fault = {"verb": "patch", "resource": "configmaps", "spared": 1, "times": -1}
    world.server.control("POST", "faults", action="answer", **fault)
    done = world.run("apply", file, "--yes")
    assert done.returncode == 3
    assert "the API server says 500" in done.stderr
    assert content(world) == before


PLUGIN = """#!/bin/sh
test -e {ran} && exit 1
touch {ran}
echo '{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "{token}"}}}}'
"""


def test_credentials_that_are_gone_on_the_way_leave_a_command_that_undoes_it(
    world: World, started: Callable[..., Agents], file: str, tmp_path: Path
) -> None:
    """The plugin that gives them works once. The candidate is written by then, and the next step is refused."""
    started()
    ours(world)
    before = content(world)
    plugin = tmp_path / "plugin"
    plugin.write_text(PLUGIN.format(token=ADMIN_TOKEN, ran=tmp_path / "ran"))
    plugin.chmod(0o700)
    good = world.server.kubeconfig.read_text()
    kubeconfig = yaml.safe_load(good)
    credentials = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
    kubeconfig["users"][0]["user"] = {"exec": {"command": str(plugin), **credentials}}
    world.server.kubeconfig.write_text(yaml.safe_dump(kubeconfig))
    fault = {"verb": "patch", "resource": "configmaps", "spared": 2, "code": 401}
    world.server.control("POST", "faults", action="answer", **fault)
    done = world.run("apply", file, "--yes", "--canary", "a")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "has failed with exit code 1: the old configuration is put back" in done.stdout
    assert "not rolled back" in done.stdout
    assert content(world) != before
    world.server.kubeconfig.write_text(good)
    undo(world, done.stdout)
    assert content(world) == before


def test_whom_nobody_can_read_any_more_still_ends_what_he_has_begun(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    """As with `| head`, or where the disk of the log is full: the way back is gone to its end, and told elsewhere."""
    agents = started(silent=("c",))
    ours(world)
    before = content(world)
    running = world.start("apply", file, "--yes", "--timeout", "60")
    wait_for(has(world, "config.previous"))
    assert running.stdout
    running.stdout.close()
    agents._refusing["c"] = "172.16.0.0/16"
    agents._nodes.append("c")
    agents._seen = "look again"
    assert running.stderr
    with running.stderr:
        errors = running.stderr.read()
    running.wait(30)
    assert content(world) == before
    assert "rolled back: c: rejected: line 1: 172.16.0.0/16 is nothing for c" in errors
    assert "Traceback" not in errors
