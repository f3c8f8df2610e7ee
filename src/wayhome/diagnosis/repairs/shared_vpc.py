"""One network for both: the cluster is rebuilt in the destination's network, whose project shares it (Shared VPC).

Nothing has to be exchanged then. It is a rebuild, and the cluster leaves the network that it was in.

Source: "Setting up clusters with Shared VPC", docs.cloud.google.com/kubernetes-engine.
"""

from collections.abc import Iterator

from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.subnetwork import SecondaryRange, Subnetwork
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.values import Cidr, NetworkReference, Reference
from wayhome.diagnosis.gcloud import gcloud, made, short
from wayhome.diagnosis.path import networks_on_the_way
from wayhome.diagnosis.repairs.free import free_range
from wayhome.diagnosis.repairs.proposal import Changes, Effort, NotPossible, Proposal
from wayhome.diagnosis.repairs.rebuilt import Rebuilt, TooSmallError
from wayhome.diagnosis.repairs.source import PodSource
from wayhome.diagnosis.repairs.validity import refused_subnet_range
from wayhome.diagnosis.repairs.vpc_native import (
    create_cluster,
    delete_cluster,
    new_pod_range,
    of_a_rebuild,
)
from wayhome.diagnosis.situation import Situation
from wayhome.network import Missing
from wayhome.prefixes import Prefix

KIND = "shared-vpc"
LEAST_LENGTH, MOST_LENGTH = 20, 24
"""Of the new subnetwork: it holds the nodes twice over, and is no smaller than a /24."""


def shared_vpc(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Rebuild the source's cluster in the network that the way out ends in."""
    source = PodSource.of(situation)
    networks = networks_on_the_way(situation)
    if source is None or len(networks) < 2:
        return
    if isinstance(source, Missing):
        yield NotPossible(KIND, f"{source.fact} is not exported", source)
        return
    target = networks[-1]
    if situation.estate.get(Network, target) is None or target == source.network:
        return
    nodes = free_range(situation, _length(situation, source))
    pods = new_pod_range(situation, source, (nodes,)) if nodes else None
    if nodes is None or pods is None:
        yield NotPossible(KIND, "no private ranges of the sizes of the nodes' and the Pods' are free in the exports")  # fmt: skip
        return
    try:
        yield _proposal(situation, source, NetworkReference(target), nodes, pods)
    except TooSmallError as error:
        yield NotPossible(KIND, str(error))


def _length(situation: Situation, source: PodSource) -> int:
    wanted = 2 * len(situation.estate.of(Node, source.cluster)) + 8
    return max(LEAST_LENGTH, min(MOST_LENGTH, 32 - (wanted - 1).bit_length()))


def _proposal(
    situation: Situation, source: PodSource, network: NetworkReference, nodes: Prefix, pods: Prefix
) -> Proposal:
    host, service = network.split("/")[1], source.cluster.split("/")[1]
    region = source.subnet.value.region.short
    name = f"{short(source.cluster)}-nodes"
    range_name = f"{short(source.cluster)}-pods"
    full = f"projects/{host}/regions/{region}/subnetworks/{name}"
    subnet = made(
        full,
        Subnetwork(
            name=name, network=network, region=Reference(f"projects/{host}/regions/{region}"),
            ip_cidr_range=Cidr(str(nodes)),
            secondary_ip_ranges=(SecondaryRange(range_name=range_name, ip_cidr_range=Cidr(str(pods))),),
        ),
    )  # fmt: skip
    rebuilt = Rebuilt(
        estate=situation.estate,
        cluster=source.cluster,
        subnet=subnet,  # type: ignore[arg-type]  # a Subnetwork, as just made
        range_name=range_name,
        pods=pods,
    ).changes()
    create = gcloud(
        "networks", "subnets", "create", name,
        project=host, network=short(network), region=region, range=str(nodes),
        secondary_range=f"{range_name}={pods}",
    )  # fmt: skip
    delete = gcloud("networks", "subnets", "delete", name, project=host, region=region, quiet=True)
    share, unshare = _sharing(host, service)
    return Proposal(
        kind=KIND,
        summary=f"the cluster is rebuilt in {short(network)} of {host}, nodes in {nodes} and Pods in {pods}",
        changes=Changes(
            created=(subnet, *rebuilt.created), changed=rebuilt.changed, deleted=rebuilt.deleted
        ),
        commands=(*share, create, create_cluster(source, network, full, range_name)),
        undo=(delete_cluster(source), delete, *unshare),
        effort=Effort.REBUILD,
        notes=(
            *of_a_rebuild(source),
            *_rights(host, service),
            f"the cluster is in {short(source.network)} no more: what it reaches there, it reaches as a peer does, or not",
        ),
        refused=(
            *refused_subnet_range(situation.estate, situation.routes, network, nodes),
            *refused_subnet_range(situation.estate, situation.routes, network, pods),
        ),
    )


def _sharing(host: str, service: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The commands that share the host's networks with the cluster's project, and take it back."""
    if host == service:
        return (), ()
    return (
        (
            gcloud("shared-vpc", "enable", host),
            gcloud("shared-vpc", "associated-projects", "add", service, host_project=host),
        ),
        (gcloud("shared-vpc", "associated-projects", "remove", service, host_project=host),),
    )


def _rights(host: str, service: str) -> tuple[str, ...]:
    if host == service:
        return ()
    return (
        f"both projects have to be of one organization, and {host} stays a host project after the undo",
        f"GKE's service account of {service} needs roles/container.hostServiceAgentUser and roles/compute.networkUser in {host}",
    )
