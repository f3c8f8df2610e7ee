"""A port's filters as rules of nftables.

A stateful filter keeps its flows in a set of its own and not in conntrack. The clouds track per interface, and a
packet between two instances crosses the filters of two interfaces in the one namespace of their fabric, where
conntrack gives a packet a single entry. On the instances' side of the links there would be room for a conntrack zone
each, but there the cloud's firewall would share a namespace, and its `nft flush ruleset`, with the node's own
masquerading. A set that remembers five-tuples for ten minutes is also what the clouds describe that they do.

It is simpler than conntrack in two ways. It does not look at a TCP connection's state, so a flow ends only by being
idle. Errors (ICMP unreachable and the like) pass without a look for the flow that they are about.
"""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from wayhome.lab.topology import Action, Filter, FilterRule, Port, Prefix

TABLE = "wayhome_lab"
LOG_GROUP = 1
# Google's firewall forgets an idle flow after ten minutes.
REMEMBERED = "10m"

# For each family: its name in nft, its version, its ICMP.
FAMILIES = (("ip", 4, "icmp"), ("ip6", 6, "icmpv6"))


def drop(cause: str, *, log: bool) -> str:
    """The end of a rule that drops: counted, seen and named by its cause."""
    seen = f'log group {LOG_GROUP} prefix "{cause}" ' if log else ""
    return f'counter {seen}drop comment "{cause}"'


def port_filters(number: int, port: Port, *, log: bool) -> Iterator[str]:
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
    for family, _, icmp in FAMILIES:
        flow = f"{family} saddr . {family} daddr . meta l4proto . th sport . th dport"
        pair, identifier = f"{family} saddr . {family} daddr", f"{icmp} id"
        for name, key in (
            (f"flows{number}_{family}", flow),
            (f"pairs{number}_{family}", pair),
            (f"echoes{number}_{family}", identifier),
        ):
            yield f"add set inet {TABLE} {name} {{ typeof {key} ; flags dynamic,timeout ; }}"
        rule = f"add rule inet {TABLE} remember{number}"
        update = f"timeout {REMEMBERED} }}"
        yield f"{rule} meta l4proto {{ tcp, udp }} update @flows{number}_{family} {{ {flow} {update}"
        # Two sets: nft 1.0.2 (Ubuntu 22.04) cannot concatenate an identifier with addresses.
        yield (
            f"{rule} {icmp} type echo-request update @pairs{number}_{family} {{ {pair} {update} "
            f"update @echoes{number}_{family} {{ {identifier} {update}"
        )


def _filter(number: int, chain: str, filter_: Filter, *, log: bool) -> Iterator[str]:
    rule = f"add rule inet {TABLE} {chain}"
    if filter_.stateful:
        for family, _, icmp in FAMILIES:
            reply = f"{family} daddr . {family} saddr . meta l4proto . th dport . th sport"
            yield f"{rule} meta l4proto {{ tcp, udp }} {reply} @flows{number}_{family} return"
            pair = f"{family} daddr . {family} saddr @pairs{number}_{family}"
            echo = f"{pair} {icmp} id @echoes{number}_{family}"
            yield f"{rule} {icmp} type echo-reply {echo} return"
        # Errors about a flow come from anywhere on its path; no attempt is made to find the flow.
        yield f"{rule} icmp type {{ destination-unreachable, time-exceeded, parameter-problem }} return"
        yield f"{rule} icmpv6 type {{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem }} return"
    for filter_rule in filter_.rules:
        allowed = f"goto remember{number}" if filter_.stateful else "return"
        verdict = allowed if filter_rule.action is Action.ALLOW else drop(filter_.cause, log=log)
        for match in _matches(filter_rule):
            yield f"{rule} {match} {verdict}"
    yield f"{rule} {drop(filter_.cause, log=log)}"


def _matches(rule: FilterRule) -> Iterator[str]:
    """A rule for each family that its prefixes leave open."""
    prefixes = rule.sources + rule.destinations
    for family, version, icmp in FAMILIES:
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
    mine = prefix_set(prefixes, version)
    return [f"{selector} {mine}"] if mine else []


def prefix_set(prefixes: tuple[Prefix, ...], version: int) -> str:
    """An anonymous set of the prefixes of a family, or nothing; nft refuses sets whose prefixes overlap."""
    if version == 4:
        four = (p for p in prefixes if isinstance(p, IPv4Network))
        mine = [str(p) for p in collapse_addresses(four)]
    else:
        six = (p for p in prefixes if isinstance(p, IPv6Network))
        mine = [str(p) for p in collapse_addresses(six)]
    return f"{{ {', '.join(mine)} }}" if mine else ""
