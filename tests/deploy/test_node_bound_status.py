"""The admission policy as the API server evaluates it: CEL, by the language's reference implementation.

Source: Kubernetes, "Validating Admission Policy" (request is the AdmissionRequest, object the new object), "Managing
Service Accounts" (the node's name among a bound token's extra).
"""

from typing import Any

import pytest
from cel_expr_python import cel
from tests.deploy.chart import objects, only
from tests.deploy.manifests import NODE_BOUND

ITEMS = objects(NODE_BOUND)
POLICY = only(ITEMS, "ValidatingAdmissionPolicy")["spec"]
AGENT = "system:serviceaccount:wayhome:wayhome-agent"
NODE = "authentication.kubernetes.io/node-name"
LISTS = cel.Type.Map(cel.Type.STRING, cel.Type.List(cel.Type.STRING))


def said(expression: str, user: str, extra: dict[str, list[str]], lease: str) -> Any:
    """The names that the expression uses, with the types that Kubernetes gives them."""
    data = {"username": user, "extra": extra, "name": lease}
    for path, name in (
        ("request.userInfo.username", "username"),
        ("request.userInfo.extra", "extra"),
        ("object.metadata.name", "name"),
    ):
        expression = expression.replace(path, name)
    types = {"username": cel.Type.STRING, "extra": LISTS, "name": cel.Type.STRING}
    return cel.NewEnv(variables=types).compile(expression).eval(data=data).value()


@pytest.mark.parametrize(
    ("extra", "allowed"),
    [
        ({NODE: ["node-a"]}, True),
        ({NODE: ["node-b"]}, False),
        ({NODE: []}, False),
        ({}, False),
        ({"authentication.kubernetes.io/pod-name": ["node-a"]}, False),
    ],
    ids=["its own node", "another node", "no node", "an unbound token", "a Pod of the node's name"],
)
def test_an_agent_writes_the_lease_of_its_own_node(
    extra: dict[str, list[str]], *, allowed: bool
) -> None:
    (validation,) = POLICY["validations"]
    assert said(validation["expression"], AGENT, extra, "node-a") is allowed


@pytest.mark.parametrize(
    "user", [AGENT, "system:serviceaccount:wayhome:wayhome-agent-clean", "jane", AGENT + "x"]
)
def test_it_is_about_the_agents_account_and_no_other(user: str) -> None:
    """An operator, or a controller that removes Leases with their nodes, is not its matter."""
    (condition,) = POLICY["matchConditions"]
    assert said(condition["expression"], user, {}, "node-a") is (user == AGENT)


def test_it_is_in_force_for_the_leases_of_the_status_namespace() -> None:
    constraints = POLICY["matchConstraints"]
    assert constraints["namespaceSelector"] == {
        "matchLabels": {"kubernetes.io/metadata.name": "wayhome-status"}
    }
    (rule,) = constraints["resourceRules"]
    assert (rule["apiGroups"], rule["resources"]) == (["coordination.k8s.io"], ["leases"])
    assert rule["operations"] == [
        "CREATE",
        "UPDATE",
    ]  # a patch is an update; the right to delete is not given
    binding = only(ITEMS, "ValidatingAdmissionPolicyBinding")["spec"]
    name = only(ITEMS, "ValidatingAdmissionPolicy")["metadata"]["name"]
    assert (binding["policyName"], binding["validationActions"]) == (name, ["Deny"])
