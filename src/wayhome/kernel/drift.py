"""Noticing that somebody committed a change to this namespace's nftables, at next to no cost.

A socket joins netlink group 7, to which the kernel reports every transaction: each object in it, then NEWGEN, the new
generation. A socket filter lets only NEWGEN pass; without it, one large iptables-nft-restore overruns the buffer and
its NEWGEN is among the lost. The sender cannot be told: the process id in the message is the initial namespace's.

The kernel does not say whose table was changed, so a report only means: compare. The reader looks at once the first
time, and then at most once a second; meanwhile it leaves the socket alone. The buffer is as small as the kernel
allows: on a node where others commit a thousand times a second it overruns after a few reports, further ones cost
nothing, and the overrun (ENOBUFS) says all there is to know.

It is a socket of its own and not the one that requests go through: an overrun there would lose an answer.
"""

import ctypes
import errno
import socket
import struct
from typing import Self

from wayhome.kernel.backend import KernelError
from wayhome.kernel.nfnetlink import NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES

NFNLGRP_NFTABLES = 7
NFT_MSG_NEWGEN = 15
SO_ATTACH_FILTER = 26

# Classic BPF (linux/filter.h): what may be loaded of a message, compared and returned.
_LOAD_HALF_WORD_AT = 0x28  # BPF_LD | BPF_H | BPF_ABS
_JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_NLMSG_TYPE_OFFSET = 4


def _only_generations() -> bytes:
    """The filter's program. It loads in network byte order what netlink writes in the machine's."""
    newgen = socket.htons(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)
    program = (
        (_LOAD_HALF_WORD_AT, 0, 0, _NLMSG_TYPE_OFFSET),
        (_JUMP_IF_EQUAL, 0, 1, newgen),
        (_RETURN, 0, 0, 0xFFFF),
        (_RETURN, 0, 0, 0),
    )
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


class DriftListener:
    """Hears of every transaction in the calling thread's network namespace. Raises KernelError where it may not."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK,
            socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
            NETLINK_NETFILTER,
        )
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # the least there is
            self._attach(_only_generations())
            self._socket.bind((0, 1 << (NFNLGRP_NFTABLES - 1)))
        except OSError as error:
            self._socket.close()
            needs = " (it takes CAP_NET_ADMIN in this network namespace)"
            raise KernelError(
                f"changes to nftables cannot be listened to: {error.strerror}"
                f"{needs if error.errno == errno.EPERM else ''}"
            ) from error

    def _attach(self, program: bytes) -> None:
        code = ctypes.create_string_buffer(program)
        header = struct.pack("HL", len(program) // 8, ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, header)

    def fileno(self) -> int:
        """For select and event loops: readable when there is something to `drain`."""
        return self._socket.fileno()

    def drain(self) -> bool:
        """Whether anything was committed since the last time, by us or by others."""
        heard = False
        while True:
            try:
                self._socket.recv(64)
            except BlockingIOError:
                return heard
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
            heard = True

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
