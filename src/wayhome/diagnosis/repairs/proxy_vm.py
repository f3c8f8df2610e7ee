"""A proxy on machines of the source's network: the Pod asks it, and it asks the destination from an address of a subnetwork.

Two machines in a managed group behind an internal load balancer: what Kubernetes would give by itself, redundancy and
healing, comes from the balancer's health check and the group's. The first is quick, because until it has failed often
enough the balancer goes on choosing a machine that is dead; the second is slow, because it replaces a machine that may
only be busy. The flow is another one then: what is replayed is the Pod asking the balancer's address, and the proxy's
own flow behind it. `proxy-pod`, its control, stands in another module.

Source: "Internal passthrough Network Load Balancer", "Health checks overview" and "Set up autohealing",
docs.cloud.google.com.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.clouds.gcp.compile.cloud_nat import nat_sources
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule, ProtocolAndPorts
from wayhome.clouds.gcp.resources.instance import Instance, NetworkInterface, Tags
from wayhome.clouds.gcp.resources.load_balancing import (
    Backend,
    BackendService,
    ForwardingRule,
    GroupMember,
    HealthCheck,
    InstanceGroup,
    InstanceGroupMembers,
    PortOfCheck,
)
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.located import Located
from wayhome.clouds.proxy import Proxy
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Cidr, IpAddress, NetworkReference, PortRange, Reference
from wayhome.diagnosis.gcloud import gcloud, made, short, with_input
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.free import free_addresses
from wayhome.diagnosis.repairs.nginx import configuration, health_port, startup_script
from wayhome.diagnosis.repairs.proposal import Changes, Effort, NotPossible, Proposal
from wayhome.diagnosis.repairs.ranges import pod_ranges_of
from wayhome.diagnosis.repairs.source import PodSource
from wayhome.diagnosis.situation import Situation
from wayhome.network import Address, Flow, Missing
from wayhome.prefixes import Family

KIND = "proxy-vm"
MACHINES = 2
HEALTH_CHECKS = ("130.211.0.0/22", "35.191.0.0/16")
"""From where Google's health checks come."""
NO_PORT = "a proxy carries TCP and UDP and no ICMP echo: ask about a port"


