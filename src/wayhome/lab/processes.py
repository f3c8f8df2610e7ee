"""Processes that end together: all that runs in a lab is in a PID namespace of the lab's.

When the first process of such a namespace ends, the kernel kills every other one in it, and the first is not gone
before they are (pid_namespaces(7)). That holds however the first one ends, also by SIGKILL, and for whatever is in
the namespace: what a program started and forgot, what `lab exec` brought in, what has moved to another network. It
needs no rights beyond the lab's own, and never reaches a process outside.

The other ways are less certain. PR_SET_PDEATHSIG does not reach what a program starts, and a subreaper not what
another process brings in; a cgroup has to be granted to an ordinary user; and whoever looks through /proc for
processes in the lab's networks races with what these start, misses what left the network, and after SIGKILL there is
nobody to do it.

A process cannot move into a PID namespace, only its children can. So it forks, the child goes on, and the parent
stands for it: it passes signals on, stops as it stops and ends as it ends. If the parent is killed, the child is.

The first process of a namespace is special: signals do not end it, and it inherits every process that loses its
parent. So what enters a new namespace forks twice, and the first process does nothing but to stand for the second.
"""

import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NoReturn

from wayhome.lab.syscalls import die_with_parent

PASSED_ON = (
    signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip


def continue_in_child() -> None:
    """Return in a child, which is in the PID namespace that was unshared or joined; this process stands for it."""
    _flush()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Before the fork: a child that ends at once must not be missed.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD, *PASSED_ON))
    watched, held = os.pipe()
    child = os.fork()
    if child:
        os.close(watched)
        _stand_for(child)
    os.close(held)
    die_with_parent(signal.SIGKILL)
    # A parent outside the namespace has no number here that could be compared: the pipe tells whether it is gone.
    if select.select([watched], [], [], 0)[0]:
        os._exit(1)
    os.close(watched)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def continue_in_background() -> None:
    """Return in a child, which is in the PID namespace that was unshared; this process ends with 0."""
    _flush()
    if os.fork():
        os._exit(0)


def end_all_others(seconds: float) -> None:
    """For the first process of a namespace: ask all others to end, and wait for that. What is left dies with us."""
    if os.getpid() != 1:
        raise RuntimeError("only the first process of a PID namespace may end all others")
    until = time.monotonic() + seconds
    with suppress(ProcessLookupError):  # there is no other one left
        os.kill(-1, signal.SIGTERM)
        while time.monotonic() < until:
            os.kill(-1, 0)
            time.sleep(0.005)


def _stand_for(child: int) -> NoReturn:
    foreground = _in_foreground()
    while True:
        arrived = signal.sigwaitinfo((signal.SIGCHLD, *PASSED_ON))
        if arrived.si_signo != signal.SIGCHLD:
            # What the terminal sends (SI_KERNEL, above 0) it has sent to the child too.
            if arrived.si_code <= 0:
                os.kill(child, arrived.si_signo)
            continue
        for ended, status in _ended():
            if ended == child and os.WIFSTOPPED(status):
                os.kill(os.getpid(), signal.SIGSTOP)
                os.kill(child, signal.SIGCONT)
            elif ended == child:
                if foreground:
                    _take_terminal_back()
                _end_as(status)


def _ended() -> Iterator[tuple[int, int]]:
    """Children that have ended or stopped. The first process of a namespace inherits those that lose their parent."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG | os.WUNTRACED))[0]:
            yield ended


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:  # no terminal
        return False


def _take_terminal_back() -> None:
    """A shell in the namespace took it, and cannot name us when it gives it back."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
    with suppress(OSError):
        os.tcsetpgrp(0, os.getpgrp())


def _end_as(status: int) -> NoReturn:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the child has left its own
        with suppress(OSError):  # SIGKILL has no handler to reset
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
        os.kill(os.getpid(), number)
        os._exit(
            128 + number
        )  # the first process of a namespace does not die of a signal of its own
    os._exit(os.WEXITSTATUS(status))


def _flush() -> None:
    """What is still in a buffer would be written twice."""
    for stream in (sys.stdout, sys.stderr):
        if stream:  # None: this process was started with it closed
            stream.flush()
