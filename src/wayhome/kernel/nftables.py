"""The real back end: the nf_tables of one network namespace.

Reading is avoided where the kernel itself says that nothing happened: every transaction in the namespace, whoever
made it, raises the generation by one. While the generation stands where our last reading or change left it, our
table is what it was then. After a change of ours it is known without reading if the generation rose by exactly one;
otherwise somebody else was there too, and the table is read.

A reading takes several requests, and is believed if the generation stood still meanwhile. On a node where others
commit a thousand times a second it never does: then it is believed if it is, to the byte, what was read before. Two
equal readings cannot both have been torn by the same change. One thing moves before its generation does: the
table's count of its objects, while somebody's transaction is being prepared. A count that does not fit what is
listed is therefore looked at again for a while, until it fits or turns out to be a stranger's object. Bytes are
compared by Python's own 64-bit hash of them, so that a megabyte need not be kept. Counters are blanked before.
"""

import errno
import os
import time
from dataclasses import dataclass, replace
from typing import Self

from wayhome.kernel import readback
from wayhome.kernel.backend import KernelError, RefusedError
from wayhome.kernel.commands import Transaction
from wayhome.kernel.counts import NOTHING_COUNTED, Counts
from wayhome.kernel.difference import ElementChanges, Elements
from wayhome.kernel.messages import messages_of, removal
from wayhome.kernel.nfnetlink import Channel, TransactionError
from wayhome.kernel.skeleton import COUNTER, SENT_ELSEWHERE, TABLE
from wayhome.kernel.table import HeldSet, Table
from wayhome.kernel.transactions import changing

ASKED_FOR_ONE_BY_ONE = 32
PENDING_SECONDS = 0.01
READINGS = 6
"""How often to read before giving up: somebody changes our own table faster than it can be read."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The table as it was at a generation; `bytes_hash` of the dump that it was parsed from, if it was."""

    generation: int
    table: Table | None
    bytes_hash: int | None


class NftablesKernel:
    """The nf_tables of the network namespace in which the calling thread is when it makes this.

    Used by one thread at a time. Raises KernelError where there is no nfnetlink.
    """

    def __init__(self) -> None:
        try:
            self._channel = Channel()
        except OSError as error:
            raise KernelError(f"this kernel has no nfnetlink: {error.strerror}") from error
        self._known: _Known | None = None

    def close(self) -> None:
        """Let go of the namespace. The table stays."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def forget(self) -> None:
        """The next `read` asks the kernel for everything."""
        self._known = None

    def read(self) -> Table | None:
        """Our table, from memory where the generation has not moved."""
        try:
            return self._read()
        except (OSError, ValueError, KeyError) as error:
            raise _explained("reading the table", error) from error

    def counts(self, of: Elements | None = None) -> Counts:
        """What our table has counted: a few elements are asked for one by one, 10,000 take 20 ms."""
        table = self.read()
        if table is None:
            return Counts()
        if of is None or sum(map(len, of.values())) > ASKED_FOR_ONE_BY_ONE:
            of = {held.type: () for held in table.sets if readback.is_ours(held.type)}
        try:
            by_set = {
                kind.name: readback.counts(self._channel, kind, some) for kind, some in of.items()
            }
            # Last, so that it is never behind what the elements of the list have counted.
            masqueraded, elsewhere = readback.counter(self._channel, COUNTER), NOTHING_COUNTED
            if SENT_ELSEWHERE in table.counters:
                elsewhere = readback.counter(self._channel, SENT_ELSEWHERE)
            return Counts(by_set, masqueraded, elsewhere)
        except FileNotFoundError:
            return Counts()  # damaged, or just removed
        except (OSError, ValueError, KeyError) as error:
            raise _explained("reading the counters", error) from error

    def write(self, transaction: Transaction) -> None:
        """Send a transaction."""
        self.forget()
        try:
            self._channel.commit(tuple(messages_of(transaction)))
        except OSError as error:
            raise _explained("writing the table", error) from error

    def change(self, changes: ElementChanges) -> None:
        """Remove and add elements."""
        known = self._known
        self.forget()
        try:
            before = self._channel.generation()
            self._channel.commit(tuple(messages_of(changing(changes))))
            after = self._channel.generation()
        except OSError as error:
            raise _explained("changing elements", error) from error
        if known and known.table and known.generation == before and after == before + 1:
            self._known = _Known(after, _changed(known.table, changes), None)

    def remove(self) -> None:
        """Remove our table."""
        self.forget()
        try:
            self._channel.commit((removal(),))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise _explained("removing the table", error) from error

    def _read(self) -> Table | None:
        previous: int | None = None
        unsettled: _Known | None = None
        for _ in range(READINGS):
            generation = self._channel.generation()
            if self._known and self._known.generation == generation:
                return self._known.table
            try:
                dump = readback.collect(self._channel)
            except FileNotFoundError:
                continue  # it vanished while it was read
            bytes_hash = hash(dump)
            if self._known and self._known.bytes_hash == bytes_hash:
                self._known = replace(self._known, generation=generation)
                return self._known.table
            if previous == bytes_hash or self._channel.generation() == generation:
                table = readback.parse(dump) if dump else None
                known = _Known(generation, table, bytes_hash)
                if table is None or table.count_is_settled:
                    self._known = known
                    return table
                unsettled = known
                time.sleep(PENDING_SECONDS)
            previous = bytes_hash
        if unsettled is None:
            raise KernelError(
                "our table is being changed by somebody else faster than it can be read"
            )
        self._known = unsettled
        return unsettled.table


def _changed(table: Table, changes: ElementChanges) -> Table:
    """The table after a change."""
    return replace(table, sets=tuple(_changed_set(held, changes) for held in table.sets))


def _changed_set(held: HeldSet, changes: ElementChanges) -> HeldSet:
    gone = set(changes.removed.get(held.type, ()))
    added = changes.added.get(held.type, ())
    if not gone and not added:
        return held
    left = [interval for interval in held.intervals if interval not in gone]
    return replace(held, intervals=tuple(sorted([*left, *added])))


def _explained(action: str, error: Exception) -> KernelError:
    if not isinstance(error, OSError):
        return KernelError(f"{action}: the kernel's answer cannot be read: {error!r}")
    if isinstance(error, TransactionError):
        owned = error.errno == errno.EPERM
        why = f"; another process owns the table inet {TABLE}, until it ends" if owned else ""
        return RefusedError(f"{action}: {error.strerror}{why}")
    if error.errno == errno.EPERM:
        return KernelError(f"{action}: nftables needs CAP_NET_ADMIN in this network namespace")
    return KernelError(f"{action}: {error.strerror or os.strerror(error.errno or 0)}")
