"""Conditions of rules as text for nft: a model's condition is one or more matches, of which any is enough."""

from collections.abc import Iterator

from wayhome.kernel.text import format_interval
from wayhome.network import PrefixSet, Protocol, ProtocolMatch
from wayhome.prefixes import Family, Intervals

HEADER = {Family.IPV4: "ip", Family.IPV6: "ip6"}
ICMP = {Family.IPV4: "icmp", Family.IPV6: "ipv6-icmp"}
Families = tuple[Family, ...]
Line = tuple[str, str, str | None]
"""A chain, a rule of it, and the cause where it drops."""


def matches(
    sources: PrefixSet | None,
    destinations: PrefixSet | None,
    protocols: tuple[ProtocolMatch, ...] | None,
    families: Families,
) -> Iterator[str]:
    """All matches of a condition; an empty text matches everything, and no text at all matches nothing."""
    if sources is None and destinations is None and protocols is None:
        yield ""
        return
    for family in families:
        within = (
            addresses("saddr", sources, family),
            addresses("daddr", destinations, family),
        )
        if None in within:
            continue
        for match in (ProtocolMatch(),) if protocols is None else protocols:
            yield " ".join([of_family(family), *filter(None, (*within, _protocol(match, family)))])


def of_family(family: Family) -> str:
    """Packets of a family."""
    return f"meta nfproto ipv{family:d}"


def addresses(
    field: str, prefixes: PrefixSet | None, family: Family, *, inverted: bool = False
) -> str | None:
    """An address of a family in (or out of) a set; empty where any will do, None where none can be."""
    if prefixes is None:
        return "" if not inverted else None
    spans = Intervals.of((p.first, p.last) for p in prefixes.prefixes if p.family is family).spans
    if not spans:
        return None if not inverted else ""
    if spans == ((0, family.last),):
        return "" if not inverted else None
    ranges = [format_interval(family, span) for span in spans]
    wanted = ranges[0] if len(ranges) == 1 else f"{{ {', '.join(ranges)} }}"
    return f"{HEADER[family]} {field} {'!= ' if inverted else ''}{wanted}"


def _protocol(match: ProtocolMatch, family: Family) -> str:
    if match.protocol is None:
        return ""
    name = ICMP[family] if match.protocol is Protocol.ICMP else match.protocol.value
    if not match.ports:
        return f"meta l4proto {name}"
    spans = Intervals.of(match.ports).spans
    ports = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
    return f"meta l4proto {name} th dport {{ {ports} }}"
