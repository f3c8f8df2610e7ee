"""Over public addresses: the destination gets one, the nodes leave by one, and a firewall rule lets just these in.

Pods are masqueraded towards the internet by default, and the node's address becomes a fixed one of Cloud NAT. What that
makes public is said. Addresses that Google has yet to give are stood in for, in the replay and nowhere else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule, ProtocolAndPorts
from wayhome.clouds.gcp.resources.instance import AccessConfiguration, Instance
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Cidr, IpAddress, NetworkReference, PortRange
from wayhome.diagnosis.gcloud import gcloud, made, place, short
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.nat import ADDRESS as ADDRESS_OF_NAT
from wayhome.diagnosis.repairs.nat import NatPlan, has_way_out
from wayhome.diagnosis.repairs.proposal import Changes, Effort, NotPossible, Proposal
from wayhome.diagnosis.repairs.source import PodSource
from wayhome.diagnosis.situation import Situation
from wayhome.network import Missing
from wayhome.prefixes import Family

KIND = "public-path"
OF_TARGET = IpAddress("34.127.255.1")
"""What stands for the address that Google gives, beside that of the NAT."""


def public_path(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Give the destination and the source's nodes public addresses."""
    source = PodSource.of(situation)
    destination = situation.asked.flow.destination
    if source is None or destination.family is not Family.IPV4:
        return
    if isinstance(source, Missing):
        yield NotPossible(KIND, f"{source.fact} is not exported", source)
        return
    target = _target(situation)
    if target is None:
        yield NotPossible(KIND, f"{destination} is no exported instance's own address, so nothing can be given a public one")  # fmt: skip
        return
    if target.value.network_interfaces[0].access_configs:
        yield NotPossible(KIND, f"{target.value.name} has a public address already: ask about that one")  # fmt: skip
        return
    if has_way_out(situation, source.instance, source.network):
        yield NotPossible(
            KIND,
            f"the nodes leave {short(source.subnet.name)} by public addresses already; let these in at {target.value.name}",
        )
        return
    yield _Plan(situation, source, target).proposal()


def _target(situation: Situation) -> Located[Instance] | None:
    for owner in situation.network.owners(situation.asked.flow.destination):
        found = situation.estate.get(Instance, owner.name)
        if found is not None and found.value.network_interfaces:
            first = found.value.network_interfaces[0].network_ip
            if first is not None and first.value == situation.asked.flow.destination.value:
                return found
    return None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is made, as objects for the replay and as commands."""

    situation: Situation
    source: PodSource
    target: Located[Instance]

    @property
    def nat(self) -> NatPlan:
        """By which the nodes leave."""
        return NatPlan(self.source.subnet)

    @property
    def target_place(self) -> str:
        """The target's region, in full."""
        _, project, _, zone = self.target.name.split("/")[:4]
        return f"projects/{project}/regions/{zone.rpartition('-')[0]}"

    @property
    def target_network(self) -> NetworkReference:
        """The network of the target."""
        return self.target.value.network_interfaces[0].network

    def proposal(self) -> Proposal:
        """The whole."""
        flow, question = self.situation.asked.flow, self.situation.question
        name = self.target.value.name
        return Proposal(
            kind=KIND,
            summary=f"the Pod asks {name} at a public address, and comes from a public address of Cloud NAT",
            changes=Changes(created=tuple(self._created()), changed=(self._changed(),)),
            commands=tuple(self._commands()),
            undo=tuple(self._undo()),
            effort=Effort.EXPOSURE,
            notes=(
                f"{name} is on the internet then: this rule lets in the NAT's address alone, and what other rules let in from anywhere, everybody may use",
                self.nat.note,
                f"in the replay {OF_TARGET} stands for the target's address and {ADDRESS_OF_NAT} for the NAT's; Google gives both",
                "the packets leave the private network: what is not encrypted can be read on the way",
            ),
            question=Question(question.source, str(OF_TARGET), flow.protocol, flow.port),
        )

    def _created(self) -> Iterator[Located[Resource]]:
        yield from self.nat.created()
        rule = self._rule()
        yield made(f"{self.target_network.project}/global/firewalls/{rule.name}", rule)

    def _rule(self) -> FirewallRule:
        flow = self.situation.asked.flow
        ports = () if flow.port is None else (PortRange(str(flow.port)),)
        return FirewallRule(
            name=f"allow-{self.nat.name}-to-{self.target.value.name}"[:63].strip("-"),
            network=self.target_network,
            allowed=(ProtocolAndPorts(ip_protocol=str(flow.protocol), ports=ports),),
            source_ranges=(Cidr(str(ADDRESS_OF_NAT.prefix)),),
            target_tags=self.target.value.tags.items[:1],
        )

    def _changed(self) -> Located[Resource]:
        first, *others = self.target.value.network_interfaces
        access = (AccessConfiguration(nat_ip=OF_TARGET),)
        nic = msgspec.structs.replace(first, access_configs=access)
        value = msgspec.structs.replace(self.target.value, network_interfaces=(nic, *others))
        return Located(value, self.target.evidence)

    def _commands(self) -> Iterator[str]:
        name, there = self.target.value.name, place(self.target_place + "/x")
        yield from self.nat.commands()
        yield gcloud("addresses", "create", f"{name}-public", **there)
        access = gcloud("instances", "add-access-config", name, **place(self.target.name))
        yield f'{access} --address="$({_read(f"{name}-public", there)})"'
        rule = self._rule()
        (allowed,) = rule.allowed
        ports = ":" + ",".join(allowed.ports) if allowed.ports else ""
        opened = gcloud(
            "firewall-rules", "create", rule.name,
            project=self.target_network.split("/")[1], network=self.target_network.short,
            direction="INGRESS", allow=f"{allowed.ip_protocol}{ports}",
            target_tags=rule.target_tags or None,
        )  # fmt: skip
        yield f'{opened} --source-ranges="$({_read(self.nat.name, self.nat.options)})/32"'

    def _undo(self) -> Iterator[str]:
        name, there = self.target.value.name, place(self.target_place + "/x")
        project = self.target_network.split("/")[1]
        yield gcloud("firewall-rules", "delete", self._rule().name, project=project, quiet=True)
        yield gcloud(
            "instances", "delete-access-config", name,
            access_config_name="external-nat", **place(self.target.name),
        )  # fmt: skip
        yield gcloud("addresses", "delete", f"{name}-public", quiet=True, **there)
        yield from self.nat.undo()


def _read(name: str, where: dict[str, str | int | bool | tuple[str, ...] | None]) -> str:
    return gcloud("addresses", "describe", name, format="value(address)", **where)
