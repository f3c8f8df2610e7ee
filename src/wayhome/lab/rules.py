"""A node's filters and drops as text for `nft -f -`.

One table, in the node's namespace. Packets meet, in this order: who may enter by this port, the port's inbound
filter, the drop routes; and on the way out, the port's outbound filter. Wherever one is dropped, it is counted and
logged to LOG_GROUP with the cause as its prefix; `drops` listens there.

A drop route is a blackhole route of the kernel, whose look-up finds the longest prefix; the rule here only gives it
its cause. It matches where the look-up finds no interface to leave by. (`fib daddr type blackhole` loads and never
matches IPv4: the type is looked up among local addresses only, and everything else is called unicast.) Among the drop routes that contain a destination, the one that the look-up found is the longest, so the
rules go from long prefixes to short ones. They stand behind the translation of replies (priority `filter`), where
the destination is the one that will be routed.

A stateful filter keeps its flows in a set of its own and not in conntrack. The clouds track per interface, and a
packet between two instances crosses the filters of two interfaces in the one namespace of their fabric, where
conntrack gives a packet a single entry. On the instances' side of the links there would be room for a conntrack zone
each, but there the cloud's firewall would share a namespace, and its `nft flush ruleset`, with the node's own
masquerading. A set that remembers five-tuples for ten minutes is also what the clouds describe that they do.

One command per line: nft 1.0.6 rejects some one-liners. Names are generated: a chain called `fwd` is a syntax error.
"""

from collections.abc import Iterator
from ipaddress import ip_network

from wayhome.lab.topology import (
    NO_ROUTE,
    SOURCE_NOT_ALLOWED,
    Action,
    DropRoute,
    Filter,
    FilterRule,
    Node,
    Port,
    Prefix,
)

TABLE = "wayhome_lab"
LOG_GROUP = 1
# Google's firewall forgets an idle flow after ten minutes.
REMEMBERED = "10m"

_NEIGHBOURS = ("nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert")
_NO_WAY_ON = "fib daddr type != { local, broadcast, multicast, anycast } fib daddr oif missing"
_FAMILIES = (("ip", 4, "icmp"), ("ip6", 6, "icmpv6"))


def render(node: Node, *, log: bool = True) -> str:
    """The node's rules, or nothing where it has none. Without `log` a drop is counted and not seen."""
    return "".join(f"{line}\n" for line in _lines(node, log=log))


def drop_routes(node: Node) -> tuple[DropRoute, ...]:
    """The node's drop routes, longest first; a node that forwards has one for everything that no route covers."""
    drops = [route for route in node.routes if isinstance(route, DropRoute)]
    if node.forwards:
        routed = {route.destination for route in node.routes}
        drops += [DropRoute(destination=p, cause=NO_ROUTE) for p in _EVERYTHING if p not in routed]
    return tuple(sorted(drops, key=lambda drop: -drop.destination.prefixlen))


_EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


def _lines(node: Node, *, log: bool) -> Iterator[str]:
    drops = drop_routes(node)
    guarded = [port for port in node.ports if port.sources is not None]
    filtered = [port for port in node.ports if port.inbound or port.outbound]
    if not (drops or guarded or filtered):
        return
    yield f"add table inet {TABLE}"
    yield f"add chain inet {TABLE} way_in {{ type filter hook prerouting priority filter ; }}"
    yield f"add chain inet {TABLE} way_out {{ type filter hook postrouting priority filter ; }}"
    for hook in ("way_in", "way_out"):
        # Without its neighbours IPv6 does not begin; no cloud's firewall asks for a rule.
        yield f"add rule inet {TABLE} {hook} icmpv6 type {{ {', '.join(_NEIGHBOURS)} }} accept"
    for port in guarded:
        for match in _foreign_sources(port):
            yield f"add rule inet {TABLE} way_in {match} {_drop(SOURCE_NOT_ALLOWED, log=log)}"
    for number, port in enumerate(filtered):
        yield from _port_filters(number, port, log=log)
    for drop in drops:
        family = "ip" if drop.destination.version == 4 else "ip6"
        yield (
            f"add rule inet {TABLE} way_in {_NO_WAY_ON} "
            f"{family} daddr {drop.destination} {_drop(drop.cause, log=log)}"
        )


def _drop(cause: str, *, log: bool) -> str:
    seen = f'log group {LOG_GROUP} prefix "{cause}" ' if log else ""
    return f'counter {seen}drop comment "{cause}"'


