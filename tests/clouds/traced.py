"""Flows through the compiled fabric of a few networks."""

from typing import Any

from tests.clouds.google import (
    Object,
    default_route,
    google,
    instance,
    network,
    open_firewall,
    peering,
    static,
    subnet,
)

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.network import Address, Flow, Protocol
from wayhome.trace import Trace, trace


def ask(estate: Estate, at: str, source: str, destination: str, port: int | None = 80) -> Trace:
    """`at`: PROJECT/INSTANCE in zone r1-a."""
    name = at
    if not at.startswith("projects/"):
        project, _, short = at.partition("/")
        name = f"projects/{project}/zones/r1-a/instances/{short}"
    protocol = Protocol.TCP if port is not None else Protocol.ICMP
    flow = Flow(Address.parse(source), Address.parse(destination), protocol, port)
    return trace(compile_estate(estate), flow, name)


def drop_of(answer: Trace) -> str:
    return answer.drop.cause if answer.drop else ""


def two(
    *more: Object, left: tuple[str, ...] = (), right: tuple[str, ...] = (), **kinds: Any
) -> Estate:
    """Two peered networks with an instance in each; p/a also has a router VM with a static route."""
    through = "projects/p/zones/r1-a/instances/gate"
    return google(
        network("p/a", peering("q/b", *left)),
        network("q/b", peering("p/a", *right)),
        subnet("p/a", "10.1.0.0/16"),
        subnet("q/b", "10.2.0.0/16"),
        default_route("p/a"),
        default_route("q/b"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/a", "gate", "10.1.0.9", canIpForward=True),
        instance("q/b", "two", "10.2.0.2"),
        static("p/a", "pods", "172.16.1.0/24", nextHopInstance=through),
        *open_firewall("p/a", "q/b"),
        *more,
        **kinds,
    )  # fmt: skip
