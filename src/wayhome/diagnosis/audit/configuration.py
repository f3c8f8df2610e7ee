"""What is wrong with the configuration itself, whatever it does to flows today.

A Pod range that the list does not name is translated inside the cluster. A list that nobody reads has no effect. An
address that Google reserves works only as long as nobody makes the instance anew. What could not be read is in no answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.interfaces import interfaces
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.kubernetes.attach import clusters_of
from wayhome.clouds.kubernetes.masquerading import Masquerading, masquerading_of
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.diagnosis.repairs.ranges import pod_ranges_of
from wayhome.network import Evidence
from wayhome.policy.findings import Severity
from wayhome.prefixes import Intervals

KINDS = ("pod-range-not-listed", "configuration-not-live", "reserved-address", "not-understood")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, of one of KINDS. A note is no reason to end with a finding."""

    kind: str
    about: str
    problem: str
    instead: str
    evidence: tuple[Evidence, ...]
    note: bool = False


def faults(estate: Estate) -> tuple[Fault, ...]:
    """All faults, each once, in the order of the estate."""
    found = [*_of_clusters(estate), *_reserved(estate), *_unread(estate)]
    return tuple(dict.fromkeys(found))


def _of_clusters(estate: Estate) -> Iterator[Fault]:
    for cluster in clusters_of(estate):
        seen: set[Masquerading] = set()
        for node in estate.of(Node, cluster):
            masquerading = masquerading_of(estate, cluster, node)
            if masquerading in seen:
                continue
            seen.add(masquerading)
            yield from _not_listed(estate, cluster, masquerading)
            for one in masquerading.not_live:
                yield Fault(
                    "configuration-not-live", cluster, one.problem, one.instead, (one.evidence,)
                )


def _not_listed(estate: Estate, cluster: str, masquerading: Masquerading) -> Iterator[Fault]:
    if not masquerading.known or masquerading.policies[0] is None:
        return
    policy = masquerading.policies[0]
    for prefix in pod_ranges_of(estate, cluster):
        if prefix.family not in policy.families:
            continue
        whole = Intervals.of([(prefix.first, prefix.last)])
        if whole.minus(policy.kept(prefix.family)):
            yield Fault(
                "pod-range-not-listed",
                cluster,
                f"the list does not keep the addresses of {prefix}, so Pods meet each other with their nodes' addresses",
                f"add {prefix} to nonMasqueradeCIDRs",
                masquerading.evidence,
            )


def _reserved(estate: Estate) -> Iterator[Fault]:
    """Of each primary range the first two and the last two addresses."""
    for instance in estate.all(Instance).values():
        for interface in interfaces(instance):
            address = interface.value.network_ip
            subnet = estate.get(Subnetwork, interface.value.subnetwork or "")
            if address is None or subnet is None or subnet.value.ip_cidr_range is None:
                continue
            whole = subnet.value.ip_cidr_range.prefix
            if whole.contains(address.family, address.value) and address.value in {
                whole.first, whole.first + 1, whole.last - 1, whole.last,
            }:  # fmt: skip
                yield Fault(
                    "reserved-address",
                    instance.name,
                    f"{address} is an address that Google reserves in {whole}",
                    "an instance that is made anew will not get it again; plan another one",
                    (instance.at("networkInterfaces", interface.number, "networkIP"),),
                    note=True,
                )


def _unread(estate: Estate) -> Iterator[Fault]:
    for finding in estate.findings:
        if finding.severity is Severity.ERROR:
            at = Evidence(finding.file, finding.file, finding.pointer)
            yield Fault("not-understood", finding.file, finding.problem, finding.instead, (at,))
