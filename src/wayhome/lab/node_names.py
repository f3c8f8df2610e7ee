"""What a person calls the nodes of a lab: `my-pod`, `default/my-pod`, `instances/web`, `10.1.0.3`, or the full name.

A full name is a path, and whatever follows one of its slashes is a name too. So are a node's addresses, and what only
exports know (`clouds.endpoints.names`): a Pod on its node's network is called by its own name and means the node. Names
are looked up in a lab that is up, where the exports may be gone: what is needed for it is here.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wayhome.policy.findings import quote

if TYPE_CHECKING:  # whoever only asks for names has no network
    from wayhome.network import Network

SHOWN = 12
LONGEST = 4096
"""Characters of a name in a message: one that is cut cannot be typed."""


class NodeNameError(ValueError):
    """No node is meant, or several are; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class NodeNames:
    """`others` are by the nodes' full names, in the network's order, what else each is called."""

    others: Mapping[str, tuple[str, ...]]
    _meant: dict[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        meant: dict[str, list[str]] = {}
        for full, others in self.others.items():
            for name in dict.fromkeys((*_tails(full), *others)):
                meant.setdefault(name, []).append(full)
        object.__setattr__(self, "_meant", meant)

    @classmethod
    def of(
        cls, network: "Network", known: Mapping[str, Iterable[str]] | None = None
    ) -> "NodeNames":
        """The names of a network's nodes, with those that exports know by the nodes' full names."""
        found = {}
        for node in network.nodes:
            others = [*(known or {}).get(node.name, ()), *map(str, node.addresses)]
            found[node.name] = tuple(dict.fromkeys(name for name in others if name != node.name))
        return cls(found)

    def find(self, text: str) -> str:
        """The full name of the node that is meant. Raises NodeNameError."""
        if text in self.others:
            return text
        meant = self._meant.get(text, [])
        if len(meant) > 1:
            raise NodeNameError(
                f"{quote(text)} means several nodes: {_listed(meant)}; write one of these names"
            )
        if not meant:
            raise NodeNameError(f"{quote(text)} is no node of the network{self._near(text)}")
        return meant[0]

    def short(self, full: str) -> str:
        """The shortest part of a node's full name that means no other node."""
        return next((tail for tail in _tails(full) if self._meant[tail] == [full]), full)

    def _near(self, text: str) -> str:
        shorts = list(dict.fromkeys(full.rpartition("/")[2] or full for full in self.others))
        if len(shorts) <= SHOWN:
            return f"; its nodes are: {_listed(shorts)}"
        near = difflib.get_close_matches(text, shorts, 3) or shorts[:3]
        return f"; it has {len(self.others)} nodes, such as {_listed(near)}"


def _tails(full: str) -> Iterator[str]:
    """What follows each slash, the shortest first."""
    parts = full.split("/")
    tails = ("/".join(parts[first:]) for first in range(len(parts) - 1, 0, -1))
    return filter(None, tails)


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(quote(name, LONGEST) for name in listed[:SHOWN]) + more
