"""New UDP connections a second through a node: our table against one bare `masquerade` rule, and against upstream's.

    bench/new_flows.py [ROUNDS] [SIZE…]

A Pod, its node and the outside are three namespaces. The Pod writes ready-made frames, each the first packet of a
connection of its own, into its end of a veth pair; the node's forwarding, conntrack and NAT happen within that write.
So one processor works through the whole path, and the time of the writes is the time of the path.

Machines are noisy, and the path takes microseconds: every measurement of a ruleset stands between two of the bare
rule, and its ratio is to their mean. What is printed is the median of the rounds, with the quartiles.
"""

import contextlib
import json
import os
import random
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyroute2

from wayhome.kernel import Masquerade, iptables, render, ruleset_of
from wayhome.lab.connections import forget_connections
from wayhome.lab.namespaces import NetworkNamespace, enter
from wayhome.policy import Action, Entry, Origin, Policy
from wayhome.prefixes import Family, Prefix

FRAMES = 20_000
SIZES = (5, 64, 1_000, 10_000)
POD, PODS = "172.16.2.2", "172.16.2.0/24"
BARE = """
add table inet bare
add chain inet bare postrouting { type nat hook postrouting priority srcnat + 10 ; }
add rule inet bare postrouting masquerade fully-random
"""
_MAC = "02:00:00:00:00:0{}"


class Path3:
    """Pod, node and outside, wired; nothing is resolved while it is measured."""

    def __init__(self) -> None:
        self.pod, self.node, self.outside = (NetworkNamespace.create() for _ in range(3))
        _wire(self.pod, (POD + "/24", 1), self.node, ("172.16.2.1/24", 2), "pod")
        _wire(self.outside, ("203.0.113.2/30", 3), self.node, ("203.0.113.1/30", 4), "up")
        with self.node.entered(), pyroute2.IPRoute() as ip:
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            up = ip.link_lookup(ifname="up")[0]
            ip.route("add", dst="0.0.0.0/0", gateway="203.0.113.2")
            ip.neigh("add", dst="203.0.113.2", lladdr=_MAC.format(3), ifindex=up)
        with self.pod.entered():
            self._out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._out.bind(("eth0", 0))
        self._frames = _frames()

    def run(self, *command: str, script: str = "") -> None:
        """Run a program on the node."""
        with self.node.entered():
            subprocess.run(command, input=script, text=True, check=True, capture_output=True)

    def measure(self) -> float:
        """Connections a second."""
        with self.node.entered():
            forget_connections()
        time.sleep(0.05)  # entries are freed a moment later
        send = self._out.send
        started = time.perf_counter()
        for frame in self._frames:
            send(frame)
        return FRAMES / (time.perf_counter() - started)


def _wire(one: NetworkNamespace, here: tuple[str, int], other: NetworkNamespace, there: tuple[str, int], name: str) -> None:  # fmt: skip
    with one.entered(), pyroute2.IPRoute() as ip:
        ip.link("add", ifname="eth0", kind="veth", peer={"ifname": name, "net_ns_fd": other.descriptor})  # fmt: skip
    for namespace, (cidr, mac), ifname in ((one, here, "eth0"), (other, there, name)):
        with namespace.entered(), pyroute2.IPRoute() as ip:
            index = ip.link_lookup(ifname=ifname)[0]
            address, length = cidr.split("/")
            ip.link("set", index=index, address=_MAC.format(mac))
            ip.addr("add", index=index, address=address, prefixlen=int(length))
            ip.link("set", index=index, state="up")


def _frames() -> list[bytes]:
    """First packets to destinations that no list keeps, from different ports."""
    dice = random.Random(1)  # noqa: S311  # the same frames each time
    ethernet = bytes.fromhex("020000000002020000000001") + b"\x08\x00"
    source = socket.inet_aton(POD)
    frames = []
    for number in range(FRAMES):
        destination = struct.pack("!HH", 0x5DB8, dice.getrandbits(16))
        header = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0) + source + destination
        total = sum(struct.unpack("!10H", header))
        total = (total & 0xFFFF) + (total >> 16)
        checksum = struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)
        udp = struct.pack("!HHHH", 1024 + number % 60000, 53, 8, 0)
        frames.append(ethernet + header[:10] + checksum + header[12:] + udp)
    return frames


def policy_of(entries: int, *, pods: bool) -> Policy:
    """As many ranges with a gap after each."""
    prefixes = [Prefix(Family.IPV4, (10 << 24) + (i << 8), 25) for i in range(entries)]
    return Policy(
        tuple(Entry(prefix, Action.KEEP, Origin("list", 1)) for prefix in prefixes),
        pod_cidrs=(Prefix.parse(PODS),) if pods else None,
    )


Load = Callable[[Path3], None]


def nftables(script: str) -> Load:
    """Load a ruleset into an empty nftables."""
    return lambda path: path.run("nft", "-f", "-", script=f"flush ruleset\n{script}")


def upstream(entries: int, variant: str) -> Load:
    """Upstream's chain, by one of the iptables variants."""
    text = iptables.render_chain(policy_of(entries, pods=False), Masquerade(), Family.IPV4)

    def load(path: Path3) -> None:
        path.run("nft", "flush", "ruleset")
        path.run(f"{variant}-restore", script=text)

    return load


def unload(path: Path3) -> None:
    """Leave no rule of any kind."""
    path.run("nft", "flush", "ruleset")
    with contextlib.suppress(subprocess.CalledProcessError, FileNotFoundError):
        path.run("iptables-legacy", "-t", "nat", "-F", "POSTROUTING")


def rulesets(sizes: tuple[int, ...]) -> dict[str, Load]:
    """What is measured, by name."""
    found: dict[str, Load] = {}
    for size in sizes:
        for pods in (True, False):
            scope = "pods" if pods else "upstream's"
            found[f"{size}, scope {scope}"] = nftables(
                render(ruleset_of(policy_of(size, pods=pods)))
            )
    largest = max(sizes)
    for variant in ("iptables-legacy", "iptables-nft"):
        found[f"{largest}, upstream's chain, {variant}"] = upstream(largest, variant)
    return found


def main() -> None:
    """Print a line for each ruleset: the ratio to the bare rule."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    sizes = tuple(map(int, sys.argv[2:])) or SIZES
    enter()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    path = Path3()
    bare = nftables(BARE)

    def of(load: Load) -> float:
        unload(path)
        load(path)
        return path.measure()

    of(bare)  # what is slow only once
    ratios: dict[str, list[float]] = {}
    for _ in range(rounds):
        before = of(bare)
        for name, load in rulesets(sizes).items():
            measured, after = of(load), of(bare)
            ratios.setdefault(name, []).append(2 * measured / (before + after))
            before = after
    for name, found in ratios.items():
        low, middle, high = (round(q, 3) for q in statistics.quantiles(found, n=4))
        print(json.dumps({"ruleset": name, "ratio": middle, "quartiles": [low, high]}))


if __name__ == "__main__":
    main()
