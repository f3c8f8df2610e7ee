"""What the tracer says and what the kernel did, held against each other. Pure: neither is run here.

They have to agree on more than reached or not: on the leg that was lost, on the node at which the packet died, on the
cause that the node's own object has, and where it arrived on the source that was seen there.

A trace may have several ways. Where flows are spread over equals, each flow goes one of them, and any will do; for what
is fixed and unknown a lab is built for each alternative (`check`), and held against the ways that are then left.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.lab.compiled.asked import NOT_KNOWN, Seen
from wayhome.network import Drop, Missing
from wayhome.trace import Exchange, Lost, Trace
from wayhome.trace.walk import ROUTING_LOOP


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Both sides, and `about`: what the way that comes nearest differs in."""

    trace: Trace
    seen: Seen
    about: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.trace.flow} at {self.trace.at}: {'; '.join(self.about)}"


def compare(trace: Trace, seen: Seen) -> Disagreement | None:
    """None where the kernel did what the tracer says, on one of its ways."""
    differences = [tuple(_differences(way.result, seen)) for way in trace.ways]
    nearest = min(differences, key=len)
    return Disagreement(trace, seen, nearest) if nearest else None


def _differences(said: Exchange, seen: Seen) -> Iterator[str]:
    if said.ended is None:
        yield from _arrived(said, seen)
        return
    if seen.reached:
        yield f"the tracer loses it ({_cause(said.ended)}), and it was reached"
        return
    if said.lost is not seen.lost:
        yield f"the tracer loses it on its way {said.lost}, the kernel {seen.lost or 'nowhere'}"
    nodes = _last_nodes(said)
    if seen.died_at not in nodes:
        yield f"the tracer loses it at {' or '.join(nodes)}, the kernel at {seen.died_at}"
    cause = _cause(said.ended)
    if seen.cause != cause:
        yield f"the tracer's cause is {cause}, the kernel's {seen.cause}"
    if said.lost is Lost.REPLY:
        yield from _source(said, seen)


def _arrived(said: Exchange, seen: Seen) -> Iterator[str]:
    if not seen.reached:
        where = f"{seen.lost} at {seen.died_at} ({seen.cause})" if seen.lost else "out of sight"
        yield f"the tracer brings it home, and the kernel lost it {where}"
        return
    yield from _source(said, seen)


def _source(said: Exchange, seen: Seen) -> Iterator[str]:
    """Where it arrived is always seen: a lab that does not know it has lost a packet out of sight."""
    if seen.delivered_to != said.delivered_to:
        to = seen.delivered_to or "nobody"
        yield f"the tracer delivers it to {said.delivered_to}, the kernel to {to}"
    elif seen.source_seen != said.packet.source:
        yield f"by the tracer {said.packet.source} is seen there, in the kernel {seen.source_seen}"


def _cause(ended: Drop | Missing) -> str:
    return ended.cause if isinstance(ended, Drop) else NOT_KNOWN


def _last_nodes(said: Exchange) -> list[str]:
    """Where it may die: the last hop. A loop ends in the kernel when the packet's time is over, anywhere in it."""
    hops = said.forward if said.lost is Lost.FORWARD else said.reply
    last = hops[-1].node
    if isinstance(said.ended, Drop) and said.ended.cause == ROUTING_LOOP:
        nodes = [hop.node for hop in hops[:-1]]
        return list(dict.fromkeys(nodes[nodes.index(last) :]))
    return [last]
