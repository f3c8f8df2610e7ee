"""Open a firewall: a rule that lets the refused packet in, for its source's range, its port and its target, and no more.

It stands before the rule that refused. What a policy above the network refuses no rule of the network can allow: then the
replay fails, and says so.
"""

import re
from collections.abc import Iterator

from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule, ProtocolAndPorts
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.located import Located
from wayhome.clouds.values import Cidr, PortRange, Reference
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import gcloud
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.repairs.source import range_of_source
from wayhome.diagnosis.repairs.terraform import resource
from wayhome.diagnosis.situation import Situation
from wayhome.network import Evidence, Protocol
from wayhome.prefixes import Prefix
from wayhome.trace import Lost

KIND = "open-firewall"
DEFAULT_PRIORITY = 1000
LONGEST_NAME = 63
"""Characters of a resource's name (RFC 1035)."""


def open_firewall(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Let the packet in where a firewall refused it."""
    scene = Scene.of(situation)
    if scene is None or scene.drop.cause != "FIREWALL_RULE" or scene.lost is not Lost.FORWARD:
        return
    network = scene.vpc
    if network is None or "INGRESS" not in scene.dropped_by:
        return
    source = range_of_source(situation)
    rule = _rule(situation, network.name, source, _priority(situation, scene))
    located = Located(
        rule, Evidence(f"{network.name.partition('/networks/')[0]}/firewalls/{rule.name}", "")
    )
    if situation.estate.get(FirewallRule, located.name) is not None:
        return
    _, project, *_ = network.name.split("/")
    yield Proposal(
        kind=KIND,
        summary=f"{network.name.rpartition('/')[2]} lets in {_what(rule)} from {source}",
        changes=Changes(created=(located,)),
        commands=(_create(rule, project),),
        undo=(gcloud("firewall-rules", "delete", rule.name, project=project, quiet=True),),
        terraform=_terraform(rule, project),
    )


def _rule(situation: Situation, network: str, source: Prefix, priority: int) -> FirewallRule:
    packet = situation.trace.shown.result.packet  # a proxy's, where it was refused behind one
    icmp = packet.protocol is Protocol.ICMP
    ports = () if icmp else (PortRange(str(packet.destination_port)),)
    return FirewallRule(
        name=_name(network.rpartition("/")[2], source, f"{packet.protocol}{''.join(ports)}"),
        network=Reference(network),
        priority=priority,
        allowed=(ProtocolAndPorts(ip_protocol=str(packet.protocol), ports=ports),),
        source_ranges=(Cidr(str(source)),),
        target_tags=_tags(situation),
    )


def _tags(situation: Situation) -> tuple[str, ...]:
    """Those of the destination's instance; without any the rule is for all instances of the network."""
    for owner in situation.network.owners(situation.trace.shown.result.packet.destination):
        instance = situation.estate.get(Instance, owner.name)
        if instance is not None:
            return instance.value.tags.items[:1]
    return ()


def _priority(situation: Situation, scene: Scene) -> int:
    """Just before the rule that refused; that of the implied rule is behind all others."""
    evidence = scene.drop.evidence
    refusing = situation.estate.get(FirewallRule, evidence.object) if evidence else None
    return max(0, refusing.value.priority - 1) if refusing else DEFAULT_PRIORITY


def _name(network: str, source: Prefix, what: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", f"allow-{what}-from-{source}-to-{network}".lower())
    return name[:LONGEST_NAME].strip("-")


def _what(rule: FirewallRule) -> str:
    (allowed,) = rule.allowed
    return f"{allowed.ip_protocol}{':' if allowed.ports else ''}{','.join(allowed.ports)}"


def _create(rule: FirewallRule, project: str) -> str:
    return gcloud(
        "firewall-rules", "create", rule.name,
        project=project, network=rule.network.short, direction="INGRESS", priority=rule.priority,
        allow=_what(rule), source_ranges=rule.source_ranges, target_tags=rule.target_tags or None,
    )  # fmt: skip


def _terraform(rule: FirewallRule, project: str) -> str:
    (allowed,) = rule.allowed
    ports = {"ports": list(map(str, allowed.ports))} if allowed.ports else {}
    tags = {"target_tags": list(rule.target_tags)} if rule.target_tags else {}
    return resource(
        "google_compute_firewall", rule.name,
        {
            "project": project, "name": rule.name, "network": rule.network.short,
            "direction": "INGRESS", "priority": rule.priority,
            "source_ranges": list(map(str, rule.source_ranges)), **tags,
            "allow": {"protocol": allowed.ip_protocol, **ports},
        },
    )  # fmt: skip
