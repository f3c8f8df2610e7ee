"""Over public addresses: the destination gets one, the nodes leave by one, and a firewall rule lets just these in.

Pods are masqueraded towards the internet by default, and the node's address becomes a fixed one of Cloud NAT. What that
makes public is said. Addresses that Google has yet to give are stood in for, in the replay and nowhere else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from wayhome.clouds.gcp.compile.cloud_nat import nat_sources
from wayhome.clouds.gcp.resources.address import Address as ReservedAddress
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule, ProtocolAndPorts
from wayhome.clouds.gcp.resources.instance import AccessConfiguration, Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.router import Nat, NatSubnetwork, Router
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Cidr, IpAddress, PortRange, Reference
from wayhome.diagnosis.gcloud import gcloud, made, place, short
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.proposal import Changes, Effort, NotPossible, Proposal
from wayhome.diagnosis.repairs.source import PodSource
from wayhome.diagnosis.situation import Situation
from wayhome.network import Missing
from wayhome.prefixes import Family

KIND = "public-path"
OF_TARGET, OF_NAT = IpAddress("34.127.255.1"), IpAddress("34.127.255.2")
"""What stands for addresses that Google gives: two of its own, of which the exports know nothing."""


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
    if _has_way_out(situation, source):
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


def _has_way_out(situation: Situation, source: PodSource) -> bool:
    """Whether a Cloud NAT or an address of its own gives the node a public one."""
    nic = source.instance.value.network_interfaces[0]
    network = situation.estate.get(Network, source.network)
    if nic.access_configs or nic.network_ip is None or network is None:
        return bool(nic.access_configs)
    own = nic.network_ip.prefix
    return any(
        prefix.holds(own)
        for nat in nat_sources(situation.estate, network)
        for prefix in nat.sources.prefixes
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is made, as objects for the replay and as commands."""

    situation: Situation
    source: PodSource
    target: Located[Instance]

    @property
    def nat(self) -> str:
        """The name of the router, its NAT and its address."""
        return f"nat-of-{self.source.subnet.value.name}"[:55]

    @property
    def nat_place(self) -> str:
        """The full name of the region that they are in, of the network's project."""
        project, region = self.source.network.split("/")[1], self.source.subnet.value.region.short
        return f"projects/{project}/regions/{region}"

    @property
    def target_place(self) -> str:
        """The target's region, in full."""
        _, project, _, zone = self.target.name.split("/")[:4]
        return f"projects/{project}/regions/{zone.rpartition('-')[0]}"

    @property
    def target_network(self) -> Reference:
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
                f"all machines of {self.source.subnet.value.name} without a public address can open connections to the internet then",
                f"in the replay {OF_TARGET} stands for the target's address and {OF_NAT} for the NAT's; Google gives both",
                "the packets leave the private network: what is not encrypted can be read on the way",
            ),
            question=Question(question.source, str(OF_TARGET), flow.protocol, flow.port),
        )

    def _created(self) -> Iterator[Located[Resource]]:
        nat_address = f"{self.nat_place}/addresses/{self.nat}"
        yield made(nat_address, ReservedAddress(name=self.nat, address=OF_NAT))
        subnet = NatSubnetwork(
            name=Reference(self.source.subnet.name), source_ip_ranges_to_nat=("PRIMARY_IP_RANGE",)
        )
        nat = Nat(
            name=self.nat, source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",
            subnetworks=(subnet,), nat_ips=(Reference(nat_address),),
        )  # fmt: skip
        router = Router(
            name=self.nat, network=Reference(self.source.network),
            region=Reference(self.nat_place), nats=(nat,),
        )  # fmt: skip
        yield made(f"{self.nat_place}/routers/{self.nat}", router)
        rule = self._rule()
        yield made(f"{self.target_network.project}/global/firewalls/{rule.name}", rule)

    def _rule(self) -> FirewallRule:
        flow = self.situation.asked.flow
        ports = () if flow.port is None else (PortRange(str(flow.port)),)
        return FirewallRule(
            name=f"allow-{self.nat}-to-{self.target.value.name}"[:63].strip("-"),
            network=self.target_network,
            allowed=(ProtocolAndPorts(ip_protocol=str(flow.protocol), ports=ports),),
            source_ranges=(Cidr(str(OF_NAT.prefix)),),
            target_tags=self.target.value.tags.items[:1],
        )

    def _changed(self) -> Located[Resource]:
        first, *others = self.target.value.network_interfaces
        access = (AccessConfiguration(nat_ip=OF_TARGET),)
        nic = msgspec.structs.replace(first, access_configs=access)
        value = msgspec.structs.replace(self.target.value, network_interfaces=(nic, *others))
        return Located(value, self.target.evidence)

    def _commands(self) -> Iterator[str]:
        name, nat, there = self.target.value.name, place(self.nat_place + "/x"), place(self.target_place + "/x")  # fmt: skip
        yield gcloud("addresses", "create", self.nat, **nat)
        yield gcloud("routers", "create", self.nat, network=short(self.source.network), **nat)
        yield gcloud(
            "routers", "nats", "create", self.nat,
            router=self.nat, nat_custom_subnet_ip_ranges=self.source.subnet.value.name,
            nat_external_ip_pool=self.nat, **nat,
        )  # fmt: skip
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
        yield f'{opened} --source-ranges="$({_read(self.nat, nat)})/32"'

    def _undo(self) -> Iterator[str]:
        name, nat, there = self.target.value.name, place(self.nat_place + "/x"), place(self.target_place + "/x")  # fmt: skip
        project = self.target_network.split("/")[1]
        yield gcloud("firewall-rules", "delete", self._rule().name, project=project, quiet=True)
        yield gcloud(
            "instances", "delete-access-config", name,
            access_config_name="external-nat", **place(self.target.name),
        )  # fmt: skip
        yield gcloud("addresses", "delete", f"{name}-public", quiet=True, **there)
        yield gcloud("routers", "delete", self.nat, quiet=True, **nat)
        yield gcloud("addresses", "delete", self.nat, quiet=True, **nat)


def _read(name: str, where: dict[str, str | int | bool | tuple[str, ...] | None]) -> str:
    return gcloud("addresses", "describe", name, format="value(address)", **where)
