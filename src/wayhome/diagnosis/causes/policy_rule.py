"""A rule of a firewall policy by its priority: that is how people find it, and it has no name of its own."""

import re

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls, FirewallPolicy
from wayhome.network import Evidence

_EFFECTIVE = re.compile(r"/firewallPolicys/(\d+)/rules/(\d+)$")
_OWN = re.compile(r"/rules/(\d+)$")


def said_of(estate: Estate, evidence: Evidence) -> str:
    """`rule 200 of the hierarchical firewall policy org-policy`; of what is no policy, the object's full name."""
    effective = estate.get(EffectiveFirewalls, evidence.object)
    if effective is not None and (found := _EFFECTIVE.search(evidence.pointer)):
        policy = effective.value.firewall_policys[int(found[1])]
        kind = "hierarchical " if policy.type == "HIERARCHY" else ""
        name = policy.display_name or policy.short_name or policy.name
        return f"rule {policy.rules[int(found[2])].priority} of the {kind}firewall policy {name}"
    own = estate.get(FirewallPolicy, evidence.object)
    if own is not None and (found := _OWN.search(evidence.pointer)):
        return f"rule {own.value.rules[int(found[1])].priority} of {own.name}"
    return evidence.object
