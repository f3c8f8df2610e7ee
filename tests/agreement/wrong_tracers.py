"""Tracers that are wrong in one way each. Each is a function of an estate, so that it may compile it wrongly, too."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import msgspec

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls, FirewallPolicy
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.load_balancing import ForwardingRule
from wayhome.clouds.gcp.resources.network import Network as VpcNetwork
from wayhome.clouds.gcp.resources.network import Peering
from wayhome.clouds.gcp.resources.router import Router
from wayhome.clouds.kubernetes.network_policy import CAUSE as GKE_NETWORK_POLICY
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.lab.check import Tracer
from wayhome.network import Flow, Network, Node, NodeKind, Port, RoutingRule
from wayhome.trace import Trace, trace
from wayhome.trace.tracking import Tracking

Wrong = Callable[[Estate], Tracer]


def _of_other_exports(changed: Callable[[Estate], Iterator[Located[Any]]]) -> Wrong:
    """The right tracer, which was told something else."""

    def wrong(estate: Estate) -> Tracer:
        network = compile_estate(estate.with_changes(changed=list(changed(estate))))
        return lambda _, flow, at: trace(network, flow, at)

    return wrong


def _peerings(**fields: bool | str) -> Wrong:
    def changed(estate: Estate) -> Iterator[Located[Any]]:
        for one in estate.all(VpcNetwork).values():
            peerings = tuple(_with(peering, fields) for peering in one.value.peerings)
            value = msgspec.structs.replace(one.value, peerings=peerings)
            yield Located(value, one.evidence)

    return _of_other_exports(changed)


def _with(peering: Peering, fields: Mapping[str, bool | str]) -> Peering:
    return msgspec.structs.replace(peering, **fields)


def _all(kind: type[Resource], **fields: Any) -> Wrong:
    """All resources of a type have these fields."""

    def changed(estate: Estate) -> Iterator[Located[Any]]:
        for one in estate.all(kind).values():
            yield Located(msgspec.structs.replace(one.value, **fields), one.evidence)

    return _of_other_exports(changed)


def _nodes(changed: Callable[[Node], Node]) -> Wrong:
    """The right tracer on a network in which every node lacks something."""

    def wrong(estate: Estate) -> Tracer:
        network = compile_estate(estate)
        lacking = Network.of(map(changed, network.nodes), network.links)
        return lambda _, flow, at: trace(lacking, flow, at)

    return wrong


def _without_rules(gone: Callable[[Node, RoutingRule], bool]) -> Wrong:
    def changed(node: Node) -> Node:
        return replace(node, rules=tuple(rule for rule in node.rules if not gone(node, rule)))

    return _nodes(changed)


def _ports(changed: Callable[[Port], Port]) -> Wrong:
    return _nodes(lambda node: replace(node, ports=tuple(map(changed, node.ports))))


def _patched(where: Any, name: str, instead: Callable[..., Any]) -> Wrong:
    @contextmanager
    def broken() -> Iterator[None]:
        with patch.object(where, name, instead):
            yield

    def wrong(_: Estate) -> Tracer:
        def ask(network: Network, flow: Flow, at: str) -> Trace:
            with broken():
                return trace(network, flow, at)

        return ask

    return wrong


WRONG: dict[str, Wrong] = {
    "all firewall rules are ignored": _ports(
        lambda port: replace(port, filter_in=None, filter_out=None)
    ),
    "rules on the way out are ignored": _ports(lambda port: replace(port, filter_in=None)),
    "a rule's priority is ignored": _all(FirewallRule, priority=1000),
    "a rule's target tags are ignored": _all(FirewallRule, target_tags=()),
    "a disabled rule counts": _all(FirewallRule, disabled=False),
    "replies meet the rules": _patched(Tracking, "is_reply", lambda *_: False),
    "an export flag is ignored": _peerings(export_custom_routes=True),
    "an import flag is ignored": _peerings(import_custom_routes=True),
    "public subnets are always exchanged": _peerings(
        export_subnet_routes_with_public_ip=True, import_subnet_routes_with_public_ip=True
    ),
    "a peering exchanges the other family, whatever it says": _peerings(stack_type="IPV4_IPV6"),
    "policies of the organization are ignored": _all(EffectiveFirewalls, firewall_policys=()),
    "policies of a network are ignored": _all(FirewallPolicy, rules=()),
    "a network's policies come behind its rules, whatever it says": _all(
        VpcNetwork, network_firewall_policy_enforcement_order="AFTER_CLASSIC_FIREWALL"
    ),
    "NetworkPolicies are ignored": _ports(
        lambda port: (
            replace(port, filter_in=None, filter_out=None)
            if GKE_NETWORK_POLICY in {f.cause for f in (port.filter_in, port.filter_out) if f}
            else port
        )
    ),
    "policy-based routes are ignored": _without_rules(
        lambda _, rule: rule.table.startswith("policy-based:")
    ),
    "a second interface is never sent by": _without_rules(
        lambda node, rule: node.kind is NodeKind.INSTANCE and rule.table.startswith("nic")
    ),
    "a balancer's address is nobody's": _all(ForwardingRule, ip_address=None),
    "Cloud NAT is ignored": _all(Router, nats=()),
    "Services and host ports lead nowhere": _nodes(
        lambda node: replace(node, translation_in=()) if node.kind is NodeKind.INSTANCE else node
    ),
    "external addresses are not translated back": _nodes(
        lambda node: replace(node, translation_in=()) if node.kind is NodeKind.GATEWAY else node
    ),
    "nothing is masqueraded": _nodes(lambda node: replace(node, translation_out=())),
    "a translation is not undone": _patched(Tracking, "confirm", lambda *_: None),
    "everything runs": _nodes(lambda node: replace(node, not_running=None)),
}
