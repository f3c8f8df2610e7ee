"""Pods."""

from typing import ClassVar

import msgspec

from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject
from wayhome.clouds.resource import Part
from wayhome.clouds.values import IpAddress, PortNumber


class ContainerPort(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A port that a NetworkPolicy or a Service may call by its name, and that the node may lend it one of its own for."""

    container_port: PortNumber
    name: str = ""
    protocol: str = "TCP"
    host_port: int = 0
    """0: none."""
    host_ip: str = msgspec.field(name="hostIP", default="")
    """The one address of the node that it is about; empty or unspecified: all."""


class Container(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A container. Its environment and its arguments are not read."""

    name: str
    image: str = ""
    ports: tuple[ContainerPort, ...] | None = None


class PodSpec(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Where it runs, and whether it has a network namespace of its own."""

    node_name: str = ""
    """Empty before it is scheduled."""
    host_network: bool = False
    containers: tuple[Container, ...] = ()


class PodAddress(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """One of its addresses."""

    ip: IpAddress


class PodCondition(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Ready, and others."""

    type: str
    status: str


class PodStatus(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """What the kubelet reports."""

    phase: str = ""
    """Pending, Running, Succeeded, Failed or Unknown."""
    pod_ip: IpAddress | None = msgspec.field(name="podIP", default=None)
    pod_ips: tuple[PodAddress, ...] = msgspec.field(name="podIPs", default=())
    host_ip: IpAddress | None = msgspec.field(name="hostIP", default=None)
    conditions: tuple[PodCondition, ...] | None = None


class Pod(KubernetesObject, frozen=True, kw_only=True, rename="camel", gc=False):
    """A Pod."""

    KIND: ClassVar[str] = "Pod"
    COLLECTION: ClassVar[str] = "pods"

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()
