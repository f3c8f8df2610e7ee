"""Finding masquerade agents among the processes of this node, in /proc (proc(5)).

Who writes a rule cannot be seen in general: iptables ends as soon as it has written. What can be seen is which programs
run here that write such rules, and in which container: the cgroup's path holds the container's id and the Pod's uid. A
container sees only its own processes, unless its Pod has `hostPID`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NAMES = re.compile(r"^(ip-masq-agent|azure-ip-masq)")
_OUR_SOCKET = "@wayhome-agent"
_CONTAINER = re.compile(r"(?<![0-9a-f])([0-9a-f]{64})(?![0-9a-f])")
_POD = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class AgentProcess:
    """A running program that writes such chains."""

    pid: int
    name: str
    container: str | None
    pod: str | None

    def __str__(self) -> str:
        where = f", container {self.container[:12]}" if self.container else ""
        return f"{self.name} (pid {self.pid}{where}{f', Pod {self.pod}' if self.pod else ''})"


def agent_processes(proc: Path = Path("/proc")) -> tuple[AgentProcess, ...]:
    """All that are seen from here, by pid."""
    return tuple(sorted(_found(proc), key=lambda process: process.pid))


def agent_runs() -> bool:
    """Whether our own agent runs in this network namespace: it holds an abstract socket, which is only looked at here."""
    sockets = Path("/proc/thread-self/net/unix").read_text(errors="replace")
    return any(line.endswith(f" {_OUR_SOCKET}") for line in sockets.splitlines())


def _found(proc: Path) -> Iterator[AgentProcess]:
    for folder in proc.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            name = _name(folder)
            if _NAMES.match(name) and not _is_ours(folder):
                cgroup = (folder / "cgroup").read_text(errors="replace")
                yield AgentProcess(int(folder.name), name, _first(_CONTAINER, cgroup), _pod(cgroup))
        except OSError:
            continue  # it ended meanwhile


def _is_ours(folder: Path) -> bool:
    """Our own agent has that name in an image that stands in for upstream's, but runs in Python.

    The kernel shows the program only to those who have all the capabilities of the process (ptrace(2)); whoever only
    observes has none, and upstream's agent has some. Ours calls itself so no longer than its start takes.
    """
    try:
        return (folder / "exe").readlink().name.startswith("python")
    except PermissionError:
        return False


def _name(folder: Path) -> str:
    """The program's file; where it calls itself something else, the kernel's name for it, which ends after 15 bytes."""
    argument = (folder / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
    comm = (folder / "comm").read_text(errors="replace").strip()
    name = argument.rpartition("/")[2]
    return name if name.startswith(comm) else comm


def _pod(cgroup: str) -> str | None:
    found = _first(_POD, cgroup)
    return found.replace("_", "-") if found else None


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[1] if match else None
