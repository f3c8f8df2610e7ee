"""The kernel settings of a node: those that decide whether a packet passes are set and not inherited.

A fresh network namespace starts with the kernel's defaults or with the host's values, as the host pleases
(net.core.devconf_inherit_init_net), so a lab that relied on either would behave differently elsewhere. `all` and
`default` are written before there are interfaces: what a node's interfaces start with then is the same everywhere.

`accept_local`: a packet may come back to the node whose address it carries (a loop, a reply through somebody's NAT);
the kernel would call it a martian. `ip_nonlocal_bind`: a flow may claim a source that its node does not have. A packet
that a socket with such a source waits for is routed all the same (with early demultiplexing it would be dropped). Equal
routes are shared out by ports as well as by addresses, as the clouds do it. IPv6 has no link-local addresses: nobody
looks for neighbours here.
"""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from wayhome.lab.mounts import remount_sysctls_writable


def settings(*, forwards: bool, ipv6: bool) -> dict[str, str]:
    """Names below /proc/sys/net, and values, of a node that forwards or does not, in a network with IPv6 or without."""
    chosen = {
        "ipv4/ip_forward": "1" if forwards else "0",
        "ipv6/conf/all/forwarding": "1" if forwards else "0",
        "ipv4/ip_nonlocal_bind": "1",
        "ipv4/fib_multipath_hash_policy": "1",
        "ipv4/ip_early_demux": "0",
        # `ping` without privilege, as container runtimes allow it. Group 0 is the only one in our user namespace.
        "ipv4/ping_group_range": "0 0",
    }
    for scope in ("all", "default"):
        chosen |= {
            f"ipv4/conf/{scope}/rp_filter": "0",  # who may send what is what ports permit, and nothing else
            f"ipv4/conf/{scope}/send_redirects": "0",  # a cloud's fabric does not tell of shorter ways
            f"ipv4/conf/{scope}/accept_redirects": "0",
            # Who answers for an address, and with which one: hosts with several interfaces often change these.
            **{
                f"ipv4/conf/{scope}/{name}": "0"
                for name in (
                    "arp_ignore",
                    "arp_filter",
                    "arp_announce",
                    "log_martians",
                )
            },
            f"ipv4/conf/{scope}/accept_local": "1",
            f"ipv4/conf/{scope}/route_localnet": "0",
            f"ipv4/conf/{scope}/disable_policy": "0",
            f"ipv4/conf/{scope}/disable_xfrm": "0",
            f"ipv6/conf/{scope}/disable_ipv6": "0" if ipv6 else "1",
            f"ipv6/conf/{scope}/accept_ra": "0",
            f"ipv6/conf/{scope}/accept_dad": "0",  # addresses are usable at once: nobody else has them
            f"ipv6/conf/{scope}/router_solicitations": "0",
            f"ipv6/conf/{scope}/addr_gen_mode": "1",  # none
        }
    if ipv6:
        chosen |= {"ipv6/ip_nonlocal_bind": "1", "ipv6/fib_multipath_hash_policy": "1"}
    return chosen


def has_ipv6() -> bool:
    """Whether this kernel has IPv6 at all."""
    return Path("/proc/sys/net/ipv6/conf").exists()


def write(chosen: Mapping[str, str]) -> None:
    """Write settings, in the network that the calling thread is in. Raises OSError."""
    for name, value in chosen.items():
        if name.startswith("ipv6/") and not has_ipv6():
            continue
        path = Path("/proc/sys/net", name)
        try:
            path.write_text(value)
        except OSError as error:
            if error.errno != errno.EROFS or os.geteuid() != 0:
                raise
            remount_sysctls_writable()  # in containers it is mounted read-only; ours is a mount of our own
            path.write_text(value)
