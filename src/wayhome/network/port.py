"""A port: one end of a link."""

from dataclasses import dataclass

from wayhome.network.address import Address
from wayhome.network.evidence import Evidence
from wayhome.network.filter import Filter
from wayhome.network.prefix_set import PrefixSet
from wayhome.prefixes import Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """Seen from the node that has it: *in* is towards the node. Names are unique on a node.

    `addresses` are the node's own at this port: the first of a family is what it sends from and masquerades as. `owns`
    are the addresses that are reached through this port's link (`DeliverAttached`). `ingress_class` are the labels by
    which routes and rules tell what comes in here.

    `permitted` is anti-spoofing: the sources of what enters here, and the destinations of what leaves here; None is any.
    It is the fabric's port to an instance that has it, not the instance's own. `spoofed` names the drop.

    A cloud's filters of an instance sit on the fabric's port to it, so that nothing that runs in the instance can touch
    them: its ingress rules are `filter_out`, its egress rules `filter_in`. A port with a stateful filter in either
    direction remembers what passes in both.

    `mtu` is in bytes, of IP packets.
    """

    name: str
    addresses: tuple[Address, ...] = ()
    owns: tuple[Prefix, ...] = ()
    ingress_class: frozenset[str] = frozenset()
    permitted: PrefixSet | None = None
    permitted_evidence: Evidence | None = None
    spoofed: str = "FOREIGN_IP_DISALLOWED"
    filter_in: Filter | None = None
    filter_out: Filter | None = None
    mtu: int | None = None

    @property
    def tracks(self) -> bool:
        """Whether the port remembers what passes."""
        return (self.filter_in is not None and self.filter_in.stateful) or (
            self.filter_out is not None and self.filter_out.stateful
        )
