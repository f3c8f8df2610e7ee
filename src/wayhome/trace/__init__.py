"""What happens to a flow on its way out and to the reply on its way home."""

from wayhome.trace.exchange import Exchange, Lost
from wayhome.trace.forks import Fork, ForkKind, Taken, Way
from wayhome.trace.hop import Hop, Step
from wayhome.trace.packet import Packet
from wayhome.trace.trace import Trace, trace, trace_reverse

__all__ = [
    "Exchange",
    "Fork",
    "ForkKind",
    "Hop",
    "Lost",
    "Packet",
    "Step",
    "Taken",
    "Trace",
    "Way",
    "trace",
    "trace_reverse",
]
