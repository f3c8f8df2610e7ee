"""VPC firewall rules and policies: which one decides, for whom, and what cannot be told."""

from dataclasses import replace
from typing import Any

import pytest
from tests.clouds.google import Object, firewall, full_network, google, instance, network, subnet

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.interfaces import Addresses
from wayhome.clouds.gcp.firewall.firewalls import Firewalls
from wayhome.clouds.gcp.firewall.target import Target
from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.knowledge import Claim, Knowledge, State
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.network import Address, Filter, FilterAction, Protocol

NET = full_network("p/n")


def estate(*objects: Object, order: str = "AFTER_CLASSIC_FIREWALL") -> Estate:
    return google(
        network("p/n", networkFirewallPolicyEnforcementOrder=order),
        subnet("p/n", "10.1.0.0/16"),
        instance("p/n", "web", "10.1.0.2", tags="web", aliases=("172.16.1.0/24",),
                 serviceAccounts=[{"email": "web@p"}]),
        instance("p/n", "db", "10.1.0.3", tags="db"),
        *objects,
    )  # fmt: skip


def firewalls(of: Estate) -> Firewalls:
    return Firewalls(of, Addresses.of(of))


def ingress(of: Estate, *, tags: str = "", accounts: str = "", region: str = "r1") -> Filter:
    target = Target(NET, region, frozenset(tags.split()), frozenset(accounts.split()))
    return firewalls(of).ingress(target)


def decided(
    filter_: Filter, source: str = "10.9.9.9", port: int = 80, protocol: Protocol = Protocol.TCP
) -> tuple[str, str]:
    """The action, and the short name of the rule that decided; `?` where a fact is missing."""
    for stage in range(len(filter_.stages)):
        found = filter_.matching(
            stage, Address.parse(source), Address.parse("10.1.0.2"), protocol, port
        )
        for rule in found:
            if rule.unknown is not None:
                return "?", rule.unknown.fact
            if rule.action is not FilterAction.GOTO_NEXT:
                assert rule.evidence is not None
                at = rule.evidence
                return rule.action.value, at.object.rpartition("/")[2]
            break
    assert filter_.default_evidence is not None
    return filter_.default.value, filter_.default_evidence.object.rpartition("/")[2]


def rule(name: str, priority: int = 1000, **fields: Any) -> Object:
    verb = {"allowed": "tcp"} if "denied" not in fields and "allowed" not in fields else {}
    return firewall("p/n", name, priority=priority, **(verb | fields))


def test_nothing_comes_in_and_everything_goes_out_without_rules() -> None:
    of = firewalls(estate())
    target = Target(NET, "r1")
    assert decided(of.ingress(target)) == ("deny", "implied-deny-ingress")
    assert decided(of.egress(target)) == ("allow", "implied-allow-egress")


@pytest.mark.parametrize(
    "rules, expected",
    [
        ([rule("a", 900), rule("d", 1000, denied="tcp")], ("allow", "a")),
        ([rule("a", 1000), rule("d", 900, denied="tcp")], ("deny", "d")),
        ([rule("a", 1000), rule("d", 1000, denied="tcp")], ("deny", "d")),
        ([rule("a", 900, disabled=True), rule("d", 1000, denied="tcp")], ("deny", "d")),
        ([rule("a", 900, direction="EGRESS")], ("deny", "implied-deny-ingress")),
        ([rule("a", allowed="tcp:8000-8080")], ("deny", "implied-deny-ingress")),
        ([rule("a", allowed="tcp:22,tcp:80")], ("allow", "a")),
        ([rule("a", allowed="udp,esp")], ("deny", "implied-deny-ingress")),
        ([rule("a", allowed="6")], ("allow", "a")),
        ([rule("a", allowed="all")], ("allow", "a")),
        ([rule("a", sourceRanges=["10.9.0.0/16"])], ("allow", "a")),
        ([rule("a", sourceRanges=["10.8.0.0/16"])], ("deny", "implied-deny-ingress")),
    ],
)
def test_priorities_protocols_and_ranges(rules: list[Object], expected: tuple[str, str]) -> None:
    assert decided(ingress(estate(*rules))) == expected


def test_targets_are_chosen_by_tags_or_service_accounts() -> None:
    of = estate(
        rule("tagged", targetTags=["web", "other"]),
        rule("account", 2000, targetServiceAccounts=["web@p"]),
    )
    assert decided(ingress(of, tags="web")) == ("allow", "tagged")
    assert decided(ingress(of, accounts="web@p")) == ("allow", "account")
    assert decided(ingress(of, tags="db")) == ("deny", "implied-deny-ingress")


def test_a_source_tag_means_primary_addresses_and_never_a_pods() -> None:
    of = ingress(estate(rule("by-tag", sourceTags=["web"])))
    assert decided(of, "10.1.0.2") == ("allow", "by-tag")
    assert decided(of, "172.16.1.5") == ("deny", "implied-deny-ingress")
    assert decided(of, "10.1.0.3") == ("deny", "implied-deny-ingress")


