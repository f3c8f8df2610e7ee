"""What connection tracking has counted since the node started, from `conntrack -S`: a line for each processor.

    cpu=0 found=12 invalid=3 insert=0 insert_failed=41 drop=0 early_drop=0 error=0 search_restart=7

`insert_failed` are connections for which another one was there first, which is what two that want the same port of the
node's address meet; `drop` are packets for whose connection there was no room, `early_drop` connections that were
forgotten to make some.
"""

import re
from collections import Counter
from collections.abc import Mapping

from wayhome.clouds.node_state import NodeOutput, NodeState

_VALUE = re.compile(r"\b([a-z_]+)=(\d+)")


def counters_of(state: NodeState) -> Mapping[str, int]:
    """The sums over all processors; a name that is not there counts as 0."""
    located = state.outputs.get(NodeOutput.CONNTRACK_COUNTERS)
    found: Counter[str] = Counter()
    for name, value in _VALUE.findall(located.value if located else ""):
        if name != "cpu":
            found[name] += int(value)
    return found
