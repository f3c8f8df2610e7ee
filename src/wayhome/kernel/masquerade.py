"""How a connection is masqueraded, where in the node's order of translations, and what is counted: the kernel's options.

They are upstream's flags `--random-fully` and `--to-ports`, kube-proxy's mark, how firmly addresses are kept, and
whether packets are counted.
Ports are shared out as upstream does it, so that each port is equally likely: rules are tried in order, and each
takes its range's part of what the ranges before it left over.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

PORT_PROTOCOLS = ("tcp", "udp", "sctp")
"""The protocols whose ports netfilter's NAT chooses from a range, in upstream's order."""


class Preserve(enum.StrEnum):
    """What is done about others' rules that would masquerade what the policy keeps (`--preserve`).

    All nat chains of a hook form one list, and a connection takes the first translation that it meets. Returning from
    our chain is no translation; translating an address to itself is one. Chains of equal priority run in an order that
    nobody chose, so ours is never at `srcnat` itself, where everybody's is.
    """

    REPORT = "report"
    """Nothing: our chain comes after everybody's, and a kept destination only means that ours does not translate."""
    ASSERT = "assert"
    """Our chain comes first, and translates a kept source address to itself."""

    @property
    def priority_offset(self) -> int:
        """Our chain's place after (or, negative, before) `srcnat`."""
        return 10 if self is Preserve.REPORT else -10


@dataclass(frozen=True, slots=True)
class PortShare:
    """One range of source ports; its rule takes `size` of every `remaining` connections that reach it."""

    first: int
    last: int
    remaining: int

    @property
    def size(self) -> int:
        """The number of ports in the range."""
        return self.last - self.first + 1

    @property
    def takes_all(self) -> bool:
        """Whether this is the last range: it takes what is left and needs no dice."""
        return self.size == self.remaining

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Masquerade:
    """Options of our rules. Raises ValueError for what no kernel could hold."""

    random_fully: bool = True
    """Choose source ports at random, also where the original one is free: two Pods never race for one port."""
    to_ports: tuple[tuple[int, int], ...] = ()
    """Ranges of source ports, both ends included; empty means netfilter's own choice."""
    kube_proxy_mark_bit: int | None = 14
    """kube-proxy's `masqueradeBit`; None on a node without kube-proxy."""
    preserve: Preserve = Preserve.REPORT
    accounting: bool = False
    """Count packets and bytes too, in a chain of its own (`wayhome.kernel.rules`); nftables only."""

    def __post_init__(self) -> None:
        if self.kube_proxy_mark_bit is not None and not 0 <= self.kube_proxy_mark_bit < 32:
            raise ValueError(f"mark bit {self.kube_proxy_mark_bit}: a mark has bits 0 to 31")
        for first, last in self.to_ports:
            if not 1 <= first <= last <= 65535:
                raise ValueError(f"ports {first}-{last}: write FIRST-LAST, each from 1 to 65535")

    def port_shares(self) -> Iterator[PortShare]:
        """The ranges in order, each with the number of ports in it and in those after it."""
        remaining = sum(last - first + 1 for first, last in self.to_ports)
        for first, last in self.to_ports:
            share = PortShare(first, last, remaining)
            yield share
            remaining -= share.size
