"""What a node's ports and causes are called in a kernel.

The network's names may be long, have spaces or come from somebody hostile, and a kernel's have 15 characters. So all
names in a kernel are made here: `p0`, `p1` … for ports, `d0` … for sinks (`paths`), `c0` … for
causes in log messages. A port whose name on the real node is known has that, because the node's own rules may ask for
it (`held`). Names are a node's own; numbers of interfaces are the lab's, because the kernel takes a pair
whose two ends have one number for no pair, and may then take a second to notice that both are up (linkwatch).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from wayhome.network import Drop, Node

TABLE = "wayhome_lab"
"""The table of nftables that a lab has in each node."""
_REAL = re.compile(r"(?!(?:lo|all|default|[pd]\d+)$)[A-Za-z][A-Za-z0-9_.-]{0,14}")
"""A name from an export that a kernel takes, that needs no quoting anywhere, and that is none of ours."""

_OURS = re.compile(r"c[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface in a node's namespace."""

    name: str
    index: int
    is_bridge: bool = False


@dataclass(slots=True)
class Names:
    """The kernel's names of one node. Causes and sinks get theirs when they are first asked for."""

    numbers: Iterator[int]
    ports: dict[str, Interface] = field(default_factory=dict)
    sinks: dict[tuple[str, str], Interface] = field(default_factory=dict)
    """By cause and bridge."""
    causes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, node: Node, numbers: Iterator[int], real: Mapping[str, str]) -> "Names":
        """Name a node's ports; `numbers` are free numbers for interfaces, `real` the names that the real node has."""
        names = cls(numbers)
        for at, port in enumerate(node.ports):
            name = names._real(real.get(port.name, "")) or f"p{at}"
            names.ports[port.name] = Interface(name, next(numbers))
        return names

    def sink(self, drop: Drop) -> Interface:
        """The interface into which goes what is dropped for this cause: a bridge, where the real node has one there."""
        key = (drop.cause, drop.bridge)
        if key not in self.sinks:
            name = self._real(drop.bridge) or f"d{len(self.sinks)}"
            self.sinks[key] = Interface(name, next(self.numbers), bool(drop.bridge))
        return self.sinks[key]

    def cause(self, cause: str) -> str:
        """What a cause is called in the kernel's log."""
        if cause not in self.causes:
            self.causes.append(cause)
        return f"c{self.causes.index(cause)}"

    def cause_of(self, logged: str) -> str:
        """The cause behind its name in the log. A name that is none of ours, in a rule of somebody else's, is itself one."""
        if not _OURS.fullmatch(logged) or int(logged[1:]) >= len(self.causes):
            return logged
        return self.causes[int(logged[1:])]

    def _real(self, name: str) -> str:
        """A name that an export gives, if it can be had here."""
        taken = {one.name for one in (*self.ports.values(), *self.sinks.values())}
        return name if _REAL.fullmatch(name) and name not in taken else ""
