"""A network with many connections, and what the agent's parts make of them, each in a process of its own.

    python -m bench.connections WORK ROUNDS

The process loads what the agent loads and no more, so that its peak of memory is the agent's. It prints one JSON
object: `seconds` of each round, `found`, the `peak` and how much of it the work added (`grown`), in MiB.

The entries are made through ctnetlink: two thirds TCP, half of them masqueraded, 1 % to the range that the new policy
treats differently.
"""

import json
import os
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.process import peak_resident
from wayhome.kernel import attributes
from wayhome.kernel.conntrack import Conntrack
from wayhome.kernel.local_addresses import local_addresses
from wayhome.kernel.netlink import Netlink
from wayhome.kernel.nfnetlink import NETLINK_NETFILTER, nfgenmsg
from wayhome.kernel.selection import Selection
from wayhome.kernel.transition import Transition
from wayhome.kernel.transition_mode import TransitionMode
from wayhome.kernel.treatment import Comparison
from wayhome.policy import Action, Entry, Origin, Policy
from wayhome.prefixes import Prefix

IPCTNL_MSG_CT_NEW = 1 << 8
NLM_F_REQUEST_CREATE = 0x601
COUNT = Path("/proc/sys/net/netfilter/nf_conntrack_count")
NODE = bytes((203, 0, 113, 1))


def policy(*keep: str) -> Policy:
    """One that keeps these ranges."""
    origin = Origin("list", 1)
    return Policy(tuple(Entry(Prefix.parse(text), Action.KEEP, origin) for text in keep))


OLD_RANGES, NEW_RANGES = ("10.0.0.0/8", "10.2.0.0/16"), ("10.0.0.0/9", "10.128.0.0/10")
"""10.192.0.0/10 becomes masqueraded."""
OLD, NEW = policy(*OLD_RANGES), policy(*NEW_RANGES)


def fill(entries: int) -> int:
    """Make that many entries in the calling thread's network. Returns how many there are then."""
    netlink, waiting = Netlink(NETLINK_NETFILTER), []
    for number in range(entries):
        waiting.append(netlink.pack(IPCTNL_MSG_CT_NEW, NLM_F_REQUEST_CREATE, entry(number)))
        if len(waiting) == 100 or number == entries - 1:
            netlink.send(b"".join(waiting))
            waiting.clear()
    netlink.close()
    return int(COUNT.read_text())


def entry(number: int) -> bytes:
    """One connection of one of 100 Pods; kept towards 10.0.0.0/8, masqueraded towards the rest."""
    pod = bytes((10, 4, 0, 2 + number % 100))
    changing, masqueraded = number % 100 == 0, number % 2 == 1
    first = bytes((10, 200)) if changing else bytes((20, 0)) if masqueraded else bytes((10, 1))
    destination = first + (number // 50_000).to_bytes(1) + b"\x05"
    protocol, port = (17, 53) if number % 3 == 0 else (6, 443)
    source_port = 1024 + number % 50_000
    made = (
        connection_tuple(1, pod, destination, protocol, (source_port, port))
        + connection_tuple(2, destination, pod, protocol, (port, source_port))
        + attributes.u32(3, 0xE)  # confirmed, assured, a reply was seen
        + attributes.u32(7, 3600)
    )
    if protocol == 6:
        established = attributes.nested(1, attributes.attribute(1, b"\x03"))
        made += attributes.nested(4, established)
    if masqueraded and not changing:
        made += attributes.nested(6, attributes.attribute(1, NODE), attributes.attribute(2, NODE))
    return nfgenmsg(2) + made


def connection_tuple(
    kind: int, source: bytes, destination: bytes, protocol: int, ports: tuple[int, int]
) -> bytes:
    """One direction."""
    return attributes.nested(
        kind,
        attributes.nested(1, attributes.attribute(1, source), attributes.attribute(2, destination)),
        attributes.nested(
            2,
            attributes.attribute(1, bytes([protocol])),
            attributes.attribute(2, struct.pack(">H", ports[0])),
            attributes.attribute(3, struct.pack(">H", ports[1])),
        ),
    )


def kernel_alone() -> int:
    """What the kernel and the copying take."""
    netlink = Netlink(NETLINK_NETFILTER)
    found = sum(1 for _ in netlink.ask(1 << 8 | 1, nfgenmsg(2), 0x300))
    netlink.close()
    return found


def every_connection() -> int:
    """As `node plan` does it: every entry becomes a Connection and is judged."""
    comparison = Comparison(OLD, NEW, local_addresses())
    with Conntrack() as conntrack:
        return sum(comparison.verdict(c).changes for c in conntrack.dump(Selection()))


def nothing_found() -> int:
    """A transition's dump that has to look at all entries and finds none."""
    old, new = policy("10.0.0.0/8"), policy("10.0.0.0/8", "30.0.0.0/8")
    return Transition(old, new, TransitionMode.EXPIRE_ALL).run().total


def expire_udp() -> int:
    """A whole run; only in the first round there is something to delete."""
    return Transition(OLD, NEW, TransitionMode.EXPIRE_UDP).run().total


def expire_all() -> int:
    """A whole run; only in the first round there is something to delete."""
    return Transition(OLD, NEW, TransitionMode.EXPIRE_ALL).run().total


WORKS: dict[str, Callable[[], int]] = {
    "dump, not parsed": kernel_alone,
    "dump, every entry parsed and judged": every_connection,
    "transition that finds none, masqueraded before": nothing_found,
    "transition expire-udp": expire_udp,
    "transition expire-all": expire_all,
}


def main() -> None:
    """Do one of the works, and say what it took."""
    work, rounds = WORKS[sys.argv[1]], int(sys.argv[2])
    before = peak_resident(os.getpid())
    seconds, found = [], []
    for _ in range(rounds):
        started = time.perf_counter()
        found.append(work())
        seconds.append(time.perf_counter() - started)
    peak = peak_resident(os.getpid())
    said = {"peak": peak / 2**20, "grown": (peak - before) / 2**20}
    print(json.dumps({"seconds": seconds, "found": found[0], **said}))


if __name__ == "__main__":
    main()
