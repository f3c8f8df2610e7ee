"""Two instances on one fabric, and how a trace in it ended."""

from typing import Any

from tests.trace.small import (
    attached,
    fabric,
    host,
    link,
    subnet,
    tcp,
)

from wayhome.network import (
    Network,
    Port,
)
from wayhome.trace import Lost, Trace

FLOW = tcp("10.0.0.1", "10.0.0.2")


def pair(a: Port, b: Port, **of_b: Any) -> Network:
    """Two instances, a and b, on one fabric; b may be anything."""
    nodes = [
        host("a", "10.0.0.1"),
        host("b", "10.0.0.2", **of_b),
        fabric("fabric", [a, b], subnet("10.0.0.0/24")),
    ]
    return Network.of(nodes, [link("a/eth0", "fabric/a"), link("b/eth0", "fabric/b")])


def to_a(**facts: object) -> Port:
    return attached("a", "10.0.0.1/32", **facts)


def to_b(**facts: object) -> Port:
    return attached("b", "10.0.0.2/32", **facts)


def died(answer: Trace) -> tuple[str, str, Lost | None]:
    """The cause, the node, the leg."""
    assert answer.drop is not None
    return answer.drop.cause, (answer.reply or answer.forward)[-1].node, answer.lost
