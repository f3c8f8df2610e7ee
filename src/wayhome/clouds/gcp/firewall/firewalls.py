"""The filters of all interfaces of an estate.

The order of stages is documented (https://docs.cloud.google.com/firewall/docs/firewall-policies-rule-eval-order):
hierarchical policies from the organization downwards, then the policies that Google's own services keep in a region,
then the VPC rules and the policies of the network, global and regional, in an order that is a setting of the network;
last the implied rules, which no export shows: out is allowed, in is denied.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.gap import command
from wayhome.clouds.gcp.derive.interfaces import Addresses
from wayhome.clouds.gcp.firewall.policies import policy_stage
from wayhome.clouds.gcp.firewall.sources import TaggedSources
from wayhome.clouds.gcp.firewall.target import Target
from wayhome.clouds.gcp.firewall.unread import assumption, unread_stages
from wayhome.clouds.gcp.firewall.vpc_rules import EGRESS, INGRESS, VpcRules
from wayhome.clouds.gcp.resources.firewall_policy import (
    EffectiveFirewalls,
    FirewallPolicy,
    PolicyRule,
)
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.knowledge import State
from wayhome.clouds.values import project_of
from wayhome.network.evidence import Evidence
from wayhome.network.filter import Filter, FilterAction, FilterRule
from wayhome.network.missing import Missing

_STEPS = {INGRESS: "APPLY_INGRESS_FIREWALL_RULE", EGRESS: "APPLY_EGRESS_FIREWALL_RULE"}
_DEFAULTS = {INGRESS: FilterAction.DENY, EGRESS: FilterAction.ALLOW}
_IMPLIED = {INGRESS: "implied-deny-ingress", EGRESS: "implied-allow-egress"}
BEFORE = "BEFORE_CLASSIC_FIREWALL"


@dataclass(frozen=True, slots=True)
class _Policy:
    """A policy in its place among the stages. `region`: only there."""

    name: str
    place: str
    region: str
    rules: tuple[PolicyRule, ...]
    at: Evidence


class Firewalls:
    """Filters by direction and target; those of interfaces that no rule tells apart are one object."""

    def __init__(self, estate: Estate, addresses: Addresses) -> None:
        self._estate = estate
        self._sources = TaggedSources(addresses)
        self._known: set[str] = set()
        self._vpc: dict[tuple[str, str], VpcRules] = {}
        self._policies: dict[str, tuple[_Policy, ...]] = {}
        self._filters: dict[tuple[str, Target], Filter] = {}

    def ingress(self, target: Target) -> Filter:
        """What may reach the interface."""
        return self._filter(INGRESS, target)

    def egress(self, target: Target) -> Filter:
        """What may leave it."""
        return self._filter(EGRESS, target)

    def assumption(self, network: str) -> str:
        """What is taken for granted of policies that nobody exported; empty where nothing is."""
        return assumption(self._estate, network)

    def _filter(self, direction: str, target: Target) -> Filter:
        target = self._reduced(target)
        found = self._filters.get((direction, target))
        if found is None:
            found = self._filters[direction, target] = Filter(
                stages=tuple(self._stages(direction, target)),
                default=_DEFAULTS[direction],
                default_evidence=Evidence(f"{target.network}/firewalls/{_IMPLIED[direction]}", ""),
                step=_STEPS[direction],
            )
        return found

    def _reduced(self, target: Target) -> Target:
        """The target without the tags and accounts that no rule of its network names."""
        rules = [self._rules(target.network, direction) for direction in (INGRESS, EGRESS)]
        policies = self._policies_of(target.network)
        accounts = frozenset(
            account
            for policy in policies
            for rule in policy.rules
            for account in rule.target_service_accounts
        )
        return replace(
            target,
            region=target.region if any(policy.region for policy in policies) else "",
            tags=target.tags & (rules[0].tags | rules[1].tags),
            service_accounts=target.service_accounts
            & (rules[0].accounts | rules[1].accounts | accounts),
        )

    def _stages(self, direction: str, target: Target) -> Iterator[tuple[FilterRule, ...]]:
        policies = self._policies_of(target.network)
        yield from unread_stages(self._estate, target.network)
        yield from _of(policies, ("HIERARCHY", "SYSTEM"), direction, target)
        network = self._estate.get(Network, target.network)
        before = (
            network is not None
            and network.value.network_firewall_policy_enforcement_order == BEFORE
        )
        of_network = list(_of(policies, ("NETWORK", "NETWORK_REGIONAL"), direction, target))
        classic = [self._classic(direction, target)]
        yield from [*of_network, *classic] if before else [*classic, *of_network]

    def _classic(self, direction: str, target: Target) -> tuple[FilterRule, ...]:
        network = target.network
        rules = self._rules(network, direction)
        if network in self._known:
            return rules.stage(target)
        project = project_of(network)
        missing = Missing(
            f"the firewall rules of {network.rpartition('/')[2]}",
            command("firewall-rules list", project),
        )
        return (
            FilterRule(action=FilterAction.ALLOW, unknown=missing),
            FilterRule(action=FilterAction.DENY, unknown=missing),
        )

    def _rules(self, network: str, direction: str) -> VpcRules:
        found = self._vpc.get((network, direction))
        if found is None:
            rules = self._estate.of(FirewallRule, network)
            if self._estate.knows(FirewallRule, network).state is State.EXPORTED:
                self._known.add(network)
            found = self._vpc[network, direction] = VpcRules(rules, direction, self._sources)
        return found

    def _policies_of(self, network: str) -> tuple[_Policy, ...]:
        if network not in self._policies:
            self._policies[network] = tuple(self._read_policies(network))
        return self._policies[network]

    def _read_policies(self, network: str) -> Iterator[_Policy]:
        """In the order in which the effective firewalls list them; then those attached to the network itself."""
        seen = set()
        effective = self._estate.get(EffectiveFirewalls, f"{network}/effectiveFirewalls")
        if effective is not None:
            for number, policy in enumerate(effective.value.firewall_policys):
                seen.add(policy.name)
                at = effective.at("firewallPolicys", number, "rules")
                place = "SYSTEM" if policy.type.startswith("SYSTEM") else policy.type
                yield _Policy(policy.display_name or policy.name, place, "", policy.rules, at)
        for found in self._estate.of(FirewallPolicy, network):
            if found.value.name not in seen:
                region = found.value.region.short if found.value.region else ""
                place = "NETWORK_REGIONAL" if region else "NETWORK"
                yield _Policy(found.value.name, place, region, found.value.rules, found.at("rules"))


def _of(
    policies: Sequence[_Policy], places: tuple[str, ...], direction: str, target: Target
) -> Iterator[tuple[FilterRule, ...]]:
    for place in places:
        for policy in policies:
            if policy.place == place and policy.region in ("", target.region):
                yield policy_stage(policy.rules, direction, target, policy.at, policy.name)
