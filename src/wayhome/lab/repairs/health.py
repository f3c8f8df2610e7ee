"""Health checks that run, and a fabric that chooses among the backends that pass them.

Each backend is asked from an address of its own that Google's checks come from, at the balancer's address, as Google
does it: so the fabric has a rule for each of these addresses that leads past the choice to one backend. What a check has
to pass is real: the firewall at the machine's port, and whether somebody listens.

Backends are not all asked at the same moment: each begins somewhere in the interval.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from wayhome.clouds.gcp.compile.special_paths import NAME as SPECIAL_PATHS
from wayhome.lab.compiled import rtnetlink
from wayhome.lab.compiled.build import families_of
from wayhome.lab.compiled.built import BuiltNetwork
from wayhome.lab.compiled.paths import FIRST_PRIORITY, KernelRoute, KernelRule, Paths, paths_of
from wayhome.lab.compiled.rtnetlink import Rtnetlink
from wayhome.lab.compiled.sockets import open_socket
from wayhome.lab.repairs.balancers import Backend, Balancer
from wayhome.network import Address, Flow, Node, Place, Protocol

FIRST_SOURCE = Address.parse("35.191.0.1")
FIRST_TABLE = 500
"""Below those of the network's own tables, and above what has a meaning to the kernel."""


def checks_from(balancer: Balancer) -> str:
    """The node that asks."""
    return f"{balancer.fabric}/{SPECIAL_PATHS}"


def check_flow(balancer: Balancer) -> Flow:
    """What it sends; from more addresses than this one, where there are several backends."""
    return Flow(FIRST_SOURCE, balancer.front, Protocol.TCP, balancer.checked_port)


@dataclass(frozen=True, slots=True)
class Change:
    """At that time (`time.perf_counter`) a backend was left out, or taken in again."""

    at: float
    backend: Backend
    healthy: bool


@dataclass(slots=True)
class _Health:
    """What is known of one backend: how many checks in a row said otherwise."""

    source: Address
    healthy: bool = True
    contrary: int = 0


class HealthChecks:
    """The checks of one balancer. All backends pass until they fail often enough."""

    def __init__(self, built: BuiltNetwork, balancer: Balancer) -> None:
        """Lead the checks to their backends. Raises OSError."""
        self._built = built
        self._balancer = balancer
        self._from = checks_from(balancer)
        addresses = (Address(FIRST_SOURCE.family, FIRST_SOURCE.value + n) for n in count())
        self._health = {
            one: _Health(source) for one, source in zip(balancer.backends, addresses, strict=False)
        }
        self._paths = self._paths_of(built.network.places[balancer.fabric].node)
        self.changes: list[Change] = []
        self.changed = asyncio.Event()
        self._lead()

    async def run(self) -> None:
        """Check until cancelled. Raises OSError."""
        await asyncio.gather(*map(self._check, self._health))

    def _lead(self) -> None:
        fabric = self._built.nodes[self._balancer.fabric]
        entrance = fabric.names.ports[SPECIAL_PATHS].name
        front = self._balancer.front.prefix
        with fabric.namespace.entered(), Rtnetlink.opened() as here:
            for table, (backend, health) in enumerate(self._health.items(), FIRST_TABLE):
                way = fabric.names.ports[backend.port]
                route = KernelRoute(table=table, destination=front, interfaces=(way,))
                rule = KernelRule(
                    priority=FIRST_PRIORITY - 1, table=table, family=front.family,
                    interface=entrance, source=health.source.prefix,
                )  # fmt: skip
                here.obey([rtnetlink.route(route), rtnetlink.rule(rule)])

    async def _check(self, backend: Backend) -> None:
        check, health = self._balancer.check, self._health[backend]
        await asyncio.sleep(random.uniform(0, check.check_interval_sec))  # noqa: S311 (no secret)
        for number in _ticks(check.check_interval_sec):
            await asyncio.sleep(max(0.0, number - time.perf_counter()))
            passed = await self._passes(health.source)
            health.contrary = health.contrary + 1 if passed is not health.healthy else 0
            needed = check.unhealthy_threshold if health.healthy else check.healthy_threshold
            if health.contrary >= needed:
                health.healthy, health.contrary = passed, 0
                self._choose(backend, healthy=passed)

    async def _passes(self, source: Address) -> bool:
        """Whether a TCP connection opens in time."""
        balancer = self._balancer
        namespace = self._built.namespace(self._from)
        with open_socket(namespace, Protocol.TCP, source.family) as channel, suppress(OSError):
            channel.bind((str(source), 0))
            async with asyncio.timeout(balancer.check.timeout_sec):
                there = (str(balancer.front), balancer.checked_port)
                await asyncio.get_running_loop().sock_connect(channel, there)
            return True
        return False

    def _choose(self, backend: Backend, *, healthy: bool) -> None:
        """Let the fabric choose among those that are healthy now."""
        passing = frozenset(one for one, health in self._health.items() if health.healthy)
        paths = self._paths_of(self._balancer.left_with(self._built.network, passing))
        fabric = self._built.nodes[self._balancer.fabric]
        with fabric.namespace.entered(), Rtnetlink.opened() as here:
            here.replace(set(paths.routes).difference(self._paths.routes))
        self._paths = paths
        self.changes.append(Change(time.perf_counter(), backend, healthy))
        self.changed.set()

    def _paths_of(self, fabric: Node) -> Paths:
        network = self._built.network
        place = Place.of(fabric, network.places[fabric.name].peers)
        return paths_of(place, self._built.nodes[fabric.name].names, families_of(network))


def _ticks(seconds: float) -> Iterator[float]:
    """Times, from now on: a check that takes long does not put off the next one."""
    begin = time.perf_counter()
    return (begin + number * seconds for number in count())
