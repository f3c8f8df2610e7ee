"""Packets that died on a node, as they die: a socket of nfnetlink_log.

The rules log what they drop to a group (`rules`); the kernel sends the packet's head and the rule's cause to whoever
is bound to it, microseconds after the drop. Log groups belong to a network namespace and work in a user namespace
too, other than the kernel's own log.

Source: linux/netfilter/nfnetlink_log.h; the message format is netlink(7)'s, with attributes in network order.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.lab.filters import LOG_GROUP
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.packets import Packet, decode

NETLINK_NETFILTER = 12
NLMSG_ERROR = 2
NLM_F_REQUEST, NLM_F_ACK = 0x1, 0x4
NFNL_SUBSYS_ULOG = 4
NFULNL_MSG_PACKET, NFULNL_MSG_CONFIG = 0, 1
NFULA_CFG_CMD, NFULA_CFG_MODE, NFULA_CFG_QTHRESH = 1, 2, 5
NFULNL_CFG_CMD_BIND = 1
NFULNL_COPY_PACKET = 2
NFULA_PAYLOAD, NFULA_PREFIX = 9, 10

# IPv6 header, TCP header without options: more is not decoded.
COPIED_BYTES = 96


@dataclass(frozen=True, slots=True)
class Drop:
    """A packet that died."""

    node: str
    cause: str
    packet: Packet | None


class DropLog:
    """What dies on one node from now on."""

    def __init__(self, node: str, namespace: NetworkNamespace) -> None:
        """Listen. Raises OSError where the kernel has no nfnetlink_log."""
        self.node = node
        with namespace.entered():
            self.channel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        try:
            self.channel.bind((0, 0))
            self._configure(
                _attribute(NFULA_CFG_CMD, struct.pack("!B", NFULNL_CFG_CMD_BIND)),
                _attribute(NFULA_CFG_MODE, struct.pack("!IBx", COPIED_BYTES, NFULNL_COPY_PACKET)),
                # One packet is reason enough to wake us; the kernel would collect a hundred, or wait a second.
                _attribute(NFULA_CFG_QTHRESH, struct.pack("!I", 1)),
            )
        except BaseException:
            self.channel.close()
            raise
        self.channel.setblocking(False)

    def _configure(self, *attributes: bytes) -> None:
        body = struct.pack("!BBH", socket.AF_UNSPEC, 0, LOG_GROUP) + b"".join(attributes)
        kind = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG
        header = struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK, 1, 0)
        self.channel.sendall(header + body)
        answer = self.channel.recv(4096)
        status = struct.unpack_from("=i", answer, 16)[0]
        if struct.unpack_from("=H", answer, 4)[0] != NLMSG_ERROR or status:
            raise OSError(-status or errno.EPROTO, "nfnetlink_log refuses to be listened to")

    def fileno(self) -> int:
        """For select."""
        return self.channel.fileno()

    def read(self) -> list[Drop]:
        """What died since the last call; never waits."""
        drops: list[Drop] = []
        while True:
            try:
                data = self.channel.recv(65536)
            except BlockingIOError:
                return drops
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                continue  # more died than fits the socket's buffer: some go unseen, and their probes time out
            drops += [self._drop(body) for kind, body in _messages(data) if kind == _PACKET]

    def _drop(self, body: bytes) -> Drop:
        attributes = dict(_attributes(body[4:]))
        cause = attributes.get(NFULA_PREFIX, b"").rstrip(b"\0").decode("ascii", "replace")
        return Drop(self.node, cause, decode(attributes.get(NFULA_PAYLOAD, b"")))

    def close(self) -> None:
        """Stop listening."""
        self.channel.close()


_PACKET = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if length < 16:
            return
        yield kind, data[16:length]
        data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind & 0x7FFF, data[4:length]
        data = data[(length + 3) & ~3 :]
