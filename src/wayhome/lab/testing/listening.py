"""Which ports are served in a network, as the kernel lists its sockets.

Source: proc_pid_net(5); the states: linux/tcp_states.h. An unconnected socket of UDP has that of a closed one of TCP.
"""

from collections.abc import Iterator
from pathlib import Path

Served = tuple[str, int]
"""`tcp` or `udp`, and a port."""
_LISTENING = {"tcp": "0A", "udp": "07"}


def listening(folder: Path) -> set[Served]:
    """What is served, at any address. `folder` is a network's in /proc; a kernel without IPv6 has half the files."""
    return {
        (protocol, port)
        for protocol, state in _LISTENING.items()
        for path in (folder / protocol, folder / f"{protocol}6")
        if path.exists()
        for port in _ports(path.read_text(), state)
    }


def _ports(table: str, state: str) -> Iterator[int]:
    for line in table.splitlines()[1:]:
        _, local, _, found, *_ = line.split()
        if found == state:
            yield int(local.rpartition(":")[2], 16)
