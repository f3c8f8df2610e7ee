"""Addresses for people: few prefixes are written out, many are counted."""

from wayhome.prefixes import Family, Intervals, Prefix

_SHOWN = 4


def prefixes_of(family: Family, addresses: Intervals) -> list[str]:
    """The fewest prefixes that are these addresses."""
    return [str(p) for first, last in addresses.spans for p in Prefix.from_interval(family, first, last)]  # fmt: skip


def written(family: Family, addresses: Intervals) -> str:
    """`10.0.0.0/8, 172.16.0.0/12 and 9 more`, or that it is everything."""
    if addresses.spans == ((0, family.last),):
        return f"every IPv{family:d} destination"
    found = prefixes_of(family, addresses)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
