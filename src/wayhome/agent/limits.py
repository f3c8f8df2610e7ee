"""The container's memory limit, looked at once: an unchanged DaemonSet of upstream's gives 16 MiB to a Go program.

Source: cgroup v2's memory.max, cgroup v1's memory.limit_in_bytes, as a container sees its own.
"""

from pathlib import Path

CGROUP_FILES = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
FILE_MODE, API_MODE = 22, 30
"""MiB that the agent takes with a list of usual length."""
BESIDE = 10
"""MiB for one iptables at its side."""


def memory_limit(files: tuple[Path, ...] = CGROUP_FILES) -> int | None:
    """The limit in bytes; None where there is none or it cannot be known."""
    for file in files:
        try:
            return int(file.read_text())
        except (OSError, ValueError):
            continue  # `max` is no limit
    return None


def too_little(limit: int | None, *, api: bool) -> str:
    """What a limit costs, as a sentence; empty where it is enough. `api`: in API mode, which brings ssl."""
    takes = API_MODE if api else FILE_MODE
    if limit is None or limit >= (takes + BESIDE) << 20:
        return ""
    return (
        f"the memory limit is {limit / (1 << 20):.0f} MiB, and the agent takes about {takes}, and iptables, where it is used, some more: the kernel may "
        "end it while it changes rules (OOMKilled; the rules stay). Set resources.limits.memory to 48Mi"
    )
