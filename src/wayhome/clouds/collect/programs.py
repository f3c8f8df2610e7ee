"""Programs that are asked for what they print, several at once, and that can be ended together.

Each is a session of its own: what a program starts (gcloud is a shell script around Python, kubectl starts plugins for
credentials) ends with it, and one that wants a password finds no terminal to wait at. A person's Ctrl-C does not reach
them there, so whoever uses them ends them.
"""

import os
import signal
import subprocess
from dataclasses import dataclass, field
from threading import Lock

LONGEST_REASON = 500
"""Characters of what a program says of its failure."""


class NotInstalledError(Exception):
    """A program is missing, or cannot be started; the message names it."""


@dataclass(slots=True)
class Programs:
    """Those that run now. `seconds`: how long one may take."""

    seconds: float
    _running: set["subprocess.Popen[bytes]"] = field(default_factory=set)
    _ended: bool = False
    _lock: Lock = field(default_factory=Lock)

    def ask(self, argv: tuple[str, ...]) -> tuple[bytes, str]:
        """What a program prints, or why it did not. Raises NotInstalledError."""
        with self._lock:
            if self._ended:
                return b"", "it was not started any more"
            process = _start(argv)
            self._running.add(process)
        with process:
            try:
                output, errors = process.communicate(timeout=self.seconds)
            except subprocess.TimeoutExpired:
                return b"", f"no answer within {self.seconds:g} s"
            finally:
                _kill(process)
                self._running.discard(process)
        if process.returncode:
            said = " ".join(errors.decode(errors="replace").split())
            return b"", said[:LONGEST_REASON] or f"ended with exit status {process.returncode}"
        return output, ""

    def end(self) -> None:
        """End all that run, and start no more: they only read, nothing is left half done."""
        with self._lock:
            self._ended = True
            for process in tuple(self._running):
                _kill(process)


def _start(argv: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise NotInstalledError(f"{argv[0]} is not installed, or not on the PATH") from error
    except OSError as error:
        raise NotInstalledError(f"{argv[0]} cannot be started: {error.strerror}") from error


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Until its exit status was taken, the group's number is no other's."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
