"""Policy-based routes: before all tables, by priority alone, to an internal passthrough load balancer.

One that says DEFAULT_ROUTING exempts its packets from those behind it: it becomes the ordinary rules, for its packets.
A packet that none of its tables routes is then dropped, as without policy-based routes.
"""

from collections.abc import Sequence
from dataclasses import replace

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.balancers import backends
from wayhome.clouds.gcp.compile.parts import ATTACHED, attachment_class, tag_class
from wayhome.clouds.gcp.derive.gap import command
from wayhome.clouds.gcp.derive.ranges import EVERYTHING
from wayhome.clouds.gcp.resources.load_balancing import ForwardingRule
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.policy_based_route import PolicyBasedRoute
from wayhome.clouds.located import Located
from wayhome.network import (
    Action,
    Drop,
    Forward,
    Missing,
    Opaque,
    PrefixSet,
    Protocol,
    Route,
    RouteTable,
    RoutingRule,
)

_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP, "ICMP": Protocol.ICMP}


def policy_rules(
    estate: Estate, network: Located[Network], ordinary: Sequence[RoutingRule]
) -> tuple[list[RoutingRule], dict[str, RouteTable]]:
    """The rules of a network's policy-based routes, and their tables."""
    rules: list[RoutingRule] = []
    tables: dict[str, RouteTable] = {}
    found = estate.of(PolicyBasedRoute, network.name)
    for route in sorted(found, key=lambda item: (item.value.priority, item.name)):
        rule = _rule(route)
        if rule is None:
            continue
        if route.value.next_hop_other_routes == "DEFAULT_ROUTING":
            rules += [replace(rule, table=item.table) for item in ordinary]
            tables["no-route"] = _table(route, (Drop("NO_ROUTE"),))
            rules.append(replace(rule, table="no-route"))
        else:
            rules.append(rule)
            tables[rule.table] = _table(route, _actions(estate, route))
    return rules, tables


def _rule(route: Located[PolicyBasedRoute]) -> RoutingRule | None:
    """Which packets. None: a protocol that no flow can have."""
    value = route.value
    protocol = value.filter.ip_protocol.upper()
    if protocol != "ALL" and protocol not in _PROTOCOLS:
        return None
    if value.virtual_machine is not None:
        ingress = frozenset(map(tag_class, value.virtual_machine.tags))
    elif value.interconnect_attachment is not None:
        ingress = frozenset({attachment_class(value.interconnect_attachment.region)})
    else:
        ingress = frozenset({ATTACHED})
    return RoutingRule(
        table=f"policy-based:{route.name}",
        ingress=ingress,
        sources=PrefixSet((value.filter.src_range.prefix,)),
        destinations=PrefixSet((value.filter.dest_range.prefix,)),
        protocol=_PROTOCOLS.get(protocol),
        evidence=route.evidence,
    )


def _actions(estate: Estate, route: Located[PolicyBasedRoute]) -> tuple[Action, ...]:
    """To the backends of the load balancer that has the next hop's address."""
    address, network = route.value.next_hop_ilb_ip, route.value.network
    rules = [
        rule
        for rule in estate.of(ForwardingRule, network)
        if address is not None and rule.value.ip_address == address
    ]
    if not rules:
        fact = f"which load balancer has {address}, the next hop of {route.value.name}"
        return (Opaque(Missing(fact, command("forwarding-rules list", network.project))),)
    found = backends(estate, rules[0])
    if isinstance(found, Missing):
        return (Opaque(found),)
    if not found:
        return (Drop("NO_BACKENDS", f"{rules[0].value.name} has no running backend"),)
    return tuple(Forward(interface.port) for interface in found)


def _table(route: Located[PolicyBasedRoute], actions: tuple[Action, ...]) -> RouteTable:
    return RouteTable(
        tuple(
            Route(prefix, action, "POLICY_BASED", evidence=route.evidence)
            for prefix in EVERYTHING
            for action in actions
        )
    )
