"""What a cluster does with its Pods' addresses, row by row of the table."""

from typing import Any

import pytest
from tests.clouds.estates import CLUSTER, cluster, estate, item

from wayhome.clouds.kubernetes.masquerading import Basis, Masquerading, masquerading_of
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.daemon_set import DaemonSet
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.policy import Action, Packet, Policy
from wayhome.prefixes import Family, parse_address

LIST = "nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\n"
NOWHERE, PRIVATE, RESERVED, PUBLIC = "10.2.0.1", "192.168.1.1", "100.64.0.1", "8.8.8.8"


def node(version: str = "v1.27.3-gke.100", **metadata: Any) -> Located[Node]:
    made = item(
        "Node",
        "n",
        metadata=metadata,
        spec={"podCIDRs": ["172.16.1.0/24"]},
        status={"nodeInfo": {"kubeletVersion": version}},
    )
    assert isinstance(made.value, Node)
    return Located(made.value, made.evidence)


def agent(
    *arguments: str,
    image: str = "gke.gcr.io/ip-masq-agent:v2.12.6-gke.15",
    namespace: str = "kube-system",
    config_map: dict[str, Any] | None = None,
    selector: dict[str, str] | None = None,
) -> Located[Resource]:
    volume = config_map or {
        "name": "ip-masq-agent",
        "items": [{"key": "config", "path": "ip-masq-agent"}],
        "optional": True,
    }
    return item(
        "DaemonSet",
        "ip-masq-agent",
        namespace,
        spec={
            "selector": {},
            "template": {
                "metadata": {},
                "spec": {
                    "nodeSelector": selector or {},
                    "containers": [
                        {
                            "name": "ip-masq-agent",
                            "image": image,
                            "args": list(arguments),
                            "volumeMounts": [{"name": "config", "mountPath": "/etc/config"}],
                        }
                    ],
                    "volumes": [{"name": "config", "configMap": volume}],
                },
            },
        },
    )


def config_map(
    text: str | None,
    key: str = "config",
    namespace: str = "kube-system",
    name: str = "ip-masq-agent",
) -> Located[Resource]:
    return item("ConfigMap", name, namespace, data={} if text is None else {key: text})


def found(
    *objects: Located[Resource], at: Located[Node] | None = None, **known: Any
) -> Masquerading:
    return masquerading_of(estate(*objects, **known), CLUSTER, at or node())


def masquerades(policy: Policy | None, destination: str) -> bool:
    if policy is None:
        return False
    _, address = parse_address(destination)
    return policy.decide(Packet(Family.IPV4, address)).action is Action.MASQUERADE


def translated(masquerading: Masquerading) -> tuple[str, ...]:
    (policy,) = masquerading.policies
    return tuple(to for to in (NOWHERE, PRIVATE, RESERVED, PUBLIC) if masquerades(policy, to))


@pytest.mark.parametrize(
    ("objects", "at", "basis", "expected"),
    [
        ((cluster(), agent(), config_map(LIST)), node(), Basis.CONFIGURATION, (NOWHERE, PRIVATE, RESERVED, PUBLIC)),
        ((cluster(), agent()), node(), Basis.AGENT_DEFAULTS, (RESERVED, PUBLIC)),
        ((cluster(), agent("--nomasq-all-reserved-ranges")), node(), Basis.AGENT_DEFAULTS, (PUBLIC,)),
        ((cluster(), agent(), config_map("")), node(), Basis.AGENT_DEFAULTS, (RESERVED, PUBLIC)),
        ((cluster(),), node(), Basis.NODE_DEFAULTS, (PUBLIC,)),
        ((cluster(),), node("v1.13.9-gke.1"), Basis.KUBELET, (PRIVATE, RESERVED, PUBLIC)),
        ((cluster(networkConfig={"defaultSnatStatus": {"disabled": True}}),), node(), Basis.SNAT_DISABLED, ()),
        # With an agent the switch has no effect.
        ((cluster(networkConfig={"defaultSnatStatus": {"disabled": True}}), agent()), node(), Basis.AGENT_DEFAULTS, (RESERVED, PUBLIC)),
    ],
)  # fmt: skip
def test_what_is_translated(
    objects: tuple[Located[Resource], ...],
    at: Located[Node],
    basis: Basis,
    expected: tuple[str, ...],
) -> None:
    masquerading = found(*objects, at=at)
    assert masquerading.known
    assert masquerading.basis is basis
    assert translated(masquerading) == expected


