"""`wayhome cluster apply` beside others who write the ConfigMap: nobody is overwritten."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from tests.operator.agents import Agents
from tests.operator.changing import NEW, content, has, ours, patches, wait_for
from tests.operator.world import CONFIG, World


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
