"""What a lab is asked, and what was seen in it: the same terms as a trace's, so that the two can be compared."""

from dataclasses import dataclass

from wayhome.network import Address, Flow
from wayhome.trace import Lost

NOT_KNOWN = "NOT_KNOWN"
"""The cause of a packet's end where the network does not say what happens to it (an opaque node or route)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A flow, and the node that opens it.

    `size` is how many bytes of data each datagram and each echo has at least; one with a size is never fragmented.
    """

    flow: Flow
    at: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a flow's packets. Names and causes are the network's own.

    `lost`, `died_at` and `cause` are None where it was reached, and where nothing was seen: then its packets vanished
    where the lab counts nothing, which a lab must not let happen. `source_seen` is the address from which the flow came
    to where it ended, and `delivered_to` the node there; both are None where it did not arrive.
    """

    reached: bool
    lost: Lost | None = None
    died_at: str | None = None
    cause: str | None = None
    source_seen: Address | None = None
    delivered_to: str | None = None
