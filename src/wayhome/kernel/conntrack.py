"""Connection tracking over netlink: a stream of its entries, and the end of some of them.

A dump is read as it is wanted, datagram by datagram, so that 200,000 entries pass through one buffer. It does not
stop the traffic: entries come and go while it runs. Whoever needs the ones that it missed asks again.

An entry is deleted by its original tuple, its zone and its id together: if its connection ended meanwhile and another
one took the tuple, the kernel finds no entry of that id and deletes nothing. The id is a hash of the tuple and of the
entry's place in memory (nf_ct_get_id()), so a new entry has the old one's if it got the same tuple and the very place
that was just freed, within the milliseconds between reading and deleting. Nothing that the kernel shows tells those
two apart; the new one then starts once more, under the same rules.

Source: ctnetlink_get_conntrack(), ctnetlink_dump_table() and ctnetlink_del_conntrack() in
net/netfilter/nf_conntrack_netlink.c.
"""

import errno
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Self

from wayhome.kernel.backend import KernelError
from wayhome.kernel.connection import Connection, Flow, parse
from wayhome.kernel.netlink import (
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    DumpInterruptedError,
    Netlink,
)
from wayhome.kernel.nfnetlink import NETLINK_NETFILTER, nfgenmsg
from wayhome.kernel.selection import Selection
from wayhome.prefixes import Family

NFNL_SUBSYS_CTNETLINK = 1
IPCTNL_MSG_CT_GET = 1
IPCTNL_MSG_CT_DELETE = 2

DELETIONS_AT_ONCE = 64
"""Each may be answered with an error, and the answers have to fit into the receive buffer together."""


class Conntrack:
    """Connection tracking of the network namespace in which it was opened. Raises KernelError.

    Reading and deleting have a socket each, so that entries can be deleted while they are read.
    """

    def __init__(self) -> None:
        try:
            self._reading = Netlink(NETLINK_NETFILTER)
            self._deleting = Netlink(NETLINK_NETFILTER)
            self.busy = 0
            """Entries that the kernel did not let go (EBUSY): older ones do so while a flow table carries the connection."""
        except OSError as error:
            raise KernelError(f"this kernel has no nfnetlink: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the namespace."""
        self._reading.close()
        self._deleting.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, flow: Flow) -> Connection | None:
        """The connection that a flow's first packet opened; None where there is none. Raises KernelError."""
        body = nfgenmsg(int(flow.family.socket_family)) + flow.attributes()
        try:
            for answer in self._reading.ask(_kind(IPCTNL_MSG_CT_GET), body):
                return parse(answer)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, struct.error) as error:
            raise _explained("looking for a connection", error) from error
        return None

    def dump(self, selection: Selection) -> Iterator[Connection]:
        """The connections of a selection, one by one; one dump at a time.

        Raises DumpInterruptedError at the end, after all connections, if the kernel's table was rebuilt meanwhile:
        some may have been left out or come twice. Raises KernelError where connection tracking cannot be read.
        """
        interrupted: DumpInterruptedError | None = None
        for family in selection.families:
            try:
                yield from self._dump(selection, family)
            except DumpInterruptedError as error:
                interrupted = error
            except (OSError, ValueError, KeyError, struct.error) as error:
                raise _explained("reading the connections", error) from error
        if interrupted is not None:
            raise interrupted

    def _dump(self, selection: Selection, family: Family) -> Iterator[Connection]:
        body = nfgenmsg(int(family.socket_family)) + selection.kernel_filter()
        may_hold, holds = selection.may_hold(family), selection.holds
        for answer in self._reading.ask(
            _kind(IPCTNL_MSG_CT_GET), body, NLM_F_DUMP, consistent=True
        ):
            if may_hold(answer) and holds(connection := parse(answer)):
                yield connection

    def delete(self, connections: Iterable[Connection]) -> Iterator[Connection]:
        """Delete these very entries, and yield those that were still there and are deleted. Raises KernelError."""
        waiting = iter(connections)
        while some := list(islice(waiting, DELETIONS_AT_ONCE)):
            try:
                kept = self._delete(some)
            except OSError as error:
                raise _explained("deleting connections", error) from error
            yield from (c for at, c in enumerate(some) if at not in kept)

    def _delete(self, connections: Sequence[Connection]) -> set[int]:
        """Ask for all of them, and return which of them were not deleted."""
        netlink, first = self._deleting, self._deleting.sequence + 1
        netlink.send(
            b"".join(
                netlink.pack(
                    _kind(IPCTNL_MSG_CT_DELETE),
                    NLM_F_REQUEST | (NLM_F_ACK if connection is connections[-1] else 0),
                    nfgenmsg(int(connection.family.socket_family)) + connection.name,
                )
                for connection in connections
            )
        )
        kept: set[int] = set()
        last = netlink.sequence
        while True:
            for kind, _, sequence, body in netlink.receive():
                if kind != NLMSG_ERROR or not first <= sequence <= last:
                    continue
                number = -struct.unpack_from("=i", body)[0]
                if number == errno.EBUSY:
                    self.busy += 1
                elif number not in (0, errno.ENOENT):
                    raise OSError(number, os.strerror(number))
                if number:
                    kept.add(sequence - first)
                if sequence == last:
                    return kept


def _kind(message: int) -> int:
    return NFNL_SUBSYS_CTNETLINK << 8 | message


def _explained(action: str, error: Exception) -> KernelError:
    if not isinstance(error, OSError):
        return KernelError(f"{action}: the kernel's answer cannot be read: {error!r}")
    if error.errno == errno.EPERM:
        return KernelError(f"{action}: it takes CAP_NET_ADMIN in this network namespace")
    if error.errno == errno.EINVAL:
        return KernelError(
            f"{action}: this kernel does not show them (its module is nf_conntrack_netlink)"
        )
    return KernelError(f"{action}: {error.strerror or os.strerror(error.errno or 0)}")
