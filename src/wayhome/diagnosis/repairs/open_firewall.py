"""Open a firewall: a rule that lets the refused packet in, or out, for one range, its port and its instance, and no more.

Inwards the range is the source's, outwards the destination alone. The rule stands before the rule that refused. What a policy above the network refuses no rule of the network can allow: then the
replay fails, and says so.
"""

import re
from collections.abc import Iterator

from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule, ProtocolAndPorts
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.values import Cidr, NetworkReference, PortRange
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import gcloud, made, short
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.repairs.source import range_of_source
from wayhome.diagnosis.repairs.terraform import resource
from wayhome.diagnosis.situation import Situation
from wayhome.network import Protocol
from wayhome.prefixes import Family
from wayhome.trace import Lost

KIND = "open-firewall"
DEFAULT_PRIORITY = 1000
ICMPV6 = "58"
"""Its number: rules know no name of it."""
INGRESS, EGRESS = "INGRESS", "EGRESS"
LONGEST_NAME = 63
"""Characters of a resource's name (RFC 1035)."""


def open_firewall(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Let the packet in, or out, where a firewall refused it."""
    scene = Scene.of(situation)
    if scene is None or scene.drop.cause != "FIREWALL_RULE" or scene.lost is not Lost.FORWARD:
        return
    network = scene.vpc
    if network is None:
        return
    rule = _rule(situation, scene, network.name)
    located = made(f"{network.name.partition('/networks/')[0]}/firewalls/{rule.name}", rule)
    if situation.estate.get(FirewallRule, located.name) is not None:
        return
    _, project, *_ = network.name.split("/")
    verb, side = ("out", "to") if rule.direction == EGRESS else ("in", "from")
    (span,) = rule.source_ranges or rule.destination_ranges
    yield Proposal(
        kind=KIND,
        summary=f"{rule.network.short} lets {verb} {_what(rule)} {side} {span}",
        changes=Changes(created=(located,)),
        commands=(_create(rule, project),),
        undo=(gcloud("firewall-rules", "delete", rule.name, project=project, quiet=True),),
        terraform=_terraform(rule, project),
    )


def _rule(situation: Situation, scene: Scene, network: str) -> FirewallRule:
    packet = situation.trace.shown.result.packet  # a proxy's, where it was refused behind one
    icmp = packet.protocol is Protocol.ICMP
    ports = () if icmp else (PortRange(str(packet.destination_port)),)
    outwards = EGRESS in scene.dropped_by
    span = packet.destination.prefix if outwards else range_of_source(situation)
    protocol = ICMPV6 if icmp and span.family is Family.IPV6 else str(packet.protocol)
    what = f"{packet.protocol}{''.join(ports)}"
    side = f"from-{short(network)}-to-{span}" if outwards else f"from-{span}-to-{short(network)}"
    ranges = (Cidr(str(span)),)
    return FirewallRule(
        name=_name(f"allow-{what}-{side}"),
        network=NetworkReference(network),
        direction=EGRESS if outwards else INGRESS,
        priority=_priority(situation, scene),
        allowed=(ProtocolAndPorts(ip_protocol=protocol, ports=ports),),
        source_ranges=() if outwards else ranges,
        destination_ranges=ranges if outwards else (),
        target_tags=_tags(situation, scene, outwards=outwards),
    )


def _tags(situation: Situation, scene: Scene, *, outwards: bool) -> tuple[str, ...]:
    """Those of the instance that it comes from or goes to; without any the rule is for all instances of the network."""
    destination = situation.trace.shown.result.packet.destination
    names = [owner.name for owner in situation.network.owners(destination)]
    if outwards:  # the fabric's port to the instance that sent it
        names = [(scene.died_at.entered or "").rpartition("/")[0]]
    for name in names:
        instance = situation.estate.get(Instance, name)
        if instance is not None:
            return instance.value.tags.items[:1]
    return ()


def _priority(situation: Situation, scene: Scene) -> int:
    """Just before the rule that refused; that of the implied rule is behind all others."""
    evidence = scene.drop.evidence
    refusing = situation.estate.get(FirewallRule, evidence.object) if evidence else None
    return max(0, refusing.value.priority - 1) if refusing else DEFAULT_PRIORITY


def _name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:LONGEST_NAME].strip("-")


def _what(rule: FirewallRule) -> str:
    (allowed,) = rule.allowed
    return f"{allowed.ip_protocol}{':' if allowed.ports else ''}{','.join(allowed.ports)}"


def _create(rule: FirewallRule, project: str) -> str:
    return gcloud(
        "firewall-rules", "create", rule.name,
        project=project, network=rule.network.short, direction=rule.direction, priority=rule.priority,
        action="ALLOW", rules=_what(rule), source_ranges=rule.source_ranges or None,
        destination_ranges=rule.destination_ranges or None, target_tags=rule.target_tags or None,
    )  # fmt: skip


def _terraform(rule: FirewallRule, project: str) -> str:
    (allowed,) = rule.allowed
    ports = {"ports": list(map(str, allowed.ports))} if allowed.ports else {}
    key = "destination_ranges" if rule.direction == EGRESS else "source_ranges"
    ranges = {key: list(map(str, rule.source_ranges or rule.destination_ranges))}
    tags = {"target_tags": list(rule.target_tags)} if rule.target_tags else {}
    return resource(
        "google_compute_firewall", rule.name,
        {
            "project": project, "name": rule.name, "network": rule.network.short,
            "direction": rule.direction, "priority": rule.priority, **ranges, **tags,
            "allow": {"protocol": allowed.ip_protocol, **ports},
        },
    )  # fmt: skip
