"""The agents of a lab: on which nodes one runs, what it is started with, and what the network is without them.

A node that has a masquerade agent by its cluster's DaemonSets gets the project's own, whoever's it is: the command line
of upstream's and of Azure's is also ours. It reads its list where kubelet would show it (`volume`), from the ConfigMaps
that the exports have. What the compiled network says about that node's masquerading is then left out of what is built:
the agent's rules are what translates.

An agent is left compiled where nobody knows what it holds, where it was collected from the node itself, and where it
watches several ConfigMaps, which no file can be.

Of a command line only those flags are taken that say what is translated. They come from exports, and must not lead an
agent to files of this machine; where it reads, writes and listens is the lab's to say.
"""

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wayhome.clouds.estate import Estate
from wayhome.clouds.kubernetes.agents import (
    DEFAULT_KEY,
    DEFAULT_NAME,
    SYSTEM_NAMESPACE,
    Agent,
    ConfigSource,
)
from wayhome.clouds.kubernetes.agents import Program as Whose
from wayhome.clouds.kubernetes.attach import AGENT_CHAIN, clusters_of, host_name
from wayhome.clouds.kubernetes.masquerading import Basis, agent_of, masquerading_of, pod_ranges
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.metadata import Metadata
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.kube.names import is_key
from wayhome.lab.programs import Program
from wayhome.lab.volume import ConfigMapVolume
from wayhome.network import Evidence, Network
from wayhome.prefixes import Prefix

USUAL = ConfigSource(SYSTEM_NAMESPACE, DEFAULT_NAME, DEFAULT_KEY)
FILE = "ip-masq-agent"
"""What the key becomes in the volume; upstream's agent knows no other name."""
_TAKEN = (
    "masq-chain",
    "nomasq-all-reserved-ranges",
    "enable-ipv6",
    "random-fully",
    "to-ports",
    "kube-proxy-mark-bit",
    "preserve",
    "resync-interval",
)
_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Places:
    """Folders that an agent may use: the lab's own, its volume's, its state's."""

    lab: Path
    volume: Path
    state: Path


@dataclass(frozen=True, slots=True)
class NodeAgent:
    """An agent on a node of the network. `label` is the Kubernetes node's name, as it may stand in a path."""

    node: str
    label: str
    cluster: str
    agent: Agent
    pod_cidrs: tuple[Prefix, ...]
    """Whose packets it is about; empty: whatever leaves the node."""

    def places(self, folder: Path) -> Places:
        """Its places below a lab's folder, made if need be."""
        places = Places(folder, folder / "volumes" / self.label, folder / "states" / self.label)
        for one in (places.volume, places.state):
            one.mkdir(parents=True, exist_ok=True)
        return places

    @property
    def items(self) -> dict[str, str] | None:
        """The keys that its volume shows, and as which files; None: all of them by their own names."""
        if self.agent.program is Whose.AZURE:
            return None
        return {source.key: FILE for source in self.agent.sources if source.key is not None}

    def volume(self, folder: Path) -> ConfigMapVolume:
        """What it reads, below a lab's folder."""
        return ConfigMapVolume(self.places(folder).volume, self.items)

    def data(self, estate: Estate) -> dict[str, bytes]:
        """What the ConfigMaps hold that it reads, as an estate has them: what could be keys, for they become files."""
        found: dict[str, bytes] = {}
        for source in self.agent.sources:
            config_map = estate.get(ConfigMap, config_map_name(self.cluster, source))
            texts = config_map.value.data or {} if config_map else {}
            found |= {
                key: text.encode("utf-8", "surrogateescape")
                for key, text in texts.items()
                if text is not None and is_key(key)
            }
        return found


def with_configmap(estate: Estate, cluster: str, data: Mapping[str, bytes] | None) -> Estate:
    """The estate with this data in the ConfigMap that agents usually read. Data of None: there is none."""
    name = config_map_name(cluster, USUAL)
    there = estate.get(ConfigMap, name)
    if data is None:
        return estate.with_changes(deleted=[(ConfigMap, name)]) if there else estate
    value = ConfigMap(
        metadata=Metadata(name=USUAL.name, namespace=USUAL.namespace),
        data={key: content.decode("utf-8", "surrogateescape") for key, content in data.items()},
    )
    put = [Located(value, Evidence(name))]
    return estate.with_changes(changed=put) if there else estate.with_changes(created=put)


def config_map_name(cluster: str, source: ConfigSource) -> str:
    """The full name of the ConfigMap that an agent of the cluster reads."""
    return f"{cluster}/k8s/namespaces/{source.namespace}/configmaps/{source.name}"


def agents_in(estate: Estate, network: Network) -> tuple[NodeAgent, ...]:
    """Where agents are to run in a lab of this estate's network."""
    found: list[NodeAgent] = []
    for cluster in clusters_of(estate):
        for node in estate.of(Node, cluster):
            agent = agent_of(estate, cluster, node)
            if agent and _can_run(agent) and _decides(estate, network, cluster, node):
                label = _label(node.value.metadata.name, {one.label for one in found})
                found.append(
                    NodeAgent(host_name(node), label, cluster, agent, _pod_cidrs(agent, node))
                )
    return tuple(found)


def without_agents(network: Network, agents: Collection[NodeAgent]) -> Network:
    """The network without what these agents do on their nodes."""
    if not agents:
        return network
    theirs = {one.node for one in agents}
    nodes = (
        replace(
            node,
            translation_out=tuple(c for c in node.translation_out if c.name != AGENT_CHAIN),
        )
        if node.name in theirs
        else node
        for node in network.nodes
    )
    return Network.of(nodes, network.links)


def program(agent: NodeAgent, places: Places) -> Program:
    """The agent as its DaemonSet starts it, with the lab's places."""
    return Program(agent.node, "agent", (sys.executable, "-m", *_words(agent, places)))


def _words(one: NodeAgent, places: Places) -> Iterator[str]:
    azure = one.agent.program is Whose.AZURE
    if one.pod_cidrs:
        yield from ("wayhome", "agent", f"--pod-cidrs={','.join(map(str, one.pod_cidrs))}")
    else:
        yield "wayhome.agent"
    if azure:
        yield "--dialect=azure"
    for name in _TAKEN:
        if name in one.agent.flags:
            yield f"--{name}={one.agent.flags[name]}"
    yield f"--config={places.volume if azure else places.volume / FILE}"
    yield f"--state={places.state}"
    yield from ("--query-socket=", "--log-format=json")


def _can_run(agent: Agent) -> bool:
    """Several ConfigMaps are no file, and Azure's command line knows no scope."""
    if agent.program is Whose.AZURE:
        return not agent.scope_of_pods
    return len(agent.sources) < 2


def _decides(estate: Estate, network: Network, cluster: str, node: Located[Node]) -> bool:
    """Whether the node does what its agent says, and it is known what that is."""
    place = network.places.get(host_name(node))
    if place is None or all(c.name != AGENT_CHAIN for c in place.node.translation_out):
        return False
    held = masquerading_of(estate, cluster, node)
    return held.known and held.basis in (Basis.CONFIGURATION, Basis.AGENT_DEFAULTS)


def _pod_cidrs(agent: Agent, node: Located[Node]) -> tuple[Prefix, ...]:
    if not agent.scope_of_pods:
        return ()
    return agent.settings.pod_cidrs or pod_ranges(node)


def _label(name: str, taken: Collection[str]) -> str:
    """The name as it may stand in a path; nodes of two clusters may have the same."""
    label = _NOT_IN_FILE_NAMES.sub("-", name)[:60].lstrip(".") or "node"
    return label if label not in taken else f"{label}.{len(taken)}"
