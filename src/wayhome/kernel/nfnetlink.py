"""A netlink socket to nf_tables: requests, dumps, and transactions (batches).

It exists because `nft` reads a whole set before it adds one element to it, and starts a process for it: one element
into 10,000 takes 0.3 ms here and 39 ms there. Only what the agent needs is spoken; rules are nft's to write.

The kernel handles a message within sendmsg(2), so its answer is there, or nothing is: no read here ever waits.

A transaction is one datagram, `BATCH_BEGIN` to `BATCH_END`, and takes effect as a whole or not at all. Failing
messages are answered with their errors, all of them, by sequence number; of those that succeed only the last one
asks for an answer, which older kernels do not give for `BATCH_END`. The datagram must fit into the send buffer. Real
root may raise that as needed (SO_SNDBUFFORCE); anybody else only up to `net.core.wmem_max`.

Source: nfnetlink_rcv_batch() in net/netfilter/nfnetlink.c, netlink(7), and NETLINK_EXT_ACK for the error's text.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from wayhome.kernel import attributes

NETLINK_NETFILTER = 12
NFNL_SUBSYS_NFTABLES = 10
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
SO_SNDBUFFORCE = 32

NLM_F_REQUEST = 0x1
NLM_F_MULTI = 0x2
NLM_F_ACK = 0x4
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200
NLM_F_DUMP = 0x300
NLMSG_ERROR = 2
NLMSG_DONE = 3
NFNL_MSG_BATCH_BEGIN = 0x10
NFNL_MSG_BATCH_END = 0x11
NLMSGERR_ATTR_MSG = 1

NFT_MSG_GETGEN = 16
NFTA_GEN_ID = 1
NFPROTO_INET = 1

RECEIVE_SIZE = 1 << 16
"""More than the kernel puts into one datagram; it makes dumps as large as the buffer they are read with, up to 32 KiB."""

_nlmsghdr = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_nfgenmsg = struct.Struct(">BBH")  # family, version, resource
_HEADERS = _nlmsghdr.size + _nfgenmsg.size


@dataclass(frozen=True, slots=True)
class Message:
    """One message to nf_tables about our table's family, and what it is for, in words for an error."""

    kind: int
    payload: bytes
    purpose: str
    flags: int = 0


class TransactionError(OSError):
    """The kernel refused a transaction: `errno`, the purpose of the message that failed, and the kernel's own words."""

    def __init__(self, number: int, purpose: str, words: str = "") -> None:
        super().__init__(
            number, f"{purpose}: {os.strerror(number)}{f' ({words})' if words else ''}"
        )


