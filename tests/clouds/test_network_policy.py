"""NetworkPolicies as filters: who may, who may not, and what is not known."""

from typing import Any

import pytest
from tests.clouds.estates import item

from wayhome.clouds.kubernetes.network_policy import EGRESS, INGRESS, Policies
from wayhome.clouds.kubernetes.resources.namespace import Namespace
from wayhome.clouds.kubernetes.resources.network_policy import NetworkPolicy
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.network.address import Address
from wayhome.network.filter import Filter, FilterAction
from wayhome.network.flow import Protocol
from wayhome.network.missing import Missing
from wayhome.prefixes import Prefix

NODE = (Prefix.parse("10.1.0.3/32"),)
WEB, CLIENT, STRANGER = "172.16.1.2", "172.16.1.3", "172.16.2.4"


def pod(name: str, address: str, namespace: str = "shop", **fields: Any) -> Located[Pod]:
    spec = {"containers": [{"name": "c", "ports": [{"containerPort": 8080, "name": "http"}]}]}
    made = item(
        "Pod",
        name,
        namespace,
        metadata={"labels": {"app": name}},
        spec=spec | fields,
        status={"phase": "Running", "podIP": address},
    )
    assert isinstance(made.value, Pod)
    return Located(made.value, made.evidence)


PODS = (pod("web", WEB), pod("client", CLIENT), pod("stranger", STRANGER, "other"))


def namespace(name: str, **labels: str) -> Located[Namespace]:
    made = item("Namespace", name, metadata={"labels": labels})
    assert isinstance(made.value, Namespace)
    return Located(made.value, made.evidence)


def policy(**spec: Any) -> Located[NetworkPolicy]:
    made = item("NetworkPolicy", "p", "shop", spec={"podSelector": {}} | spec)
    assert isinstance(made.value, NetworkPolicy)
    return Located(made.value, made.evidence)


def policies(*found: Located[NetworkPolicy], **changes: Any) -> Policies:
    facts: dict[str, Any] = {
        "policies": found,
        "pods": PODS,
        "namespaces": (namespace("shop"), namespace("other", team="red")),
    }
    return Policies(**facts | changes)


def outcome(guard: Filter | None, source: str, destination: str, port: int = 8080) -> str:
    """`allow`, `deny`, or `unknown` where a rule of which not all is known could decide otherwise."""
    if guard is None:
        return "open"
    (stage,) = guard.stages
    assert stage
    rules = guard.matching(0, Address.parse(source), Address.parse(destination), Protocol.TCP, port)
    possible = {rule.action for rule in rules}
    if not rules or rules[-1].unknown is not None:
        possible.add(guard.default)
    return possible.pop().value if len(possible) == 1 else "unknown"


def test_a_pod_that_no_policy_selects_is_open() -> None:
    other = policy(podSelector={"matchLabels": {"app": "nobody"}}, ingress=[])
    assert policies(other).filter(PODS[0], INGRESS, NODE) is None
    assert policies().filter(PODS[0], INGRESS, NODE) is None


def test_a_policy_without_rules_closes_all_but_the_node() -> None:
    guard = policies(policy(ingress=[])).filter(PODS[0], INGRESS, NODE)
    assert guard is not None
    assert guard.cause == "GKE_NETWORK_POLICY"
    assert guard.default is FilterAction.DENY
    assert outcome(guard, CLIENT, WEB) == "deny"
    assert outcome(guard, "10.1.0.3", WEB) == "allow"
    # It says nothing of what the Pod sends.
    assert policies(policy(ingress=[])).filter(PODS[0], EGRESS, NODE) is None


