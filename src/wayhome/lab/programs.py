"""Real programs inside a node's network.

A program dies with the process that started it, also when that is killed: the kernel sends it the signal
(PR_SET_PDEATHSIG, prctl(2)). The setting takes effect after the fork, so a child whose parent died in between asks
once, and ends. What the program starts in its turn ends with the lab (`processes`).

A program gets no descriptor of ours but its output (subprocess closes them): one that had the lab's lock, or a
network, would keep it. It is in a process group of its own, so that Ctrl-C interrupts whoever started it and not the
program: whether that is an end or an error is not to be a race.

The output goes to a file: it can be read while the program runs, and no full pipe ever stops it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.syscalls import die_with_parent

# Where Debian keeps nft and iptables; an ordinary user's PATH lacks it.
SYSTEM_PROGRAMS = "/usr/local/sbin:/usr/sbin:/sbin"


# Of a program that ended: enough for the end of a traceback.
LAST_LINES = 6


_NO_VARIABLES: Mapping[str, str] = {}


class ProgramError(Exception):
    """A program did not start as it should; says what it printed last."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and where."""

    node: str
    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """Where it begins; None: where we are."""


class Process(Protocol):
    """What is asked of a process: `subprocess.Popen`, or one that somebody else has started."""

    @property
    def pid(self) -> int:
        """Its number, where it was started."""

    def poll(self) -> int | None:
        """Its exit status, less than 0 for a signal; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its exit status. Raises subprocess.TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send a signal, if it has not ended."""

    def terminate(self) -> None:
        """Send SIGTERM."""

    def kill(self) -> None:
        """Send SIGKILL."""


@dataclass(frozen=True, slots=True)
class RunningProgram:
    """A program that was started."""

    program: Program
    process: Process
    output: Path

    def text(self) -> str:
        """Everything that it printed so far."""
        return self.output.read_text(errors="replace")

    def wait_until(self, ready: Callable[[str], bool], seconds: float) -> str:
        """Wait for output that satisfies `ready`, and return all output. Raises ProgramError."""
        until = time.monotonic() + seconds
        while not ready(text := self.text()):
            if self.process.poll() is not None and not ready(self.text()):
                raise ProgramError(self.ending)
            if time.monotonic() > until:
                raise ProgramError(f"{self._name} was not ready after {seconds:g} s:\n{text}")
            time.sleep(0.002)
        return text

    @property
    def _name(self) -> str:
        return f"{self.program.name} on {self.program.node}"

    @property
    def ending(self) -> str:
        """How it ended, with what it printed last; empty while it runs."""
        status = self.process.poll()
        if status is None:
            return ""
        how = (
            f"was killed by {signal.Signals(-status).name}"
            if status < 0
            else f"ended with exit status {status}"
        )
        last = self.text().splitlines()[-LAST_LINES:]
        return "\n".join(
            [f"{self._name} {how}; {'it printed last:' if last else 'it printed nothing'}", *last]
        )

    def stop(self, seconds: float = 2.0) -> int:
        """Ask it to end, wait, and kill it if it does not. Returns its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def start(program: Program, namespace: NetworkNamespace, output: Path) -> RunningProgram:
    """Start a program in a network. Raises OSError."""
    with output.open("ab") as sink:
        streams = Streams(subprocess.DEVNULL, sink.fileno(), subprocess.STDOUT)
        return RunningProgram(program, spawn(program, namespace, streams), output)


@dataclass(frozen=True, slots=True)
class Streams:
    """A program's standard streams: descriptors, or what `subprocess` has for them."""

    input: int
    output: int
    errors: int


def spawn(
    program: Program, namespace: NetworkNamespace, streams: Streams
) -> "subprocess.Popen[bytes]":
    """Start a program in a network, with these streams. Raises OSError."""
    with namespace.entered(), _uninterrupted() as mask:
        return subprocess.Popen(
            program.argv,
            stdin=streams.input,
            stdout=streams.output,
            stderr=streams.errors,
            env={**environment(), **program.environment},
            cwd=program.folder,
            process_group=0,
            preexec_fn=_begin(os.getpid(), mask),  # noqa: PLW1509 (the lab has no threads when it starts programs)
        )


def environment() -> dict[str, str]:
    """The environment of what runs in a lab: ours, with the system's programs on the PATH."""
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "PATH": f"{path}:{SYSTEM_PROGRAMS}"}


def run(argv: Sequence[str], text: str, variables: Mapping[str, str] = _NO_VARIABLES) -> None:
    """Run a short program to its end with `text` as its input. Raises ProgramError."""
    try:
        done = subprocess.run(
            argv,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            env={**environment(), **variables},
        )
    except FileNotFoundError as error:
        raise ProgramError(f"{argv[0]} is not installed") from error
    if done.returncode != 0:
        raise ProgramError(f"{argv[0]} ended with {done.returncode}:\n{done.stderr}")


@contextmanager
def _uninterrupted() -> Iterator[set[signal.Signals]]:
    """A KeyboardInterrupt comes after the block: Python drops one that comes while it forks. Gives the mask before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield {signal.Signals(number) for number in before}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int, mask: set[signal.Signals]) -> Callable[[], None]:
    def in_the_child() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return in_the_child
