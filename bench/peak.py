"""The most memory that a group of processes had at once: of a cgroup, or what comes nearest to it.

A cgroup counts what a container is billed for: memory of the processes, page cache that they were the first to read,
and the kernel's own for their nftables. It takes a cgroup that has the memory controller and that this user may
divide: of version 2, or of version 1 where the controller is there. The group may be given a limit, as a container is.
Where there is none, each process of the group is looked at every millisecond and their highest resident
sizes (VmHWM) are added up: without the kernel's own memory, but with all shared pages in each of them.

getrusage's ru_maxrss is no use here: a child starts with what its parent had at the fork.

Source: admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst in the kernel's documentation, proc(5).
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from bench import process
from bench.figure import LackError

SAMPLE_SECONDS = 0.001
CGROUPS = Path("/sys/fs/cgroup")


class Peak(Protocol):
    """Watches one group of processes."""

    @property
    def how(self) -> str:
        """How the peak was found, for the table."""

    launcher: tuple[str, ...]
    """Stands before a command that is to be in the group."""

    def follow(self, pid: int) -> None:
        """This process, started by `launcher`, and its children belong to the group."""

    def megabytes(self) -> float:
        """The peak so far."""


@contextmanager
def peak() -> Iterator[Peak]:
    """The best way that this machine allows."""
    folder = _new_cgroup()
    if folder is None:
        sampled = _Sampled()
        try:
            yield sampled
        finally:
            sampled.stop()
        return
    try:
        yield Group(folder)
    finally:
        _remove(folder)


@contextmanager
def limited(megabytes: float) -> Iterator["Group"]:
    """A group that may not have more than that, as a container with a limit. Raises LackError where there is none."""
    folder = _new_cgroup()
    if folder is None:
        raise LackError("no cgroup with the memory controller that this user may divide")
    try:
        group = Group(folder)
        group.limit(int(megabytes * 1e6))
        yield group
    finally:
        _remove(folder)


def _new_cgroup() -> Path | None:
    own = Path("/proc/self/cgroup").read_text()
    parent = divisible_cgroup(CGROUPS, own) or divisible_cgroup_of_version_1(CGROUPS, own)
    if parent is None:
        return None
    folder = parent / f"wayhome-bench-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir()
    return folder


def divisible_cgroup(root: Path, own: str) -> Path | None:
    """The nearest cgroup v2 above this process that gives its children the memory controller and lets us make one.

    `own`: /proc/self/cgroup, where the line of cgroup v2 begins with `0::`.
    """
    for line in own.splitlines():
        number, _, path = line.split(":", 2)
        if number != "0":
            continue
        folder = root / path.lstrip("/")
        for candidate in (folder, *folder.parents):
            if not candidate.is_relative_to(root):
                break
            with suppress(OSError):
                given = (candidate / "cgroup.subtree_control").read_text().split()
                if "memory" in given and os.access(candidate, os.W_OK):
                    return candidate
    return None


def divisible_cgroup_of_version_1(root: Path, own: str) -> Path | None:
    """This process's cgroup in version 1's hierarchy of the memory controller, if it lets us make one in it."""
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            folder = root / "memory" / path.lstrip("/")
            if (folder / "memory.usage_in_bytes").exists() and os.access(folder, os.W_OK):
                return folder
    return None


def _remove(folder: Path) -> None:
    """A cgroup can be removed as soon as the kernel has let go of its last process."""
    for _ in range(200):
        with suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.01)


class Group:
    """A cgroup of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_version_2 = (folder / "memory.peak").exists()
        # The shell enters the group and becomes the command: memory counts where it was first used.
        enter = 'echo $$ >"$0"/cgroup.procs && exec "$@"'
        self.launcher: tuple[str, ...] = ("/bin/sh", "-c", enter, os.fspath(folder))

    @property
    def how(self) -> str:
        """The file that says it."""
        return f"{self._peak.name} of a cgroup"

    @property
    def _peak(self) -> Path:
        name = "memory.peak" if self._is_version_2 else "memory.max_usage_in_bytes"
        return self._folder / name

    def follow(self, pid: int) -> None:
        """The launcher did that."""

    def limit(self, size: int) -> None:
        """No more bytes than that."""
        name = "memory.max" if self._is_version_2 else "memory.limit_in_bytes"
        (self._folder / name).write_text(str(size))

    def megabytes(self) -> float:
        """The peak so far."""
        return int(self._peak.read_text()) / 1e6

    def killed(self) -> int:
        """How many of its processes the kernel has killed because the memory was used up."""
        name = "memory.events" if self._is_version_2 else "memory.oom_control"
        fields = dict(line.split() for line in (self._folder / name).read_text().splitlines())
        return int(fields["oom_kill"])


class _Sampled:
    """The sum of the highest resident sizes of the processes that are there at the same time."""

    how: str = "sum of VmHWM, no cgroup with memory here"
    launcher: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._followed: set[int] = set()
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def follow(self, pid: int) -> None:
        self._followed.add(pid)

    def megabytes(self) -> float:
        return self._peak / 1e6

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            group = [member for pid in tuple(self._followed) for member in _family(pid)]
            self._peak = max(self._peak, sum(map(process.peak_resident, group)))


def _family(pid: int) -> tuple[int, ...]:
    try:
        return (pid, *(member for child in process.children(pid) for member in _family(child)))
    except (FileNotFoundError, ProcessLookupError):
        return ()
