"""Firewall policies (compute#firewallPolicy): hierarchical ones, and those of networks, global and regional.

`get-effective-firewalls` prints them in a form of its own, per network or instance: `EffectiveFirewalls`.
"""

from typing import ClassVar

from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.named import Regional
from wayhome.clouds.resource import Part, Resource
from wayhome.clouds.values import Cidr, PortRange, Reference


class Layer4(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A protocol by name or number, or `all`; no ports means all."""

    ip_protocol: str
    ports: tuple[PortRange, ...] = ()


class SecureTag(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A tag of Resource Manager. Which instances carry it is not in any export of Compute Engine."""

    name: str
    state: str = ""


class Match(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """What a rule matches. All lists that are not empty must match."""

    src_ip_ranges: tuple[Cidr, ...] = ()
    dest_ip_ranges: tuple[Cidr, ...] = ()
    layer4_configs: tuple[Layer4, ...] = ()
    src_secure_tags: tuple[SecureTag, ...] = ()
    src_address_groups: tuple[str, ...] = ()
    dest_address_groups: tuple[str, ...] = ()
    src_fqdns: tuple[str, ...] = ()
    dest_fqdns: tuple[str, ...] = ()
    src_region_codes: tuple[str, ...] = ()
    dest_region_codes: tuple[str, ...] = ()
    src_threat_intelligences: tuple[str, ...] = ()
    dest_threat_intelligences: tuple[str, ...] = ()
    src_networks: tuple[Reference, ...] = ()
    src_network_context: str = ""
    dest_network_context: str = ""
    src_network_type: str = ""
    dest_network_type: str = ""


class PolicyRule(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A rule of a policy. `action` is allow, deny, goto_next or apply_security_profile_group."""

    priority: int
    action: str
    direction: str = "INGRESS"
    match: Match = Match()
    disabled: bool = False
    rule_name: str = ""
    description: str = ""
    target_resources: tuple[Reference, ...] = ()
    """Networks. None: all."""
    target_service_accounts: tuple[str, ...] = ()
    target_secure_tags: tuple[SecureTag, ...] = ()
    target_type: str = ""
    """INSTANCES (or empty), or INTERNAL_MANAGED_LB, whose rules do not concern instances."""


class Association(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """What a policy is attached to: an organization, a folder or a network."""

    name: str = ""
    attachment_target: Reference = Reference("")


class FirewallPolicy(Regional, frozen=True, kw_only=True, rename="camel", gc=False):
    """A policy. Its `name` is a number where it is hierarchical."""

    KIND: ClassVar[str] = "compute#firewallPolicy"
    COLLECTION: ClassVar[str] = "firewallPolicies"

    short_name: str = ""
    parent: str = ""
    """`organizations/1` or `folders/1`; empty for the policy of a network."""
    rules: tuple[PolicyRule, ...] = ()
    associations: tuple[Association, ...] = ()

    def owners(self) -> tuple[str, ...]:
        """What it is attached to."""
        return tuple(association.attachment_target for association in self.associations)


class EffectivePolicy(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A policy in the order in which it applies."""

    name: str = ""
    type: str = "UNSPECIFIED"
    """HIERARCHY, NETWORK, NETWORK_REGIONAL, SYSTEM, SYSTEM_GLOBAL or SYSTEM_REGIONAL."""
    priority: int | None = None
    short_name: str = ""
    display_name: str = ""
    rules: tuple[PolicyRule, ...] = ()


class EffectiveFirewalls(Resource, frozen=True, kw_only=True, rename="camel", gc=False):
    """What `get-effective-firewalls` prints of a network or an instance. It does not say whose it is.

    Its full name is its owner's, followed by `/effectiveFirewalls`. The rules in `firewalls` are objects of their own
    in the estate as well.
    """

    KIND: ClassVar[str] = "compute#effectiveFirewalls"
    COLLECTION: ClassVar[str] = "effectiveFirewalls"

    firewalls: tuple[FirewallRule, ...] = ()
    firewall_policys: tuple[EffectivePolicy, ...] = ()
