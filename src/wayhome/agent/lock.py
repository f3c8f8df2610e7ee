"""One agent on a node: an abstract unix socket, which belongs to the network namespace that the rules are in.

It ends with the process however that ends, needs no writable path, and a second agent in the same network (a second
DaemonSet by mistake, or the next version during a roll-out) finds it taken. Source: unix(7).
"""

import errno
import socket

NAME = b"\0wayhome-agent"


class NodeLock:
    """Held from `try_acquire` on until the process ends or `release`."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def try_acquire(self) -> bool:
        """Take the node, if no other agent has it. Raises OSError for anything but that."""
        if self._socket is not None:
            return True
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            channel.bind(NAME)
        except OSError as error:
            channel.close()
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        self._socket = channel
        return True

    def release(self) -> None:
        """Give the node up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
