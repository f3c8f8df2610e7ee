"""What becomes of the connections that are open when the policy changes.

They keep the treatment that they were opened with until they end: that is what `keep` means, and the default. The
other modes make them start again: an entry that is deleted is made anew by the next packet, under the rules
of now. A Pod that talks over UDP does not notice, but for its address. TCP does: a server that sees packets from an
address that it does not know answers with a reset, which is what is asked for with `expire-all`, and what the caller
has to warn of. A connection through a Service is also given to any of its Pods anew.

Exactly the entries are deleted on which old and new policy differ and that show the old one's treatment (`treatment`
says how that is told). Entries that were opened after the commit show the new one's, so a run can be repeated, and it
has to be: a packet that met the old rules just before the commit may make its entry while the others are dumped.

    commit the new policy
    transition = Transition(old, new, mode)
    transition.run()
    … once more after SECOND_RUN seconds, by the caller's clock, or before the next commit if that comes earlier

Until the second run the new policy must be the one in the kernel: for a newer one, other entries are the right ones.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wayhome.kernel.connection import Connection
from wayhome.kernel.conntrack import Conntrack
from wayhome.kernel.local_addresses import local_addresses
from wayhome.kernel.netlink import DumpInterruptedError
from wayhome.kernel.selection import Selection
from wayhome.kernel.transition_mode import UDP, TransitionMode
from wayhome.kernel.treatment import Comparison, changed_destinations
from wayhome.policy import Policy

SECOND_RUN = 1.0
"""Seconds after the first run."""


@dataclass(frozen=True, slots=True)
class Expired:
    """What a run has deleted: entries by protocol (IANA's number)."""

    by_protocol: Mapping[int, int]
    complete: bool = True
    """False if the kernel rebuilt its table meanwhile, so that some may have been missed. The second run finds them."""

    busy: int = 0
    """Entries that the kernel did not let go (EBUSY): older ones do so while a flow table carries the connection."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_protocol.values())


class Transition:
    """From one policy to the next, on the node in whose network namespace the calling thread is."""

    def __init__(self, old: Policy | None, new: Policy, mode: TransitionMode) -> None:
        """`old`: what the kernel held before the commit (`held_policy`). Without one no entry is the old policy's."""
        self._old, self._new, self._mode = old, new, mode
        self._selection = None if old is None else _selection(old, new, mode)

    @property
    def needed(self) -> bool:
        """Whether there can be anything to expire: if not, a run costs nothing and a second one is not due."""
        return self._selection is not None

    def run(self) -> Expired:
        """Dump, and delete what is to start again. Raises KernelError; what is deleted until then stays deleted."""
        if self._old is None or self._selection is None:
            return Expired({})
        comparison = Comparison(self._old, self._new, local_addresses())
        expired: Counter[int] = Counter()
        with Conntrack() as conntrack:
            wanted = _Expiring(conntrack.dump(self._selection), comparison, self._mode)
            for connection in conntrack.delete(wanted):
                expired[connection.protocol] += 1
        return Expired(expired, complete=not wanted.interrupted, busy=conntrack.busy)


class _Expiring:
    """The connections of a dump that are to start again. An interrupted dump ends like a whole one, and is noted."""

    def __init__(
        self, dump: Iterator[Connection], comparison: Comparison, mode: TransitionMode
    ) -> None:
        self._dump, self._comparison, self._mode = dump, comparison, mode
        self.interrupted = False

    def __iter__(self) -> Iterator[Connection]:
        try:
            yield from filter(self._is_to_start_again, self._dump)
        except DumpInterruptedError:
            self.interrupted = True

    def _is_to_start_again(self, connection: Connection) -> bool:
        return (
            self._mode.expires(connection.protocol) and self._comparison.verdict(connection).changes
        )


def _selection(old: Policy, new: Policy, mode: TransitionMode) -> Selection | None:
    """What has to be dumped; None if nothing has."""
    if mode is TransitionMode.KEEP:
        return None
    families = tuple(dict.fromkeys((*old.families, *new.families)))
    protocol = UDP if mode is TransitionMode.EXPIRE_UDP else None
    changed = changed_destinations(old, new)
    if changed is None:
        return Selection(families, protocol)
    if not changed:
        return None
    only_translated = not any(changed.masqueraded.values())
    return Selection(families, protocol, translated=only_translated, destinations=changed.all)
