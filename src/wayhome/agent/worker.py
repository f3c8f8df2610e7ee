"""The one thread that talks to the kernel, so that the loop is never kept waiting.

iptables-restore may hang and waits for the lock of others, and a list of 10,000 takes its time; meanwhile the agent
still answers its health check, hears signals and notices changes. One call runs at a time, in the order in which they
were asked for.

The thread is a daemon: a process that is told to end does not wait for a child that hangs. What the child then does or
does not do is one transaction all the same.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")


class Worker:
    """Runs calls one after the other on a thread of its own."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="kernel", daemon=True).start()

    def run(self, call: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Have `call` run on the thread; the future, of the running loop, has its result or its exception."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def work() -> None:
            try:
                done: tuple[Callable[[Any], None], Any] = (future.set_result, call())
            except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to whoever asked
                done = (future.set_exception, error)
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(_settle, future, *done)

        self._calls.put(work)
        return future

    def _serve(self) -> None:
        while True:
            self._calls.get()()


def _settle(future: "asyncio.Future[Any]", settle: Callable[[Any], None], outcome: Any) -> None:
    if not future.done():
        settle(outcome)
