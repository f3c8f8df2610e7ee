"""Filters as chains of nftables: one for each stage of each filter, shared by all ports that have it.

A port's own chain asks first whether the packet is the reply of what the port let pass, then goes through the filter's
stages, and then remembers: what comes back from the stages was allowed, what was denied is gone. The memory is one set
for a node, whose key begins with the port's interface, so that a hundred ports cost no more sets than one. Echoes are told apart by their addresses and by their identifier. nft 1.0.2 cannot
put an identifier into a key with addresses, so each port has one more set, of the identifiers that passed it: where two
nodes have one address, the answer to the one's echo is not let in because the other asked the same, too.

A rule with a condition that nobody knows is left out: a flow about which it decides is UNDETERMINED anyway.

The memory is not conntrack's. The clouds track per interface, and a packet between two instances crosses the filters of
two interfaces in the one namespace of their fabric, where conntrack gives a packet a single entry. On the instances'
side of the links there would be room for a conntrack zone each, but there the cloud's firewall would share a namespace,
and its `nft flush ruleset`, with the node's own masquerading. A set that remembers five-tuples for ten minutes is also
what the clouds describe that they do. It is simpler than conntrack in two ways: it does not look at a TCP connection's
state, so a flow ends only by being idle, and errors (ICMP unreachable and the like) pass without a look for the flow
that they are about.
"""

from collections.abc import Iterator

from wayhome.lab.compiled.matches import HEADER, Families, Line, matches
from wayhome.lab.compiled.names import TABLE
from wayhome.network import Filter, FilterAction, Node, Port
from wayhome.prefixes import Family

REMEMBERED = "10m"
"""Google's firewall forgets an idle flow after ten minutes."""
_ICMP = {Family.IPV4: "icmp", Family.IPV6: "icmpv6"}


class Filters:
    """The chains of one node's filters."""

    def __init__(self, node: Node, families: Families) -> None:
        self._families = families
        filters = (f for port in node.ports for f in (port.filter_in, port.filter_out) if f)
        self._distinct = list({id(filter_): filter_ for filter_ in filters}.values())
        self._tracking = [at for at, port in enumerate(node.ports) if port.tracks]

    def declarations(self) -> Iterator[str]:
        """Sets and chains, before any rule."""
        if self._tracking:
            for family in self._families:
                echoes = [_echoes(family, at) for at in self._tracking]
                for name, key in (*_memory(family, "iif"), *echoes):
                    yield f"set {TABLE} {name} {{ typeof {key} ; flags dynamic,timeout ; }}"
            for side in ("iif", "oif"):
                yield f"chain {TABLE} remember_{side}"
        for at, filter_ in enumerate(self._distinct):
            for stage in range(len(filter_.stages) + 1):
                yield f"chain {TABLE} {_stage(at, stage)}"

    def rules(self) -> Iterator[Line]:
        """All rules but those of the ports' own chains."""
        yield from self._memory_rules()
        for at, filter_ in enumerate(self._distinct):
            for number, stage in enumerate(filter_.stages):
                chain = _stage(at, number)
                for rule in stage:
                    if rule.unknown is not None:
                        continue
                    then, cause = self._then(filter_, rule.action, at, number)
                    conditions = (rule.sources, rule.destinations, rule.protocols)
                    for match in matches(*conditions, self._families):
                        yield chain, f"{match} {then}", cause
                yield chain, f"goto {_stage(at, number + 1)}", None
            chain = _stage(at, len(filter_.stages))
            then, cause = self._then(filter_, filter_.default, at, len(filter_.stages))
            yield chain, then, cause

    def passing(self, number: int, port: Port, *, enters: bool) -> Iterator[str]:
        """The rules of a port's chain in one direction; `number` is which of the node's ports it is."""
        filter_ = port.filter_in if enters else port.filter_out
        side = "iif" if enters else "oif"
        if filter_ is not None:
            if filter_.stateful:
                yield from self._replies(number, side)
            at = next(i for i, one in enumerate(self._distinct) if one is filter_)
            yield f"jump {_stage(at, 0)}"
        if port.tracks:
            yield f"jump remember_{side}"
            for family in self._families:
                request = f"{_ICMP[family]} type echo-request"
                yield f"{request} {_update(_memory(family, side)[-1])} {_update(_echoes(family, number))}"

    @staticmethod
    def _then(filter_: Filter, action: FilterAction, at: int, stage: int) -> tuple[str, str | None]:
        match action:
            case FilterAction.ALLOW:
                return "return", None
            case FilterAction.GOTO_NEXT:
                return f"goto {_stage(at, stage + 1)}", None
            case FilterAction.DENY:
                return "", filter_.cause

    def _replies(self, number: int, side: str) -> Iterator[str]:
        for family in self._families:
            *flows, pairs = _memory(family, side, turned=True)
            for name, key in flows:
                yield f"{key} @{name} goto remember_{side}"
            echoes = _echoes(family, number)
            kind = f"{_ICMP[family]} type echo-reply"
            yield f"{kind} {pairs[1]} @{pairs[0]} {echoes[1]} @{echoes[0]} return"
        # Errors about a flow come from anywhere on its path; no attempt is made to find the flow.
        yield "icmp type { destination-unreachable, time-exceeded, parameter-problem } return"
        yield "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } return"

    def _memory_rules(self) -> Iterator[Line]:
        """Two chains, one for each direction, that remember a packet of TCP or UDP at its port."""
        if not self._tracking:
            return
        for side in ("iif", "oif"):
            for family in self._families:
                *flows, _ = _memory(family, side)
                for flow in flows:
                    yield f"remember_{side}", _update(flow), None


def _update(remembered: tuple[str, str]) -> str:
    name, key = remembered
    return f"update @{name} {{ {key} timeout {REMEMBERED} }}"


def _echoes(family: Family, port: int) -> tuple[str, str]:
    """The set of a port's echoes, and its key."""
    return f"echoes{family:d}_{port}", f"{_ICMP[family]} id"


def _stage(filter_: int, stage: int) -> str:
    return f"filter{filter_}_{stage}"


def _memory(family: Family, side: str, *, turned: bool = False) -> tuple[tuple[str, str], ...]:
    """The sets of a family that all ports share, each with its key: that of the packet, or of the one that it is the reply to.

    A key of nft has five parts at most, so the protocol is none of them.
    """
    header, (one, other) = HEADER[family], ("saddr", "daddr")
    from_port, to_port = "sport", "dport"
    if turned:
        one, other, from_port, to_port = other, one, to_port, from_port
    pair = f"{side} . {header} {one} . {header} {other}"
    return (
        (f"tcp{family:d}", f"{pair} . tcp {from_port} . tcp {to_port}"),
        (f"udp{family:d}", f"{pair} . udp {from_port} . udp {to_port}"),
        (f"pairs{family:d}", pair),
    )
