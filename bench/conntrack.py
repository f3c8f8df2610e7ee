"""What it costs to look at a node's connections and to expire some of them: time, and peak memory.

    bench/conntrack.py [ENTRIES] [--json]

The entries are made through ctnetlink in a namespace of its own: two thirds TCP, half of them masqueraded, 1 % to the
range that the new policy treats differently. Each figure is the median of some rounds in a process of its own that
has loaded what the agent loads, and no more. `processor` is the time that it had a core for, the kernel's part
included, which others on the machine disturb less than the seconds on the clock; `first` is the first round alone, in
which a transition also deletes. `peak` is the process's largest resident memory, `grown` is how much of that the work
added to what was loaded.

`net.netfilter.nf_conntrack_max` holds for every namespace and can be set in the initial one only (elsewhere it is
read-only): 200,000 entries need a machine on which it is at least that, which is the kernel's default from 4 GiB of
memory on (262,144).
"""

import json
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

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

ENTRIES = 200_000
ROUNDS = 5
IPCTNL_MSG_CT_NEW = 1 << 8
NLM_F_REQUEST_CREATE = 0x601
LIMIT = Path("/proc/sys/net/netfilter/nf_conntrack_max")
COUNT = Path("/proc/sys/net/netfilter/nf_conntrack_count")
NODE = bytes((203, 0, 113, 1))


def policy(*keep: str) -> Policy:
    """One that keeps these ranges."""
    origin = Origin("list", 1)
    return Policy(tuple(Entry(Prefix.parse(text), Action.KEEP, origin) for text in keep))


OLD, NEW = policy("10.0.0.0/8", "10.2.0.0/16"), policy("10.0.0.0/9", "10.128.0.0/10")
"""10.192.0.0/10 becomes masqueraded."""


def fill(entries: int) -> float:
    """Make that many entries. Returns the seconds that it took."""
    started = time.perf_counter()
    netlink, waiting = Netlink(NETLINK_NETFILTER), []
    for number in range(entries):
        waiting.append(netlink.pack(IPCTNL_MSG_CT_NEW, NLM_F_REQUEST_CREATE, entry(number)))
        if len(waiting) == 100 or number == entries - 1:
            netlink.send(b"".join(waiting))
            waiting.clear()
    netlink.close()
    return time.perf_counter() - started


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


def measure(name: str) -> dict[str, float]:
    """Run one of the works in this process."""
    before = peak()
    rounds = [timed(WORKS[name]) for _ in range(ROUNDS)]
    clock, processor, found = zip(*rounds, strict=True)
    return {
        "seconds": statistics.median(clock),
        "processor": statistics.median(processor),
        "first": clock[0],
        "found": found[0],
        "peak": peak(),
        "grown": peak() - before,
    }


def timed(work: Callable[[], int]) -> tuple[float, float, int]:
    """Seconds on the clock and of the processor, and what came out."""
    clock, processor = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - clock, time.process_time() - processor, found


def peak() -> float:
    """MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(arguments: list[str]) -> None:
    """Print a line for each figure, or one JSON document."""
    if arguments[:1] == ["--measure"]:
        print(json.dumps(measure(arguments[1])))
        return
    from wayhome.lab.namespaces import enter  # noqa: PLC0415 (what is measured does not load it)

    numbers = [int(text) for text in arguments if text.isdecimal()]
    entries = numbers[0] if numbers else ENTRIES
    enter()
    if (limit := int(LIMIT.read_text())) < entries:
        sys.exit(
            f"net.netfilter.nf_conntrack_max is {limit:,} here; set it to {entries:,} in the initial namespace"
        )
    # Only what is masqueraded to an address of the node is taken for ours.
    subprocess.run(["ip", "route", "add", "local", "203.0.113.1/32", "dev", "lo"], check=True)
    seconds = fill(entries)
    tracked = int(COUNT.read_text())
    figures = {}
    for name in WORKS:
        command = [sys.executable, __file__, "--measure", name]
        figures[name] = json.loads(subprocess.check_output(command))
    if "--json" in arguments:
        print(json.dumps({"schema": 1, "entries": tracked, "rounds": ROUNDS, "figures": figures}))
        return
    print(f"{tracked:,} entries, made in {seconds:.1f} s; median of {ROUNDS} rounds")
    print(
        f"{'':46} {'seconds':>8} {'processor':>9} {'first':>7} {'found':>8} {'peak MiB':>9} {'grown':>6}"
    )
    for name, figure in figures.items():
        print(
            f"{name:46} {figure['seconds']:8.3f} {figure['processor']:9.3f} {figure['first']:7.3f} "
            f"{figure['found']:8,} {figure['peak']:9.1f} {figure['grown']:6.1f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
