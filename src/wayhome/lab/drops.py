"""Packets that died on a node, as they die: a socket of nfnetlink_log.

The rules log what they drop to a group (`compiled.rules`); the kernel sends the packet's head and the rule's cause to whoever
is bound to it, microseconds after the drop. Log groups belong to a network namespace and work in a user namespace
too, other than the kernel's own log.

Source: linux/netfilter/nfnetlink_log.h; the message format is netlink(7)'s, with attributes in network order.
"""

import errno
import socket
import struct
from dataclasses import dataclass

from wayhome.kernel import attributes
from wayhome.kernel.netlink import NLM_F_ACK, Netlink
from wayhome.kernel.nfnetlink import NETLINK_NETFILTER, NFGENMSG_SIZE, nfgenmsg
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.packets import Packet, decode

LOG_GROUP = 1
NFNL_SUBSYS_ULOG = 4
NFULNL_MSG_PACKET, NFULNL_MSG_CONFIG = 0, 1
NFULA_CFG_CMD, NFULA_CFG_MODE, NFULA_CFG_QTHRESH = 1, 2, 5
NFULNL_CFG_CMD_BIND = 1
NFULNL_COPY_PACKET = 2
NFULA_PAYLOAD, NFULA_PREFIX = 9, 10
_CONFIGURE = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG
_PACKET = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET

# What is decoded: an IP header (60 bytes with all options), then TCP's without options (20), or ICMP's and a nonce (24).
COPIED_BYTES = 96
_SETTINGS = (
    attributes.attribute(NFULA_CFG_CMD, struct.pack("!B", NFULNL_CFG_CMD_BIND)),
    attributes.attribute(NFULA_CFG_MODE, struct.pack("!IBx", COPIED_BYTES, NFULNL_COPY_PACKET)),
    # One packet is reason enough to wake us; the kernel would collect a hundred, or wait a second.
    attributes.u32(NFULA_CFG_QTHRESH, 1),
)


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
            self._netlink = Netlink(NETLINK_NETFILTER)
        try:
            body = nfgenmsg(socket.AF_UNSPEC, LOG_GROUP) + b"".join(_SETTINGS)
            list(self._netlink.ask(_CONFIGURE, body, NLM_F_ACK))
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """For select."""
        return self._netlink.fileno()

    def read(self) -> list[Drop]:
        """What died since the last call; never waits."""
        drops: list[Drop] = []
        while True:
            try:
                received = self._netlink.receive()
            except BlockingIOError:
                return drops
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                continue  # more died than fits the socket's buffer: some go unseen, and their probes time out
            drops += [
                self._drop(attributes.parse(body[NFGENMSG_SIZE:]))
                for kind, _, _, body in received
                if kind == _PACKET
            ]

    def _drop(self, found: dict[int, bytes]) -> Drop:
        cause = attributes.as_text(found.get(NFULA_PREFIX, b""))
        return Drop(self.node, cause, decode(found.get(NFULA_PAYLOAD, b"")))

    def close(self) -> None:
        """Stop listening."""
        self._netlink.close()
