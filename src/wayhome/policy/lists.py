"""The two lists of a configuration, written anew so that they decide about every destination as before.

Upstream's agent can only keep: for it, what `masqueradeCIDRs` carves out is left out of the ranges around it. wayhome
knows both, and so needs the fewest lines: a list that only writes out a complement becomes the range that was meant
and its exceptions.

The link-local switches are part of the meaning: what they keep needs no line. Upstream's can only be all or nothing,
so where a list masquerades some of these addresses, the switch is turned on and the rest is listed.

Whatever is written anew is compared, interval by interval, with what it is to mean before anybody sees it.
"""

from dataclasses import dataclass

from wayhome.policy.configuration import Configuration
from wayhome.policy.policy import LINK_LOCAL, Action, Policy
from wayhome.prefixes import Family, Intervals, Prefix, PrefixTable
from wayhome.prefixes.shortest import shortest_table


@dataclass(frozen=True, slots=True)
class Lists:
    """`nonMasqueradeCIDRs` and `masqueradeCIDRs`, and the switches that they stand beside."""

    keep: tuple[Prefix, ...]
    masquerade: tuple[Prefix, ...]
    masq_link_local: bool
    masq_link_local_ipv6: bool

    def __len__(self) -> int:
        return len(self.keep) + len(self.masquerade)

    def kept(self, family: Family) -> Intervals:
        """All destinations that keep the Pod's address with these lists and switches."""
        masqueraded = self.masq_link_local if family is Family.IPV4 else self.masq_link_local_ipv6
        given = () if masqueraded else (LINK_LOCAL[family],)
        answers = (
            *((prefix, True) for prefix in (*given, *self.keep) if prefix.family is family),
            *((prefix, False) for prefix in self.masquerade if prefix.family is family),
        )
        flat = PrefixTable(family, answers).flatten()
        return Intervals.of((first, last) for first, last, kept in flat if kept)


class TooManyRangesError(ValueError):
    """Upstream's agent would refuse the list."""


def lists_for_upstream(configuration: Configuration) -> Lists:
    """Lists without `masqueradeCIDRs`. They are the ones that were written where these carve nothing out.

    Raises TooManyRangesError where they are longer than cidrLimit.
    """
    policy = configuration.policy
    switches = {
        Family.IPV4: configuration.masq_link_local,
        Family.IPV6: configuration.masq_link_local_ipv6,
    }
    if all(entry.action is Action.KEEP for entry in policy.entries):
        keep = [entry.prefix for entry in policy.entries if not entry.origin.is_link_local]
    else:
        keep = []
        for family in policy.families:
            ranges, switches[family] = _expanded(policy.kept(family), family, switches[family])
            keep += ranges
    limit = configuration.cidr_limit
    if len(keep) > limit:
        raise TooManyRangesError(
            f"without masqueradeCIDRs the list has {len(keep)} ranges, and cidrLimit is {limit}: "
            f"write `cidrLimit: {len(keep)}` if they are all meant, or carve out fewer and wider ranges"
        )
    return _proven(Lists(tuple(keep), (), switches[Family.IPV4], switches[Family.IPV6]), policy)


def _expanded(kept: Intervals, family: Family, masq_link_local: bool) -> tuple[list[Prefix], bool]:
    """The fewest ranges that keep these destinations, and what the link-local switch must be beside them."""
    link_local = LINK_LOCAL[family]
    span = Intervals.of([(link_local.first, link_local.last)])
    masq_link_local = masq_link_local or bool(span.minus(kept))
    ranges = [p for first, last in kept.spans for p in Prefix.from_interval(family, first, last)]
    if not masq_link_local:
        ranges = [p for p in ranges if not link_local.holds(p)]
    return ranges, masq_link_local


def shortest_lists(configuration: Configuration) -> Lists:
    """The fewest lines that say the same beside the same switches."""
    policy = configuration.policy
    keep: list[Prefix] = []
    masquerade: list[Prefix] = []
    for family in policy.families:
        table = shortest_table(family, policy.kept(family), _given(policy, family))
        keep += [prefix for prefix, kept in table.items() if kept]
        masquerade += [prefix for prefix, kept in table.items() if not kept]
    lists = Lists(
        tuple(keep),
        tuple(masquerade),
        configuration.masq_link_local,
        configuration.masq_link_local_ipv6,
    )
    return _proven(lists, policy)


def _given(policy: Policy, family: Family) -> Prefix | None:
    return next(
        (e.prefix for e in policy.entries if e.origin.is_link_local and e.prefix.family is family),
        None,
    )


def _proven(lists: Lists, policy: Policy) -> Lists:
    for family in policy.families:
        if lists.kept(family) != policy.kept(family):
            raise AssertionError(f"the new IPv{family:d} lists do not say what the old ones say")
    return lists
