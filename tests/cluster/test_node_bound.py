"""The admission policy, where it is served: an agent's token writes the Lease of its own node and no other.

Only a token that is bound to a Pod names a node, so there is a Pod here; nothing runs in it.
"""

import pytest
from tests.agent.agent_process import wait_until
from tests.cluster.admin import Admin, Refused
from tests.cluster.place import Place

pytestmark = pytest.mark.kernel

POLICIES = "/apis/admissionregistration.k8s.io/v1"
SAID = "an agent writes the Lease of the node that its Pod runs on, and no other"
IN_FORCE = 30.0
"""Seconds: a policy is in force some moments after it was made."""


@pytest.fixture
def bound(place: Place) -> Place:
    served = place.admin.find(POLICIES) or {"resources": []}
    if "validatingadmissionpolicies" not in {each["name"] for each in served["resources"]}:
        pytest.skip("this API server has no ValidatingAdmissionPolicy (Kubernetes 1.30 has it)")
    if place.can.nodes:
        pytest.skip("this cluster has nodes, and so a Pod would run on one: test_daemonset.py")
    place.install(status={"nodeBound": True})
    return place


def test_a_token_writes_the_lease_of_the_node_of_its_pod_and_no_other(bound: Place) -> None:
    own, other = f"{bound.name}-a", f"{bound.name}-b"
    for name in (own, other):
        bound.node(name)
    container = {"name": "agent", "image": "registry.invalid/nothing:1"}
    spec = {"nodeName": own, "serviceAccountName": bound.name, "automountServiceAccountToken": False, "containers": [container]}  # fmt: skip
    bound.admin.ask("POST", f"/api/v1/namespaces/{bound.agents}/pods", {"metadata": {"name": "agent"}, "spec": spec})  # fmt: skip
    agent = bound.as_holder_of(bound.token(bound_to=("Pod", "agent")))
    # A name that is free each time: before the policy is in force, it is written.
    tries = (f"{other}-{number}" for number in range(10_000))
    said = wait_until(
        lambda: refusal(bound, agent, next(tries)), lambda: "a Lease that is refused", IN_FORCE
    )
    assert SAID in said
    assert refusal(bound, agent, own) == ""
    unbound = bound.as_holder_of(bound.token())
    assert SAID in refusal(bound, unbound, other)
    assert refusal(bound, bound.admin, other) == ""  # whoever is no agent is not its matter
    for each in (agent, unbound):
        each.close()


def refusal(place: Place, asking: Admin, name: str) -> str:
    """Why a new Lease is not taken; empty where it is."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{place.status}/leases"
    try:
        asking.ask("POST", path, {"metadata": {"name": name}, "spec": {"holderIdentity": name}})
    except Refused as refused:
        return refused.message
    return ""
