"""An event loop on which waiting takes no time: its clock jumps to the next timer when nothing else is to be done.

A test's client and server run on one such loop and speak through socket pairs, which the kernel delivers at once; so
an hour of back-off and bookmarks plays in milliseconds, and always in the same way.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

Result = TypeVar("Result")
Given = ParamSpec("Given")


class _Selector(selectors.DefaultSelector):
    """Never sleeps: what it would have slept is added to the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise AssertionError("nothing will ever happen: no timer, and nothing to read")
        self.now += max(timeout, 0.001)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time is the selector's."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def play(scenario: Coroutine[Any, Any, Result]) -> Result:
    """Run a scenario on such a loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario)


def played(test: Callable[Given, Coroutine[Any, Any, None]]) -> Callable[Given, None]:
    """A test that is a scenario as a whole."""

    @functools.wraps(test)
    def play_it(*given: Given.args, **named: Given.kwargs) -> None:
        play(test(*given, **named))

    return play_it
