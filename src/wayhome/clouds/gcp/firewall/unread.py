"""What is not known of the policies of a network.

Effective firewalls show all of them but those of a region. Without these, three things differ:

- a policy that the network itself names, and that is in no export: it exists, and what it does is a missing fact;
- effective firewalls that were refused, or whose file is damaged: somebody looked, and did not see: a missing fact too;
- effective firewalls that nobody exported: that no policy from above applies is an assumption, which stands in every
  answer that rests on the network. Few organizations have such policies and few people may read them; an answer that
  is never certain would help nobody who has the VPC's own rules.
"""

import shlex
from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.gap import command
from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls, FirewallPolicy
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.knowledge import State
from wayhome.clouds.values import project_of
from wayhome.network.filter import FilterAction, FilterRule
from wayhome.network.missing import Missing

_LOOKED_FOR = (State.NOT_READABLE, State.DAMAGED)


def unread_stages(estate: Estate, network: str) -> Iterator[tuple[FilterRule, ...]]:
    """A stage that may do anything, for what is there and was not seen."""
    if _seen(estate, network):
        return
    name = network.rpartition("/")[2]
    words = command(f"networks get-effective-firewalls {shlex.quote(name)}", project_of(network))
    if estate.knows(EffectiveFirewalls, network).state in _LOOKED_FOR:
        yield _anything(Missing(f"which firewall policies apply to {name}", words))
        return
    found = estate.get(Network, network)
    policy = found.value.firewall_policy if found is not None else None
    if policy is not None and estate.get(FirewallPolicy, policy) is None:
        yield _anything(Missing(f"the rules of {name}'s firewall policy {policy.short}", words))


def assumption(estate: Estate, network: str) -> str:
    """What is taken for granted of policies that nobody exported; empty where nothing is."""
    if _seen(estate, network) or any(unread_stages(estate, network)):
        return ""
    name = network.rpartition("/")[2]
    what = (
        "hierarchical firewall policy" if estate.of(FirewallPolicy, network) else "firewall policy"
    )
    words = command(f"networks get-effective-firewalls {shlex.quote(name)}", project_of(network))
    return f"no {what} applies to {name} (not exported: {words})"


def _seen(estate: Estate, network: str) -> bool:
    return estate.get(EffectiveFirewalls, f"{network}/{EffectiveFirewalls.COLLECTION}") is not None


def _anything(missing: Missing) -> tuple[FilterRule, ...]:
    return tuple(
        FilterRule(action=action, unknown=missing)
        for action in (FilterAction.ALLOW, FilterAction.DENY)
    )