def test_the_list_says_where_it_comes_from() -> None:
    masquerading = found(cluster(), agent(), config_map(LIST))
    first, *_ = masquerading.evidence
    assert first.file == "configmaps.json"
    assert first.pointer == "/items/0/data/config"
    assert masquerading.not_live == ()


def test_a_wrong_key_has_no_effect_and_is_said_with_what_it_would_do() -> None:
    masquerading = found(cluster(), agent(), config_map(LIST, key="masq.yaml"))
    assert masquerading.basis is Basis.AGENT_DEFAULTS
    (wrong,) = masquerading.not_live
    assert "the key masq.yaml and not config" in wrong.problem
    assert "--from-file=config=FILE --namespace kube-system" in wrong.instead
    assert wrong.evidence.pointer == "/items/0/data/masq.yaml"
    assert masquerades(wrong.would, NOWHERE)


def test_a_wrong_namespace_is_said() -> None:
    masquerading = found(cluster(), agent(), config_map(LIST, namespace="default"))
    assert masquerading.basis is Basis.AGENT_DEFAULTS
    (wrong,) = masquerading.not_live
    assert "no agent reads the ConfigMap default/ip-masq-agent" in wrong.problem
    assert "kube-system/ip-masq-agent" in wrong.instead
    assert masquerades(wrong.would, NOWHERE)


def test_a_list_without_an_agent_is_said() -> None:
    masquerading = found(cluster(), config_map(LIST))
    assert masquerading.basis is Basis.NODE_DEFAULTS
    (wrong,) = masquerading.not_live
    assert "none runs here" in wrong.problem
    assert "deploy an agent" in wrong.instead


def test_an_agent_that_does_not_run_on_the_node_counts_for_nothing() -> None:
    selector = {"beta.kubernetes.io/masq-agent-ds-ready": "true"}
    objects = (cluster(), agent(selector=selector), config_map(LIST))
    assert found(*objects).basis is Basis.NODE_DEFAULTS
    labelled = node(labels=selector)
    assert found(*objects, at=labelled).basis is Basis.CONFIGURATION


def test_an_agent_reads_what_its_own_volume_names() -> None:
    volume = {"name": "other", "items": [{"key": "list", "path": "ip-masq-agent"}]}
    masquerading = found(
        cluster(),
        agent(config_map=volume),
        config_map(LIST, "list", name="other"),
        config_map("{}"),
    )
    assert masquerading.basis is Basis.CONFIGURATION
    assert masquerading.evidence[0].object.endswith("configmaps/other")
    assert (
        "no agent reads the ConfigMap kube-system/ip-masq-agent" in masquerading.not_live[0].problem
    )


def test_what_a_node_holds_after_a_refused_list_is_not_known() -> None:
    masquerading = found(
        cluster(), agent(), config_map("nonMasqueradeCIDRs: |\n  - 172.16.0.0/16\n")
    )
    assert not masquerading.known
    assert masquerading.missing is not None
    assert "iptables-save" in masquerading.missing.command
    assert None in masquerading.policies
    (refused,) = masquerading.not_live
    assert "is refused: line 1" in refused.problem


def test_without_the_daemon_sets_two_answers_are_possible() -> None:
    masquerading = found(cluster(), config_map(LIST), unknown=[DaemonSet])
    assert masquerading.missing is not None
    assert "kubectl get daemonsets" in masquerading.missing.command
    assert len(masquerading.policies) == 2


def test_without_the_daemon_sets_one_answer_is_enough_where_both_are_the_same() -> None:
    masquerading = found(cluster(), unknown=[DaemonSet])
    assert masquerading.known
    assert translated(masquerading) == (PUBLIC,)


def test_without_the_config_maps_the_list_is_not_known() -> None:
    masquerading = found(cluster(), agent(), unknown=[ConfigMap])
    assert masquerading.missing is not None
    assert (
        "kubectl get configmap ip-masq-agent --namespace kube-system"
        in masquerading.missing.command
    )


