"""The policy: of all entries that hold a destination, the one with the longest prefix decides.

Upstream's agent walks its list in order, and can do so because all its entries say the same: keep. With
`masqueradeCIDRs` beside them the order would matter, so it does not: the longest prefix wins wherever it stands.
A destination that no entry holds is masqueraded. Link-local destinations are entries like all others, with a
setting as their origin.

The policy is flattened into disjoint intervals before it meets a kernel; each remembers its entry.
"""

import enum
from dataclasses import dataclass, field

from wayhome.prefixes import Family, Intervals, Prefix, PrefixTable

LINK_LOCAL = {
    Family.IPV4: Prefix.parse("169.254.0.0/16"),  # RFC 3927
    Family.IPV6: Prefix.parse("fe80::/10"),  # RFC 4291
}
LINK_LOCAL_KEYS = {"masqLinkLocal": Family.IPV4, "masqLinkLocalIPv6": Family.IPV6}


class Action(enum.Enum):
    """What happens to the source address of a Pod's packet."""

    KEEP = "keep"
    MASQUERADE = "masquerade"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an entry comes from: a key of the configuration and its line, or the default of that key (no line).

    `file` is set where there are several.
    """

    key: str
    line: int | None = None
    file: str = ""

    def __str__(self) -> str:
        if self.line is None:
            return f"default of {self.key}"
        return f"{self.file}, line {self.line}" if self.file else f"line {self.line}"

    @property
    def is_link_local(self) -> bool:
        """Whether a switch for link-local destinations says it, and not a list."""
        return self.key in LINK_LOCAL_KEYS


@dataclass(frozen=True, slots=True)
class Entry:
    """What one line of the configuration says about one range of destinations."""

    prefix: Prefix
    action: Action
    origin: Origin


@dataclass(frozen=True, slots=True)
class DecidedInterval:
    """Addresses from `first` to `last`, both included, about which the same entry decides."""

    first: int
    last: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection as it leaves the node, as far as the policy looks at it."""

    family: Family
    destination: int
    source: int | None = None
    destination_is_local: bool = False
    """The destination is an address of this node (`--dst-type LOCAL`)."""
    source_is_local: bool = False
    """The packet was sent by the node itself, or from an address that is the node's own."""
    marked: bool = False
    """kube-proxy has marked the packet: its own rules translate it."""


class Reason(enum.Enum):
    """Why a packet keeps its address or does not."""

    ENTRY = "an entry of the list decides"
    NO_ENTRY = "no entry holds the destination"
    FAMILY = "IPv6 is not enabled"
    MARKED = "kube-proxy has marked the packet and translates it itself"
    LOCAL_DESTINATION = "the destination is this node"
    NOT_FROM_A_POD = "the source is not a Pod of this node"


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a packet, why, and the entry that decided, if one did."""

    action: Action
    reason: Reason
    entry: Entry | None = None


@dataclass(frozen=True)
class Policy:
    """What a node does with its Pods' addresses.

    `entries` are in the order of the configuration. Without `ipv6`, IPv6 packets are nobody's business here.
    `pod_cidrs` are this node's Pod ranges: only what they send is masqueraded; None is upstream's scope, whatever
    leaves the node.
    """

    entries: tuple[Entry, ...]
    ipv6: bool = False
    pod_cidrs: tuple[Prefix, ...] | None = None
    _tables: dict[Family, PrefixTable[Entry]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tables = {
            family: PrefixTable(
                family, ((e.prefix, e) for e in self.entries if e.prefix.family is family)
            )
            for family in self.families
        }
        object.__setattr__(self, "_tables", tables)

    @property
    def families(self) -> tuple[Family, ...]:
        """The families about which the policy says something."""
        return (Family.IPV4, Family.IPV6) if self.ipv6 else (Family.IPV4,)

    def intervals(self, family: Family) -> tuple[DecidedInterval, ...]:
        """The entries as disjoint intervals, sorted. What lies in none of them is masqueraded."""
        table = self._tables.get(family)
        return tuple(DecidedInterval(*span) for span in table.flatten()) if table else ()

    def kept(self, family: Family) -> Intervals:
        """All destinations that keep the Pod's address."""
        return Intervals.of(
            (interval.first, interval.last)
            for interval in self.intervals(family)
            if interval.entry.action is Action.KEEP
        )

    def entry_for(self, family: Family, destination: int) -> Entry | None:
        """The entry with the longest prefix that holds the destination."""
        table = self._tables.get(family)
        return table.lookup(destination) if table else None

    def decide(self, packet: Packet) -> Decision:
        """What happens to a packet, in the order in which the kernel's rules ask."""
        if packet.marked:
            return Decision(Action.KEEP, Reason.MARKED)
        if packet.family not in self.families:
            return Decision(Action.KEEP, Reason.FAMILY)
        if packet.destination_is_local:
            return Decision(Action.KEEP, Reason.LOCAL_DESTINATION)
        if not self.in_scope(packet):
            return Decision(Action.KEEP, Reason.NOT_FROM_A_POD)
        entry = self.entry_for(packet.family, packet.destination)
        if entry is None:
            return Decision(Action.MASQUERADE, Reason.NO_ENTRY)
        return Decision(entry.action, Reason.ENTRY, entry)

    def in_scope(self, packet: Packet) -> bool:
        """Whether the policy is about packets from this source."""
        if self.pod_cidrs is None:
            return True
        return not packet.source_is_local and any(
            packet.source is not None and pods.contains(packet.family, packet.source)
            for pods in self.pod_cidrs
        )
