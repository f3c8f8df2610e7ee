"""What may still be wrong with a flow that comes home: it does not for every packet, or not as somebody meant it.

- A connection that was open before a change keeps the old decision (`pinned-flow`).
- All ports towards one destination are taken (`port-exhaustion`).
- Large packets do not pass where small ones do (`mtu`).
- The Pod's address is hidden from other Pods, because the list forgets them (`pod-range-not-listed`).

The first three make an answer AMBIGUOUS: what was asked about works at times. The last one works, and is told.
"""

from collections.abc import Callable

from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.connections import pinned_flow, port_exhaustion
from wayhome.diagnosis.causes.sizes import mtu
from wayhome.diagnosis.causes.unlisted import pod_range_not_listed
from wayhome.diagnosis.situation import Situation

DOUBTS: tuple[Callable[[Situation], Found | None], ...] = (
    pinned_flow,
    port_exhaustion,
    mtu,
    pod_range_not_listed,
)
AT_TIMES = frozenset({Cause.PINNED_FLOW, Cause.PORT_EXHAUSTION, Cause.MTU})


def find_doubt(situation: Situation) -> Found | None:
    """The first of them; None where the flow is lost or unknown anyway, or nothing speaks against it."""
    if not situation.works:
        return None
    return next((found for doubt in DOUBTS if (found := doubt(situation))), None)
