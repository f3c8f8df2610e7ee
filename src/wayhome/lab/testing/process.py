"""A program that a lab's server has started, as `subprocess.Popen` shows one.

Its exit status comes through a pipe of its own, so that waiting for it keeps nobody from asking the server.
"""

import os
import select
import signal
import subprocess
from collections.abc import Callable

from wayhome.lab.testing.server import status_format

GONE = -signal.SIGKILL
"""The exit status of a program whose lab has ended: the kernel kills what is left in it."""


class RemoteProcess:
    """One of them."""

    def __init__(
        self, argv: tuple[str, ...], pid: int, ending: int, send: Callable[[int, int], None]
    ) -> None:
        """`ending` is what its exit status comes from; `send` sends a signal."""
        self.argv = argv
        self.pid = pid
        self._ending = ending
        self._send = send
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its exit status, less than 0 for a signal; None while it runs."""
        self._look(0)
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its exit status, for so many seconds. Raises subprocess.TimeoutExpired."""
        self._look(timeout)
        if self._status is None:
            raise subprocess.TimeoutExpired(self.argv, timeout or 0)
        return self._status

    def _look(self, seconds: float | None) -> None:
        if self._status is None and select.select([self._ending], [], [], seconds)[0]:
            said = os.read(self._ending, status_format.size)
            self._status = status_format.unpack(said)[0] if said else GONE
            os.close(self._ending)

    def send_signal(self, sig: int) -> None:
        """Send a signal, if it has not ended."""
        if self.poll() is None:
            self._send(self.pid, sig)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)
