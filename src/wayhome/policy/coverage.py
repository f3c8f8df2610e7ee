"""Whether Pods see each other's own addresses: the Pod ranges of a cluster that a configuration does not keep.

A list of one's own replaces the defaults, so it must name every Pod range of the cluster, later ones too. Where it
does not, Pods see a node in place of the Pod that called, and a NetworkPolicy that allows Pods refuses them.
"""

from collections.abc import Iterable

from wayhome.policy.findings import Finding, Findings
from wayhome.policy.policy import Action, Policy
from wayhome.prefixes import Intervals, Prefix

MOST_SHOWN = 8
"""Ranges that a finding shows."""


def uncovered(policy: Policy, pod_ranges: Iterable[Prefix]) -> tuple[Finding, ...]:
    """Warnings of what is masqueraded between Pods, by line."""
    findings = Findings()
    for pods in pod_ranges:
        if pods.family in policy.families:
            _check(policy, pods, findings)
    return findings.by_line()


def _check(policy: Policy, pods: Prefix, findings: Findings) -> None:
    left = Intervals.of([(pods.first, pods.last)]).minus(policy.kept(pods.family))
    carved_out = [
        interval
        for interval in policy.intervals(pods.family)
        if interval.entry.action is Action.MASQUERADE
        and interval.first <= pods.last
        and interval.last >= pods.first
    ]
    for entry in dict.fromkeys(interval.entry for interval in carved_out):
        findings.warn(
            entry.origin.line,
            f"{entry.prefix} in masqueradeCIDRs hides Pods behind their node from Pods in {pods}",
            f"write {pods} below nonMasqueradeCIDRs"
            if entry.prefix.holds(pods)
            else "remove it, or write only the destinations in it that are no Pods",
        )
    unlisted = left.minus(Intervals.of((interval.first, interval.last) for interval in carved_out))
    missing = [
        prefix
        for first, last in unlisted.spans
        for prefix in Prefix.from_interval(pods.family, first, last)
    ]
    if not missing:
        return
    shown = ", ".join(str(prefix) for prefix in missing[:MOST_SHOWN])
    if len(missing) > MOST_SHOWN:
        shown += f" and {len(missing) - MOST_SHOWN} more"
    findings.warn(
        None,
        f"no entry holds the Pod range {pods}, so Pods in it see a node in place of a Pod"
        if missing == [pods]
        else f"of the Pod range {pods} no entry holds {shown}, so Pods there see a node in place of a Pod",
        f"write {pods} below nonMasqueradeCIDRs",
    )