def test_source_ranges_and_source_tags_are_alternatives() -> None:
    of = ingress(estate(rule("either", sourceRanges=["10.9.0.0/16"], sourceTags=["web"])))
    assert decided(of, "10.9.1.1") == decided(of, "10.1.0.2") == ("allow", "either")
    assert decided(of, "10.1.0.3") == ("deny", "implied-deny-ingress")


def test_a_source_service_account() -> None:
    of = ingress(estate(rule("account", sourceServiceAccounts=["web@p"])))
    assert decided(of, "10.1.0.2") == ("allow", "account")
    assert decided(of, "10.1.0.3") == ("deny", "implied-deny-ingress")


def test_interfaces_that_no_rule_tells_apart_share_one_filter() -> None:
    of = firewalls(estate(rule("tagged", targetTags=["web"])))
    same = [of.ingress(Target(NET, region, frozenset({tag, "web"}))) for region, tag in (("r1", "a"), ("r2", "b"))]  # fmt: skip
    assert same[0] is same[1]
    assert of.ingress(Target(NET, "r1", frozenset({"a"}))) is not same[0]


def policy(name: str, kind: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "displayName": name, "type": kind, "rules": list(rules)}


def policy_rule(action: str, priority: int = 100, **match: Any) -> dict[str, Any]:
    fields = {"srcIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]}
    return {"priority": priority, "direction": "INGRESS", "action": action, "match": fields | match}


def effective(*policies: dict[str, Any]) -> Object:
    return f"{NET}/effectiveFirewalls", {"firewallPolicys": list(policies)}


@pytest.mark.parametrize(
    "kind, order, expected",
    [
        ("HIERARCHY", "AFTER_CLASSIC_FIREWALL", "deny"),
        ("SYSTEM_REGIONAL", "AFTER_CLASSIC_FIREWALL", "deny"),
        ("NETWORK", "AFTER_CLASSIC_FIREWALL", "allow"),
        ("NETWORK_REGIONAL", "AFTER_CLASSIC_FIREWALL", "allow"),
        ("HIERARCHY", "BEFORE_CLASSIC_FIREWALL", "deny"),
        ("NETWORK", "BEFORE_CLASSIC_FIREWALL", "deny"),
        ("NETWORK_REGIONAL", "BEFORE_CLASSIC_FIREWALL", "deny"),
    ],
)
def test_enforcement_order(kind: str, order: str, expected: str) -> None:
    """ "Evaluation order for firewall policies and rules", both orders."""
    of = estate(rule("vpc"), effective(policy("p1", kind, policy_rule("deny"))), order=order)
    assert decided(ingress(of))[0] == expected


def test_global_before_regional_and_organization_before_folder() -> None:
    of = estate(
        effective(
            policy("folder", "HIERARCHY", policy_rule("deny")),
            policy("regional", "NETWORK_REGIONAL", policy_rule("deny")),
            policy("global", "NETWORK", policy_rule("allow")),
        )
    )
    assert decided(ingress(of))[0] == "deny"
    of = estate(
        effective(
            policy("organization", "HIERARCHY", policy_rule("goto_next")),
            policy("regional", "NETWORK_REGIONAL", policy_rule("deny")),
            policy("global", "NETWORK", policy_rule("allow")),
        )
    )
    assert decided(ingress(of))[0] == "allow"


def test_goto_next_hands_over_and_so_does_a_policy_without_a_match() -> None:
    of = estate(
        rule("vpc"),
        effective(
            policy("a", "HIERARCHY", policy_rule("goto_next"), policy_rule("deny", 200)),
            policy("b", "HIERARCHY", policy_rule("deny", srcIpRanges=["10.8.0.0/16"])),
        ),
    )
    assert decided(ingress(of)) == ("allow", "vpc")


def test_a_policy_of_a_network_is_found_without_the_effective_firewalls() -> None:
    regional = (
        "projects/p/regions/r2/firewallPolicies/regional",
        {
            "rules": [policy_rule("deny")],
            "associations": [{"attachmentTarget": NET}],
        },
    )
    of = estate(rule("vpc", 65000), regional, order="BEFORE_CLASSIC_FIREWALL")
    assert decided(ingress(of, region="r1"))[0] == "allow"
    assert decided(ingress(of, region="r2"))[0] == "deny"


def test_policy_rules_for_other_targets_do_not_apply() -> None:
    deny = policy_rule("deny")
    rules = [
        deny | {"targetResources": [full_network("p/other")]},
        deny | {"priority": 101, "targetServiceAccounts": ["db@p"]},
        deny | {"priority": 102, "targetType": "INTERNAL_MANAGED_LB"},
        deny | {"priority": 103, "disabled": True},
        deny | {"priority": 104, "direction": "EGRESS"},
    ]
    of = estate(rule("vpc"), effective(policy("h", "HIERARCHY", *rules)))
    assert decided(ingress(of, accounts="web@p")) == ("allow", "vpc")


@pytest.mark.parametrize(
    "match, fact",
    [
        ({"srcFqdns": ["example.com"]}, "src fqdns"),
        ({"srcRegionCodes": ["CH"]}, "src region codes"),
        ({"srcThreatIntelligences": ["iplist-tor-exit-nodes"]}, "src threat intelligences"),
        ({"srcSecureTags": [{"name": "tagValues/1"}]}, "src secure tags"),
        ({"srcAddressGroups": ["g"]}, "src address groups"),
        ({"srcNetworkContext": "INTERNET"}, "src network context"),
    ],
)
def test_conditions_that_exports_do_not_resolve(match: dict[str, Any], fact: str) -> None:
    fields = policy_rule("deny", **match)
    fields["match"].pop("srcIpRanges")
    of = estate(rule("vpc"), effective(policy("h", "HIERARCHY", fields)))
    action, why = decided(ingress(of))
    assert action == "?"
    assert fact in why


def test_target_secure_tags_and_inspection_are_unknown() -> None:
    secure = policy_rule("deny") | {"targetSecureTags": [{"name": "tagValues/1"}]}
    of = estate(rule("vpc"), effective(policy("h", "HIERARCHY", secure)))
    assert decided(ingress(of))[0] == "?"
    inspected = policy_rule("apply_security_profile_group")
    of = estate(rule("vpc"), effective(policy("h", "HIERARCHY", inspected)))
    assert "inspection" in decided(ingress(of))[1]


def test_an_unknown_condition_does_not_matter_where_its_protocol_does_not_match() -> None:
    fields = policy_rule(
        "deny", srcFqdns=["example.com"], layer4Configs=[{"ipProtocol": "tcp", "ports": ["443"]}]
    )
    of = estate(rule("vpc"), effective(policy("h", "HIERARCHY", fields)))
    assert decided(ingress(of), port=80) == ("allow", "vpc")


def test_policies_that_were_not_exported_are_an_assumption_that_says_so() -> None:
    assert "no firewall policy applies" in firewalls(estate()).assumption(NET)
    assert "get-effective-firewalls n --project=p" in firewalls(estate()).assumption(NET)
    assert firewalls(estate(effective())).assumption(NET) == ""


def test_a_policy_of_the_network_says_nothing_about_those_from_above() -> None:
    attached = {"associations": [{"name": "a", "attachmentTarget": NET}], "rules": []}
    of = estate(("projects/p/global/firewallPolicies/own", attached))
    assert "no hierarchical firewall policy applies" in firewalls(of).assumption(NET)


def test_a_policy_that_the_network_names_and_nobody_exported_is_a_missing_fact() -> None:
    policy = "projects/p/global/firewallPolicies/own"
    of = google(network("p/n", firewallPolicy=policy), subnet("p/n", "10.1.0.0/16"), rule("vpc"))
    assert decided(ingress(of)) == ("?", "the rules of n's firewall policy own")
    assert firewalls(of).assumption(NET) == ""
    assert decided(ingress(of.with_changes(created=[seen(effective())]))) == ("allow", "vpc")


def test_effective_firewalls_that_were_refused_are_a_missing_fact() -> None:
    of = estate(rule("vpc"))
    for state in (State.NOT_READABLE, State.DAMAGED):
        claim = Claim(EffectiveFirewalls, NET, state, "no")
        unread = replace(of, knowledge=Knowledge((claim, Claim(FirewallRule, NET, State.EXPORTED))))
        assert decided(ingress(unread)) == ("?", "which firewall policies apply to n")


def seen(one: Object) -> Located[Resource]:
    (found,) = google(one).all(EffectiveFirewalls).values()
    return Located(found.value, found.evidence)


@pytest.mark.parametrize(
    ("allowed", "ranges", "source", "action"),
    [
        ("icmp", ["0.0.0.0/0"], "10.9.9.9", "allow"),
        ("icmp", ["::/0"], "fd20::9", "deny"),
        ("icmp", ["0.0.0.0/0", "::/0"], "10.9.9.9", "allow"),
        ("icmp", ["0.0.0.0/0", "::/0"], "fd20::9", "deny"),
        ("58", ["::/0"], "fd20::9", "allow"),
        ("58", ["0.0.0.0/0"], "10.9.9.9", "deny"),
        ("tcp,icmp,58", ["0.0.0.0/0", "::/0"], "10.9.9.9", "allow"),
        ("tcp,icmp,58", ["0.0.0.0/0", "::/0"], "fd20::9", "allow"),
        ("all", ["::/0"], "fd20::9", "allow"),
    ],
)
def test_icmp_is_that_of_one_family(
    allowed: str, ranges: list[str], source: str, action: str
) -> None:
    of = estate(firewall("p/n", "ping", allowed=allowed, sourceRanges=ranges))
    assert decided(ingress(of), source, 0, Protocol.ICMP)[0] == action


def test_the_ports_of_a_rule_hold_beside_its_icmp() -> None:
    of = estate(firewall("p/n", "web", allowed="tcp:80,icmp", sourceRanges=["0.0.0.0/0", "::/0"]))
    assert decided(ingress(of), "fd20::9", 80)[0] == "allow"
    assert decided(ingress(of), "fd20::9", 81)[0] == "deny"
