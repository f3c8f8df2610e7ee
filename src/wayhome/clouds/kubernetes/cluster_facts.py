"""What an estate says about one cluster, as far as its masquerading depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.knowledge import State
from wayhome.clouds.kubernetes.agents import Agent, ConfigSource, agents_of
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.daemon_set import DaemonSet
from wayhome.clouds.kubernetes.resources.egress_nat_policy import EgressNatPolicy
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.network.missing import Missing
from wayhome.prefixes import Prefix


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What the estate says about one cluster."""

    estate: Estate
    name: str

    @property
    def gke(self) -> Located[Cluster] | None:
        """The cluster as GKE lists it."""
        return self.estate.get(Cluster, self.name)

    def egress_nat_policies(self) -> tuple[Located[EgressNatPolicy], ...]:
        """Those that keep addresses; there is no other action."""
        return tuple(
            policy
            for policy in self.estate.of(EgressNatPolicy, self.name)
            if policy.value.spec.action in ("", "NoSNAT")
        )

    def agent_on(self, node: Located[Node]) -> tuple[Agent | None, Missing | None]:
        """The agent that runs on the node, or that it is not known whether one does."""
        all_of_them = {one.name: one for one in self.estate.of(DaemonSet, self.name)}
        for agent in agents_of(all_of_them):
            if agent.runs_on(node):
                return agent, None
        if self.estate.knows(DaemonSet, self.name).state is State.EXPORTED:
            return None, None
        return None, Missing(
            f"whether a masquerade agent runs on {node.value.metadata.name}",
            "kubectl get daemonsets --all-namespaces -o json",
        )

    def config_maps(self) -> Mapping[tuple[str, str], Located[ConfigMap]]:
        """By namespace and name."""
        return {
            (one.value.metadata.namespace, one.value.metadata.name): one
            for one in self.estate.of(ConfigMap, self.name)
        }

    def knows_config_map(self, source: ConfigSource) -> bool:
        """Whether its absence says that there is none."""
        scope = f"{self.name}/k8s/namespaces/{source.namespace}"
        return self.estate.knows(ConfigMap, scope).state is State.EXPORTED


def pod_ranges(node: Located[Node]) -> tuple[Prefix, ...]:
    """The ranges from which the node gives addresses to its Pods."""
    spec = node.value.spec
    ranges = spec.pod_cidrs or ((spec.pod_cidr,) if spec.pod_cidr else ())
    return tuple(one.prefix for one in ranges)