def test_egress_nat_policies_are_the_list_of_autopilot() -> None:
    policy = item(
        "EgressNATPolicy",
        "default",
        spec={"action": "NoSNAT", "destinations": [{"cidr": "10.48.0.0/14"}]},
    )
    masquerading = found(cluster(autopilot={"enabled": True}), policy)
    assert masquerading.basis is Basis.EGRESS_NAT_POLICY
    assert translated(masquerading) == (NOWHERE, PRIVATE, RESERVED, PUBLIC)
    (kept,) = masquerading.policies
    assert not masquerades(kept, "10.48.1.1")
    assert not masquerades(kept, "169.254.169.254")


def test_a_cluster_that_is_not_exported_is_not_taken_for_gke() -> None:
    masquerading = found()
    assert masquerading.missing is not None
    assert "gcloud container clusters list" in masquerading.missing.command


def test_the_scope_of_pods_is_the_nodes_own_range() -> None:
    native = agent(
        "--scope=pods", "--configmap=kube-system/ip-masq-agent", image="example/wayhome-agent:1"
    )
    masquerading = found(cluster(), native, config_map(LIST))
    (policy,) = masquerading.policies
    assert policy is not None
    assert [str(prefix) for prefix in policy.pod_cidrs or ()] == ["172.16.1.0/24"]


def test_azures_agent_unites_its_files() -> None:
    azure = agent(
        image="mcr.microsoft.com/aks/ip-masq-agent-v2:v0.1.15", config_map={"name": "masq"}
    )
    masquerading = found(
        cluster(), azure, item("ConfigMap", "masq", "kube-system", data={
            "ip-masq-agent": "nonMasqueradeCIDRs: [10.0.0.0/16]",
            "ip-masq-agent-reconciled": "nonMasqueradeCIDRs: [10.1.0.0/16]",
            "something-else": "not a list",
        })
    )  # fmt: skip
    (policy,) = masquerading.policies
    assert [masquerades(policy, to) for to in ("10.0.0.1", "10.1.0.1", "10.2.0.1")] == [
        False,
        False,
        True,
    ]


def test_an_agent_that_watches_the_api_keeps_what_it_held_against_a_wrong_key() -> None:
    """One that reads a file is shown none, and takes its defaults."""
    watching = agent("--configmap=kube-system/ip-masq-agent", image="example/wayhome-agent:1")
    held = found(watching, config_map(LIST, key="masq.yaml"))
    assert (held.basis, held.known) == (Basis.UNKNOWN, False)
    assert [one.problem for one in held.not_live] == [
        "the ConfigMap kube-system/ip-masq-agent has the key masq.yaml and not config, which the agent reads"
    ]
    reading = agent(image="example/wayhome-agent:1")
    assert found(reading, config_map(LIST, key="masq.yaml")).basis is Basis.AGENT_DEFAULTS
    assert found(watching, config_map(LIST)).basis is Basis.CONFIGURATION


BOTH = ["172.16.1.0/24", "fd00:1::/64"]


@pytest.mark.parametrize(
    ("flags", "ranges", "listed", "ipv6"),
    [
        ((), BOTH, "[10.0.0.0/8, 'fd00::/8']", True),
        ((), BOTH, "[10.0.0.0/8]", False),
        (("--enable-ipv6",), BOTH, "[10.0.0.0/8]", True),
        # Without the scope, or with IPv6 switched off, a range of it is no valid line.
        (("--enable-ipv6=false",), BOTH, "[10.0.0.0/8, 'fd00::/8']", None),
        ((), [], "[10.0.0.0/8, 'fd00::/8']", None),
    ],
)
def test_in_the_scope_of_pods_ipv6_follows_from_the_lists(
    flags: tuple[str, ...], ranges: list[str], listed: str, *, ipv6: bool | None
) -> None:
    at = item("Node", "n", spec={"podCIDRs": ranges}, status={})
    assert isinstance(at.value, Node)
    words = ("--scope=pods", "--configmap=kube-system/ip-masq-agent", *flags)
    scoped = agent(*words, image="example/wayhome-agent:1")
    text = f"nonMasqueradeCIDRs: {listed}"
    masquerading = found(scoped, config_map(text), at=Located(at.value, at.evidence))
    held = {policy.ipv6 for policy in masquerading.policies if policy}
    assert masquerading.known is (ipv6 is not None)
    assert ipv6 is None or held == {ipv6}
