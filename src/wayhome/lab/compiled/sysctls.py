"""The kernel settings of a node of a compiled network, on top of those that every node of a lab has.

`accept_local`: a packet may come back to the node whose address it carries (a loop, a reply through somebody's NAT);
the kernel would call it a martian. `ip_nonlocal_bind`: a flow may claim a source that its node does not have. A packet
that a socket with such a source waits for is routed all the same (with early demultiplexing it would be dropped). Equal
routes are shared out by ports as well as by addresses, as the clouds do it. IPv6 has no link-local addresses: nobody
looks for neighbours here.
"""

from wayhome.lab import sysctls
from wayhome.lab.topology import Node


def settings(*, forwards: bool, ipv6: bool) -> dict[str, str]:
    """Names below /proc/sys/net, and values."""
    chosen = sysctls.settings(Node(name="any", ports=(), forwards=forwards))
    chosen |= {
        "ipv4/ip_nonlocal_bind": "1",
        "ipv4/fib_multipath_hash_policy": "1",
        "ipv4/ip_early_demux": "0",
    }
    for scope in ("all", "default"):
        chosen[f"ipv4/conf/{scope}/accept_local"] = "1"
        chosen[f"ipv6/conf/{scope}/addr_gen_mode"] = "1"  # none
        if not ipv6:
            chosen[f"ipv6/conf/{scope}/disable_ipv6"] = "1"
    if ipv6:
        chosen["ipv6/ip_nonlocal_bind"] = "1"
        chosen["ipv6/fib_multipath_hash_policy"] = "1"
    return chosen
