"""nf_tables over netlink: requests, dumps, and transactions (batches).

It exists because `nft` reads a whole set before it adds one element to it, everybody's chains before it adds a rule,
and is a process to start: one element into 10,000 takes 0.3 ms here and 39 ms there. Only what the agent needs is
spoken; what the messages say is in `messages`.

A transaction is one datagram, `BATCH_BEGIN` to `BATCH_END`, and takes effect as a whole or not at all. Failing
messages are answered with their errors, all of them, by sequence number; of those that succeed only the last one
asks for an answer, which older kernels do not give for `BATCH_END`. The datagram must fit into the send buffer.

Source: nfnetlink_rcv_batch() in net/netfilter/nfnetlink.c.
"""

import errno
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from wayhome.kernel import attributes
from wayhome.kernel.netlink import (
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    Netlink,
    kernels_words,
)

NETLINK_NETFILTER = 12
NFNL_SUBSYS_NFTABLES = 10
NFNL_MSG_BATCH_BEGIN = 0x10
NFNL_MSG_BATCH_END = 0x11

NFT_MSG_GETGEN = 16
NFTA_GEN_ID = 1
NFPROTO_INET = 1

_nfgenmsg = struct.Struct(">BBH")  # family, version, resource
NFGENMSG_SIZE = _nfgenmsg.size


def nfgenmsg(family: int, resource: int = 0) -> bytes:
    """What every message of netfilter begins with."""
    return _nfgenmsg.pack(family, 0, resource)


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
        self._netlink = Netlink(NETLINK_NETFILTER)

    def close(self) -> None:
        """Close the socket."""
        self._netlink.close()

    def generation(self) -> int:
        """The number of the last transaction in this namespace, whoever made it."""
        answer = self.get(NFT_MSG_GETGEN, b"")
        return attributes.as_u32(attributes.parse(answer)[NFTA_GEN_ID])

    def get(self, kind: int, payload: bytes, family: int = NFPROTO_INET) -> bytes:
        """Ask for one object: its attributes. Raises FileNotFoundError where there is none."""
        for answer in self._netlink.ask(_kind(kind), _body(payload, family)):
            return answer[NFGENMSG_SIZE:]
        raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))

    def dump(self, kind: int, payload: bytes) -> list[bytes]:
        """Ask for all objects of a kind that the payload selects: each message's attributes.

        An interrupted dump is not told apart: that the generation moved meanwhile is what the caller has to know
        over several dumps anyway.
        """
        answers = self._netlink.ask(_kind(kind), _body(payload), NLM_F_DUMP)
        return [answer[NFGENMSG_SIZE:] for answer in answers]

    def commit(self, messages: Sequence[Message]) -> None:
        """Send messages as one transaction. Raises TransactionError if it was refused; then nothing has changed.

        Raises PermissionError where this process may not change nftables at all.
        """
        if not messages:
            return
        netlink = self._netlink
        begin = netlink.sequence + 1
        border = nfgenmsg(0, NFNL_SUBSYS_NFTABLES)
        parts = [netlink.pack(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, border)]
        for message in messages:
            last = NLM_F_ACK if message is messages[-1] else 0
            flags = NLM_F_REQUEST | message.flags | last
            parts.append(netlink.pack(_kind(message.kind), flags, _body(message.payload)))
        end = netlink.sequence
        parts.append(netlink.pack(NFNL_MSG_BATCH_END, NLM_F_REQUEST, border))
        self._send(b"".join(parts))
        # Answers come in the order of the messages, each in a datagram of its own: the first one tells.
        kind, flags, sequence, body = next(netlink.receive())
        if kind != NLMSG_ERROR or not begin <= sequence <= end:
            raise TransactionError(errno.EPROTO, "commit", f"unexpected answer of type {kind}")
        if number := -struct.unpack_from("=i", body)[0]:
            index = sequence - begin - 1
            if number == errno.EPERM and index < 0:  # no message was looked at
                raise PermissionError(number, os.strerror(number))
            purpose = messages[index].purpose if index >= 0 else "commit"
            raise TransactionError(number, purpose, kernels_words(flags, body))

    def _send(self, transaction: bytes) -> None:
        try:
            self._netlink.send(transaction)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            raise TransactionError(
                errno.EMSGSIZE,
                f"a transaction of {len(transaction):,} bytes",
                "only root of the initial user namespace may send one so large, or raise net.core.wmem_max",
            ) from None


def _kind(message: int) -> int:
    return NFNL_SUBSYS_NFTABLES << 8 | message


def _body(payload: bytes, family: int = NFPROTO_INET) -> bytes:
    return nfgenmsg(family) + payload