@pytest.mark.parametrize(
    ("peer", "client", "stranger"),
    [
        ({"podSelector": {}}, "allow", "deny"),
        ({"podSelector": {"matchLabels": {"app": "client"}}}, "allow", "deny"),
        ({"podSelector": {"matchLabels": {"app": "other"}}}, "deny", "deny"),
        ({"namespaceSelector": {}}, "allow", "allow"),
        ({"namespaceSelector": {"matchLabels": {"team": "red"}}}, "deny", "allow"),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}, "deny", "allow"),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "stranger"}}}, "deny", "allow"),
        ({"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["client"]}]}}, "deny", "deny"),
        ({"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}, "allow", "deny"),
        ({"ipBlock": {"cidr": "172.16.0.0/16"}}, "allow", "allow"),
        ({"ipBlock": {"cidr": "172.16.0.0/16", "except": ["172.16.1.0/24"]}}, "deny", "allow"),
    ],
)  # fmt: skip
def test_peers(peer: dict[str, Any], client: str, stranger: str) -> None:
    guard = policies(policy(ingress=[{"from": [peer]}])).filter(PODS[0], INGRESS, NODE)
    assert outcome(guard, CLIENT, WEB) == client
    assert outcome(guard, STRANGER, WEB) == stranger


@pytest.mark.parametrize(
    ("ports", "open_ports"),
    [
        (None, {80, 8080, 8081}),
        ([{"protocol": "TCP", "port": 80}], {80}),
        ([{"port": "http"}], {8080}),
        ([{"port": "unknown"}], set()),
        ([{"port": 8080, "endPort": 8081}], {8080, 8081}),
        ([{"protocol": "UDP", "port": 80}], set()),
        ([{"protocol": "SCTP", "port": 80}], set()),
        ([{"protocol": "TCP"}], {80, 8080, 8081}),
    ],
)
def test_ports(ports: list[dict[str, Any]] | None, open_ports: set[int]) -> None:
    guard = policies(policy(ingress=[{"ports": ports}])).filter(PODS[0], INGRESS, NODE)
    found = {port for port in (80, 8080, 8081) if outcome(guard, CLIENT, WEB, port) == "allow"}
    assert found == open_ports


def test_what_a_pod_sends() -> None:
    rule = {"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": "http"}]}
    guard = policies(policy(policyTypes=["Egress"], egress=[rule])).filter(PODS[1], EGRESS, NODE)
    assert outcome(guard, CLIENT, WEB, 8080) == "allow"
    assert outcome(guard, CLIENT, WEB, 80) == "deny"
    assert outcome(guard, CLIENT, "10.2.0.1", 8080) == "deny"
    assert policies(policy(policyTypes=["Egress"])).filter(PODS[1], INGRESS, NODE) is None


def test_policies_add_up() -> None:
    closed, open_ = policy(ingress=[]), policy(ingress=[{"from": [{"podSelector": {}}]}])
    guard = policies(closed, open_).filter(PODS[0], INGRESS, NODE)
    assert outcome(guard, CLIENT, WEB) == "allow"
    assert outcome(guard, STRANGER, WEB) == "deny"


def test_a_pod_in_its_nodes_network_has_no_policy() -> None:
    host = pod("host", "10.1.0.3", hostNetwork=True)
    assert policies(policy(ingress=[])).filter(host, INGRESS, NODE) is None


def test_what_was_not_exported_is_unknown() -> None:
    guard = policies(unlisted=frozenset({"shop"})).filter(PODS[0], INGRESS, NODE)
    assert outcome(guard, CLIENT, WEB) == "unknown"
    selects = policy(ingress=[{"from": [{"podSelector": {}}]}])
    assert (
        outcome(policies(selects, pods=None).filter(PODS[0], INGRESS, NODE), CLIENT, WEB)
        == "unknown"
    )


def test_a_policy_that_perhaps_nobody_enforces_refuses_perhaps() -> None:
    unenforced = Missing("whether it is enforced", "ask")
    guard = policies(
        policy(ingress=[{"from": [{"podSelector": {}}]}]), unenforced=unenforced
    ).filter(PODS[0], INGRESS, NODE)
    assert outcome(guard, CLIENT, WEB) == "allow"
    assert outcome(guard, STRANGER, WEB) == "unknown"
