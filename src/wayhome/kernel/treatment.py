"""How an old and a new policy treat a connection that is there already. Pure.

NAT rules see a connection's first packet only, so a connection keeps the treatment that it got when it was opened:
its entry shows which. An entry's original direction is the connection as it was opened, so replies need no thought of
their own, and a connection that came from outside is judged by its own source and destination. The policy looks at
the destination after its translation, where a Service has become a Pod, and at the source before it.

What an entry shows, and whose it is:

- Another address than the sender's own: masqueraded. By us, if that is what the old policy decides; otherwise by
  somebody else's rule or under earlier rules, and then it is not ours to touch.
- The sender's own address: kept. A port alone that was changed is not seen by any policy.
- A source that is one of the node's own addresses, unchanged: masquerading would give it the node's address, which it
  has. It is the same under every policy. (Which of the node's addresses is the outgoing interface's is not asked.)
- Masqueraded to what is no address of this node: another rule's fixed address (an egress gateway).
- kube-proxy's mark is the packet's and leaves no trace in an entry. What it marks in every mode is told by the
  addresses: a Pod that reached itself through a Service, and a connection that came to an address of the node itself
  and was sent on (NodePort, hostPort). The first is always kube-proxy's. The second may be ours in upstream's scope,
  where the Service has `externalTrafficPolicy: Local`; an entry does not tell, so it is left alone. What else
  kube-proxy marks (what comes from outside to a load balancer's address; with `--masquerade-all`, everything to a
  Service) is taken for ours where the old policy would have masqueraded it too.
- Another conntrack zone than 0: somebody tracks connections for a purpose of his own (Open vSwitch), beside the
  node's. His entry is not ours to touch.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from wayhome.kernel.connection import Connection
from wayhome.kernel.local_addresses import LocalAddresses
from wayhome.policy import Action, Decision, Packet, Policy
from wayhome.prefixes import Family, Intervals


class Verdict(enum.Enum):
    """What becomes of a connection's treatment when the policy changes and it is opened again."""

    SAME = "treated as before"
    BECOMES_MASQUERADED = "kept its address, would be masqueraded"
    BECOMES_KEPT = "is masqueraded, would keep its address"
    NEITHER = (
        "treated as neither policy says: opened under earlier rules, or translated by somebody else"
    )
    NOT_OURS = "translated by somebody else, or tracked in another zone"

    @property
    def changes(self) -> bool:
        """Whether the old policy's treatment would give way to another one."""
        return self in (Verdict.BECOMES_MASQUERADED, Verdict.BECOMES_KEPT)


@dataclass(frozen=True, slots=True)
class Comparison:
    """An old and a new policy on one node. Without an old one, what a connection shows is its old treatment."""

    old: Policy | None
    new: Policy
    local: LocalAddresses

    def verdict(self, connection: Connection) -> Verdict:
        """Judge one connection."""
        if connection.zone or self._is_anothers(connection):
            return Verdict.NOT_OURS
        packet = self._first_packet(connection)
        if packet.source_is_local and not connection.source_translated:
            return Verdict.SAME
        shown = Action.MASQUERADE if connection.source_translated else Action.KEEP
        if self.new.decide(packet).action is shown:
            return Verdict.SAME
        if self.old is not None and self.old.decide(packet).action is not shown:
            return Verdict.NEITHER
        return Verdict.BECOMES_MASQUERADED if shown is Action.KEEP else Verdict.BECOMES_KEPT

    def decision(self, connection: Connection) -> Decision:
        """What the new policy would do with the connection if it were opened now, and why."""
        return self.new.decide(self._first_packet(connection))

    def _is_anothers(self, connection: Connection) -> bool:
        """Whether the source was translated, and certainly or perhaps not by our rules."""
        if not connection.source_translated:
            return False
        if not self._is_local(connection.family, connection.translated_source):
            return True
        return connection.destination_translated and (
            connection.translated_destination == connection.original.source
            or self._is_local(connection.family, connection.original.destination)
        )

    def _first_packet(self, connection: Connection) -> Packet:
        """The packet that opened it, as the rules met it."""
        family, source = connection.family, connection.original.source
        destination = connection.translated_destination
        return Packet(
            family,
            destination,
            source,
            destination_is_local=self._is_local(family, destination),
            source_is_local=self._is_local(family, source),
        )

    def _is_local(self, family: Family, address: int) -> bool:
        return address in self.local.get(family, Intervals())


@dataclass(frozen=True, slots=True)
class ChangedDestinations:
    """The destinations about which two policies of the same scope differ: what the new one does with them."""

    masqueraded: Mapping[Family, Intervals]
    kept: Mapping[Family, Intervals]

    def __bool__(self) -> bool:
        return any(self.masqueraded.values()) or any(self.kept.values())

    @property
    def all(self) -> Mapping[Family, Intervals]:
        """Both together."""
        return {family: self.kept[family].union(more) for family, more in self.masqueraded.items()}


def changed_destinations(old: Policy, new: Policy) -> ChangedDestinations | None:
    """Where the two policies differ; None where their scope does, so that any destination may be treated differently.

    A connection to a destination that is not among these gets the same from both, and need not be looked at.
    """
    if old.families != new.families or _scope(old) != _scope(new):
        return None
    before = {family: _kept(old, family) for family in new.families}
    after = {family: _kept(new, family) for family in new.families}
    return ChangedDestinations(
        masqueraded={family: kept.minus(after[family]) for family, kept in before.items()},
        kept={family: kept.minus(before[family]) for family, kept in after.items()},
    )


def _scope(policy: Policy) -> Mapping[Family, Intervals] | None:
    if policy.pod_cidrs is None:
        return None
    return {
        family: Intervals.of((p.first, p.last) for p in policy.pod_cidrs if p.family is family)
        for family in policy.families
    }


def _kept(policy: Policy, family: Family) -> Intervals:
    return Intervals.of(
        (interval.first, interval.last)
        for interval in policy.intervals(family)
        if interval.entry.action is Action.KEEP
    )
