"""All rules of a node as one text for `nft -f -`.

The chains are called in the order that `network.node` states: `arrive` (is it running, may this source enter here, with
so large a packet)
before connection tracking; the translation of the destination; `way_in` (the port's filter; does the node forward);
the routing; `way_out` (the port's filter; may this destination leave here; what goes to a sink); the translation of the
source. What is dropped is counted and logged with its cause, and what the node itself gets is logged as delivered, as
its sockets see it: what was translated as the node sent it is undone behind the input hook's other chains.

A loop ends when a packet's time to live does: whoever holds it then drops it with the cause ROUTING_LOOP, silently,
where a kernel would tell the sender.
"""

from collections.abc import Collection, Iterator

from wayhome.lab.compiled.asked import NOT_KNOWN
from wayhome.lab.compiled.filters import Filters
from wayhome.lab.compiled.matches import Families, Line, addresses, of_family
from wayhome.lab.compiled.mtus import TOO_LARGE
from wayhome.lab.compiled.names import TABLE, Names
from wayhome.lab.compiled.translation import SRCNAT, Translations
from wayhome.lab.drops import LOG_GROUP
from wayhome.network import Place, Port
from wayhome.prefixes import Family
from wayhome.trace.walk import ROUTING_LOOP

DELIVERED = "delivered"
_LIFE = {Family.IPV4: "ip ttl 1", Family.IPV6: "ip6 hoplimit 1"}
# As logged: one packet of each kind tells where a flow got to; of TCP those that open a connection.
_TELLING = ("tcp flags & syn == syn", "meta l4proto udp", "icmp type { 0, 8 }", "icmpv6 type { 128, 129 }")  # fmt: skip
_HOOKS = (
    ("arrive", "prerouting", -350),
    ("way_in", "prerouting", 0),
    ("begin", "output", -350),
    ("sent", "output", 0),
    ("way_out", "postrouting", 0),
    ("delivered", "input", SRCNAT + 1),
)


def render(
    place: Place,
    names: Names,
    families: Families,
    *,
    log: bool = True,
    narrow: Collection[str] = (),
) -> str:
    """The node's rules. The causes that it drops with are named in `names`. Without `log`, ends are counted and not told.

    `narrow` are the ports at which packets may arrive that are too large for them.
    """
    lines = _Rules(place, names, families, log=log, narrow=narrow).lines()
    return "".join(f"{line}\n" for line in lines)


class _Rules:
    def __init__(
        self,
        place: Place,
        names: Names,
        families: Families,
        *,
        log: bool,
        narrow: Collection[str],
    ) -> None:
        self._log = log
        self._narrow = narrow
        self._node = place.node
        self._names = names
        self._families = families
        self._filters = Filters(place.node, families)
        self._translations = Translations(place, names, families)

    def lines(self) -> Iterator[str]:
        yield f"add table inet {TABLE}"
        for name, hook, priority in _HOOKS:
            kind = f"{{ type filter hook {hook} priority {priority} ; }}"
            yield f"add chain inet {TABLE} {name} {kind}"
        for declaration in self._declarations():
            what, _, rest = declaration.partition(" ")
            yield f"add {what} inet {rest}"
        for chain, rule, cause in self._all():
            yield f"add rule inet {TABLE} {chain} {rule}{self._end(cause)}"

    def _end(self, cause: str | None, verdict: str = "drop") -> str:
        if cause is None:
            return ""
        name = self._names.cause(cause)
        told = f'log group {LOG_GROUP} prefix "{name}" ' if self._log else ""
        return f" counter {told}{verdict}"

    def _declarations(self) -> Iterator[str]:
        yield from self._filters.declarations()
        yield from self._translations.declarations()
        for at, port in enumerate(self._node.ports):
            if _has_way_in(port):
                yield f"chain {TABLE} in{at}"
            if _has_way_out(port):
                yield f"chain {TABLE} out{at}"
            if port.permitted is not None:
                yield f"chain {TABLE} leave{at}"

    def _all(self) -> Iterator[Line]:
        yield from self._filters.rules()
        yield from self._translations.rules()
        yield from self._arrive()
        yield from self._way_in()
        yield from self._sent()
        yield from self._way_out()
        for telling in _TELLING if self._log else ():
            log = f'log group {LOG_GROUP} prefix "{DELIVERED}"'
            yield "delivered", f"{telling} {log}", None

    def _arrive(self) -> Iterator[Line]:
        if self._node.not_running:
            yield "arrive", 'iifname != "lo"', self._node.not_running.cause
        for port in self._node.ports:
            if port.name in self._narrow:
                larger = f'iifname "{self._names.ports[port.name].name}" meta length > {port.mtu}'
                yield "arrive", larger, TOO_LARGE
            for others in _others(port, "saddr", self._families):
                yield (
                    "arrive",
                    f'iifname "{self._names.ports[port.name].name}" {others}',
                    port.spoofed,
                )

    def _way_in(self) -> Iterator[Line]:
        jumps = []
        for at, port in enumerate(self._node.ports):
            if _has_way_in(port):
                jumps.append(f'"{self._names.ports[port.name].name}" : jump in{at}')
                for rule in self._filters.passing(at, port, enters=True):
                    yield f"in{at}", rule, None
        if jumps:
            yield "way_in", f"iifname vmap {{ {', '.join(jumps)} }}", None
        forwarded = 'iifname != "lo" fib daddr type != local'
        if self._node.opaque:
            yield "way_in", 'iifname != "lo"', NOT_KNOWN
        elif not self._node.forwards:
            yield "way_in", forwarded, self._node.not_forwarding.cause
        else:
            for family in self._families:
                yield "way_in", f"{forwarded} {_LIFE[family]}", ROUTING_LOOP

    def _sent(self) -> Iterator[Line]:
        if self._node.not_running:
            yield "begin", "", self._node.not_running.cause
        if self._node.opaque:
            yield "sent", "", NOT_KNOWN

    def _way_out(self) -> Iterator[Line]:
        """What may leave is asked behind the filter, and of replies too, which skip the rest of the filter's chain."""
        filtered, permitted = [], []
        for at, port in enumerate(self._node.ports):
            name = self._names.ports[port.name].name
            if _has_way_out(port):
                filtered.append(f'"{name}" : jump out{at}')
                for rule in self._filters.passing(at, port, enters=False):
                    yield f"out{at}", rule, None
            if port.permitted is not None:
                permitted.append(f'"{name}" : jump leave{at}')
                for others in _others(port, "daddr", self._families):
                    yield f"leave{at}", others, port.spoofed
        for jumps in filter(None, (filtered, permitted)):
            yield "way_out", f"oifname vmap {{ {', '.join(jumps)} }}", None
        for (cause, _), device in self._names.sinks.items():
            yield "way_out", f'oifname "{device.name}"{self._end(cause, "accept")}', None


def _has_way_in(port: Port) -> bool:
    return port.filter_in is not None or port.tracks


def _has_way_out(port: Port) -> bool:
    return port.filter_out is not None or port.tracks


def _others(port: Port, field: str, families: Families) -> Iterator[str]:
    """Matches of what is not permitted at a port."""
    if port.permitted is None:
        return
    for family in families:
        match = addresses(field, port.permitted, family, inverted=True)
        if match is not None:
            yield f"{of_family(family)} {match}"
