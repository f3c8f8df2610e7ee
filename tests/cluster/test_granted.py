"""What the API server itself says that the agent may: exactly what the chart grants."""

from typing import Any

import pytest
from tests.cluster.admin import Admin, Refused
from tests.cluster.place import CONFIGMAP, Place
from tests.kube.api_server.rbac import rules_of

pytestmark = pytest.mark.kernel

RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
NOBODY = "holds-nothing"
Right = tuple[str, str, str, str]
"""Verb, group, resource, and name where it is narrowed to one."""


def test_the_agent_may_what_the_chart_grants_and_nothing_more(place: Place) -> None:
    place.install()
    place.admin.ask("POST", f"/api/v1/namespaces/{place.agents}/serviceaccounts", {"metadata": {"name": NOBODY}})  # fmt: skip
    granted = rules_of(place.rendered(), place.account)
    agent, nobody = (place.as_holder_of(place.token(account)) for account in ("", NOBODY))
    for namespace in (place.name, place.agents, place.status, "kube-system", "default"):
        wanted = {
            (verb, rule.group, resource, name)
            for rule in granted
            if rule.namespace in ("", namespace)
            for verb in rule.verbs
            for resource in rule.resources
            for name in rule.names or ("",)
        }
        # What every account may (asking about itself, reading what is served) is not the chart's.
        assert rights(agent, namespace) - rights(nobody, namespace) == wanted
    agent.close()
    nobody.close()


def rights(asking: Admin, namespace: str) -> set[Right]:
    """All that somebody may in a namespace, as the API server tells him."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    status: Any = asking.ask("POST", RULES, review)["status"]
    return {
        (verb, group, resource, name)
        for rule in status["resourceRules"]
        for verb in rule["verbs"]
        for group in rule.get("apiGroups") or ("",)
        for resource in rule.get("resources") or ()
        for name in rule.get("resourceNames") or ("",)
    }


def test_kubectl_says_so_too(place: Place) -> None:
    place.install()
    me = ("--as", place.account, "--namespace")
    can = ("auth", "can-i")
    assert place.kubectl(*can, "watch", f"configmaps/{CONFIGMAP}", *me, place.name) == "yes\n"
    assert place.kubectl(*can, "patch", "leases.coordination.k8s.io", *me, place.status) == "yes\n"
    for verb, what, namespace in (
        ("watch", "configmaps/another", place.name),
        ("update", f"configmaps/{CONFIGMAP}", place.name),
        ("get", "secrets", place.agents),
        ("delete", "leases.coordination.k8s.io", place.status),
    ):
        done = place.tried("auth", "can-i", verb, what, *me, namespace)
        assert (done.returncode, done.stdout.splitlines()[0][:2]) == (1, "no"), done


def test_the_servers_answers_are_those_of_the_rights(place: Place) -> None:
    """Not only told: done, with the agent's token."""
    place.install()
    place.write({"config": ""})
    agent = place.as_holder_of(place.token())
    configmaps = place.configmap.rpartition("/")[0]
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{place.status}/leases"
    lease = {"metadata": {"name": "node-a"}, "spec": {"holderIdentity": "node-a"}}
    assert len(agent.ask("GET", f"{configmaps}?fieldSelector=metadata.name%3D{CONFIGMAP}")["items"]) == 1  # fmt: skip
    assert agent.ask("POST", leases, lease)["metadata"]["name"] == "node-a"
    for method, path, body in (
        ("GET", configmaps, None),
        ("GET", f"{configmaps}?fieldSelector=metadata.name%3Danother", None),
        ("GET", place.configmap, None),
        ("PUT", place.configmap, {"data": {}}),
        ("GET", leases, None),
        ("DELETE", f"{leases}/node-a", None),
        ("GET", "/api/v1/nodes", None),
        ("POST", f"/api/v1/namespaces/{place.agents}/serviceaccounts/{place.name}/token", {"spec": {}}),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            agent.ask(method, path, body)
        assert refused.value.code == 403, (method, path)
        assert f'User "{place.account}" cannot' in refused.value.message
    agent.close()
