"""Firewall policies, hierarchical and of networks: one stage each, for one direction and one target.

Some conditions cannot be told from exports of Compute Engine: secure tags, domain names, countries, threat lists,
address groups and network contexts. A rule with such a condition may match or not, whatever its ranges say, and carries
the fact that is missing. A rule that hands the packet to an inspection (apply_security_profile_group) may do either.
"""

import shlex
from collections.abc import Iterator, Sequence

from wayhome.clouds.gcp.firewall.families import with_protocols
from wayhome.clouds.gcp.firewall.target import Target
from wayhome.clouds.gcp.resources.firewall_policy import Match, PolicyRule
from wayhome.clouds.values import Cidr
from wayhome.network.evidence import Evidence
from wayhome.network.filter import FilterAction, FilterRule
from wayhome.network.missing import Missing
from wayhome.network.prefix_set import PrefixSet

INSPECT = "apply_security_profile_group"
INSTANCES = ("", "INSTANCES")


def policy_stage(
    rules: Sequence[PolicyRule], direction: str, target: Target, at: Evidence, policy: str
) -> tuple[FilterRule, ...]:
    """The rules of a policy that apply to a target. `at`: where the list of rules stands."""
    chosen = [
        (rule, at.at(number))
        for number, rule in enumerate(rules)
        if rule.direction == direction and not rule.disabled and _applies(rule, target)
    ]
    chosen.sort(key=lambda item: (item[0].priority, item[0].action != "deny"))
    return tuple(compiled for rule, place in chosen for compiled in _compiled(rule, place, policy))


def _applies(rule: PolicyRule, target: Target) -> bool:
    if rule.target_type not in INSTANCES:
        return False
    if rule.target_resources and target.network not in rule.target_resources:
        return False
    accounts = rule.target_service_accounts
    return not accounts or not target.service_accounts.isdisjoint(accounts)


def _compiled(rule: PolicyRule, at: Evidence, policy: str) -> Iterator[FilterRule]:
    unknown = _unknown(rule, policy)
    match = rule.match
    sources = None if _unknown_side(match, "src") else _ranges(match.src_ip_ranges)
    destinations = None if _unknown_side(match, "dest") else _ranges(match.dest_ip_ranges)
    actions = [FilterAction(rule.action)] if rule.action != INSPECT else []
    if not actions:
        fact = f"what the inspection by rule {rule.priority} of {policy} does"
        unknown = Missing(fact, "gcloud network-security security-profile-groups list")
        actions = [FilterAction.ALLOW, FilterAction.DENY]
    for action in actions:
        compiled = FilterRule(
            action=action,
            sources=sources,
            destinations=destinations,
            evidence=at,
            unknown=unknown,
        )
        items = [(item.ip_protocol, item.ports) for item in match.layer4_configs]
        yield from with_protocols(compiled, items) if items else (compiled,)


def _ranges(ranges: Sequence[Cidr]) -> PrefixSet | None:
    return PrefixSet.of(cidr.prefix for cidr in ranges) if ranges else None


_SIDES = ("secure_tags", "address_groups", "fqdns", "region_codes", "threat_intelligences")


def _unknown_side(match: Match, side: str) -> tuple[str, ...]:
    """The conditions on one side that exports do not resolve."""
    fields = [f"{side}_{field}" for field in _SIDES]
    fields += [f"{side}_networks", f"{side}_network_context", f"{side}_network_type"]
    return tuple(field for field in fields if getattr(match, field, None))


def _unknown(rule: PolicyRule, policy: str) -> Missing | None:
    fields = [*_unknown_side(rule.match, "src"), *_unknown_side(rule.match, "dest")]
    if rule.target_secure_tags:
        fields.append("target_secure_tags")
    if not fields:
        return None
    tags = any(field.endswith("secure_tags") for field in fields)
    fact = f"whether rule {rule.priority} of {policy} matches by its {fields[0].replace('_', ' ')}"
    if tags:
        return Missing(fact, "gcloud resource-manager tags bindings list --effective")
    return Missing(
        fact,
        f"gcloud compute firewall-policies rules describe {rule.priority} --firewall-policy={shlex.quote(policy)}",
    )
