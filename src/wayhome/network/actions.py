"""What a route does with a packet.

**Choice** is not ECMP. Several equal routes are used at once, flow by flow; of a choice's alternatives one holds for
all flows, and we do not know which. A lab builds equal routes as a multipath route and each alternative as a network
of its own. An **Opaque** action is where our knowledge ends; a lab cannot build it, and says so.
"""

from dataclasses import dataclass

from wayhome.network.evidence import Evidence
from wayhome.network.missing import Missing


@dataclass(frozen=True, slots=True)
class Forward:
    """Send it out of this port of the node."""

    port: str


@dataclass(frozen=True, slots=True)
class Drop:
    """The packet ends here, silently. `cause` is the name that the cloud's own analyzer has for it.

    `bridge` is the node's own bridge into which it goes, where it ends because nobody is there.
    """

    cause: str
    detail: str = ""
    evidence: Evidence | None = None
    bridge: str = ""


@dataclass(frozen=True, slots=True)
class DeliverAttached:
    """Send it out of the port of this node that owns the destination (Port.owns, the longest prefix); else drop it."""

    otherwise: Drop


@dataclass(frozen=True, slots=True)
class Opaque:
    """Nobody knows what happens to it."""

    missing: Missing


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the alternatives holds, always the same one, and `fact` says what decides which.

    Where the outcomes differ, the verdict is AMBIGUOUS; with `missing`, which one holds could be known and is not,
    and the verdict is UNDETERMINED.
    """

    alternatives: "tuple[Action, ...]"
    fact: str
    missing: Missing | None = None

    def __post_init__(self) -> None:
        if not self.alternatives:
            raise ValueError(f"a choice without alternatives: {self.fact}")


Action = Forward | DeliverAttached | Drop | Choice | Opaque
