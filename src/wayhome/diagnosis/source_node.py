"""The Kubernetes node that a flow's source runs on, and what that node said about itself."""

from dataclasses import replace

from wayhome.clouds.kubernetes.attach import clusters_of, host_name
from wayhome.clouds.kubernetes.resources.node import Node as KubernetesNode
from wayhome.clouds.located import Located
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.diagnosis.situation import Situation
from wayhome.network import Network, Node


def kubernetes_nodes(situation: Situation) -> dict[str, Located[KubernetesNode]]:
    """All nodes of all clusters, by the name of the network node that each is."""
    estate = situation.estate
    return {
        host_name(node): node
        for cluster in clusters_of(estate)
        for node in estate.of(KubernetesNode, cluster)
    }


def source_node(situation: Situation) -> Located[KubernetesNode] | None:
    """The first one on the way out; None where the source does not run on one."""
    nodes = kubernetes_nodes(situation)
    first_two = situation.trace.forward[:2]
    return next((nodes[hop.node] for hop in first_two if hop.node in nodes), None)


def state_of(situation: Situation, node: Located[KubernetesNode]) -> NodeState | None:
    """What the node's own programs printed."""
    return situation.estate.node_states.get(node.name)


def compiled(network: Network, node: Located[KubernetesNode]) -> Node | None:
    """The node in the network."""
    place = network.places.get(host_name(node))
    return place.node if place else None


def without(situation: Situation, node: Located[KubernetesNode], *outputs: NodeOutput) -> Situation:
    """The same question where these outputs of the node were not collected, so that what is derived holds.

    Raises EndpointError and NetworkError.
    """
    state = situation.estate.node_states[node.name]
    left = {output: text for output, text in state.outputs.items() if output not in outputs}
    states = {**situation.estate.node_states, node.name: replace(state, outputs=left)}
    return situation.with_estate(replace(situation.estate, node_states=states))
