"""Internal passthrough load balancers of an estate, as a lab runs them. Pure.

In the network a balancer is equal routes of a fabric to one address, one to each backend. What the network cannot say
is that a backend which fails its health check is left out: that is what a lab has to do while it runs. So the fabric is
what it is with all backends, and `left_with` what it is with some.

Source: "Internal passthrough Network Load Balancer overview" and "Health checks overview", docs.cloud.google.com: where
no backend is healthy, all are used; a probe goes to the address of the forwarding rule.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.balancers import backends
from wayhome.clouds.gcp.resources.load_balancing import (
    BackendService,
    ForwardingRule,
    HealthCheck,
)
from wayhome.clouds.located import Located
from wayhome.network import Address, Forward, Missing, Network, Node, Route, RouteTable


@dataclass(frozen=True, slots=True)
class Backend:
    """An instance behind a balancer, and the fabric's port to it."""

    node: str
    port: str


@dataclass(frozen=True, slots=True)
class Balancer:
    """A forwarding rule whose backends are checked: each is asked for a TCP connection to `checked_port`."""

    front: Address
    fabric: str
    backends: tuple[Backend, ...]
    check: HealthCheck
    checked_port: int

    def left_with(self, network: Network, healthy: frozenset[Backend]) -> Node:
        """The fabric that chooses among these backends alone; among all where none is healthy."""
        left_out = {one.port for one in self.backends} - {one.port for one in healthy}
        fabric = network.places[self.fabric].node
        if not healthy:
            return fabric
        return replace(
            fabric,
            tables={
                name: RouteTable.of(
                    route for route in table.routes if not self._leads_to(route, left_out)
                )
                for name, table in fabric.tables.items()
            },
        )

    def _leads_to(self, route: Route, ports: set[str]) -> bool:
        way = route.action
        front = self.front.prefix
        return route.destination == front and isinstance(way, Forward) and way.port in ports


def balancers(estate: Estate) -> Iterator[Balancer]:
    """Those whose backends and health checks are known."""
    for rule in estate.all(ForwardingRule).values():
        checked = _check(estate, rule)
        found = backends(estate, rule)
        if checked is None or isinstance(found, Missing) or not found:
            continue
        ip = rule.value.ip_address
        port = checked.tcp_health_check.port if checked.tcp_health_check else None
        if ip is not None and port is not None:
            yield Balancer(
                Address(ip.family, ip.value),
                found[0].value.network,
                tuple(Backend(one.instance.name, one.port) for one in found),
                checked,
                port,
            )


def _check(estate: Estate, rule: Located[ForwardingRule]) -> HealthCheck | None:
    service = estate.get(BackendService, rule.value.backend_service or "")
    names = service.value.health_checks if service else ()
    found = (estate.get(HealthCheck, name) for name in names)
    return next((one.value for one in found if one is not None), None)
