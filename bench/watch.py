"""When the kernel holds something, to the moment: its own news of every commit wake us, nothing is polled.

A commit is one transaction, so a list is there as a whole as soon as any address of it is; after each commit one
address is looked up, which costs the kernel microseconds.
"""

import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from bench.figure import NotReachedError
from wayhome.kernel import DriftListener, attributes
from wayhome.kernel.nfnetlink import Channel, Message

SECONDS = 30.0
"""How long to wait before that is the result."""
SET = "keep4"
TABLE = "wayhome"
NFT_MSG_DELTABLE = 2
NFT_MSG_NEWSETELEM, NFT_MSG_GETSETELEM, NFT_MSG_DELSETELEM, NFT_MSG_NEWGEN = 12, 13, 14, 15
_TABLE_NAME = 1
_SET_ELEM_LIST_TABLE, _SET_ELEM_LIST_SET, _SET_ELEM_LIST_ELEMENTS = 1, 2, 3
_LIST_ELEM, _SET_ELEM_KEY, _DATA_VALUE = 1, 1, 1
NFNLGRP_NFTABLES = 7
NETLINK_NETFILTER = 12
SO_RCVBUFFORCE = 33
_NETLINK_HEADERS = 20
"""nlmsghdr and nfgenmsg."""


def element(table: str, set_name: str, address: str) -> bytes:
    """The attributes that name one element of a set of IPv4 addresses, to look it up or to change it."""
    value = attributes.attribute(_DATA_VALUE, socket.inet_aton(address))
    return (
        attributes.text(_SET_ELEM_LIST_TABLE, table)
        + attributes.text(_SET_ELEM_LIST_SET, set_name)
        + attributes.nested(
            _SET_ELEM_LIST_ELEMENTS,
            attributes.nested(_LIST_ELEM, attributes.nested(_SET_ELEM_KEY, value)),
        )
    )


class TableWatch:
    """Watches our table in the network in which it was made."""

    def __init__(self) -> None:
        self._news = DriftListener()
        self._channel = Channel()
        self._poll = select.poll()
        self._poll.register(self._news, select.POLLIN)

    def close(self) -> None:
        """Stop watching."""
        self._news.close()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def until_kept(self, address: str, seconds: float = SECONDS) -> float:
        """When, by time.perf_counter, a list with this address came. Raises NotReachedError."""
        deadline = time.perf_counter() + seconds
        now = time.perf_counter()
        while not self.keeps(address):
            left = deadline - time.perf_counter()
            if left <= 0:
                raise NotReachedError(f"{address} was not in the kernel after {seconds:g} s")
            self._poll.poll(left * 1000)
            now = time.perf_counter()
            self._news.drain()
        return now

    def keeps(self, address: str) -> bool:
        """Whether destinations with this address keep the Pod's, by our table."""
        wanted = element(TABLE, SET, address)
        with suppress(FileNotFoundError):
            self._channel.get(NFT_MSG_GETSETELEM, wanted)
            return True
        return False

    def generation(self) -> int:
        """The number of commits in this network so far, whoever made them."""
        return self._channel.generation()

    def remove_table(self) -> None:
        """What somebody does who flushes the ruleset: our table goes, in one commit."""
        name = attributes.text(_TABLE_NAME, TABLE)
        self._channel.commit([Message(NFT_MSG_DELTABLE, name, "remove the table")])


@dataclass(frozen=True, slots=True)
class Commit:
    """What the kernel reported of one transaction: how many objects of which kind, and the elements' bytes."""

    kinds: tuple[int, ...]
    elements: tuple[bytes, ...]

    @property
    def only_elements(self) -> bool:
        """Whether nothing but elements came or went."""
        return set(self.kinds) <= {NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM}


class CommitLog:
    """Keeps the kernel's reports of every transaction in the network in which it was made."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER
        )
        with suppress(PermissionError):
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
        self._socket.bind((0, 1 << (NFNLGRP_NFTABLES - 1)))

    def take(self) -> list[Commit]:
        """The transactions since the last time. Raises OSError (ENOBUFS) if some were lost."""
        commits: list[Commit] = []
        kinds: list[int] = []
        held: list[bytes] = []
        for kind, payload in self._messages():
            if kind == NFT_MSG_NEWGEN:
                commits.append(Commit(tuple(kinds), tuple(held)))
                kinds, held = [], []
                continue
            kinds.append(kind)
            if kind in (NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM):
                held.append(payload)
        return commits

    def _messages(self) -> Iterator[tuple[int, bytes]]:
        with suppress(BlockingIOError):
            while True:
                datagram = self._socket.recv(1 << 17, socket.MSG_DONTWAIT)
                at = 0
                while at < len(datagram):
                    length, kind = struct.unpack_from("=IH", datagram, at)
                    yield kind & 0xFF, datagram[at + _NETLINK_HEADERS : at + length]
                    at += (length + 3) & ~3

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
