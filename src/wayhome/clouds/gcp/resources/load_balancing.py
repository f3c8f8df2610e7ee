"""What stands between a forwarding rule and its backends: services, instance groups, health checks."""

from typing import ClassVar

import msgspec

from wayhome.clouds.gcp.resources.named import Regional
from wayhome.clouds.resource import Part, Resource
from wayhome.clouds.values import IpAddress, PortRange, Reference


class ForwardingRule(Regional, frozen=True, kw_only=True, rename="camel", gc=False):
    """A front: an address, a protocol and ports. INTERNAL ones may be next hops of routes."""

    KIND: ClassVar[str] = "compute#forwardingRule"
    COLLECTION: ClassVar[str] = "forwardingRules"

    network: Reference | None = None
    subnetwork: Reference | None = None
    ip_address: IpAddress | None = msgspec.field(name="IPAddress", default=None)
    ip_protocol: str = msgspec.field(name="IPProtocol", default="TCP")
    all_ports: bool = False
    ports: tuple[PortRange, ...] = ()
    port_range: PortRange | None = None
    load_balancing_scheme: str = ""
    allow_global_access: bool = False
    backend_service: Reference | None = None
    target: Reference | None = None
    psc_connection_status: str = ""
    """Of an endpoint of Private Service Connect: ACCEPTED, PENDING, REJECTED, CLOSED or NEEDS_ATTENTION."""

    def owners(self) -> tuple[str, ...]:
        """The network, the backend service and the target."""
        owners = (self.network, self.backend_service, self.target)
        return tuple(owner for owner in owners if owner)


class Backend(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A group of a backend service."""

    group: Reference
    failover: bool = False
    balancing_mode: str = ""


class BackendService(Regional, frozen=True, kw_only=True, rename="camel", gc=False):
    """What a forwarding rule spreads connections over."""

    KIND: ClassVar[str] = "compute#backendService"
    COLLECTION: ClassVar[str] = "backendServices"

    network: Reference | None = None
    protocol: str = "TCP"
    load_balancing_scheme: str = ""
    session_affinity: str = "NONE"
    backends: tuple[Backend, ...] = ()
    health_checks: tuple[Reference, ...] = ()


class InstanceGroup(Regional, frozen=True, kw_only=True, rename="camel", gc=False):
    """A group. Its members are in `instance-groups list-instances` only."""

    KIND: ClassVar[str] = "compute#instanceGroup"
    COLLECTION: ClassVar[str] = "instanceGroups"

    zone: Reference | None = None
    network: Reference | None = None
    subnetwork: Reference | None = None
    size: int | None = None


class GroupMember(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """An instance of a group."""

    instance: Reference
    status: str = ""


class InstanceGroupMembers(Resource, frozen=True, kw_only=True, rename="camel", gc=False):
    """What `instance-groups list-instances` prints. The bare array does not name the group.

    Its full name is the group's, followed by `/instances`.
    """

    KIND: ClassVar[str] = "compute#instanceGroupsListInstances"
    COLLECTION: ClassVar[str] = "instances"

    members: tuple[GroupMember, ...] = msgspec.field(name="items", default=())


class PortOfCheck(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """The port that a check of one protocol connects to."""

    port: int | None = None


class HealthCheck(Regional, frozen=True, kw_only=True, rename="camel", gc=False):
    """A health check: every `check_interval_sec` a probe, which fails after `timeout_sec`.

    So many failures in a row (`unhealthy_threshold`) take a backend out, so many successes bring it back. The defaults
    are Google's.
    """

    KIND: ClassVar[str] = "compute#healthCheck"
    COLLECTION: ClassVar[str] = "healthChecks"

    type: str = ""
    check_interval_sec: int = 5
    timeout_sec: int = 5
    unhealthy_threshold: int = 2
    healthy_threshold: int = 2
    tcp_health_check: PortOfCheck | None = None
    http_health_check: PortOfCheck | None = None
    https_health_check: PortOfCheck | None = None
    ssl_health_check: PortOfCheck | None = None
