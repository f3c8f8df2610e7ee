"""The commands that create what an estate holds, and delete it again: its networks, machines, clusters and peerings.

What the cloud makes by itself is left to it: subnet and peering routes, nodes, their routes, and the firewall rules of
GKE. Machines are small ones of Debian; what they run is theirs, and is given as a start-up script.
"""

from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule, ProtocolAndPorts
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.diagnosis.gcloud import Option, container, gcloud, place, with_input

MACHINE = "e2-small"


def creation(estate: Estate, startup_script: str = "") -> Iterator[str]:
    """In the order in which the one needs the other."""
    for network in estate.all(Network).values():
        mode = network.value.routing_config.routing_mode
        yield gcloud(
            "networks", "create", network.value.name,
            subnet_mode="custom", bgp_routing_mode=mode.lower(), **place(network.name),
        )  # fmt: skip
    yield from map(_subnet, estate.all(Subnetwork).values())
    yield from map(_firewall_rule, _firewall_rules(estate))
    for network in estate.all(Network).values():
        yield from _peerings(network)
    for instance in _machines(estate):
        yield _machine(instance, startup_script)
    for cluster in estate.all(Cluster).values():
        yield _cluster(estate, cluster)


def deletion(estate: Estate) -> Iterator[str]:
    """The same backwards."""
    for cluster in estate.all(Cluster).values():
        yield container("clusters", "delete", cluster.value.name, quiet=True, **where(cluster))
    for instance in _machines(estate):
        yield gcloud("instances", "delete", instance.value.name, quiet=True, **place(instance.name))
    for network in estate.all(Network).values():
        for peering in network.value.peerings:
            yield gcloud(
                "networks", "peerings", "delete", peering.name,
                network=network.value.name, **place(network.name),
            )  # fmt: skip
    for rule in _firewall_rules(estate):
        yield gcloud("firewall-rules", "delete", rule.value.name, quiet=True, **place(rule.name))
    for subnet in estate.all(Subnetwork).values():
        yield gcloud("networks", "subnets", "delete", subnet.value.name, quiet=True, **place(subnet.name))  # fmt: skip
    for network in estate.all(Network).values():
        yield gcloud("networks", "delete", network.value.name, quiet=True, **place(network.name))


def where(cluster: Located[Cluster]) -> dict[str, Option]:
    """The options that say where a cluster is."""
    parts = cluster.name.split("/")
    return {"project": parts[1], "location": parts[3]}


def _subnet(subnet: Located[Subnetwork]) -> str:
    value = subnet.value
    secondary = tuple(f"{one.range_name}={one.ip_cidr_range}" for one in value.secondary_ip_ranges)
    return gcloud(
        "networks", "subnets", "create", value.name,
        network=value.network.short, range=value.ip_cidr_range, secondary_range=secondary or None,
        enable_private_ip_google_access=value.private_ip_google_access, **place(subnet.name),
    )  # fmt: skip


def _firewall_rules(estate: Estate) -> Iterator[Located[FirewallRule]]:
    """Those that somebody wrote: GKE's own are for the tags that its nodes alone have."""
    tags = {tag for one in _nodes(estate) for tag in one.value.tags.items}
    for rule in estate.all(FirewallRule).values():
        if not rule.value.target_tags or not tags.issuperset(rule.value.target_tags):
            yield rule


def _firewall_rule(rule: Located[FirewallRule]) -> str:
    value = rule.value
    return gcloud(
        "firewall-rules", "create", value.name,
        network=value.network.short, direction=value.direction, priority=value.priority,
        action="ALLOW" if value.allowed else "DENY",
        rules=tuple(_protocol(one) for one in value.allowed or value.denied),
        source_ranges=value.source_ranges or None, source_tags=value.source_tags or None,
        destination_ranges=value.destination_ranges or None, target_tags=value.target_tags or None,
        **place(rule.name),
    )  # fmt: skip


def _protocol(one: ProtocolAndPorts) -> str:
    return ",".join(f"{one.ip_protocol}:{port}" for port in one.ports) or one.ip_protocol


def _peerings(network: Located[Network]) -> Iterator[str]:
    for peering in network.value.peerings:
        yield gcloud(
            "networks", "peerings", "create", peering.name,
            network=network.value.name, peer_project=peering.network.split("/")[1],
            peer_network=peering.network.short, export_custom_routes=peering.export_custom_routes,
            import_custom_routes=peering.import_custom_routes, **place(network.name),
        )  # fmt: skip


def _nodes(estate: Estate) -> Iterator[Located[Instance]]:
    for node in estate.all(Node).values():
        instance = estate.get(Instance, node.value.instance)
        if instance is not None:
            yield instance


def _machines(estate: Estate) -> Iterator[Located[Instance]]:
    """Instances that are no nodes: those come with their cluster."""
    nodes = {node.name for node in _nodes(estate)}
    for instance in estate.all(Instance).values():
        if instance.name not in nodes:
            yield instance


def _machine(instance: Located[Instance], startup_script: str) -> str:
    value = instance.value
    (nic, *_) = value.network_interfaces
    command = gcloud(
        "instances", "create", value.name,
        machine_type=MACHINE, image_family="debian-12", image_project="debian-cloud",
        subnet=nic.subnetwork, private_network_ip=nic.network_ip, no_address=True,
        can_ip_forward=value.can_ip_forward, tags=value.tags.items or None,
        metadata_from_file="startup-script=/dev/stdin" if startup_script else None,
        **place(instance.name),
    )  # fmt: skip
    return with_input(command, startup_script) if startup_script else command


def _cluster(estate: Estate, cluster: Located[Cluster]) -> str:
    value = cluster.value
    native = value.ip_allocation_policy.use_ip_aliases
    subnetwork = value.network_config.subnetwork or value.subnetwork or None
    return container(
        "clusters", "create", value.name,
        network=value.network_name, subnetwork=subnetwork, cluster_ipv4_cidr=value.cluster_ipv4_cidr,
        enable_ip_alias=native, no_enable_ip_alias=not native,
        num_nodes=len(estate.of(Node, cluster.name)) or None, **where(cluster),
    )  # fmt: skip
