"""One node of a test's lab: programs and sockets on it."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from wayhome.lab import programs
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.programs import Program, ProgramError, RunningProgram
from wayhome.lab.testing.process import RemoteProcess
from wayhome.lab.testing.requests import Lend, Listening, OpenSocket, Signal, Start
from wayhome.network import Address

if TYPE_CHECKING:
    from wayhome.lab.testing.lab import Lab

SECONDS = 10.0
"""How long something is waited for unless a test says otherwise."""
_LOOK_SECONDS = 0.005


class NotPrivilegedError(Exception):
    """This process cannot enter a node's network itself."""


class Node:
    """A node, by its full name, with its addresses in the order of its ports."""

    def __init__(self, lab: "Lab", name: str, addresses: tuple[Address, ...]) -> None:
        self.name = name
        self.addresses = addresses
        self._lab = lab

    @property
    def address(self) -> str:
        """Its first address, as text. Raises IndexError where it has none."""
        return str(self.addresses[0])

    def run(
        self, *argv: str | Path, seconds: float = SECONDS, text: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program on the node to its end, with `text` as its input.

        Raises OSError where it cannot be started, and subprocess.TimeoutExpired, after it was killed, where it does not
        end in time.
        """
        with ExitStack() as held:
            given, output, errors = (held.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            given.write(text.encode())
            given.seek(0)
            process = self._spawn(argv, given, output, errors)
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(SECONDS)
                raise subprocess.TimeoutExpired(
                    process.argv, seconds, _all(output), _all(errors)
                ) from None
            return subprocess.CompletedProcess(process.argv, status, _all(output), _all(errors))

    def start(self, *argv: str | Path, name: str = "") -> RunningProgram:
        """Start a program on the node; it runs until it is stopped, or the lab ends. Raises OSError.

        What it prints goes to a file, which is named after it, or `name`.
        """
        called = name or Path(argv[0]).name
        output = self._lab.folder / f"{next(self._lab.numbers)}.{called}.log"
        with Path(os.devnull).open("rb") as nothing, output.open("ab") as sink:
            process = self._spawn(argv, nothing, sink, sink)
        running = RunningProgram(Program(self.name, called, process.argv), process, output)
        self._lab.programs.append(running)
        return running

    def _spawn(
        self, argv: tuple[str | Path, ...], given: BinaryIO, output: BinaryIO, errors: BinaryIO
    ) -> RemoteProcess:
        words = tuple(map(str, argv))
        program = Program(self.name, words[0], words, programs.environment(), Path.cwd())
        ending, end = os.pipe()
        try:
            streams = [given.fileno(), output.fileno(), errors.fileno(), end]
            started, _ = self._lab.ask(Start(program), streams)
        except BaseException:
            os.close(ending)
            raise
        finally:
            os.close(end)
        assert isinstance(started, int)  # noqa: S101 (what Start is answered by)
        return RemoteProcess(words, started, ending, self._signal)

    def _signal(self, started: int, number: int) -> None:
        self._lab.ask(Signal(started, number))

    def socket(
        self,
        family: int = socket.AF_INET,
        kind: int = socket.SOCK_STREAM,
        protocol: int = 0,
    ) -> socket.socket:
        """A socket on the node, for the test itself: `socket.socket` there. Raises OSError."""
        _, (descriptor,) = self._lab.ask(OpenSocket(self.name, family, kind, protocol))
        return socket.socket(fileno=descriptor)

    def wait_until_served(self, port: int, protocol: str = "tcp", seconds: float = SECONDS) -> None:
        """Wait until somebody serves the port, at any address.

        Raises ProgramError after so many seconds, or at once where a program has ended that was started on this node.
        """
        until = time.monotonic() + seconds
        while (protocol, port) not in self.served():
            mine = (one.ending for one in self._lab.programs if one.program.node == self.name)
            if ending := next(filter(None, mine), ""):
                raise ProgramError(f"nobody serves {protocol} port {port}: {ending}")
            if time.monotonic() > until:
                raise ProgramError(
                    f"nobody serves {protocol} port {port} of {self.name} after {seconds:g} s"
                )
            time.sleep(_LOOK_SECONDS)

    def served(self) -> set[tuple[str, int]]:
        """What is served here: `("tcp", 80)`, `("udp", 53)`."""
        served, _ = self._lab.ask(Listening(self.name))
        assert isinstance(served, set)  # noqa: S101 (what Listening is answered by)
        return served

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is in the node's network within the block: for code that opens its sockets itself.

        Raises NotPrivilegedError where this process may not: it has to be root's, or have left the host.
        """
        _, (descriptor,) = self._lab.ask(Lend(self.name))
        with NetworkNamespace(descriptor) as network, ExitStack() as inside:
            try:
                inside.enter_context(network.entered())
            except PermissionError:
                raise NotPrivilegedError(
                    f"this process may not enter the network of {self.name}: use the node's socket() or run(), or "
                    "let the whole run leave the host (`pytest --leave-host`)"
                ) from None
            yield


def _all(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
