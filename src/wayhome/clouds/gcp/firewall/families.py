"""The protocols of a rule, whose ICMP is that of one family: `icmp` is IPv4's, and 58 is IPv6's.

A rule that holds addresses of both becomes several, so that `icmp` from ::/0 lets in no echo of IPv6.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from wayhome.clouds.gcp.firewall.protocols import ICMP_OF, protocol_matches
from wayhome.clouds.values import PortRange
from wayhome.network.filter import FilterRule
from wayhome.network.flow import Protocol
from wayhome.network.prefix_set import PrefixSet
from wayhome.network.protocol_match import ProtocolMatch
from wayhome.prefixes import Family, Prefix

Items = Iterable[tuple[str, tuple[PortRange, ...]]]
"""Pairs of a protocol and its ports, as exported."""


def with_protocols(rule: FilterRule, items: Items) -> Iterator[FilterRule]:
    """The rule for these protocols."""
    named = list(items)
    matches = protocol_matches(named)
    families = {ICMP_OF[name.lower()] for name, _ in named if name.lower() in ICMP_OF}
    if matches is None or not families:
        yield replace(rule, protocols=matches)
        return
    if families == {Family.IPV4} and _of_ipv4_alone(rule.sources or rule.destinations):
        yield replace(rule, protocols=matches)
        return
    others = tuple(match for match in matches if match.protocol is not Protocol.ICMP)
    if others:
        yield replace(rule, protocols=others)
    for family in sorted(families):
        icmp = replace(rule, protocols=(ProtocolMatch(Protocol.ICMP),))
        yield replace(icmp, sources=_of(family, rule.sources))


def _of_ipv4_alone(held: PrefixSet | None) -> bool:
    return held is not None and all(prefix.family is Family.IPV4 for prefix in held.prefixes)


def _of(family: Family, held: PrefixSet | None) -> PrefixSet:
    if held is None:
        return PrefixSet((Prefix(family, 0, 0),))
    return PrefixSet.of(prefix for prefix in held.prefixes if prefix.family is family)
