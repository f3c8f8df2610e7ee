"""The rights that the chart grants are those that an agent uses, all of them and no other.

The real agent lives a whole life as the DaemonSet starts it, against an API server that refuses whatever the rendered
Roles do not grant. What it asked for is then compared with what it may.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tests.agent.agent_process import AgentProcess, wait_until
from tests.agent.api_agent import Api
from tests.deploy.chart import Object, agent_of, is_hook, objects, only
from tests.kube.api_server.rbac import rules_of

from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel

OBJECTS = [item for item in objects() if not is_hook(item)]
DAEMONSET = only(OBJECTS, "DaemonSet")
POD = DAEMONSET["spec"]["template"]["spec"]
ACCOUNT = f"system:serviceaccount:{DAEMONSET['metadata']['namespace']}:{POD['serviceAccountName']}"
GRANTED = rules_of(OBJECTS, ACCOUNT)
ENVIRONMENT = {
    "spec.nodeName": "node-a",
    "metadata.name": "agent-x",
    "metadata.namespace": "wayhome",
}
LEASE = "/apis/coordination.k8s.io/v1/namespaces/wayhome-status/leases/node-a"
GOOD = "nonMasqueradeCIDRs:\n- 10.0.0.0/8\n"
# A Lease is renewed every 10 minutes; here every 2 seconds.
IMPATIENT = """
import runpy, sys
from wayhome.agent import lease_writer
assert lease_writer.RENEW_SECONDS > 100
lease_writer.RENEW_SECONDS = 2.0
module, sys.argv = sys.argv[1], sys.argv[1:]
runpy.run_module(module, run_name="__main__", alter_sys=False)
"""


class Cluster(Api):
    """Grants the account what the chart does."""

    def allow(self, token: str = "first", *_: Any) -> None:
        self.control("POST", "tokens", token=token, user=ACCOUNT)
        for rule in GRANTED:
            self.control("POST", "rules", user=ACCOUNT, **asdict(rule))

    def made(self) -> list[dict[str, Any]]:
        """What the agent has asked for so far."""
        calls: Any = self.control("GET", "calls")
        return [call for call in calls if call["user"] == ACCOUNT]

    def count(self, verb: str, resource: str) -> int:
        return sum((call["verb"], call["resource"]) == (verb, resource) for call in self.made())

    def wait_for(self, verb: str, resource: str, more_than: int) -> None:
        wait_until(
            lambda: self.count(verb, resource) > more_than,
            lambda: f"a {verb} of {resource} after {more_than}; {self.made()}",
        )

    def says(self, state: str) -> bool:
        try:
            lease: Any = self.ask("GET", LEASE)
        except OSError:
            return False
        return bool(lease["metadata"]["annotations"]["wayhome/state"] == state)


@pytest.fixture
def cluster(netns: NetworkNamespace, tmp_path: Path) -> Iterator[Cluster]:
    server = Cluster(tmp_path)
    for name in ("wayhome-status", "wayhome"):
        server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    server.ask(
        "POST",
        "/api/v1/nodes",
        {"metadata": {"name": "node-a"}, "spec": {"podCIDRs": ["10.4.0.0/24"]}},
    )
    yield server
    server.stop()


@pytest.fixture(params=["node", "pods"])
def agent(
    cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[AgentProcess]:
    """As its container starts it in each scope; only how it reaches the API and where it may write are a test's."""
    items = [item for item in objects({"scope": request.param}) if not is_hook(item)]
    assert rules_of(items, ACCOUNT) == GRANTED
    container = agent_of(only(items, "DaemonSet"))
    program = {"pods": ["wayhome", "agent"], "node": ["wayhome.agent"]}[request.param]
    assert container.get("command", ["wayhome.agent"]) == program
    fields = {e["name"]: e["valueFrom"]["fieldRef"]["fieldPath"] for e in container["env"]}
    given = {name: ENVIRONMENT[path] for name, path in fields.items()}
    process = AgentProcess(tmp_path)
    own = [f"--kubeconfig={cluster.agents_kubeconfig()}", f"--state={process.state}"]
    command = [sys.executable, "-c", IMPATIENT, *program, *container["args"], *own]
    with process.log.open("ab") as log:
        process.process = subprocess.Popen(command, stderr=log, stdout=log, env=os.environ | given)
    yield process
    process.kill()