def proxy_vm(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Have the Pod ask a proxy on machines beside its node."""
    source = PodSource.of(situation)
    flow = situation.asked.flow
    if source is None or flow.destination.family is not Family.IPV4:
        return
    if isinstance(source, Missing):
        yield NotPossible(KIND, f"{source.fact} is not exported", source)
        return
    if flow.port is None:
        yield NotPossible(KIND, NO_PORT)
        return
    free = free_addresses(situation.estate, source.subnet, MACHINES + 1)
    if len(free) <= MACHINES:
        yield NotPossible(KIND, f"{source.subnet.name} has no {MACHINES + 1} free addresses")
        return
    plan = _Plan(situation, source, flow, flow.port, free[0], free[1:])
    yield Proposal(
        kind=KIND,
        summary=f"the Pod asks a proxy at {free[0]}, port {flow.port}, instead of {flow.destination}",
        changes=Changes(created=tuple(plan.objects())),
        commands=tuple(plan.commands()),
        undo=tuple(plan.undo()),
        effort=Effort.MACHINES,
        notes=tuple(plan.notes()),
        question=Question(situation.question.source, str(free[0]), flow.protocol, flow.port),
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is made, as objects for the replay and as commands."""

    situation: Situation
    source: PodSource
    flow: Flow
    port: int
    front: Address
    machines: tuple[Address, ...]

    @property
    def name(self) -> str:
        """Of everything that is made."""
        where = str(self.flow.destination).replace(".", "-")
        return f"proxy-to-{where}-{self.flow.protocol}-{self.port}"

    @property
    def project(self) -> str:
        """The machines', which in a Shared VPC is not the network's."""
        return self.source.instance.name.split("/")[1]

    @property
    def region(self) -> str:
        """The source's."""
        return self.source.subnet.value.region.short

    @property
    def configuration(self) -> str:
        """Nginx's."""
        return configuration(self.flow.destination, self.flow.protocol, self.port)

    def objects(self) -> Iterator[Located[Resource]]:
        """Machines with a proxy each, their group, and what stands before it."""
        name, region = self.name, f"projects/{self.project}/regions/{self.region}"
        service = Reference(f"{region}/backendServices/{name}")
        group = Reference(f"{region}/instanceGroups/{name}")
        network = NetworkReference(self.source.network)
        names = list(self._machine_names())
        for machine, address in zip(names, self.machines, strict=True):
            yield made(machine, self._machine(machine, address))
            proxy = Proxy(
                host=machine, program="nginx", protocol=str(self.flow.protocol), port=self.port,
                upstream=IpAddress(str(self.flow.destination)),
            )  # fmt: skip
            yield made(f"{machine}/proxies/{self.port}", proxy)
        balancers, groups = (made(self._full_name(one), one) for one in self._health_checks())
        yield from (balancers, groups)
        yield made(group, InstanceGroup(name=name, network=network, size=MACHINES))
        members = tuple(GroupMember(instance=Reference(one), status="RUNNING") for one in names)
        yield made(f"{group}/instances", InstanceGroupMembers(members=members))
        yield made(
            service,
            BackendService(
                name=name, network=network, load_balancing_scheme="INTERNAL",
                protocol=str(self.flow.protocol).upper(), backends=(Backend(group=group),),
                health_checks=(Reference(balancers.name),),
            ),
        )  # fmt: skip
        yield made(
            f"{region}/forwardingRules/{name}",
            ForwardingRule(
                name=name, network=network, subnetwork=Reference(self.source.subnet.name),
                ip_address=IpAddress(str(self.front)), load_balancing_scheme="INTERNAL",
                ip_protocol=str(self.flow.protocol).upper(), ports=(PortRange(str(self.port)),),
                backend_service=service,
            ),
        )  # fmt: skip
        for rule in self._rules():
            yield made(f"{network.project}/global/firewalls/{rule.name}", rule)

    def _machine_names(self) -> Iterator[str]:
        zone = self.source.instance.value.zone.short
        for number in range(1, MACHINES + 1):
            yield f"projects/{self.project}/zones/{zone}/instances/{self.name}-{number}"

    def _machine(self, machine: str, address: Address) -> Instance:
        nic = NetworkInterface(
            name="nic0",
            network=NetworkReference(self.source.network),
            subnetwork=Reference(self.source.subnet.name),
            network_ip=IpAddress(str(address)),
        )
        return Instance(
            name=short(machine), zone=self.source.instance.value.zone, status="RUNNING",
            tags=Tags(items=(self.name,)), network_interfaces=(nic,),
        )  # fmt: skip

    def _health_checks(self) -> tuple[HealthCheck, HealthCheck]:
        """The balancer's and the group's. A second is the shortest interval that there is."""
        port = PortOfCheck(port=health_port(self.flow.protocol, self.port))
        return (
            HealthCheck(
                name=self.name, type="TCP", tcp_health_check=port,
                check_interval_sec=1, timeout_sec=1, unhealthy_threshold=2, healthy_threshold=2,
            ),
            HealthCheck(
                name=f"{self.name}-healing", type="TCP", tcp_health_check=port,
                check_interval_sec=30, timeout_sec=10, unhealthy_threshold=3, healthy_threshold=1,
            ),
        )  # fmt: skip

    def _full_name(self, check: HealthCheck) -> str:
        return f"projects/{self.project}/global/healthChecks/{check.name}"

    def _rules(self) -> Iterator[FirewallRule]:
        """Pods and nodes may ask, and health checks may look."""
        pods = (Cidr(str(one)) for one in pod_ranges_of(self.situation.estate, self.source.cluster))
        subnet = self.source.subnet.value.ip_cidr_range
        clients = (*pods, *((subnet,) if subnet else ()))
        protocol, port = str(self.flow.protocol), str(self.port)
        checked = str(health_port(self.flow.protocol, self.port))
        for suffix, allowed, sources in (
            ("clients", ProtocolAndPorts(ip_protocol=protocol, ports=(PortRange(port),)), clients),
            ("checks", ProtocolAndPorts(ip_protocol="tcp", ports=(PortRange(checked),)), map(Cidr, HEALTH_CHECKS)),
        ):  # fmt: skip
            yield FirewallRule(
                name=f"{self.name}-{suffix}",
                network=NetworkReference(self.source.network),
                allowed=(allowed,),
                source_ranges=tuple(sources),
                target_tags=(self.name,),
            )

    def commands(self) -> Iterator[str]:
        """In the order in which the one needs the other."""
        name, project, region = self.name, self.project, self.region
        protocol = str(self.flow.protocol)
        for rule in self._rules():
            (allowed,) = rule.allowed
            yield gcloud(
                "firewall-rules", "create", rule.name,
                project=self.source.network.split("/")[1], network=short(self.source.network),
                direction="INGRESS", allow=f"{allowed.ip_protocol}:{','.join(allowed.ports)}",
                source_ranges=rule.source_ranges, target_tags=rule.target_tags,
            )  # fmt: skip
        balancers, groups = self._health_checks()
        for check in (balancers, groups):
            yield gcloud(
                "health-checks", "create", "tcp", check.name,
                project=project, global_=True, port=health_port(self.flow.protocol, self.port),
                check_interval=check.check_interval_sec, timeout=check.timeout_sec,
                unhealthy_threshold=check.unhealthy_threshold, healthy_threshold=check.healthy_threshold,
            )  # fmt: skip
        template = gcloud(
            "instance-templates", "create", name,
            project=project, region=region, machine_type="e2-small", subnet=self.source.subnet.name,
            no_address=True, tags=name, image_family="debian-12", image_project="debian-cloud",
            metadata_from_file="startup-script=/dev/stdin",
        )  # fmt: skip
        yield with_input(template, startup_script(self.configuration))
        yield gcloud(
            "instance-groups", "managed", "create", name,
            project=project, region=region, size=MACHINES, template=name,
            health_check=groups.name, initial_delay=300,
        )  # fmt: skip
        yield gcloud(
            "backend-services", "create", name,
            project=project, region=region, load_balancing_scheme="INTERNAL", protocol=protocol.upper(),
            health_checks=balancers.name, global_health_checks=True,
        )  # fmt: skip
        yield gcloud(
            "backend-services", "add-backend", name,
            project=project, region=region, instance_group=name, instance_group_region=region,
        )  # fmt: skip
        yield gcloud(
            "forwarding-rules", "create", name,
            project=project, region=region, load_balancing_scheme="INTERNAL",
            network=self.source.network, subnet=self.source.subnet.name, address=str(self.front),
            ip_protocol=protocol.upper(), ports=str(self.port), backend_service=name,
        )  # fmt: skip

    def undo(self) -> Iterator[str]:
        """The same backwards."""
        name, where = self.name, {"project": self.project, "region": self.region}
        yield gcloud("forwarding-rules", "delete", name, quiet=True, **where)
        yield gcloud("backend-services", "delete", name, quiet=True, **where)
        yield gcloud("instance-groups", "managed", "delete", name, quiet=True, **where)
        yield gcloud("instance-templates", "delete", name, project=self.project, quiet=True)
        for check in self._health_checks():
            yield gcloud("health-checks", "delete", check.name, project=self.project, global_=True, quiet=True)  # fmt: skip
        network_project = self.source.network.split("/")[1]
        for rule in self._rules():
            yield gcloud("firewall-rules", "delete", rule.name, project=network_project, quiet=True)

    def notes(self) -> Iterator[str]:
        """What the person should know who decides."""
        addresses = " and ".join(map(str, self.machines))
        yield f"whoever asks has to be told the new address: {self.front}, port {self.port}"
        yield f"{self.flow.destination} then sees the proxies ({addresses} in the replay; the group chooses) and no Pods"
        yield f"only {self.flow.protocol} port {self.port} of {self.flow.destination} is proxied"
        yield from self._when_one_dies()
        if not self._has_nat():
            yield (
                f"{self.source.subnet.value.name} has no Cloud NAT in the exports: the machines cannot install nginx from "
                "the distribution; use an image that has it"
            )

    def _when_one_dies(self) -> Iterator[str]:
        balancers, groups = self._health_checks()
        failures, interval = balancers.unhealthy_threshold, balancers.check_interval_sec
        soonest, latest = (failures - 1) * interval, failures * interval + balancers.timeout_sec
        replaced = groups.unhealthy_threshold * groups.check_interval_sec
        yield (
            f"if one of the machines dies, about half of the new connections fail until the balancer takes it out, {soonest} "
            f"to {latest} s later; the group replaces what has failed its own check for {replaced} s"
        )

    def _has_nat(self) -> bool:
        network = self.situation.estate.get(Network, self.source.network)
        sources = nat_sources(self.situation.estate, network) if network else ()
        machine = self.machines[0].prefix
        return any(one.holds(machine) for nat in sources for one in nat.sources.prefixes)
