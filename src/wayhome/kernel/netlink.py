"""A netlink socket: requests, dumps, and the answers to both. What the families share.

The kernel handles a message within sendmsg(2), and continues a dump within recvmsg(2), so its answer is there, or
nothing is: no read here ever waits. A dump is as lazy as its reader: the kernel walks on only when a datagram has been
taken, so that a table of any size passes through one buffer. Until it is exhausted, a dump owns its socket.

Source: netlink(7); netlink_dump() and netlink_recvmsg() in net/netlink/af_netlink.c; NETLINK_EXT_ACK for the words
with which the kernel explains an error.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

from wayhome.kernel import attributes

SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
SO_SNDBUFFORCE = 32

NLM_F_REQUEST = 0x1
NLM_F_MULTI = 0x2
NLM_F_ACK = 0x4
NLM_F_DUMP_INTR = 0x10
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200
NLM_F_DUMP = 0x300
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLMSGERR_ATTR_MSG = 1

RECEIVE_SIZE = 1 << 16
"""More than the kernel puts into one datagram; it makes dumps as large as the buffer they are read with, up to 32 KiB."""

_nlmsghdr = struct.Struct("=IHHII")  # length, type, flags, sequence, port


class DumpInterruptedError(OSError):
    """What was dumped changed its shape meanwhile (NLM_F_DUMP_INTR): something may have been left out or said twice."""

    def __init__(self) -> None:
        super().__init__(errno.EINTR, "the kernel's answer was interrupted by a change")


class Netlink:
    """A socket to one protocol of netlink, in the network namespace in which it was opened. Raises OSError."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol
        )
        self._socket.bind((0, 0))
        self.enable(NETLINK_EXT_ACK)
        self.enable(NETLINK_CAP_ACK)
        self.sequence = 0
        """The number of the message that was packed last."""

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def fileno(self) -> int:
        """For select and event loops."""
        return self._socket.fileno()

    def enable(self, option: int) -> None:
        """Set one of netlink's options. Raises OSError where the kernel does not know it."""
        self._socket.setsockopt(SOL_NETLINK, option, 1)

    def pack(self, kind: int, flags: int, body: bytes) -> bytes:
        """A message with the next sequence number, padded."""
        self.sequence += 1
        return pack(kind, flags, self.sequence, body)

    def send(self, datagram: bytes) -> None:
        """Send packed messages, after throwing away what an earlier exchange left behind.

        A datagram must fit into the send buffer, which is raised as needed: real root may raise it to any size
        (SO_SNDBUFFORCE), anybody else up to `net.core.wmem_max`.
        """
        with suppress(BlockingIOError):
            while True:
                self._socket.recv(RECEIVE_SIZE, socket.MSG_DONTWAIT)
        room = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        if len(datagram) > room - 32:  # as netlink_sendmsg() has it
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, len(datagram))
            except PermissionError:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(datagram))
        self._socket.send(datagram)

    def receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        """The messages of the next datagram: type, flags, sequence number, and what follows the header.

        Raises BlockingIOError where there is none.
        """
        return messages(self._socket.recv(RECEIVE_SIZE, socket.MSG_DONTWAIT))

    def ask(
        self, kind: int, body: bytes, flags: int = 0, *, consistent: bool = False
    ) -> Iterator[bytes]:
        """Send a request and yield the bodies of its answers. Raises OSError as the kernel answers.

        `consistent`: a dump that was interrupted ends with DumpInterruptedError, after all its answers.
        """
        interrupted = 0
        self.send(self.pack(kind, NLM_F_REQUEST | flags, body))
        asked = self.sequence
        while True:
            for answer, answer_flags, sequence, said in self.receive():
                if sequence != asked:
                    continue
                interrupted |= answer_flags & NLM_F_DUMP_INTR
                if answer in (NLMSG_ERROR, NLMSG_DONE):
                    if number := -struct.unpack_from("=i", said)[0]:
                        raise OSError(number, os.strerror(number))
                    if interrupted and consistent:
                        raise DumpInterruptedError
                    return
                yield said
                if not answer_flags & NLM_F_MULTI:
                    return


def pack(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """A message, padded, so that another one may follow it."""
    header = _nlmsghdr.pack(_nlmsghdr.size + len(body), kind, flags, sequence, 0)
    return header + body + bytes(-len(body) % 4)


def messages(datagram: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """The messages of a datagram: type, flags, sequence number, and what follows the header."""
    at = 0
    while at + _nlmsghdr.size <= len(datagram):
        length, kind, flags, sequence, _ = _nlmsghdr.unpack_from(datagram, at)
        yield kind, flags, sequence, datagram[at + _nlmsghdr.size : at + length]
        at += (length + 3) & ~3


def kernels_words(flags: int, body: bytes) -> str:
    """The text with which the kernel explains an error (NLMSGERR_ATTR_MSG); empty if it does not."""
    if not flags & NLM_F_ACK_TLVS:
        return ""
    refused = _nlmsghdr.size
    if not flags & NLM_F_CAPPED:
        refused = struct.unpack_from("=I", body, 4)[0]
    found = attributes.parse(body[4 + ((refused + 3) & ~3) :])
    return attributes.as_text(found.get(NLMSGERR_ATTR_MSG, b""))
