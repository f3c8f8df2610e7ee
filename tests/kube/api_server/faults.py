"""What goes wrong on request.

A fault waits for requests that it fits and is used up by them. What can be done to an answer: another one, none, one
that is cut off, one that never ends, one that comes byte by byte.
"""

import enum
from dataclasses import dataclass

from tests.kube.api_server.request import Asked


class Action(enum.Enum):
    """What happens to a request."""

    ANSWER = "answer"
    """Answered with `code` and, if set, Retry-After; 429 in text, as the API's front door says it."""
    CLOSE = "close"
    """The connection is reset before an answer."""
    LOST = "lost"
    """The request is done, and the connection is reset before the answer."""
    SILENCE = "silence"
    """The request is taken, and nothing ever comes."""
    MUTE = "mute"
    """A watch begins as ever, but nothing comes on it, no bookmark and no end: a half-open connection."""
    EMPTY = "empty"
    """A watch begins and ends at once, as some servers treat a version that is gone (kubernetes#137089)."""
    EXPIRED = "expired"
    """A watch begins, and its first event is 410 Expired."""
    CUT = "cut"
    """A watch begins, and its connection is reset in the middle of its first event."""
    NONSENSE = "nonsense"
    """A watch begins, and its first event is no JSON; a list answers with such a body."""
    SLOW = "slow"
    """The answer comes one byte at a time, every `seconds`."""


@dataclass(slots=True)
class Fault:
    """Empty `verb` or `resource`: any. `times`: how many requests it spoils, after `spared` others; -1: all that come."""

    action: Action
    verb: str = ""
    resource: str = ""
    times: int = 1
    spared: int = 0
    code: int = 500
    retry_after: int | None = None
    seconds: float = 1.0

    def fits(self, asked: Asked) -> bool:
        return self.verb in ("", asked.verb) and self.resource in ("", asked.resource)


class Faults:
    """Those that wait, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def take(self, asked: Asked) -> Fault | None:
        """The fault that this request meets, used up by one."""
        for fault in self.waiting:
            if fault.times and fault.fits(asked):
                if fault.spared:
                    fault.spared -= 1
                    continue
                fault.times -= 1
                return fault
        return None

    def clear(self) -> None:
        self.waiting.clear()
