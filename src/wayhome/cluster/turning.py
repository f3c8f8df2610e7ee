"""What turns a change round on its way, and how something is waited for that may be interrupted."""

import asyncio
from typing import Any


class BackError(Exception):
    """The change is not to stay; its text says why."""


class TimeOverError(Exception):
    """Not everybody has answered; its text says who."""


class TurnedError(Exception):
    """Whoever runs this wants it to end."""


class Interrupt:
    """Comes from outside, at any moment."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def has_come(self) -> bool:
        """Whether it has, and nobody has turned round for it yet."""
        return self._event.is_set()

    def come(self) -> None:
        """Now."""
        self._event.set()

    def answered(self) -> None:
        """It is on its way back: another one is another matter."""
        self._event.clear()

    async def unless(self, waiting: "asyncio.Future[Any]") -> None:
        """Wait for something, and give it up where the interrupt comes first. Raises TurnedError."""
        stop = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait((waiting, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
        if not waiting.done():
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        if self.has_come:
            raise TurnedError
