"""The process that holds a test's lab: it leaves the host, builds the network, and does there what it is asked for.

It has one thread, so that it can enter a user namespace and start programs. It ends with its channel. Then the lab's
programs are asked to end and given a moment; what is left ends with the PID namespace.
"""

import os
import selectors
import signal
import socket
import struct
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path

from wayhome.lab import programs
from wayhome.lab.compiled import BuiltNetwork, Sighted
from wayhome.lab.compiled.built import NodeLog
from wayhome.lab.compiled.features import LOG
from wayhome.lab.compiled.missing import MissingFeatureError
from wayhome.lab.namespaces import NamespaceRefusedError, NetworkNamespace, enter
from wayhome.lab.programs import ProgramError, Streams
from wayhome.lab.testing.channel import Channel, ChannelClosedError
from wayhome.lab.testing.listening import listening
from wayhome.lab.testing.requests import (
    Build,
    Built,
    Dropped,
    Failure,
    Lend,
    Listening,
    OpenSocket,
    Refused,
    Request,
    Signal,
    Start,
)

ALONE = "node"
"""The node of a lab without a network."""
END_SECONDS = 2.0
status_format = struct.Struct("=i")


class _Server:
    def __init__(self, channel: Channel, asked: Build, held: ExitStack) -> None:
        self._channel = channel
        self._started: dict[int, tuple[subprocess.Popen[bytes], int]] = {}
        self._drops: list[Sighted] = []
        self._logs: list[NodeLog] = []
        self.built = Built(True, {})
        if asked.network is None:
            self._networks = {ALONE: held.enter_context(NetworkNamespace.create())}
            return
        network = held.enter_context(BuiltNetwork(asked.network, own=asked.own))
        self._networks, self._logs = network.namespaces, network.logs
        self.built = Built(network.sees_drops, network.refused)

    def serve(self) -> None:
        """Answer until the channel ends."""
        ended, wake = socket.socketpair()
        for end in (ended, wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector, suppress(ChannelClosedError):
            selector.register(self._channel, selectors.EVENT_READ, self._answer)
            selector.register(ended, selectors.EVENT_READ, lambda: self._reap(ended))
            for log in self._logs:
                selector.register(log, selectors.EVENT_READ, self._notice)
            while True:
                for key, _ in selector.select():
                    key.data()

    def _answer(self) -> None:
        request, descriptors = self._channel.receive()
        try:
            answer, given = self._do(request, descriptors)  # type: ignore[arg-type]
        except (OSError, ProgramError) as error:
            answer, given = Failure(error), []
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self._channel.send(answer, given)
        for descriptor in given:
            os.close(descriptor)

    def _do(self, request: Request, descriptors: list[int]) -> tuple[object, list[int]]:
        """The answer, and descriptors that go with it."""
        match request:
            case Start(program):
                return self._start(program, *descriptors), []
            case Signal(started, number):
                if started in self._started:
                    self._started[started][0].send_signal(number)
                return None, []
            case OpenSocket(node, family, kind, protocol):
                with self._networks[node].entered():
                    return None, [socket.socket(family, kind, protocol).detach()]
            case Lend(node):
                return None, [os.dup(self._networks[node].descriptor)]
            case Listening(node):
                with self._networks[node].entered():
                    return listening(Path("/proc/thread-self/net")), []
            case Dropped():
                if not self.built.sees_drops:
                    raise MissingFeatureError.of([LOG], "no packet that is dropped can be seen")
                self._notice()
                return self._drops, []

    def _start(
        self, program: programs.Program, given: int, output: int, errors: int, ending: int
    ) -> int:
        streams = Streams(given, output, errors)
        process = programs.spawn(program, self._networks[program.node], streams)
        self._started[process.pid] = process, os.dup(ending)
        return process.pid

    def _reap(self, ended: socket.socket) -> None:
        with suppress(BlockingIOError):
            ended.recv(4096)
        for number, (process, ending) in list(self._started.items()):
            status = process.poll()
            if status is not None:
                del self._started[number]
                with suppress(BrokenPipeError):  # nobody waits for it any more
                    os.write(ending, status_format.pack(status))
                os.close(ending)

    def _notice(self) -> None:
        """What died is read at once: the kernel keeps little of it."""
        for log in self._logs:
            # What is of no protocol that we know is the kernel's own, such as who joins which group.
            self._drops += [one for one in log.read() if one.cause is not None and one.packet]

    def end_programs(self) -> None:
        """Ask all programs to end, and give them a moment."""
        running = [process for process, _ in self._started.values()]
        for process in running:
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            for process in running:
                process.wait(END_SECONDS)


def main(descriptor: int) -> None:
    """Serve the channel behind a descriptor."""
    channel = Channel(socket.socket(fileno=descriptor))
    asked, _ = channel.receive()
    assert isinstance(asked, Build)  # noqa: S101 (what comes first)
    try:
        enter()
        with ExitStack() as held:
            server = _Server(channel, asked, held)
            os.environ.clear()  # a program's environment is that of the test when it starts the program
            channel.send(server.built)
            server.serve()
            server.end_programs()
    except NamespaceRefusedError as refused:
        channel.send(Refused(refused.reason, refused.command, refused.in_container))
    except (OSError, ProgramError) as error:
        channel.send(Failure(error))
