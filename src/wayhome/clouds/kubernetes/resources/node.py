"""Nodes."""

from typing import ClassVar

import msgspec

from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject
from wayhome.clouds.resource import Part
from wayhome.clouds.values import Cidr


class Taint(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """What keeps Pods away."""

    key: str
    effect: str = ""
    value: str = ""


class NodeSpec(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """The node's range of Pod addresses, and the machine that it is."""

    pod_cidr: Cidr | None = msgspec.field(name="podCIDR", default=None)
    pod_cidrs: tuple[Cidr, ...] = msgspec.field(name="podCIDRs", default=())
    provider_id: str = msgspec.field(name="providerID", default="")
    """`gce://PROJECT/ZONE/INSTANCE`."""
    taints: tuple[Taint, ...] = ()


class NodeAddress(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """`type` is InternalIP, ExternalIP, Hostname and others; not every address is an IP address."""

    type: str
    address: str


class Condition(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """NetworkUnavailable with the reason RouteCreated says that the cloud made the node's route."""

    type: str
    status: str
    reason: str = ""


class NodeInformation(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Versions of what runs on it."""

    kubelet_version: str = ""
    kube_proxy_version: str = ""
    kernel_version: str = ""
    os_image: str = ""


class NodeStatus(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """What the kubelet reports."""

    addresses: tuple[NodeAddress, ...] = ()
    conditions: tuple[Condition, ...] = ()
    node_info: NodeInformation = NodeInformation()


class Node(KubernetesObject, frozen=True, kw_only=True, rename="camel", gc=False):
    """A node."""

    KIND: ClassVar[str] = "Node"
    COLLECTION: ClassVar[str] = "nodes"

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def instance(self) -> str:
        """The full name of the instance that it is; or nothing, where it is none of Google's."""
        scheme, separator, path = self.spec.provider_id.partition("://")
        parts = path.split("/")
        if scheme != "gce" or not separator or len(parts) != 3 or not all(parts):
            return ""
        project, zone, name = parts
        return f"projects/{project}/zones/{zone}/instances/{name}"

    def owners(self) -> tuple[str, ...]:
        """The instance that it is."""
        return (self.instance,) if self.instance else ()
