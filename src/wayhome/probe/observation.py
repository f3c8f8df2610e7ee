"""What was seen of one attempt.

"Not reached" always has a reason. The best one is a `Loss`: the packet was seen to die, so the leg, the place and
the cause are known. A reply that died also shows the address that the target saw: it is where the reply was going.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Self

Address = IPv4Address | IPv6Address


class Protocol(StrEnum):
    """The three ways to ask: an HTTP answer, an open TCP connection, an ICMP echo's reply."""

    HTTP = "http"
    TCP = "tcp"
    ICMP = "icmp"


class Leg(StrEnum):
    """Which of the two ways a packet was on."""

    REQUEST = "request"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Loss:
    """A packet of an attempt, seen to die."""

    leg: Leg
    place: str
    cause: str
    towards: Address

    def __str__(self) -> str:
        return f"the {self.leg} to {self.towards} died at {self.place}: {self.cause}"

    @property
    def source_seen(self) -> Address | None:
        """The target answers to the address that it saw."""
        return self.towards if self.leg is Leg.REPLY else None


@dataclass(frozen=True, slots=True)
class Observation:
    """The outcome of one attempt: `reason` is set exactly when it did not reach.

    `milliseconds` is the time until it was reached, or until it was known that it is not. `source_seen` is None where
    nothing said which source the target saw. `error` is the number (errno(3)) with which the machine that asked
    ended the attempt by itself.
    """

    protocol: Protocol
    destination: Address
    source_seen: Address | None
    milliseconds: float
    reason: str | None = None
    loss: Loss | None = None
    error: int | None = None
    answered: bool = False
    """Not reached, and yet something answered (a refusal, another protocol): a way there and a way back exist."""
    answer: str = ""
    """The first line of an HTTP answer, of a target that is anybody's."""

    @property
    def reached(self) -> bool:
        """Whether the answer came back."""
        return self.reason is None

    def lost_by(self, loss: Loss) -> Self:
        """The same attempt, not reached because of a loss."""
        return replace(self, source_seen=loss.source_seen, reason=str(loss), loss=loss)
