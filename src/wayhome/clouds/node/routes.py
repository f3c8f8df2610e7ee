"""A node's own way out, from its rules and routes: instead of what is assumed of a guest.

A device that has one of the instance's addresses is the interface with that address. Bridges for containers lead
nowhere but to the node itself; where any other device leads is unknown. Rules for marked packets, and for what comes by
one device, are left out: what is asked about carries no mark.

Strict reverse path filtering is what may enter by an interface: only what would be answered by it. Where rules look at
the source, that depends on more than the interface, and is left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wayhome.clouds.node.outputs import NodeOutputError, objects
from wayhome.clouds.node.settings import mtus, reverse_path_is_strict, settings_of
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.network import (
    Action,
    Address,
    Drop,
    Evidence,
    Forward,
    Missing,
    Node,
    Opaque,
    Port,
    PrefixSet,
    Route,
    RouteTable,
    RoutingRule,
)
from wayhome.prefixes import Family, Intervals, Prefix, PrefixTable

KIND = "NODE"
STAYS = "ROUTE_STAYS_ON_NODE"
"""The node's own route leads to a bridge on it; no analyzer has a name for it."""
REVERSE_PATH = "REVERSE_PATH_FILTER"
_BRIDGES = re.compile(
    r"docker\d+|br-[0-9a-f]{12}|cni\d*|cbr\d+|virbr\d+|lxcbr\d+|podman\d+|kube-bridge"
)
_DROPS = {"blackhole", "unreachable", "prohibit"}
_IGNORED = {"local", "broadcast", "multicast", "anycast", "throw"}
_OUTPUT = NodeOutput.ROUTES


@dataclass(frozen=True, slots=True)
class Ways:
    """The rules and tables behind that of the node's Pods, and the instance's interfaces by device."""

    rules: tuple[RoutingRule, ...]
    tables: Mapping[str, RouteTable]
    interfaces: Mapping[str, str]


def ways_of(state: NodeState, host: Node) -> Ways | None:
    """The node's way out; None where it was not collected. Raises NodeOutputError."""
    rules, routes = objects(state, NodeOutput.RULES), objects(state, NodeOutput.ROUTES)
    if routes is None:
        return None
    evidence = state.outputs[NodeOutput.ROUTES].evidence
    interfaces = _interfaces(routes, host)
    if not interfaces:
        return None
    tables: dict[str, list[Route]] = {}
    for number, route in enumerate(routes):
        table = str(route.get("table", "main"))
        found = _routes(route, interfaces, state, evidence.at(number))
        tables.setdefault(f"node {table}", []).extend(found)
    kept = tuple(_rules(state, rules)) if rules else (RoutingRule(table="node main"),)
    return Ways(
        tuple(rule for rule in kept if rule.table in tables),
        {name: RouteTable.of(found) for name, found in tables.items()},
        interfaces,
    )


def with_ways(host: Node, ways: Ways, state: NodeState) -> Node:
    """The node with its own way out and MTU, and with reverse path filtering where it is strict."""
    settings = settings_of(state) or {}
    by_port = {
        ways.interfaces[device]: value
        for device, value in mtus(settings).items()
        if device in ways.interfaces
    }
    sized = (replace(port, mtu=by_port.get(port.name, port.mtu)) for port in host.ports)
    ports = tuple(
        replace(
            port,
            permitted=PrefixSet(tuple(_answered_by(port, ways))),
            spoofed=REVERSE_PATH,
            permitted_evidence=state.outputs[NodeOutput.SYSCTL].evidence,
        )
        if _is_filtered(port, ways, settings)
        else port
        for port in sized
    )
    return replace(host, ports=ports, rules=ways.rules, tables=dict(ways.tables), assumptions=())


def _interfaces(routes: list[dict[str, Any]], host: Node) -> dict[str, str]:
    """The instance's ports by the device that has their address."""
    owners = {str(address): port.name for port in host.ports for address in port.addresses}
    return {
        str(route.get("dev")): owners[str(route.get("dst"))]
        for route in routes
        if route.get("type") == "local" and str(route.get("dst")) in owners
    }


