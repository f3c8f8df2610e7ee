"""A way through the network: in one sentence of names, or step by step."""

import re
from collections.abc import Iterator

from wayhome.report.line import Line, Role
from wayhome.report.names import last, place, short, shortened
from wayhome.trace import Hop, Step
from wayhome.trace import hop as kinds

_BECOMES = re.compile(r"(\S+) > (\S+) becomes (\S+) > (\S+)$")
_HEADS = 9


def in_short(name: str, hops: tuple[Hop, ...]) -> Iterator[Line]:
    """The nodes, and what happened to the packet's addresses there."""
    if hops:
        yield Line(" > ".join(map(_hop, hops)), 2, name.ljust(_HEADS))


def in_full(name: str, hops: tuple[Hop, ...]) -> Iterator[Line]:
    """Every step, and where it was decided."""
    if not hops:
        return
    yield Line(f"the way {name}:")
    for hop in hops:
        yield Line(short(hop.node), 2)
        for step in hop.steps:
            decided = f"  [{place(step.evidence)}]" if step.evidence else ""
            role = Role.BAD if step.kind == kinds.DROP else Role.TEXT
            yield Line(f"{shortened(step.detail)}{decided}".strip(), 4, f"{step.kind} ", role)


def _hop(hop: Hop) -> str:
    remarks = [remark for step in hop.steps if (remark := _remark(step))]
    return f"{last(hop.node)} ({'; '.join(remarks)})" if remarks else last(hop.node)


def _remark(step: Step) -> str:
    match step.kind:
        case kinds.NAT:
            return _translated(step.detail)
        case kinds.SKIP_MASQUERADING:
            return _kept(step.detail)
        case kinds.PROXY_CONNECTION:
            return shortened(step.detail)
        case kinds.DROP:
            return f"dropped: {shortened(step.detail)}"
        case kinds.OPAQUE:
            return "from here on it is not known"
    return ""


def _translated(detail: str) -> str:
    changed = _BECOMES.search(detail)
    if changed is None:
        return shortened(detail)
    old_source, old_destination, source, destination = changed.groups()
    parts = []
    if source != old_source:
        parts.append(f"source {old_source} becomes {source}")
    if destination != old_destination:
        parts.append(f"destination {old_destination} becomes {destination}")
    return ", ".join(parts)


def _kept(detail: str) -> str:
    reason, _, entry = detail.partition(": ")
    if reason == "NO_MASQUERADING_FOR_RETURN_PACKET":
        return ""
    return f"keeps the source address: {entry or reason}"
