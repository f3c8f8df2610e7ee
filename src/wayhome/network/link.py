"""A link joins two ports, point to point, like a veth pair."""

from dataclasses import dataclass
from typing import NamedTuple


class End(NamedTuple):
    """A port of a node."""

    node: str
    port: str

    def __str__(self) -> str:
        return f"port {self.port} of {self.node}"


@dataclass(frozen=True, slots=True)
class Link:
    """Both ends; what is shared by more than two nodes is a node itself."""

    a: End
    b: End
