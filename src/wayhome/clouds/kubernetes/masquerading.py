"""What a node does with its Pods' addresses, derived from what the cluster says.

| the cluster | a destination outside the list |
| --- | --- |
| an EgressNATPolicy (Autopilot, Dataplane V2) | the policies' destinations keep the Pod's address |
| an agent, and a valid list where it reads | that list |
| an agent, and no list there | the agent's defaults: 3 ranges, or 11 with --nomasq-all-reserved-ranges |
| an agent, and a list that it refuses | what it held before, which nobody outside of the node can know |
| an agent that watches the API, and a ConfigMap without its key | what it held before, too |
| no agent, default SNAT switched off | the Pod's address, everywhere |
| no agent, GKE before 1.14 | kubelet masquerades what leaves 10.0.0.0/8 |
| no agent, GKE since then | GKE's own rules on the node: the 11 ranges |
| no agent, no GKE | what the network plugin does: unknown |

A list that exists and has no effect is as important as the one that has: `not_live` says why, and what it would hold.

Source: Google's "IP masquerade agent" (the table of configurations), the node's configure-helper.sh, kubelet's
--non-masquerade-cidr, and the sources of the agents.
"""

from dataclasses import replace

from wayhome.clouds.estate import Estate
from wayhome.clouds.kubernetes.agent_lists import assumed_agent, with_agent
from wayhome.clouds.kubernetes.agents import Agent
from wayhome.clouds.kubernetes.cluster_facts import ClusterFacts, pod_ranges
from wayhome.clouds.kubernetes.masquerading_answer import (
    UNSEEN,
    Basis,
    Masquerading,
    NotLive,
    fallback_policy,
)
from wayhome.clouds.kubernetes.node_defaults import version_of, without_agent
from wayhome.clouds.kubernetes.resources.egress_nat_policy import EgressNatPolicy
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.policy import Action, Entry, Origin, Policy
from wayhome.policy.policy import LINK_LOCAL
from wayhome.prefixes import Family

__all__ = [
    "Basis",
    "Masquerading",
    "NotLive",
    "agent_of",
    "fallback_policy",
    "masquerading_of",
    "pod_ranges",
    "version_of",
]


def masquerading_of(estate: Estate, cluster: str, node: Located[Node]) -> Masquerading:
    """What `node` does, a node of the cluster with the full name `cluster`."""
    found = ClusterFacts(estate, cluster)
    agent, unknown = found.agent_on(node)
    if egress := found.egress_nat_policies():
        return _egress(egress)
    if agent is not None:
        return with_agent(found, agent, node)
    without = without_agent(found, node)
    if unknown is None:
        return without
    assumed = assumed_agent(found)
    policies = {*without.policies, *(assumed.policies if assumed else UNSEEN)}
    if len(policies) == 1:
        return without
    return replace(without, basis=Basis.UNKNOWN, policies=tuple(policies), missing=unknown)


def agent_of(estate: Estate, cluster: str, node: Located[Node]) -> Agent | None:
    """The masquerade agent that runs on the node, as far as the DaemonSets say."""
    agent, _ = ClusterFacts(estate, cluster).agent_on(node)
    return agent


def _egress(policies: tuple[Located[EgressNatPolicy], ...]) -> Masquerading:
    kept = [
        Entry(destination.cidr.prefix, Action.KEEP, Origin("destinations"))
        for policy in policies
        for destination in policy.value.spec.destinations or ()
    ]
    link_local = Entry(LINK_LOCAL[Family.IPV4], Action.KEEP, Origin("masqLinkLocal"))
    unique = {entry.prefix: entry for entry in (link_local, *kept)}
    return Masquerading(
        basis=Basis.EGRESS_NAT_POLICY,
        policies=(Policy(tuple(unique.values())),),
        evidence=tuple(policy.at("spec", "destinations") for policy in policies),
    )
