"""Whether a Node's Pod ranges are those of the Pods that are there. Pure.

`spec.podCIDRs` is right where the network plugin gives out addresses of it (kubenet, kindnet, flannel, GKE, Cilium and
Calico in their host-local modes). Where the plugin has its own address management the field is empty (EKS) or holds
ranges in which no Pod is (Calico's pools, Cilium's cluster pool): rules for what those ranges send would masquerade
nothing at all, and every Pod would be lost behind its node's first router. So one Pod outside refuses them all.

Refused means upstream's scope, whatever leaves the node: there no Pod is left out, and what is masqueraded besides is
what upstream's agent masquerades everywhere. That is said, because it is not what was asked for.
"""

from collections.abc import Iterable

from wayhome.kernel.pod_interfaces import PodAddress
from wayhome.kube.node_object import NodeRanges
from wayhome.prefixes import Prefix

INSTEAD = "write --pod-cidrs=CIDR,… with the ranges of this node's Pods, or --scope=node"


def unusable(ranges: NodeRanges) -> str:
    """Why the Node says no ranges; empty where it does."""
    if ranges.damaged:
        return f"the Node {ranges.node} has {ranges.damaged!r} in spec.podCIDRs, which is no range; {INSTEAD}"
    if not ranges.pod_cidrs:
        return (
            f"the Node {ranges.node} has no spec.podCIDRs, as where the network plugin gives out addresses itself "
            f"(EKS, for one); {INSTEAD}"
        )
    return ""


def stranger(ranges: NodeRanges, seen: Iterable[PodAddress]) -> PodAddress | None:
    """A Pod that is outside of them, if there is one."""
    return next((one for one in seen if not _inside(one.prefix, ranges.pod_cidrs)), None)


def contradiction(ranges: NodeRanges, found: PodAddress) -> str:
    """What the stranger says about the ranges."""
    listed = ", ".join(map(str, ranges.pod_cidrs))
    address = str(found.prefix).removesuffix("/32").removesuffix("/128")
    return (
        f"the Node {ranges.node} says that its Pods are in {listed} (spec.podCIDRs), and {address} is behind "
        f"{found.interface}: another address management gives out addresses here (Calico's, Cilium's); {INSTEAD}"
    )


def _inside(prefix: Prefix, ranges: tuple[Prefix, ...]) -> bool:
    return any(one.holds(prefix) for one in ranges)
