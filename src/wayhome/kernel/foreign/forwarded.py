"""Whether connection tracking knows any connection that Pods have with another machine.

Everything that a Pod sends through this node's IP stack is tracked while there is a nat chain: what it opens, and what
others open to it. So where Pods talk and there is no such entry, their packets take another way: eBPF hands them from
interface to interface, or somebody leaves them untracked (`notrack`), and an untracked packet meets no nat chain.

An entry with one of the node's own addresses at an end says nothing: kubelet's probes take the usual way in any case.
"""

from collections.abc import Mapping

from wayhome.kernel.conntrack import Conntrack
from wayhome.kernel.local_addresses import local_addresses
from wayhome.kernel.netlink import DumpInterruptedError
from wayhome.kernel.selection import Selection
from wayhome.prefixes import Family, Intervals


def any_forwarded(pods: Mapping[Family, Intervals] | None) -> bool:
    """Whether there is one: of these Pods, or, where they are not known, of anybody but the node. Raises KernelError.

    Reading ends with the first one, which on a node that forwards is among the first entries.
    """
    local = local_addresses()
    with Conntrack() as conntrack:
        try:
            for connection in conntrack.dump(Selection()):
                ends = (connection.original.source, connection.reply.source)
                if any(end in local[connection.family] for end in ends):
                    continue
                if pods is None or any(
                    end in pods.get(connection.family, Intervals()) for end in ends
                ):
                    return True
        except DumpInterruptedError:
            return True  # a table that is rebuilt while it is read is full of connections
    return False
