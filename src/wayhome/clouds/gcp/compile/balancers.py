"""Internal load balancers: the interfaces behind a forwarding rule, as a destination and as a route's next hop.

A passthrough balancer leaves the destination as it is: all of its backends have its address, and the fabric has equal
routes to it, one to each, over which flows are spread. Where the backends are not exported, or a proxy stands in between
(INTERNAL_MANAGED), what happens there is unknown.
"""

import shlex
from collections import defaultdict
from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.parts import Parts
from wayhome.clouds.gcp.derive.gap import command
from wayhome.clouds.gcp.derive.interfaces import Interface, interfaces
from wayhome.clouds.gcp.derive.next_hops import RUNNING
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.load_balancing import (
    BackendService,
    ForwardingRule,
    InstanceGroupMembers,
)
from wayhome.clouds.located import Located
from wayhome.clouds.values import Reference
from wayhome.network import Drop, Forward, Missing, Node, NodeKind, Port, Route
from wayhome.prefixes import Prefix

PASSTHROUGH = "INTERNAL"
FRONT = "FORWARDING_RULE"
"""The type of the routes to a balancer's backends, which no analyzer shows as routes."""
INTERNAL_SCHEMES = ("INTERNAL", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED")


def add_balancers(parts: Parts, estate: Estate) -> dict[str, tuple[Prefix, ...]]:
    """Routes to the backends of each balancer; the addresses that backends have by it, by the fabrics' ports to them.

    One whose backends are unknown is opaque; one that has none takes what comes, and drops it.
    """
    found: dict[str, list[Prefix]] = defaultdict(list)
    for rule in estate.all(ForwardingRule).values():
        value = rule.value
        if value.load_balancing_scheme not in INTERNAL_SCHEMES or value.ip_address is None:
            continue
        front = value.ip_address.prefix
        behind = backends(estate, rule)
        if isinstance(behind, Missing) or not behind:
            _add_closed(parts, rule, front, behind if isinstance(behind, Missing) else None)
            continue
        for interface in behind:
            if front not in found[interface.port]:  # two rules may share an address
                found[interface.port].append(front)
                way = Route(front, Forward(interface.port), FRONT, evidence=rule.evidence)
                parts.fronts[interface.value.network].append(way)
    return {port: tuple(fronts) for port, fronts in found.items()}


def _add_closed(
    parts: Parts, rule: Located[ForwardingRule], front: Prefix, unknown: Missing | None
) -> None:
    value = rule.value
    if value.network is None:
        return
    empty = Drop("NO_BACKENDS", f"{value.name} has no running backend", rule.evidence)
    parts.add(
        Node(
            name=rule.name, kind=NodeKind.BALANCER, ports=(Port(name="fabric"),),
            opaque=unknown, not_running=None if unknown else empty, evidence=rule.evidence,
        )
    )  # fmt: skip
    parts.attach(value.network, Port(name=rule.name, owns=(front,)), rule.name, "fabric")


def backends(estate: Estate, rule: Located[ForwardingRule]) -> tuple[Interface, ...] | Missing:
    """The running backends of a passthrough balancer, in the balancer's network."""
    value = rule.value
    if value.load_balancing_scheme != PASSTHROUGH or value.backend_service is None:
        return _unknown(rule, f"what {value.name} does with a connection")
    service = estate.get(BackendService, value.backend_service)
    if service is None:
        return _unknown(rule, f"the backends of {value.name}", "backend-services list")
    found: list[Interface] = []
    for backend in service.value.backends:
        members = estate.get(InstanceGroupMembers, f"{backend.group}/instances")
        if members is None:
            return _unknown(
                rule, f"the members of {backend.group.short}", _list_members(backend.group)
            )
        found += _members(estate, members.value, value.network or "")
    return tuple(found)


def _list_members(group: Reference) -> str:
    parts = group.split("/")
    where = parts[2].removesuffix("s") if len(parts) > 3 else ""
    at = f" --{where}={shlex.quote(parts[3])}" if where in ("zone", "region") else ""
    return f"instance-groups list-instances {shlex.quote(group.short)}{at}"


def _members(estate: Estate, members: InstanceGroupMembers, network: str) -> Iterator[Interface]:
    for member in members.members:
        instance = estate.get(Instance, member.instance)
        if instance is not None and instance.value.status in (RUNNING, ""):
            for interface in interfaces(instance):
                if network in ("", interface.value.network):
                    yield interface
                    break


def _unknown(
    rule: Located[ForwardingRule], fact: str, words: str = "forwarding-rules list"
) -> Missing:
    return Missing(fact, command(words, "/".join(rule.name.split("/")[:2])))