def test_a_whole_life_uses_every_right_and_asks_for_nothing_else(
    cluster: Cluster, agent: AgentProcess
) -> None:
    def state(expected: str) -> None:
        wait_until(lambda: cluster.says(expected), lambda: f"{expected}: {agent.log.read_text()}")

    state("defaults")  # there is no ConfigMap yet
    cluster.write({"config": GOOD})
    state("applied")
    cluster.write({"config": GOOD + "- 10.0.0.1/8\n"})
    state("rejected")
    cluster.wait_for("create", "events", more_than=0)
    cluster.write({"config": GOOD + "- 172.16.0.0/12\n"})
    state("applied")

    # A token that is over (401) when the version that was watched is gone (410): it reads the new one, and lists again.
    lists = cluster.count("list", "configmaps")
    cluster.allow("second")
    cluster.token.write_text("second")
    cluster.control("POST", "tokens", token="first", user=ACCOUNT, seconds=0)
    cluster.control("POST", "history", action="forget")
    cluster.control("POST", "watches", action="expire")
    cluster.wait_for("list", "configmaps", more_than=lists)
    cluster.wait_for("patch", "leases", more_than=cluster.count("patch", "leases"))  # a renewal
    assert agent.stop() == 0

    made = cluster.made()
    assert 403 not in {call["code"] for call in made}
    assert used(made) == granted()


def used(calls: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """A name is part of it where rights can be given by name."""
    named = {resource for rule in GRANTED if rule.names for resource in rule.resources}
    return {
        (
            c["namespace"],
            c["group"],
            c["resource"],
            c["name"] if c["resource"] in named else "",
            c["verb"],
        )
        for c in calls
    }


def granted() -> set[tuple[str, ...]]:
    return {
        (rule.namespace, rule.group, resource, name, verb)
        for rule in GRANTED
        for resource in rule.resources
        for name in rule.names or ("",)
        for verb in rule.verbs
    }


def test_rights_are_given_to_the_account_that_the_pods_have_and_to_nobody_else() -> None:
    account = only(OBJECTS, "ServiceAccount")
    assert ACCOUNT == "system:serviceaccount:wayhome:wayhome-agent"
    assert account["metadata"]["namespace"] == "wayhome"
    assert account["automountServiceAccountToken"] is False
    assert POD["automountServiceAccountToken"] is True
    subjects = [
        (item["metadata"]["name"], s["name"]) for item in OBJECTS for s in item.get("subjects", [])
    ]
    assert {role == account for role, account in subjects} == {True}


def test_several_configmaps_are_named_each_in_its_namespace() -> None:
    items: list[Object] = objects({"configMaps": ["kube-system/a", "kube-system/b", "net/c"]})
    rules = [rule for rule in rules_of(items, ACCOUNT) if rule.resources == ("configmaps",)]
    assert {(rule.namespace, rule.names) for rule in rules} == {
        ("kube-system", ("a", "b")),
        ("net", ("c",)),
    }


def test_without_leases_or_without_the_api_there_are_no_rights_to_them() -> None:
    without = rules_of(objects({"status": {"namespace": ""}}), ACCOUNT)
    assert "leases" not in {resource for rule in without for resource in rule.resources}
    assert (
        rules_of(
            objects({"mode": "file"}, "kube-system"), ACCOUNT.replace("wayhome:", "kube-system:", 1)
        )
        == ()
    )


def test_no_rule_grants_more_than_it_names() -> None:
    """No wildcard, no write right on what is the cluster's, no right to Pods or Secrets."""
    for rule in GRANTED:
        assert "*" not in (*rule.verbs, *rule.resources, rule.group)
        assert set(rule.resources) <= {"configmaps", "events", "nodes", "leases"}
        if not rule.namespace:
            assert (rule.verbs, rule.resources) == (("get",), ("nodes",))
        if rule.resources == ("configmaps",):
            assert rule.names
            assert set(rule.verbs) <= {"get", "list", "watch"}
