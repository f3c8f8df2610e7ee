"""Running a program of netfilter's: one bounded child process, its script whole before it starts.

The script is handed over as a file in memory and not through a pipe. If this process is killed while it writes into
a pipe, the program reads what came so far and may well apply it: half a table. A file in memory is whole before the
program starts.

A program may hang (a namespace's other writers, a node under pressure), so it is given a time-out and then killed.
Of what it prints as errors the beginning is kept, because programs repeat the lines that they do not like. Of what it
prints as output only the lines that hold a given word are kept: on a node of 50,000 rules a listing is 9 MB, and ours
are a hundred lines of it. What is kept has a bound, too.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wayhome.kernel.backend import KernelError

ERROR_LIMIT = 4096
OUTPUT_LIMIT = 128 << 20
"""Bytes of output that are kept before the program is killed."""
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended: its exit status, the beginning of its errors, and the lines of output that were wanted."""

    status: int
    said: str
    lines: list[str]


def run(
    command: Sequence[str], *, timeout: float, script: str = "", lines_with: str | None = None
) -> Finished:
    """Run a program with a script as its standard input, and wait for it, at most `timeout` seconds.

    Of its output the lines with a word are kept; the empty word is in every line. Raises KernelError if it cannot be
    run, does not end, prints more than is bearable, or is killed. Its exit status is the caller's to judge.
    """
    name = Path(command[0]).name
    script_file = -1
    try:
        script_file = os.memfd_create("script")
        with open(script_file, "wb", closefd=False) as writer:
            writer.write(script.encode(errors="surrogateescape"))
        os.lseek(script_file, 0, os.SEEK_SET)
        finished = _run(command, script_file, timeout, lines_with)
    except OSError as error:
        raise KernelError(f"{name} could not be run: {command[0]}: {error.strerror}") from error
    except _OvertimeError:
        effect = "; whether the rules were applied shows when they are read back" if script else ""
        raise KernelError(
            f"{name} did not end within {timeout:g} s and was killed{effect}"
        ) from None
    except _OverflowError:
        raise KernelError(
            f"{name} printed more than {OUTPUT_LIMIT >> 20} MiB and was killed"
        ) from None
    finally:
        if script_file >= 0:
            os.close(script_file)
    if finished.status < 0:
        killer = signal.Signals(-finished.status).name
        raise KernelError(f"{name} was killed by {killer}{after_colon(finished.said)}")
    return finished


def after_colon(said: str) -> str:
    """What a program said, to stand at the end of a message."""
    return f": {said}" if said else ""


class _OvertimeError(Exception):
    """The child was killed because its time was over."""


class _OverflowError(Exception):
    """The child was killed because it printed without end."""


def _run(command: Sequence[str], script: int, timeout: float, lines_with: str | None) -> Finished:
    deadline = time.monotonic() + timeout
    errors, output = _Beginning(), _Lines((lines_with or "").encode())
    with subprocess.Popen(
        command,
        stdin=script,
        stdout=subprocess.DEVNULL if lines_with is None else subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C"},
    ) as child:
        readers: dict[int, _Beginning | _Lines] = {}
        if child.stderr:
            readers[child.stderr.fileno()] = errors
        if child.stdout:
            readers[child.stdout.fileno()] = output
        try:
            _read(readers, deadline)
            status = child.wait(max(0.0, deadline - time.monotonic()))
        except (_OvertimeError, subprocess.TimeoutExpired):
            child.kill()
            raise _OvertimeError from None
        except _OverflowError:
            child.kill()
            raise
    lines = output.end() if lines_with is not None else []
    return Finished(status, errors.kept.decode(errors="replace").strip(), lines)


@dataclass(slots=True)
class _Beginning:
    """Keeps the beginning of what it is fed."""

    kept: bytes = b""

    def feed(self, some: bytes) -> None:
        self.kept += some[: ERROR_LIMIT - len(self.kept)]


@dataclass(slots=True)
class _Lines:
    """Keeps the lines that hold a word. Most chunks hold none and are not even split."""

    word: bytes
    kept: list[str] = field(default_factory=list)
    rest: bytes = b""
    """The beginning of a line whose end has not come yet."""
    size: int = 0
    """Bytes that are kept."""

    def feed(self, some: bytes) -> None:
        complete, newline, rest = some.rpartition(b"\n")
        if not newline:
            self.rest += some
        else:
            self._keep(self.rest + complete)
            self.rest = rest
        if self.size + len(self.rest) > OUTPUT_LIMIT:
            raise _OverflowError

    def end(self) -> list[str]:
        self._keep(self.rest)
        return self.kept

    def _keep(self, text: bytes) -> None:
        if self.word in text:
            lines = [line for line in text.split(b"\n") if self.word in line]
            self.kept += (line.decode(errors="surrogateescape") for line in lines)
            self.size += sum(map(len, lines))


def _read(readers: dict[int, _Beginning | _Lines], deadline: float) -> None:
    """Read pipes to their ends."""
    poll = select.poll()
    for pipe in readers:
        poll.register(pipe, select.POLLIN)
    left = len(readers)
    while left:
        ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ready:
            raise _OvertimeError
        for pipe, _ in ready:
            some = os.read(pipe, _CHUNK)
            if some:
                readers[pipe].feed(some)
            else:
                poll.unregister(pipe)
                left -= 1
