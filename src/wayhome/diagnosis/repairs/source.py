"""Where the source stands: a Pod's node, machine, subnetwork and network, and the range that its like come from."""

from dataclasses import dataclass

from wayhome.clouds.gcp.compile.special_paths import ADDRESSES
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.diagnosis.repairs.ranges import node_ranges_of, pod_ranges_of, range_of
from wayhome.diagnosis.situation import Situation
from wayhome.network import Missing
from wayhome.prefixes import Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSource:
    """A Pod with an address of its own, on an exported instance in an exported subnetwork."""

    pod: Located[Pod]
    node: Located[Node]
    cluster: str
    instance: Located[Instance]
    subnet: Located[Subnetwork]

    @property
    def network(self) -> str:
        """The full name of its VPC network."""
        return self.subnet.value.network

    @classmethod
    def of(cls, situation: Situation) -> "PodSource | Missing | None":
        """None where no Pod asks."""
        estate = situation.estate
        pod = estate.get(Pod, situation.asked.source.node)
        if pod is None:
            return None
        cluster = pod.name.partition("/k8s/")[0]
        node = next(
            (
                one
                for one in estate.of(Node, cluster)
                if one.value.metadata.name == pod.value.spec.node_name
            ),
            None,
        )
        if node is None:
            return Missing(f"the node {pod.value.spec.node_name}", "kubectl get nodes -o json")
        project = cluster.split("/")[1]
        instance = estate.get(Instance, node.value.instance)
        if instance is None or not instance.value.network_interfaces:
            return Missing(
                f"the instance that the node {node.value.metadata.name} is",
                f"gcloud compute instances list --project={project} --format=json",
            )
        name = instance.value.network_interfaces[0].subnetwork or ""
        subnet = estate.get(Subnetwork, name)
        if subnet is None:
            return Missing(
                f"the subnetwork of {instance.value.name}",
                f"gcloud compute networks subnets list --project={project} --format=json",
            )
        return cls(pod=pod, node=node, cluster=cluster, instance=instance, subnet=subnet)


def range_of_source(situation: Situation) -> Prefix:
    """The range that the source's like come from, as the destination sees it: Pods, nodes, a subnetwork, Google's own."""
    seen = situation.trace.shown.result.packet.source
    pod = situation.estate.get(Pod, situation.asked.source.node)
    if pod is not None:
        cluster = pod.name.partition("/k8s/")[0]
        for prefix in (
            *pod_ranges_of(situation.estate, cluster),
            *node_ranges_of(situation.estate, cluster),
        ):
            if prefix.contains(seen.family, seen.value):
                return prefix
    special = (prefix for prefix in ADDRESSES.prefixes if prefix.contains(*seen))
    return next(special, None) or range_of(situation.estate, seen)
