"""Who asks: of every node's Pod ranges one address of each part that no rule about sources divides.

Where a part has Pods that run, one of them asks; of Pods with different NetworkPolicies, one of each. Where it has none,
a stand-in does: a Pod without labels in a namespace of its own, compiled as any Pod, which is nobody's destination.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from wayhome.clouds.compile import compile_open
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes
from wayhome.clouds.kubernetes.attach import clusters_of, host_name
from wayhome.clouds.kubernetes.masquerading import pod_ranges
from wayhome.clouds.kubernetes.resources.metadata import Metadata
from wayhome.clouds.kubernetes.resources.node import Node as KubernetesNode
from wayhome.clouds.kubernetes.resources.pod import Pod, PodSpec, PodStatus
from wayhome.clouds.located import Located
from wayhome.clouds.values import IpAddress
from wayhome.network import Address, Evidence, Network, Node, NodeKind
from wayhome.prefixes import Intervals, Prefix
from wayhome.trace.classes.atoms import Atoms, Distinction, members
from wayhome.trace.classes.distinctions import about_sources, distinctions
from wayhome.trace.classes.line import address_at, position, span, spans

NAMESPACE = "stand-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One that asks, for a part of a node's range. `host` is its node with it, where it is a stand-in."""

    cluster: str
    node: str
    """The Kubernetes node's name."""
    range: Prefix
    at: str
    address: Address
    part: tuple[int, int]
    """The number of the part, and of the Pod in it."""
    host: Node | None = field(default=None, compare=False)
    pod: Node | None = field(default=None, compare=False)

    @property
    def of_range(self) -> tuple[str, str, str]:
        """The node's range that it asks for."""
        return self.cluster, self.node, str(self.range)

    @property
    def stand_in(self) -> bool:
        """Whether no exported Pod asks."""
        return self.pod is not None


@dataclass(frozen=True, slots=True)
class Sources:
    """All that ask in an estate, the network in which they do, and what it tells apart."""

    network: Network
    told_apart: tuple[Distinction, ...]
    all: tuple[Source, ...]
    without_range: tuple[str, ...]
    """Nodes without a Pod range."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a node's range, by its first address, and the Pods in it that may ask."""

    cluster: str
    node: Located[KubernetesNode]
    range: Prefix
    number: int
    free: Address | None
    """An address that nothing has."""
    asking: tuple[Located[Pod], ...]

    @property
    def stand_in(self) -> str:
        name = f"{self.node.value.metadata.name}-{self.range.first:x}-{self.number}"
        return f"{self.cluster}/k8s/namespaces/{NAMESPACE}/pods/{name}"


def sources(estate: Estate, routes: EffectiveRoutes) -> Sources:
    """Compile an estate and find who asks in it. Raises NetworkError."""
    network, nodes_of = compile_open(estate, routes)
    nodes = [n for cluster in clusters_of(estate) for n in estate.of(KubernetesNode, cluster)]
    # Of a node's and a Pod's own tables each tells a Pod from its neighbour; no other source is asked for that.
    inner = {host_name(node) for node in nodes}
    inner |= {one.name for one in network.nodes if one.kind is NodeKind.POD}
    outer = list(distinctions(one for one in network.nodes if one.name not in inner))
    hosts = [one for one in network.nodes if one.name in inner]
    divided = [*outer, *(about for host in hosts for about in about_sources(host))]
    parts = list(_parts(estate, network, nodes, divided))
    standing = [_stand_in(p, p.free) for p in parts if not p.asking and p.free is not None]
    beside = nodes_of(estate.with_changes(created=standing)) if standing else {}
    found = tuple(one for part in parts for one in _sources_of(part, beside))
    without_range = tuple(node.name for node in nodes if not pod_ranges(node))
    return Sources(network, (*outer, *distinctions(hosts)), found, without_range)


def _parts(
    estate: Estate, network: Network, nodes: Iterable[Located[KubernetesNode]],
    about_sources: Iterable[Distinction],
) -> Iterator[_Part]:  # fmt: skip
    ranges = [(node, prefix) for node in nodes for prefix in pod_ranges(node)]
    divided = Atoms(spans(prefix for _, prefix in ranges), about_sources)
    pods = _running(estate)
    for node, prefix in ranges:
        cluster = node.name.partition("/k8s/")[0]
        of_node = pods.get((cluster, node.value.metadata.name), [])
        for number, atom in enumerate(members(divided.bits([span(prefix)]))):
            asking: dict[Hashable, Located[Pod]] = {}
            for address, pod in of_node:
                if prefix.contains(*address) and divided.at(position(address)) == atom:
                    asking.setdefault(_policies(network, pod.name), pod)
            places = divided.places(1 << atom).intersection(spans([prefix]))
            free = _free(places, {position(address) for address, _ in of_node})
            yield _Part(cluster, node, prefix, number, free, tuple(asking.values()))


def _sources_of(part: _Part, beside: Mapping[str, Node]) -> Iterator[Source]:
    short, host = part.node.value.metadata.name, host_name(part.node)
    for count, pod in enumerate(part.asking):
        address = _address(pod)
        if address is not None:
            yield Source(
                cluster=part.cluster, node=short, range=part.range, at=pod.name, address=address,
                part=(part.number, count),
            )  # fmt: skip
    if not part.asking and part.free is not None:
        yield Source(
            cluster=part.cluster, node=short, range=part.range, at=part.stand_in, address=part.free,
            part=(part.number, 0), host=beside[host], pod=beside[part.stand_in],
        )  # fmt: skip


def _running(estate: Estate) -> dict[tuple[str, str], list[tuple[Address, Located[Pod]]]]:
    """The Pods that may ask, by cluster and node."""
    found: dict[tuple[str, str], list[tuple[Address, Located[Pod]]]] = {}
    for pod in estate.all(Pod).values():
        address = _address(pod)
        alive = pod.value.status.phase in {"Running", ""} and not pod.value.spec.host_network
        if address is not None and alive:
            key = (pod.name.partition("/k8s/")[0], pod.value.spec.node_name)
            found.setdefault(key, []).append((address, pod))
    return found


def _address(pod: Located[Pod]) -> Address | None:
    ip = pod.value.status.pod_ip
    return None if ip is None else Address(ip.family, ip.value)


def _policies(network: Network, pod: str) -> Hashable:
    """What guards it: Pods that the same policies select are alike."""
    place = network.places.get(pod)
    if place is None:
        return None
    end = place.peers["eth0"]
    port = network.places[end.node].ports[end.port]
    return port.filter_in, port.filter_out


def _free(places: Intervals, taken: set[int]) -> Address | None:
    """The last address that no Pod has."""
    for first, last in reversed(places.spans):
        for place in range(last, first - 1, -1):
            if place not in taken:
                return address_at(place)
    return None


def _stand_in(part: _Part, address: Address) -> Located[Pod]:
    name = part.stand_in.rpartition("/")[2]
    value = Pod(
        metadata=Metadata(name=name, namespace=NAMESPACE),
        spec=PodSpec(node_name=part.node.value.metadata.name),
        status=PodStatus(phase="Running", pod_ip=IpAddress(str(address))),
    )
    return Located(value, Evidence(part.stand_in))
