"""Noticing that Pods talk and these rules are not consulted: eBPF forwards their packets past netfilter. Pure.

Three things have to hold together:

- the Pods' interfaces have brought thousands of packets, over some minutes;
- in that time not one connection has come to our rules;
- connection tracking knows no connection between a Pod and another machine, however old, whoever opened it.

The first two alone are no proof: a nat chain sees a connection's first packet only, so Pods that keep old connections,
or answer those of others, look like that. What is left is a node whose Pods talk to the node alone, in packets that
somebody leaves untracked (the rules of NodeLocal DNSCache) or in answers to its probes; the sentence says so.

It is judged at the regular verification and costs one dump of the interfaces there. The counters are read when enough
packets came, connection tracking only when no connection did.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

PACKETS = 1000
MINUTES = 3.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the packets that Pods sent in some minutes."""

    bypassed: bool
    """Whether they went past netfilter."""
    packets: int
    minutes: float


class Judge:
    """Compares what Pods have sent with what came to the rules. Its questions raise KernelError."""

    def __init__(
        self, connections: Callable[[], int | None], any_forwarded: Callable[[], bool]
    ) -> None:
        """`connections`: all that our rules have counted; None where they do not count. `any_forwarded`: see above."""
        self._connections = connections
        self._any_forwarded = any_forwarded
        self._since: float | None = None
        self._packets: Mapping[int, int] = {}
        self._count: int | None = None

    def judge(self, now: float, packets: Mapping[int, int]) -> Verdict | None:
        """What there is to say now, of the packets by interface so far; None while it is too early."""
        if self._since is None:
            self._begin(now, packets, self._connections())
            return None
        # An interface that went took its count along, and its index may come again with another Pod's.
        sent = sum(max(0, count - self._packets.get(at, 0)) for at, count in packets.items())
        minutes = (now - self._since) / 60
        if sent < PACKETS or minutes < MINUTES:
            return None
        count, before = self._connections(), self._count
        self._begin(now, packets, count)
        if count is not None and before is not None and count != before:
            # Less than before: the table was replaced, and nothing follows from it.
            return Verdict(bypassed=False, packets=sent, minutes=minutes) if count > before else None  # fmt: skip
        return Verdict(bypassed=not self._any_forwarded(), packets=sent, minutes=minutes)

    def _begin(self, now: float, packets: Mapping[int, int], count: int | None) -> None:
        self._since, self._packets, self._count = now, dict(packets), count
