"""Policies out of CIDRs."""

from collections.abc import Iterable

from wayhome.policy import Action, Entry, Origin, Policy
from wayhome.prefixes import Prefix


def make_policy(
    *keep: str,
    masquerade: Iterable[str] = (),
    ipv6: bool = False,
    pods: Iterable[str] | None = None,
) -> Policy:
    """`make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"])`; each CIDR stands on a line of its own."""
    listed = [(cidr, Action.KEEP, "nonMasqueradeCIDRs") for cidr in keep]
    listed += [(cidr, Action.MASQUERADE, "masqueradeCIDRs") for cidr in masquerade]
    entries = tuple(
        Entry(Prefix.parse(cidr), action, Origin(key, line))
        for line, (cidr, action, key) in enumerate(listed, 1)
    )
    pod_cidrs = None if pods is None else tuple(map(Prefix.parse, pods))
    return Policy(entries, ipv6=ipv6, pod_cidrs=pod_cidrs)
