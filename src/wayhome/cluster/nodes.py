"""What a Node is to a masquerade agent. Pure.

Not every Node has a kernel of which somebody keeps the rules: Windows translates by itself and cannot be told
otherwise, and behind a virtual kubelet or on Fargate there is no node at all.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wayhome.kube.objects import Object, key_of, metadata
from wayhome.prefixes import Intervals, Prefix, PrefixError

_OS = ("kubernetes.io/os", "beta.kubernetes.io/os")
_VIRTUAL_LABELS = (("type", "virtual-kubelet"), ("eks.amazonaws.com/compute-type", "fargate"))
_VIRTUAL_TAINTS = ("virtual-kubelet.io/provider", "eks.amazonaws.com/compute-type")


class Kind(enum.Enum):
    """Whether an agent can run there."""

    LINUX = "linux"
    WINDOWS = "windows"
    VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNode:
    """`pod_cidrs` is empty where an address management other than the control plane's gives addresses to Pods."""

    name: str
    kind: Kind
    ready: bool
    labels: Mapping[str, str]
    pod_cidrs: tuple[Prefix, ...] = ()

    def is_selected(self, selector: Mapping[str, str]) -> bool:
        """Whether a nodeSelector fits."""
        return all(self.labels.get(key) == value for key, value in selector.items())


def read_node(item: Object) -> ClusterNode:
    """What the API says of a Node."""
    spec, status = _mapping(item.get("spec")), _mapping(item.get("status"))
    labels = {key: str(value) for key, value in _mapping(metadata(item).get("labels")).items()}
    return ClusterNode(
        name=key_of(item)[1],
        kind=_kind(labels, spec, status),
        ready=any(
            condition.get("type") == "Ready" and condition.get("status") == "True"
            for condition in _mappings(status.get("conditions"))
        ),
        labels=labels,
        pod_cidrs=tuple(_pod_cidrs(spec)),
    )


def pod_ranges(nodes: Iterable[ClusterNode]) -> tuple[Prefix, ...]:
    """The cluster's Pod ranges: those of all nodes, as few prefixes as hold exactly them."""
    prefixes = [prefix for node in nodes for prefix in node.pod_cidrs]
    found = []
    for family in sorted({prefix.family for prefix in prefixes}):
        spans = Intervals.of((p.first, p.last) for p in prefixes if p.family is family)
        for first, last in spans.spans:
            found += list(Prefix.from_interval(family, first, last))
    return tuple(found)


def _kind(labels: Mapping[str, str], spec: Object, status: Object) -> Kind:
    taints = {taint.get("key") for taint in _mappings(spec.get("taints"))}
    if taints.intersection(_VIRTUAL_TAINTS) or any(labels.get(k) == v for k, v in _VIRTUAL_LABELS):
        return Kind.VIRTUAL
    system = _mapping(status.get("nodeInfo")).get("operatingSystem")
    named = [system, *(labels.get(label) for label in _OS)]
    return Kind.WINDOWS if "windows" in named else Kind.LINUX


def _pod_cidrs(spec: Object) -> Iterable[Prefix]:
    listed = spec.get("podCIDRs") or [spec.get("podCIDR")]
    for text in listed if isinstance(listed, list) else []:
        try:
            yield Prefix.parse(str(text))
        except PrefixError:
            continue  # the API server lets none pass


def _mappings(value: object) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _mapping(value: object) -> Object:
    return value if isinstance(value, dict) else {}
