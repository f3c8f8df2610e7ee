"""What a person should know beside the answer: it decides nothing here, and may surprise elsewhere."""

from collections.abc import Iterator

from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.kubernetes.masquerading import Basis, masquerading_of, pod_ranges
from wayhome.clouds.node.counters import counters_of
from wayhome.diagnosis.situation import Situation
from wayhome.diagnosis.source_node import source_node, state_of
from wayhome.network import Address, NodeKind
from wayhome.policy import Action, Packet


def notes(situation: Situation) -> tuple[str, ...]:
    """One sentence each."""
    return (*_reserved(situation), *_uncovered(situation), *_counted(situation))


def _reserved(situation: Situation) -> Iterator[str]:
    """Google keeps the first two and the last two addresses of a subnetwork's primary range for itself."""
    destination = situation.trace.flow.destination
    for subnet in situation.estate.all(Subnetwork).values():
        cidr = subnet.value.ip_cidr_range
        if cidr is None or not cidr.prefix.contains(destination.family, destination.value):
            continue
        prefix = cidr.prefix
        if destination.value in (prefix.first, prefix.first + 1, prefix.last - 1, prefix.last):
            yield (
                f"{destination} is one of the four addresses that Google reserves in {prefix}; an export shows an "
                "instance at it, and so it is taken as that instance's"
                if situation.network.owners(destination)
                else f"{destination} is one of the four addresses that Google reserves in {prefix}: no instance can have it"
            )
        return


def _counted(situation: Situation) -> Iterator[str]:
    """What connection tracking could not do since the node started: it may be over, and may come again."""
    node = source_node(situation)
    state = state_of(situation, node) if node else None
    if node is None or state is None:
        return
    counters, name = counters_of(state), node.value.metadata.name
    told = "; whether it goes on, conntrack -S says, asked twice"
    translated = situation.trace.shown.result.packet.source != situation.trace.flow.source
    if translated and (failed := counters.get("insert_failed", 0)):
        yield (
            f"port-exhaustion: {failed} connections could not be entered since {name} started (insert_failed): two wanted "
            f"the same port of its address{told}"
        )
    if full := counters.get("drop", 0) + counters.get("early_drop", 0):
        yield (
            f"port-exhaustion: the table of connections of {name} was full for {full} packets or connections since it started "
            f"(drop, early_drop){told}"
        )


def _uncovered(situation: Situation) -> Iterator[str]:
    """A list of one's own that forgets the cluster's Pods."""
    node = source_node(situation)
    source = situation.network.places[situation.asked.source.node].node
    if node is None or source.kind is not NodeKind.POD:
        return
    masquerading = masquerading_of(situation.estate, node.name.partition("/k8s/")[0], node)
    policy = masquerading.policies[0] if masquerading.known else None
    if policy is None or masquerading.basis is not Basis.CONFIGURATION:
        return
    for prefix in pod_ranges(node):
        decision = policy.decide(Packet(prefix.family, Address(prefix.family, prefix.first).value))
        if decision.action is Action.MASQUERADE:
            yield (
                f"pod-range-not-listed: the agent's list does not hold {prefix}, the range of this cluster's own Pods on "
                f"{node.value.metadata.name}: Pods on other nodes see its address instead of the Pod's (wayhome policy lint FILE --pod-cidrs {prefix})"
            )
