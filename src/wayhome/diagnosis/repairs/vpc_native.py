"""A VPC-native cluster instead: the Pods' range is a subnet's then, which every peer learns and every router advertises.

A cluster cannot be converted. Another one is built beside it, with a range that overlaps nothing, and the work moves.

Source: "VPC-native clusters", docs.cloud.google.com/kubernetes-engine/docs/concepts/alias-ips.
"""

from collections.abc import Iterator

import msgspec

from wayhome.clouds.gcp.resources.subnetwork import SecondaryRange
from wayhome.clouds.located import Located
from wayhome.clouds.values import Cidr
from wayhome.diagnosis.gcloud import Option, container, gcloud, place, short
from wayhome.diagnosis.repairs.free import free_range
from wayhome.diagnosis.repairs.proposal import Changes, Effort, NotPossible, Proposal
from wayhome.diagnosis.repairs.ranges import pod_ranges_of
from wayhome.diagnosis.repairs.rebuilt import Rebuilt, TooSmallError
from wayhome.diagnosis.repairs.source import PodSource
from wayhome.diagnosis.repairs.validity import refused_subnet_range, unknown_neighbours
from wayhome.diagnosis.situation import Situation
from wayhome.network import Missing
from wayhome.prefixes import Family, Prefix

KIND = "vpc-native"
LONGEST_NAME = 40
"""Characters of a cluster's name."""


def vpc_native(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Rebuild the source's cluster with alias ranges, in the subnetwork of its nodes."""
    source = PodSource.of(situation)
    if source is None:
        return
    if isinstance(source, Missing):
        yield NotPossible(KIND, f"{source.fact} is not exported", source)
        return
    if is_native(source):
        return
    pods = new_pod_range(situation, source)
    if pods is None:
        yield NotPossible(KIND, "no private range of the size of the Pods' is free in the exports")
        return
    name = f"{short(source.cluster)}-pods"
    secondary = SecondaryRange(range_name=name, ip_cidr_range=Cidr(str(pods)))
    ranges = (*source.subnet.value.secondary_ip_ranges, secondary)
    subnet = Located(
        msgspec.structs.replace(source.subnet.value, secondary_ip_ranges=ranges),
        source.subnet.evidence,
    )
    rebuilt = Rebuilt(
        estate=situation.estate,
        cluster=source.cluster,
        subnet=subnet,
        range_name=name,
        pods=pods,
    )
    try:
        changes = rebuilt.changes()
    except TooSmallError as error:
        yield NotPossible(KIND, str(error))
        return
    there = place(source.subnet.name)
    yield Proposal(
        kind=KIND,
        summary=f"the cluster is rebuilt VPC-native, its Pods in {pods}, a secondary range of {short(source.subnet.name)}",
        changes=Changes(
            created=changes.created,
            changed=(subnet, *changes.changed),
            deleted=changes.deleted,
        ),
        commands=(
            gcloud("networks", "subnets", "update", short(source.subnet.name), add_secondary_ranges=f"{name}={pods}", **there),
            create_cluster(source, subnet.value.network, source.subnet.name, name),
        ),
        undo=(
            delete_cluster(source),
            gcloud("networks", "subnets", "update", short(source.subnet.name), remove_secondary_ranges=name, **there),
        ),
        effort=Effort.REBUILD,
        notes=(*of_a_rebuild(source), *_unchecked(situation, source.network, pods)),
        refused=tuple(refused_subnet_range(situation.estate, situation.routes, source.network, pods)),
    )  # fmt: skip


def is_native(source: PodSource) -> bool:
    """Whether the Pods' range is an alias range of their node already."""
    return bool(source.instance.value.network_interfaces[0].alias_ip_ranges)


def new_pod_range(
    situation: Situation, source: PodSource, besides: tuple[Prefix, ...] = ()
) -> Prefix | None:
    """A free range of the size of the Pods' present one."""
    ranges = pod_ranges_of(situation.estate, source.cluster)
    old = next((one for one in ranges if one.family is Family.IPV4), None)
    return old and free_range(situation, old.length, old, besides)


def new_name(source: PodSource) -> str:
    """The new cluster's: the old one is still there."""
    return f"{short(source.cluster)[: LONGEST_NAME - len('-native')]}-native"


def create_cluster(source: PodSource, network: str, subnet: str, range_name: str) -> str:
    """The command that builds it."""
    return container(
        "clusters", "create", new_name(source),
        enable_ip_alias=True, network=network, subnetwork=subnet,
        cluster_secondary_range_name=range_name, **_where(source),
    )  # fmt: skip


def delete_cluster(source: PodSource) -> str:
    """The command that takes it back."""
    return container("clusters", "delete", new_name(source), **_where(source))


def of_a_rebuild(source: PodSource) -> tuple[str, ...]:
    """What a rebuild means."""
    old = container("clusters", "delete", short(source.cluster), **_where(source))
    return (
        "a cluster cannot be converted: this one is built beside it, with node pools as the old one has",
        "everything that runs there is deployed again; Pods and Services get new addresses",
        f"when all has moved, and only then, for it cannot be undone: {old}",
        "in the replay the new cluster's nodes and Pods have the names of the old ones",
    )


def _unchecked(situation: Situation, network: str, pods: Prefix) -> Iterator[str]:
    for name in unknown_neighbours(situation.estate, network):
        yield f"{name} is not exported: whether one of its subnets overlaps {pods} is not known"


def _where(source: PodSource) -> dict[str, Option]:
    parts = source.cluster.split("/")
    return {"project": parts[1], "location": parts[3]}
