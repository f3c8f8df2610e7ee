"""Services."""

from typing import ClassVar

import msgspec

from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject
from wayhome.clouds.resource import Part
from wayhome.clouds.values import Cidr, PortNumber


class ServicePort(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A port, and the one behind it by number or name."""

    port: PortNumber
    name: str = ""
    protocol: str = "TCP"
    target_port: PortNumber | str | None = None
    node_port: int | None = None


class ServiceSpec(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """The Service's address and its Pods."""

    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(name="clusterIP", default="")
    """An address, `None` for a headless Service, or empty."""
    cluster_ips: tuple[str, ...] | None = msgspec.field(name="clusterIPs", default=None)
    ports: tuple[ServicePort, ...] | None = None
    selector: dict[str, str] | None = None
    external_ips: tuple[str, ...] | None = msgspec.field(name="externalIPs", default=None)
    external_traffic_policy: str = ""
    internal_traffic_policy: str = ""
    load_balancer_source_ranges: tuple[Cidr, ...] | None = None


class BalancerAddress(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """An address of the balancer that the cloud made."""

    ip: str = ""
    hostname: str = ""


class BalancerStatus(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """The balancer that the cloud made."""

    ingress: tuple[BalancerAddress, ...] | None = None


class ServiceStatus(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """What the cloud made of it."""

    load_balancer: BalancerStatus = BalancerStatus()


class Service(KubernetesObject, frozen=True, kw_only=True, rename="camel", gc=False):
    """A Service."""

    KIND: ClassVar[str] = "Service"
    COLLECTION: ClassVar[str] = "services"

    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()