def _routes(
    route: dict[str, Any], interfaces: Mapping[str, str], state: NodeState, evidence: Evidence
) -> Iterator[Route]:
    if str(route.get("type")) in _IGNORED:
        return
    hops = route.get("nexthops") or [route]
    family = Family.IPV6 if "pref" in route or ":" in str(route.get("gateway")) else Family.IPV4
    for destination in _destinations(str(route.get("dst", "")), family, evidence):
        for hop in hops if isinstance(hops, list) else ():
            device = str(hop.get("dev", "")) if isinstance(hop, dict) else ""
            action = _action(str(route.get("type", "")), device, interfaces, state, evidence)
            order = route.get("metric", 0)
            yield Route(
                destination, action, KIND, order if isinstance(order, int) else 0, evidence=evidence
            )


def _destinations(text: str, family: Family, evidence: Evidence) -> Iterator[Prefix]:
    """`default` does not say of which family; only IPv6 routes have a `pref`."""
    try:
        if text == "default":
            yield Prefix(family, 0, 0)
        else:
            whole = text if "/" in text else str(Address.parse(text).prefix)
            yield Prefix.parse(whole)
    except ValueError as error:
        raise NodeOutputError(_OUTPUT, str(error), evidence) from None


def _action(
    kind: str, device: str, interfaces: Mapping[str, str], state: NodeState, evidence: Evidence
) -> Action:
    node = state.name.rpartition("/")[2]
    if kind in _DROPS:
        return Drop("ROUTE_BLACKHOLE", f"{node} has a {kind} route", evidence)
    if device in interfaces:
        return Forward(interfaces[device])
    if _BRIDGES.fullmatch(device):
        return Drop(STAYS, f"{node} has a route to its own bridge {device}", evidence, device)
    return Opaque(
        Missing(
            f"where the device {device} of {node} leads",
            f"ip -d link show dev {device}  # on {node}",
        )
    )


def _rules(state: NodeState, rules: list[dict[str, Any]]) -> Iterator[RoutingRule]:
    evidence = state.outputs[NodeOutput.RULES].evidence
    for number, rule in enumerate(rules):
        if rule.get("table") == "local" or "fwmark" in rule or "not" in rule or "action" in rule:
            continue
        if "iif" in rule and rule["iif"] != "lo":
            continue
        yield RoutingRule(
            table=f"node {rule.get('table', 'main')}",
            sources=_selected(rule, "src", evidence),
            destinations=_selected(rule, "dst", evidence),
            locally_sent=True if rule.get("iif") == "lo" else None,
            evidence=evidence.at(number),
        )


def _selected(rule: dict[str, Any], side: str, evidence: Evidence) -> PrefixSet | None:
    text = str(rule.get(side, "all"))
    if text == "all":
        return None
    try:
        address = Address.parse(text)
        return PrefixSet.parse(f"{text}/{rule.get(f'{side}len', address.family.bits)}")
    except ValueError as error:
        raise NodeOutputError(NodeOutput.RULES, str(error), evidence) from None


def _is_filtered(port: Port, ways: Ways, settings: dict[str, str]) -> bool:
    devices = [device for device, name in ways.interfaces.items() if name == port.name]
    return (
        len(set(ways.interfaces.values())) > 1
        and not any(rule.sources for rule in ways.rules)
        and any(reverse_path_is_strict(settings, device) for device in devices)
    )


def _answered_by(port: Port, ways: Ways) -> Iterator[Prefix]:
    """The addresses to which the node sends by a port."""
    for family in Family:
        left = Intervals(((0, family.last),))
        by_port = Intervals()
        for rule in ways.rules:
            table = PrefixTable(
                family,
                {
                    route.destination: route.action
                    for route in sorted(ways.tables[rule.table].routes, key=lambda r: -r.order)
                    if route.destination.family is family
                }.items(),
            )
            flat = table.flatten()
            spans = Intervals.of(
                (first, last) for first, last, action in flat if action == Forward(port.name)
            )
            by_port = by_port.union(spans.intersection(left))
            left = left.minus(Intervals.of((first, last) for first, last, _ in flat))
        for first, last in by_port.spans:
            yield from Prefix.from_interval(family, first, last)
