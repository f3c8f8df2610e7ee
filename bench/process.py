"""What the kernel knows of a process: its processor time, its memory, and whether it ever started another.

Source: proc(5), clock_getcpuclockid(3).
"""

import time
from pathlib import Path

_WHOLE_PROCESS = 2
"""CPUCLOCK_SCHED: the scheduler's own sum over all threads, also those that ended, in nanoseconds."""


def processor_seconds(pid: int) -> float:
    """Seconds that a process has computed, on whichever of its threads."""
    return time.clock_gettime((~pid << 3) | _WHOLE_PROCESS)


def children(pid: int) -> tuple[int, ...]:
    """The processes that it has started and that are still there."""
    found = [
        task.joinpath("children").read_text().split()
        for task in Path(f"/proc/{pid}/task").iterdir()
    ]
    return tuple(int(child) for some in found for child in some)


def has_started_children(pid: int, before: int) -> bool:
    """Whether any child was started since `child_faults` was `before`."""
    return bool(children(pid)) or child_faults(pid) != before


def child_faults(pid: int) -> int:
    """Page faults of all children that ended. No program runs without some: where this stands still, none was started."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[8]) + int(fields[10])  # cminflt and cmajflt


def memory(pid: int) -> dict[str, float]:
    """MiB: `Rss`, `Pss` (shared pages by share) and `Anonymous` (its own)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {
        name: int(size.split()[0]) for name, _, size in (line.partition(":") for line in lines)
    }
    return {name: sizes[name] / 1024 for name in ("Rss", "Pss", "Anonymous")}


def peak_resident(pid: int) -> int:
    """The most that was resident of a living process, in bytes (VmHWM); 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
