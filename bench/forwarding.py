"""UDP packets a second through a node: a Pod, its node and the outside, each a network of its own.

The Pod writes ready-made frames, each of a connection of its own, into its end of a veth pair. Written once each opens a
connection; written again, once conntrack knows them, they are packets of established flows. The
node's forwarding, conntrack and NAT happen within that write. So one processor works through the whole path, and the
time of the writes is the time of the path. Neighbours and addresses are fixed: nothing is resolved meanwhile.

The time is taken for each burst of a few frames, far shorter than what the scheduler gives a process at once. On a
busy machine most bursts are then not interrupted; those that were stand out by milliseconds and are left out. The
thread's own processor time would not do: kernels that account for interrupts (CONFIG_IRQ_TIME_ACCOUNTING) leave the
path out of it.
"""

import random
import select
import socket
import statistics
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Self

import pyroute2

from bench import node_commands
from bench.figure import NotReachedError
from wayhome.lab.connections import forget_connections
from wayhome.lab.namespaces import NetworkNamespace

FRAMES = 20_000
FLOWS = 1_000
"""Connections to which the packets of established flows belong."""
BURST = 10
INTERRUPTED = 3
"""A burst that took that many times the median was interrupted by something else."""
POD, POD_GATEWAY = "172.16.2.2", "172.16.2.1"
NODE, OUTSIDE = "203.0.113.1", "203.0.113.2"
SETTLE_SECONDS = 0.05
"""The kernel frees connections a moment after they were flushed."""
_ETH_P_IP = 0x0800


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a veth pair."""

    namespace: NetworkNamespace
    interface: str
    address: str
    length: int
    mac: str


class Forwarding:
    """The three networks, wired. They end with the block."""

    def __init__(self) -> None:
        pod, self.node, outside = self._networks = [NetworkNamespace.create() for _ in range(3)]
        macs = [f"02:00:00:00:00:0{number}" for number in range(1, 5)]
        _wire(_End(pod, "eth0", POD, 24, macs[0]), _End(self.node, "pod", POD_GATEWAY, 24, macs[1]))
        _wire(_End(outside, "eth0", OUTSIDE, 30, macs[2]), _End(self.node, "up", NODE, 30, macs[3]))
        with self.node.entered(), pyroute2.IPRoute() as ip:
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            ip.route("add", dst="0.0.0.0/0", gateway=OUTSIDE)
            up = ip.link_lookup(ifname="up")[0]
            ip.neigh("add", dst=OUTSIDE, lladdr=macs[2], ifindex=up)
        self._out = _packet_socket(pod, 0)
        self._outside = outside
        self._frames = list(_frames(FRAMES, bytes.fromhex("020000000002020000000001")))

    def close(self) -> None:
        """Let go of them."""
        self._out.close()
        for network in self._networks:
            network.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, *command: str, text: str = "") -> None:
        """Run a program on the node. Raises LackError."""
        with self.node.entered():
            node_commands.run(*command, text=text)

    def check(self) -> None:
        """See that the rules that are loaded masquerade what is measured. Raises NotReachedError."""
        self._forget_connections()
        arrivals = _packet_socket(self._outside, _ETH_P_IP)
        self._out.send(self._frames[0])
        readable, _, _ = select.select([arrivals], [], [], 2.0)
        source = socket.inet_ntoa(arrivals.recv(2048)[26:30]) if readable else "nothing"
        arrivals.close()
        if source != NODE:
            raise NotReachedError(f"the outside saw {source} instead of the node's {NODE}")

    def measure(self, frames: int = FRAMES) -> float:
        """Connections a second."""
        self._forget_connections()
        time.sleep(SETTLE_SECONDS)
        return self._rate(self._frames[:frames])

    def measure_established(self, frames: int = FRAMES) -> float:
        """Packets a second on connections that are open."""
        self._forget_connections()
        time.sleep(SETTLE_SECONDS)
        flows = self._frames[:FLOWS]
        self._rate(flows)
        return self._rate(list(islice(cycle(flows), frames)))

    def _rate(self, frames: list[bytes]) -> float:
        send, clock, bursts = self._out.send, time.perf_counter, []
        for first in range(0, len(frames), BURST):
            burst = frames[first : first + BURST]
            started = clock()
            for frame in burst:
                send(frame)
            bursts.append(clock() - started)
        return BURST / statistics.mean(_uninterrupted(bursts))

    def _forget_connections(self) -> None:
        with self.node.entered():
            forget_connections()


def _uninterrupted(bursts: list[float]) -> list[float]:
    longest = INTERRUPTED * statistics.median(bursts)
    return [burst for burst in bursts if burst < longest]


def _wire(one: _End, other: _End) -> None:
    with one.namespace.entered(), pyroute2.IPRoute() as ip:
        peer = {"ifname": other.interface, "net_ns_fd": other.namespace.descriptor}
        ip.link("add", ifname=one.interface, kind="veth", peer=peer)
    for end in (one, other):
        with end.namespace.entered(), pyroute2.IPRoute() as ip:
            index = ip.link_lookup(ifname=end.interface)[0]
            ip.link("set", index=index, address=end.mac)
            ip.addr("add", index=index, address=end.address, prefixlen=end.length)
            ip.link("set", index=index, state="up")


def _packet_socket(namespace: NetworkNamespace, protocol: int) -> socket.socket:
    with namespace.entered():
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        made.bind(("eth0", protocol))
    return made


def _frames(count: int, addresses: bytes) -> Iterator[bytes]:
    """First packets to destinations that no list keeps, from different ports; the same in every run."""
    dice = random.Random(1)  # noqa: S311  # no secret depends on it
    for number in range(count):
        destination = struct.pack("!HH", 0x5DB8, dice.getrandbits(16))  # 93.184.0.0/16
        header = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0)
        header += socket.inet_aton(POD) + destination
        total = sum(struct.unpack("!10H", header))
        total = (total & 0xFFFF) + (total >> 16)
        checksum = struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)
        udp = struct.pack("!HHHH", 1024 + number % 60000, 53, 8, 0)
        yield addresses + b"\x08\x00" + header[:10] + checksum + header[12:] + udp
