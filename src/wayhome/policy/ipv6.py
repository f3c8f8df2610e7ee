"""Whether the policy is about IPv6, where no flag says so.

Most clusters route their Pods' IPv6 addresses, and nobody there wants IPv6 masqueraded; so it is left alone until a
line of the lists names an IPv6 range. And a list that names some range but not the one that this node's own Pods
are in would masquerade Pod to Pod traffic, which breaks network policies: then it is left alone too, with a warning.
"""

from wayhome.policy.findings import Findings
from wayhome.policy.policy import Action, Entry, Policy
from wayhome.prefixes import Family, Intervals, Prefix

_LISTS = ("nonMasqueradeCIDRs", "masqueradeCIDRs")


def is_about_ipv6(policy: Policy, findings: Findings) -> bool:
    """Whether `policy`, which looks at both families, is to keep looking at IPv6; warns where it was probably meant."""
    named = next((entry for entry in policy.entries if _names_ipv6(entry)), None)
    if named is None:
        return False
    pods = [prefix for prefix in policy.pod_cidrs or () if prefix.family is Family.IPV6]
    if not pods:
        findings.warn(
            named.origin.line,
            f"{named.prefix} is an IPv6 range, and no IPv6 Pod range of this node is known: IPv6 is left alone",
            "give it with --pod-cidrs, or remove the line",
        )
        return False
    uncovered = _not_kept(policy, pods)
    if uncovered:
        listed = ", ".join(map(str, uncovered))
        findings.warn(
            named.origin.line,
            f"this node's own IPv6 Pod range {listed} is not covered by nonMasqueradeCIDRs: IPv6 is left alone",
            f"add {listed} to nonMasqueradeCIDRs, or better the range of the whole cluster",
        )
    return not uncovered


def _names_ipv6(entry: Entry) -> bool:
    return entry.prefix.family is Family.IPV6 and entry.origin.key in _LISTS


def _not_kept(policy: Policy, pods: list[Prefix]) -> list[Prefix]:
    kept = Intervals.of(
        (interval.first, interval.last)
        for interval in policy.intervals(Family.IPV6)
        if interval.entry.action is Action.KEEP
    ).spans
    return [
        prefix
        for prefix in pods
        if not any(first <= prefix.first and prefix.last <= last for first, last in kept)
    ]