class Channel:
    """A socket to the nf_tables of the network namespace in which it was opened. Raises OSError."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER
        )
        self._socket.bind((0, 0))
        self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self._sequence = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def generation(self) -> int:
        """The number of the last transaction in this namespace, whoever made it."""
        answer = self.get(NFT_MSG_GETGEN, b"")
        return attributes.as_u32(attributes.parse(answer)[NFTA_GEN_ID])

    def get(self, kind: int, payload: bytes) -> bytes:
        """Ask for one object: its attributes. Raises FileNotFoundError where there is none."""
        for answer in self._ask(kind, payload, NLM_F_REQUEST):
            return answer
        raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))

    def dump(self, kind: int, payload: bytes) -> list[bytes]:
        """Ask for all objects of a kind that the payload selects: each message's attributes.

        NLM_F_DUMP_INTR is not looked at: it says that the generation moved meanwhile, which the caller has to know
        over several dumps anyway.
        """
        return list(self._ask(kind, payload, NLM_F_REQUEST | NLM_F_DUMP))

    def commit(self, messages: Sequence[Message]) -> None:
        """Send messages as one transaction. Raises TransactionError if it was refused; then nothing has changed."""
        if not messages:
            return
        begin = self._sequence + 1
        parts = [self._pack(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 0, NFNL_SUBSYS_NFTABLES, b"")]
        for message in messages:
            last = NLM_F_ACK if message is messages[-1] else 0
            kind = NFNL_SUBSYS_NFTABLES << 8 | message.kind
            flags = NLM_F_REQUEST | message.flags | last
            parts.append(self._pack(kind, flags, NFPROTO_INET, 0, message.payload))
        end = self._sequence
        parts.append(self._pack(NFNL_MSG_BATCH_END, NLM_F_REQUEST, 0, NFNL_SUBSYS_NFTABLES, b""))
        self._drop_answers()
        self._send_transaction(b"".join(parts))
        # Answers come in the order of the messages, each in a datagram of its own: the first one tells.
        kind, flags, sequence, body = next(self._receive())
        if kind != NLMSG_ERROR or not begin <= sequence <= end:
            raise TransactionError(errno.EPROTO, "commit", f"unexpected answer of type {kind}")
        if number := -struct.unpack_from("=i", body)[0]:
            index = sequence - begin - 1
            purpose = messages[index].purpose if index >= 0 else "commit"
            raise TransactionError(number, purpose, _kernels_words(flags, body))

    def _ask(self, kind: int, payload: bytes, flags: int) -> Iterator[bytes]:
        self._drop_answers()
        request = self._pack(NFNL_SUBSYS_NFTABLES << 8 | kind, flags, NFPROTO_INET, 0, payload)
        self._socket.send(request)
        asked = self._sequence
        while True:
            for answer, answer_flags, sequence, body in self._receive():
                if sequence != asked:
                    continue
                if answer in (NLMSG_ERROR, NLMSG_DONE):
                    if number := -struct.unpack_from("=i", body)[0]:
                        raise OSError(number, os.strerror(number))
                    return
                yield body[_nfgenmsg.size :]
                if not answer_flags & NLM_F_MULTI:
                    return

    def _pack(self, kind: int, flags: int, family: int, resource: int, payload: bytes) -> bytes:
        self._sequence += 1
        length = _HEADERS + len(payload)
        header = _nlmsghdr.pack(length, kind, flags, self._sequence, 0)
        return header + _nfgenmsg.pack(family, 0, resource) + payload

    def _receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        """The messages of the next datagram: type, flags, sequence number, and what follows the header."""
        datagram = self._socket.recv(RECEIVE_SIZE, socket.MSG_DONTWAIT)
        at = 0
        while at + _nlmsghdr.size <= len(datagram):
            length, kind, flags, sequence, _ = _nlmsghdr.unpack_from(datagram, at)
            yield kind, flags, sequence, datagram[at + _nlmsghdr.size : at + length]
            at += (length + 3) & ~3

    def _drop_answers(self) -> None:
        """Throw away what an earlier exchange left behind."""
        with suppress(BlockingIOError):
            while True:
                self._socket.recv(RECEIVE_SIZE, socket.MSG_DONTWAIT)

    def _send_transaction(self, datagram: bytes) -> None:
        room = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        if len(datagram) > room - 32:  # as netlink_sendmsg() has it
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, len(datagram))
            except PermissionError:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(datagram))
        try:
            self._socket.send(datagram)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            raise TransactionError(
                errno.EMSGSIZE,
                f"a transaction of {len(datagram):,} bytes",
                "only root of the initial user namespace may send one so large, or raise net.core.wmem_max",
            ) from None


def _kernels_words(flags: int, body: bytes) -> str:
    """The text with which the kernel explains an error, if it does (NLMSGERR_ATTR_MSG)."""
    if not flags & NLM_F_ACK_TLVS:
        return ""
    refused = _nlmsghdr.size
    if not flags & NLM_F_CAPPED:
        refused = struct.unpack_from("=I", body, 4)[0]
    found = attributes.parse(body[4 + ((refused + 3) & ~3) :])
    return attributes.as_text(found.get(NLMSGERR_ATTR_MSG, b""))
