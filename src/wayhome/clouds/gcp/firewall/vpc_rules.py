"""A network's VPC firewall rules, for one direction and one target.

Lowest priority number first, and of equal ones those that deny before those that allow. Source ranges, source tags and
source service accounts are alternatives: the packet's source must be in any of them.
"""

from collections.abc import Iterable, Iterator

from wayhome.clouds.gcp.firewall.families import with_protocols
from wayhome.clouds.gcp.firewall.sources import TaggedSources
from wayhome.clouds.gcp.firewall.target import Target
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.located import Located
from wayhome.network.filter import FilterAction, FilterRule
from wayhome.network.prefix_set import PrefixSet

INGRESS = "INGRESS"
EGRESS = "EGRESS"


class VpcRules:
    """The enabled rules of one network and direction, in order."""

    def __init__(
        self, rules: Iterable[Located[FirewallRule]], direction: str, sources: TaggedSources
    ) -> None:
        chosen = [r for r in rules if r.value.direction == direction and not r.value.disabled]
        chosen.sort(key=lambda rule: (rule.value.priority, not rule.value.denied, rule.name))
        self._rules = [(rule.value, tuple(_compiled(rule, sources))) for rule in chosen]
        self.tags = frozenset(tag for rule, _ in self._rules for tag in rule.target_tags)
        self.accounts = frozenset(
            a for rule, _ in self._rules for a in rule.target_service_accounts
        )

    def stage(self, target: Target) -> tuple[FilterRule, ...]:
        """The rules that apply to a target."""
        return tuple(
            one for rule, compiled in self._rules if _applies(rule, target) for one in compiled
        )


def _applies(rule: FirewallRule, target: Target) -> bool:
    if rule.target_tags:
        return not target.tags.isdisjoint(rule.target_tags)
    if rule.target_service_accounts:
        return not target.service_accounts.isdisjoint(rule.target_service_accounts)
    return True


def _compiled(rule: Located[FirewallRule], sources: TaggedSources) -> Iterator[FilterRule]:
    value = rule.value
    denies = bool(value.denied)
    items = value.denied if denies else value.allowed
    compiled = FilterRule(
        action=FilterAction.DENY if denies else FilterAction.ALLOW,
        sources=_sources(value, sources),
        destinations=_ranges(value),
        evidence=rule.evidence,
    )
    return with_protocols(compiled, ((item.ip_protocol, item.ports) for item in items))


def _sources(rule: FirewallRule, sources: TaggedSources) -> PrefixSet | None:
    if not (rule.source_ranges or rule.source_tags or rule.source_service_accounts):
        return None
    prefixes = [cidr.prefix for cidr in rule.source_ranges]
    prefixes += sources.tagged(rule.network, rule.source_tags)
    prefixes += sources.with_accounts(rule.network, rule.source_service_accounts)
    return PrefixSet.of(prefixes)


def _ranges(rule: FirewallRule) -> PrefixSet | None:
    if not rule.destination_ranges:
        return None
    return PrefixSet.of(cidr.prefix for cidr in rule.destination_ranges)
