"""Both families of addresses on one line of integers: IPv4 first, IPv6 behind it."""

from collections.abc import Iterable, Iterator

from wayhome.network import Address
from wayhome.prefixes import Family, Intervals, Prefix

_IPV6 = 1 << 32

Span = tuple[int, int]
"""A first and a last position, both included."""


def position(address: Address) -> int:
    """Where an address is."""
    return address.value + (_IPV6 if address.family is Family.IPV6 else 0)


def address_at(place: int) -> Address:
    """The address that is there."""
    if place < _IPV6:
        return Address(Family.IPV4, place)
    return Address(Family.IPV6, place - _IPV6)


def span(prefix: Prefix) -> Span:
    """Where a prefix is."""
    offset = _IPV6 if prefix.family is Family.IPV6 else 0
    return prefix.first + offset, prefix.last + offset


def spans(prefixes: Iterable[Prefix]) -> Intervals:
    """Where several prefixes are, together."""
    return Intervals.of(span(prefix) for prefix in prefixes)


def of_family(family: Family) -> Span:
    """Where all addresses of a family are."""
    return span(Prefix(family, 0, 0))


def prefixes(places: Intervals) -> Iterator[Prefix]:
    """The fewest prefixes that are exactly there."""
    for first, last in places.spans:
        for family in Family:
            start, end = of_family(family)
            if first <= end and last >= start:
                offset = start
                yield from Prefix.from_interval(
                    family, max(first, start) - offset, min(last, end) - offset
                )