def _foreign_sources(port: Port) -> Iterator[str]:
    """Matches of what may not enter by a port: one for each family. IPv6 needs link-local sources too."""
    for family, version, _ in _FAMILIES:
        mine = [str(p) for p in port.sources or () if p.version == version]
        if version == 6:
            mine += ["fe80::/10", "::/128"]
        others = f"{family} saddr != {{ {', '.join(mine)} }}" if mine else "meta nfproto ipv4"
        yield f'iifname "{port.name}" {others}'


def _port_filters(number: int, port: Port, *, log: bool) -> Iterator[str]:
    """A port's two filters share what they remember: a reply passes the one because the other let its flow pass."""
    stateful = any(f.stateful for f in (port.inbound, port.outbound) if f)
    if stateful:
        yield from _memory(number)
    for chain, hook, match, filter_ in (
        (f"enter{number}", "way_in", "iifname", port.inbound),
        (f"leave{number}", "way_out", "oifname", port.outbound),
    ):
        if filter_:
            yield f"add chain inet {TABLE} {chain}"
            yield f'add rule inet {TABLE} {hook} {match} "{port.name}" jump {chain}'
            yield from _filter(number, chain, filter_, log=log)
        elif stateful:
            # No rules in this direction: all pass, and their replies shall.
            yield f'add rule inet {TABLE} {hook} {match} "{port.name}" jump remember{number}'


def _memory(number: int) -> Iterator[str]:
    yield f"add chain inet {TABLE} remember{number}"
    for family, _, icmp in _FAMILIES:
        flow = f"{family} saddr . {family} daddr . meta l4proto . th sport . th dport"
        echo = f"{family} saddr . {family} daddr . {icmp} id"
        for name, key in ((f"flows{number}_{family}", flow), (f"echoes{number}_{family}", echo)):
            yield f"add set inet {TABLE} {name} {{ typeof {key} ; flags dynamic,timeout ; }}"
        rule = f"add rule inet {TABLE} remember{number}"
        update = f"timeout {REMEMBERED} }}"
        yield f"{rule} meta l4proto {{ tcp, udp }} update @flows{number}_{family} {{ {flow} {update}"
        yield f"{rule} {icmp} type echo-request update @echoes{number}_{family} {{ {echo} {update}"


def _filter(number: int, chain: str, filter_: Filter, *, log: bool) -> Iterator[str]:
    rule = f"add rule inet {TABLE} {chain}"
    if filter_.stateful:
        for family, _, icmp in _FAMILIES:
            reply = f"{family} daddr . {family} saddr . meta l4proto . th dport . th sport"
            yield f"{rule} meta l4proto {{ tcp, udp }} {reply} @flows{number}_{family} return"
            echo = f"{family} daddr . {family} saddr . {icmp} id @echoes{number}_{family}"
            yield f"{rule} {icmp} type echo-reply {echo} return"
        # Errors about a flow come from anywhere on its path; no attempt is made to find the flow.
        yield f"{rule} icmp type {{ destination-unreachable, time-exceeded, parameter-problem }} return"
        yield f"{rule} icmpv6 type {{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem }} return"
    for filter_rule in filter_.rules:
        allowed = f"goto remember{number}" if filter_.stateful else "return"
        verdict = allowed if filter_rule.action is Action.ALLOW else _drop(filter_.cause, log=log)
        for match in _matches(filter_rule):
            yield f"{rule} {match} {verdict}"
    yield f"{rule} {_drop(filter_.cause, log=log)}"


def _matches(rule: FilterRule) -> Iterator[str]:
    """A rule for each family that its prefixes leave open."""
    prefixes = rule.sources + rule.destinations
    for family, version, icmp in _FAMILIES:
        if prefixes and not all(
            not group or any(p.version == version for p in group)
            for group in (rule.sources, rule.destinations)
        ):
            continue
        parts = [f"meta nfproto {'ipv4' if version == 4 else 'ipv6'}"]
        for side, group in (("saddr", rule.sources), ("daddr", rule.destinations)):
            parts += _within(f"{family} {side}", group, version)
        if rule.protocol:
            parts.append(f"meta l4proto {icmp if rule.protocol == 'icmp' else rule.protocol}")
        if rule.ports:
            parts.append(f"th dport {{ {', '.join(map(str, rule.ports))} }}")
        yield " ".join(parts)


def _within(selector: str, prefixes: tuple[Prefix, ...], version: int) -> list[str]:
    mine = sorted({str(p) for p in prefixes if p.version == version})
    return [f"{selector} {{ {', '.join(mine)} }}"] if mine else []
