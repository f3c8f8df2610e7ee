"""The policy that our table in the kernel amounts to: what this node does now, whatever any file says. Pure.

The sets tell it: destinations that keep the Pod's address, the Pods' ranges, and by their families whether IPv6 is
masqueraded. Everything else is masqueraded. The lines that the entries came from are not in the kernel.
"""

from collections.abc import Iterator

from wayhome.kernel.rules import list_set, pods_set
from wayhome.kernel.table import Table
from wayhome.policy import Action, Entry, Origin, Policy
from wayhome.prefixes import Family, Prefix

ORIGIN = Origin("this node's table")


def held_policy(table: Table | None) -> Policy | None:
    """The policy in the kernel; None where no table of ours translates anything (none, dormant, without its chain)."""
    if table is None or table.dormant or table.chain is None or not table.chain.hook:
        return None
    names = {held.type.name for held in table.sets}
    families = [family for family in Family if list_set(Action.KEEP, family) in names]
    scoped = any(pods_set(family) in names for family in families)
    return Policy(
        tuple(
            Entry(prefix, Action.KEEP, ORIGIN)
            for family in families
            for prefix in _prefixes(table, list_set(Action.KEEP, family), family)
        ),
        ipv6=Family.IPV6 in families,
        pod_cidrs=tuple(
            prefix for family in families for prefix in _prefixes(table, pods_set(family), family)
        )
        if scoped
        else None,
    )


def _prefixes(table: Table, name: str, family: Family) -> Iterator[Prefix]:
    for held in table.sets:
        if held.type.name == name:
            for first, last in held.intervals:
                yield from Prefix.from_interval(family, first, last)
