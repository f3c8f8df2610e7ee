"""Who is told of what the keeper does: the log, and the tally behind metrics and health."""

from collections.abc import Iterable
from typing import Protocol

from wayhome.agent.holding import Held
from wayhome.kernel import Change


class Observer(Protocol):
    """Is told of events, on the thread that the keeper runs on. Nothing here may raise or wait."""

    def source(self, held: Held) -> None:
        """The source was looked at, and this is to be held now."""

    def applied(self, held: Held, change: Change, seconds: float) -> None:
        """The kernel holds what is wanted, `seconds` after the change of the source was noticed."""

    def repaired(self, change: Change, *, alarm: bool, next_in: float) -> None:
        """Somebody had damaged our rules, and they are whole again; the next repair comes after `next_in` seconds."""

    def verified(self) -> None:
        """The kernel was compared with what it shall hold, and holds it now."""

    def kernel_refused(self, problem: str, retry_in: float) -> None:
        """The kernel could not be read or changed; it holds what it held before."""

    def not_remembered(self, problem: str) -> None:
        """The last good configuration could not be written to disk."""


class Observers:
    """Several observers as one."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)

    def source(self, held: Held) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.source(held)

    def applied(self, held: Held, change: Change, seconds: float) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.applied(held, change, seconds)

    def repaired(self, change: Change, *, alarm: bool, next_in: float) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.repaired(change, alarm=alarm, next_in=next_in)

    def verified(self) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.verified()

    def kernel_refused(self, problem: str, retry_in: float) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.kernel_refused(problem, retry_in)

    def not_remembered(self, problem: str) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.not_remembered(problem)
